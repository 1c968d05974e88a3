//! The index of a realm: objects, what cannot be read and what targets hold flow in; whom that touches, and all that is asked of the
//! realm, flow out. The order in which things flow in makes no difference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZone;

use super::input::{Frozen, Held, TargetFacts};
use super::lifecycle::zone_named;
use super::object::{Body, Meta, Object, ResourceKind, Unreadable};
use super::roles::Roles;
use crate::api::approval::ApprovalSpec;
use crate::api::lockout::LockoutSpec;
use crate::api::policy::PolicySpec;
use crate::api::realm::RealmSpec;
use crate::api::role::BusinessRoleSpec;
use crate::api::target::TargetSystemSpec;
use crate::model::ids::{ObjectName, PersonId, RealmId, RoleName, TargetName};
use crate::model::observed::Scope;

mod answers;
mod bindings;
mod change;
mod input;
mod lockouts;
mod people;
mod policies;
mod problems;
mod standing;

pub use answers::{fits, is_over, lines_of};
pub use change::Affected;
pub use input::Inputs;
pub use people::Declared;
pub use policies::PolicyParts;
pub use problems::{RealmProblem, Wrong};
pub use standing::{Standing, StandingLockout};

use bindings::Bindings;
use people::People;
use policies::{Gathered, gather, unreadable_place};

/// An object that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Sited<T> {
    /// What surrounds it.
    pub meta: Meta,
    /// What it says.
    pub spec: T,
}

/// Objects of one kind by name.
type Named<T> = BTreeMap<ObjectName, Sited<T>>;

/// What one look at a target taught of people.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The whole target, or these people.
    pub scope: Scope,
    /// Whether all of that was read; what is read in part takes nothing out of what is known.
    pub complete: bool,
    /// Who holds what.
    pub held: BTreeMap<PersonId, BTreeSet<Held>>,
    /// What the target exports for whom.
    pub exports: BTreeMap<PersonId, serde_json::Value>,
}

/// What is known of one target's people.
#[derive(Debug, Default)]
struct Learned {
    whole: bool,
    people: BTreeSet<PersonId>,
    held: BTreeMap<PersonId, BTreeSet<Held>>,
    exports: BTreeMap<PersonId, serde_json::Value>,
}

/// The index of one realm. One task owns it.
#[derive(Debug)]
pub struct Realm {
    id: RealmId,
    zone: TimeZone,
    realms: Named<RealmSpec>,
    /// Which of several Realms counts.
    counts: Option<ObjectName>,
    people: People,
    roles: Named<BusinessRoleSpec>,
    bindings: Bindings,
    policies: Named<PolicySpec>,
    targets: Named<TargetSystemSpec>,
    approvals: Named<ApprovalSpec>,
    lockouts: Named<LockoutSpec>,
    /// Whom the name in a Lockout has met: it stays they, whatever becomes of the name.
    met: BTreeMap<ObjectName, PersonId>,
    config_maps: Named<BTreeMap<String, String>>,
    unreadable: BTreeSet<Unreadable>,
    learned: BTreeMap<TargetName, Learned>,
    derived: Derived,
}

/// What follows from the objects; computed when asked for, forgotten when something changes that it was made from.
#[derive(Debug, Default)]
struct Derived {
    roles: OnceLock<Roles>,
    broken: OnceLock<BTreeSet<ObjectName>>,
    policies: OnceLock<Gathered>,
    targets: OnceLock<Arc<BTreeMap<TargetName, TargetFacts>>>,
    torn: OnceLock<BTreeMap<PersonId, Vec<Unreadable>>>,
    locked: OnceLock<BTreeMap<PersonId, BTreeSet<ObjectName>>>,
}

impl Realm {
    /// A realm without objects. `id` is the first half of every owner key.
    #[must_use]
    pub fn new(id: RealmId) -> Self {
        Self {
            id,
            zone: TimeZone::UTC,
            realms: Named::new(),
            counts: None,
            people: People::default(),
            roles: Named::new(),
            bindings: Bindings::default(),
            policies: Named::new(),
            targets: Named::new(),
            approvals: Named::new(),
            lockouts: Named::new(),
            met: BTreeMap::new(),
            config_maps: Named::new(),
            unreadable: BTreeSet::new(),
            learned: BTreeMap::new(),
            derived: Derived::default(),
        }
    }

    /// The first half of every owner key.
    #[must_use]
    pub fn id(&self) -> &RealmId {
        &self.id
    }

    /// What the Realm object says, where there is one; of several the one that counts.
    #[must_use]
    pub fn spec(&self) -> Option<&RealmSpec> {
        let counting = self.counts.as_ref().and_then(|name| self.realms.get(name));
        counting.or_else(|| self.realms.values().next()).map(|realm| &realm.spec)
    }

    /// What the Realm object of this name says, where it can be read.
    #[must_use]
    pub fn realm_named(&self, name: &ObjectName) -> Option<&RealmSpec> {
        self.realms.get(name).map(|realm| &realm.spec)
    }

    /// The attributes of people whose values are shown nowhere.
    #[must_use]
    pub fn sensitive_attributes(&self) -> BTreeSet<&str> {
        let attributes = self.realms.values().flat_map(|realm| &realm.spec.attributes);
        attributes.filter(|(_, rule)| rule.sensitive).map(|(name, _)| name.as_str()).collect()
    }

    /// The zone of people who name none; UTC where the realm names none, or none that exists.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Everybody who is declared, readable or not: whoever is not in here is gone.
    #[must_use]
    pub fn people(&self) -> BTreeSet<PersonId> {
        self.people.ids().chain(self.torn_people().keys()).cloned().collect()
    }

    /// Whether an object declares this person, readable or not.
    #[must_use]
    pub fn is_declared(&self, person: &PersonId) -> bool {
        self.people.is_declared(person) || self.torn_people().contains_key(person)
    }

    /// The objects that declare this person: one, unless something is wrong.
    #[must_use]
    pub fn declared(&self, person: &PersonId) -> Vec<&Declared> {
        self.people.by_id(person).collect()
    }

    /// The person of that object name.
    #[must_use]
    pub fn person_named(&self, name: &str) -> Option<&Declared> {
        self.people.get(name)
    }

    /// Those who name this id in `formerIds`: they take back what was this person's.
    #[must_use]
    pub fn heirs(&self, person: &PersonId) -> BTreeSet<PersonId> {
        self.people.heirs(person).map(|declared| declared.id.clone()).collect()
    }

    /// The targets that could be read.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<TargetName, &Sited<TargetSystemSpec>> {
        self.targets.iter().filter_map(|(name, target)| Some((TargetName::parse(name.as_str()).ok()?, target))).collect()
    }

    /// One target that could be read.
    #[must_use]
    pub fn target(&self, name: &TargetName) -> Option<&Sited<TargetSystemSpec>> {
        self.targets.get(&ObjectName::parse(name.as_str()).ok()?)
    }

    /// The targets that are there and cannot be read; nothing is written to them.
    #[must_use]
    pub fn unreadable_targets(&self) -> BTreeMap<TargetName, &Unreadable> {
        let targets = self.unreadable_of(ResourceKind::TargetSystem);
        targets.filter_map(|torn| Some((TargetName::parse(torn.name.as_ref()?.as_str()).ok()?, torn))).collect()
    }

    /// Why this target's own object cannot be read, or no TargetSystem can; what was read of it before says too little.
    #[must_use]
    pub fn target_unreadable(&self, target: &TargetName) -> Option<String> {
        let mut torn = self.unreadable_of(ResourceKind::TargetSystem);
        let torn = torn.find(|torn| torn.name.as_ref().is_none_or(|name| name.as_str() == target.as_str()))?;
        Some(format!("the TargetSystem cannot be read: {}", torn.why))
    }

    /// All Approvals.
    pub fn approvals(&self) -> impl Iterator<Item = &Sited<ApprovalSpec>> {
        self.approvals.values()
    }

    /// All Lockouts.
    pub fn lockouts(&self) -> impl Iterator<Item = &Sited<LockoutSpec>> {
        self.lockouts.values()
    }

    /// One Lockout that could be read.
    #[must_use]
    pub fn lockout(&self, name: &ObjectName) -> Option<&Sited<LockoutSpec>> {
        self.lockouts.get(name)
    }

    /// The Policies with the files of their ConfigMaps.
    #[must_use]
    pub fn policies(&self) -> &[PolicyParts] {
        &self.gathered().parts
    }

    /// `data.realm.roles`: the BusinessRoles for roles held by rule.
    #[must_use]
    pub fn roles_data(&self) -> serde_json::Value {
        self.roles().data()
    }

    /// All that is there and cannot be read.
    #[must_use]
    pub fn unreadable(&self) -> &BTreeSet<Unreadable> {
        &self.unreadable
    }

    /// The Realm object, where it cannot be read: in a folder nothing may be written then.
    #[must_use]
    pub fn realm_unreadable(&self) -> Option<&Unreadable> {
        self.unreadable_of(ResourceKind::Realm).next()
    }

    /// Whether who is not declared is gone. Not while anything cannot be read: it might declare them.
    #[must_use]
    pub fn absence_judged(&self) -> bool {
        self.unreadable.is_empty() && !self.gathered().lacks_file
    }

    /// Why nothing may be removed by policy, `unasked`, violation, drift or scope: something that gives access cannot be read.
    #[must_use]
    pub fn removals_kept_back(&self) -> Option<Frozen> {
        let torn =
            self.unreadable.iter().find(|torn| matches!(torn.kind, None | Some(ResourceKind::BusinessRole | ResourceKind::RoleBinding)))?;
        let what = torn.kind.map_or("a file", ResourceKind::as_str);
        Some(Frozen::new(format!("{what} cannot be read: {}", torn.why), unreadable_place(torn)))
    }

    /// Why nothing can be decided for anybody. `had_policy`: a ledger has seen a Policy, so that none at all is no empty one.
    #[must_use]
    pub fn frozen(&self, had_policy: bool) -> Option<Frozen> {
        if let Some(wrong) = self.gathered().wrong.first() {
            return Some(wrong.clone());
        }
        if let Some((names, second)) = self.second_realm() {
            return Some(Frozen::new(format!("{}: {ONE_REALM}", two_realms(&names)), place_of(ResourceKind::Realm, &second.meta)));
        }
        let text = "there was a Policy and now there is none: who wants none leaves an empty one";
        (had_policy && self.policies.is_empty()).then(|| Frozen::new(text, ""))
    }

    /// All that is wrong with the Policies and their files.
    #[must_use]
    pub fn policy_errors(&self) -> &[Frozen] {
        &self.gathered().wrong
    }

    fn roles(&self) -> &Roles {
        self.derived.roles.get_or_init(|| {
            let torn = self.unreadable_of(ResourceKind::BusinessRole);
            let torn = torn.filter_map(|torn| RoleName::parse(torn.name.as_ref()?.as_str()).ok()).collect();
            Roles::resolve(self.roles.iter().map(|(name, role)| (name, &role.spec)), &torn)
        })
    }

    /// The bindings that have an error: none, nearly always.
    fn broken_bindings(&self) -> &BTreeSet<ObjectName> {
        self.derived.broken.get_or_init(|| {
            self.bindings.iter().filter(|bound| bound.held(self.roles()).is_err()).map(|bound| bound.meta.name.clone()).collect()
        })
    }

    fn gathered(&self) -> &Gathered {
        self.derived.policies.get_or_init(|| gather(self))
    }

    fn target_facts(&self) -> Arc<BTreeMap<TargetName, TargetFacts>> {
        let facts = || {
            let targets = self.targets().into_iter();
            let facts = targets.map(|(name, target)| {
                (name, TargetFacts { type_: target.spec.type_.as_str().to_owned(), labels: target.meta.labels.clone() })
            });
            Arc::new(facts.collect())
        };
        Arc::clone(self.derived.targets.get_or_init(facts))
    }

    /// The Person objects that cannot be read, by whom they declare as far as can be told.
    fn torn_people(&self) -> &BTreeMap<PersonId, Vec<Unreadable>> {
        self.derived.torn.get_or_init(|| {
            let mut torn: BTreeMap<PersonId, Vec<Unreadable>> = BTreeMap::new();
            for one in self.unreadable_of(ResourceKind::Person) {
                let name = one.name.as_ref().map(ObjectName::as_str);
                let said = one.external_id.as_deref().and_then(|id| PersonId::parse(id).ok());
                let before = || Some(self.people.get(name?)?.id.clone());
                let id = said.or_else(before).or_else(|| PersonId::parse(name?).ok());
                if let Some(id) = id {
                    torn.entry(id).or_default().push(one.clone());
                }
            }
            torn
        })
    }

    fn torn(&self, person: &PersonId) -> &[Unreadable] {
        self.torn_people().get(person).map_or(&[], Vec::as_slice)
    }

    /// Targets of which this person was never read.
    fn unread(&self, person: &PersonId) -> BTreeSet<TargetName> {
        let read = |target: &TargetName| self.learned.get(target).is_some_and(|learned| learned.whole || learned.people.contains(person));
        self.known_targets().filter(|target| !read(target)).collect()
    }

    /// What is known of the targets that are there.
    fn known_readings(&self) -> impl Iterator<Item = (&TargetName, &Learned)> {
        let there: BTreeSet<TargetName> = self.known_targets().collect();
        self.learned.iter().filter(move |(target, _)| there.contains(*target))
    }

    /// The targets that are there, readable or not.
    fn known_targets(&self) -> impl Iterator<Item = TargetName> {
        let torn = self.unreadable_of(ResourceKind::TargetSystem).filter_map(|torn| torn.name.as_ref());
        self.targets.keys().chain(torn).filter_map(|name| TargetName::parse(name.as_str()).ok())
    }

    fn unreadable_of(&self, kind: ResourceKind) -> impl Iterator<Item = &Unreadable> {
        self.unreadable.iter().filter(move |torn| torn.kind == Some(kind))
    }

    fn unreadable_named(&self, kind: ResourceKind, name: &str) -> Option<&Unreadable> {
        self.unreadable_of(kind).find(|torn| torn.name.as_ref().is_some_and(|torn| torn.as_str() == name))
    }

    /// The names of all Realms, where there are several, and the second one.
    fn second_realm(&self) -> Option<(Vec<&ObjectName>, &Sited<RealmSpec>)> {
        self.realms.values().nth(1).map(|second| (self.realms.keys().collect(), second))
    }

    fn find_zone(&mut self) {
        self.zone = self.spec().and_then(|realm| realm.timezone.as_deref()).and_then(zone_named).unwrap_or(TimeZone::UTC);
    }
}

/// `people/ann.yaml:1`, or `Person/ann` in a cluster.
fn place_of(kind: ResourceKind, meta: &Meta) -> String {
    if meta.place.file.is_empty() { format!("{kind}/{}", meta.name) } else { meta.place.to_string() }
}

/// What to do about several Realms.
const ONE_REALM: &str = "there is at most one: take the others out; until then nothing is decided, and leavers go on";

/// Of several Realms nobody can say which is meant.
fn two_realms(names: &[&ObjectName]) -> String {
    let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    format!("several Realms, and nobody can say which is meant ({names})")
}

#[cfg(test)]
mod tests;
