//! How a realm changes, and whom each change touches.

use std::collections::{BTreeMap, BTreeSet};

use super::bindings::{BindingIndex, means};
use super::people::Declared;
use super::{Body, Learned, Meta, Named, Object, Reading, Realm, ResourceKind, Sited, Unreadable};
use crate::api::approval::ApprovalSpec;
use crate::api::binding::RoleBindingSpec;
use crate::api::target::TargetSystemSpec;
use crate::model::ids::{ObjectName, PersonId, RealmId, TargetName};
use crate::model::observed::Scope;
use crate::realm::lifecycle::with_employment;

/// Whom a change touches: who is to be decided again, which targets are to be planned again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// People whose input or standing may be another one.
    pub people: Scope,
    /// Targets whose rules may be others.
    pub targets: BTreeSet<TargetName>,
    /// Policies, mappings or `data.realm.roles` may be others.
    pub recompile: bool,
}

impl Affected {
    /// Whether nothing is touched.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Touched::default().known()
    }
}

/// What has been touched so far.
#[derive(Default)]
pub(super) struct Touched {
    everybody: bool,
    pub(super) people: BTreeSet<PersonId>,
    /// Person objects: those who report to them are touched too.
    pub(super) objects: BTreeSet<ObjectName>,
    /// Bindings: the people that they mean are touched.
    bindings: Vec<RoleBindingSpec>,
    targets: BTreeSet<TargetName>,
    recompile: bool,
}

impl Touched {
    fn known(self) -> Affected {
        let people = if self.everybody { Scope::Whole } else { Scope::People(self.people) };
        Affected { people, targets: self.targets, recompile: self.recompile }
    }
}

impl Realm {
    /// Gives the realm another id: a Realm object that names one was read after the others.
    pub fn rename(&mut self, id: RealmId) -> Affected {
        let mut touched = Touched::default();
        if self.id != id {
            self.id = id;
            touched.everybody = true;
            touched.targets.extend(self.known_targets());
        }
        self.affected(touched)
    }

    /// Replaces all objects of a kind; those of another kind are left out. Two of one name are for the caller to refuse: the last counts.
    pub fn replace(&mut self, kind: ResourceKind, objects: Vec<Object>) -> Affected {
        let mut touched = Touched::default();
        let kept: BTreeSet<ObjectName> =
            objects.iter().filter(|object| object.body.kind() == kind).map(|object| object.meta.name.clone()).collect();
        for name in self.names(kind) {
            if !kept.contains(&name) {
                self.exchange(kind, &name, None, &mut touched);
            }
        }
        for object in objects {
            if object.body.kind() == kind {
                let name = object.meta.name.clone();
                self.exchange(kind, &name, Some(object), &mut touched);
            }
        }
        self.affected(touched)
    }

    /// Puts one object in; it can be read now, whatever was said of it before.
    pub fn set(&mut self, object: Object) -> Affected {
        let (kind, name) = (object.body.kind(), object.meta.name.clone());
        let mut touched = Touched::default();
        self.forget_unreadable(kind, &name, &mut touched);
        self.exchange(kind, &name, Some(object), &mut touched);
        self.affected(touched)
    }

    /// Takes one object out, readable or not.
    pub fn remove(&mut self, kind: ResourceKind, name: &ObjectName) -> Affected {
        let mut touched = Touched::default();
        self.forget_unreadable(kind, name, &mut touched);
        self.exchange(kind, name, None, &mut touched);
        self.affected(touched)
    }

    /// Whom it touches that an Approval's time is over: as if it were taken out.
    #[must_use]
    pub fn answer_over(&self, name: &ObjectName) -> Affected {
        let mut touched = Touched::default();
        if let Some(approval) = self.approvals.get(name) {
            self.touch_approved(&approval.spec, &mut touched);
        }
        self.affected(touched)
    }

    /// Says which Realm counts where there are several: what one of them says is no change because another came.
    pub fn count_on(&mut self, realm: Option<ObjectName>) -> Affected {
        let mut touched = Touched::default();
        if self.counts != realm {
            let before = self.spec().cloned();
            self.counts = realm;
            if self.spec() != before.as_ref() {
                self.find_zone();
                touched.everybody = true;
                touched.targets.extend(self.known_targets());
            }
        }
        self.affected(touched)
    }

    /// Says what is there and cannot be read: all of it, in place of what was said before.
    pub fn mark_unreadable(&mut self, unreadable: Vec<Unreadable>) -> Affected {
        let mut touched = Touched::default();
        let new: BTreeSet<Unreadable> = unreadable.into_iter().collect();
        let old = std::mem::replace(&mut self.unreadable, new.clone());
        old.symmetric_difference(&new).for_each(|one| self.touch_unreadable(one, &mut touched));
        self.affected(touched)
    }

    /// Says of one object that it is there and cannot be read. What was read of it before still says what it said.
    pub fn cannot_read(&mut self, one: Unreadable) -> Affected {
        let mut touched = Touched::default();
        if let (Some(kind), Some(name)) = (one.kind, &one.name) {
            self.forget_unreadable(kind, name, &mut touched);
        }
        self.touch_unreadable(&one, &mut touched);
        self.unreadable.insert(one);
        self.affected(touched)
    }

    /// Takes in who holds what, and what is exported for whom.
    pub fn learn(&mut self, target: &TargetName, reading: Reading) -> Affected {
        let mut touched = Touched::default();
        let learned = self.learned.entry(target.clone()).or_default();
        if reading.complete {
            match &reading.scope {
                // What was unread before is read now, for everybody.
                Scope::Whole => touched.everybody |= !std::mem::replace(&mut learned.whole, true),
                Scope::People(people) if !learned.whole => {
                    touched.people.extend(people.difference(&learned.people).cloned());
                    learned.people.extend(people.iter().cloned());
                }
                Scope::People(_) => {}
            }
        }
        touched.people.extend(learned.take(reading));
        self.affected(touched)
    }

    fn exchange(&mut self, kind: ResourceKind, name: &ObjectName, object: Option<Object>, touched: &mut Touched) {
        // Each arm takes the spec of its own kind out of the object.
        macro_rules! spec_of {
            ($variant:ident) => {
                object.and_then(|object| if let Body::$variant(spec) = object.body { Some((object.meta, spec)) } else { None })
            };
        }
        match kind {
            ResourceKind::Realm => {
                let before = self.realms.get(name).map(|realm| realm.spec.attributes.clone()).unwrap_or_default();
                if exchange(&mut self.realms, name, spec_of!(Realm)).is_some() {
                    self.find_zone();
                    // What the policies make of a sensitive attribute is sensitive as well.
                    touched.recompile |= before != self.realms.get(name).map(|realm| realm.spec.attributes.clone()).unwrap_or_default();
                    touched.everybody = true;
                    touched.targets.extend(self.known_targets());
                }
            }
            ResourceKind::Person => {
                let new = spec_of!(Person).map(|(meta, spec)| (meta, *spec));
                if let Some(people) = self.people.exchange(name, new) {
                    touched.people.extend(people);
                    touched.objects.insert(name.clone());
                    self.derived.torn.take();
                    self.derived.locked.take();
                }
            }
            ResourceKind::BusinessRole => {
                if exchange(&mut self.roles, name, spec_of!(BusinessRole)).is_some() {
                    self.forget_roles();
                    // A rule may give the role to anybody.
                    touched.everybody = true;
                    touched.recompile = true;
                }
            }
            ResourceKind::RoleBinding => {
                let bindings = self.bindings.exchange(name, spec_of!(RoleBinding));
                if !bindings.is_empty() {
                    touched.bindings.extend(bindings);
                    self.derived.broken.take();
                }
            }
            ResourceKind::Policy => {
                if exchange(&mut self.policies, name, spec_of!(Policy)).is_some() {
                    self.touch_policies(touched);
                }
            }
            ResourceKind::ConfigMap => {
                if exchange(&mut self.config_maps, name, spec_of!(ConfigMap)).is_some() && self.is_taken_from(name) {
                    self.touch_policies(touched);
                }
            }
            ResourceKind::TargetSystem => {
                let new = spec_of!(TargetSystem).map(|(meta, spec)| (meta, *spec));
                if let Some(old) = exchange(&mut self.targets, name, new) {
                    self.touch_target(name, old.as_ref(), touched);
                }
            }
            ResourceKind::Approval => {
                let old = exchange(&mut self.approvals, name, spec_of!(Approval));
                if let Some(old) = old {
                    let approvals: Vec<ApprovalSpec> =
                        old.into_iter().chain(self.approvals.get(name).cloned()).map(|one| one.spec).collect();
                    approvals.iter().for_each(|approval| self.touch_approved(approval, touched));
                }
            }
            ResourceKind::Lockout => {
                let before = self.shut_out_by(name);
                let gone = object.is_none();
                if exchange(&mut self.lockouts, name, spec_of!(Lockout)).is_some() {
                    if gone {
                        self.met.remove(name);
                    }
                    self.derived.locked.take();
                    self.touch_shut_out(before, touched);
                    self.touch_shut_out(self.shut_out_by(name), touched);
                }
            }
        }
    }

    fn touch_policies(&mut self, touched: &mut Touched) {
        self.derived.policies.take();
        touched.everybody = true;
        touched.recompile = true;
    }

    fn touch_target(&mut self, name: &ObjectName, old: Option<&Sited<TargetSystemSpec>>, touched: &mut Touched) {
        self.derived.targets.take();
        let new = self.targets.get(name);
        let facts = |target: &Sited<TargetSystemSpec>| (target.spec.type_, target.meta.labels.clone());
        let mapped = |target: &Sited<TargetSystemSpec>| (target.spec.type_, target.spec.mapping.clone(), target.spec.accounts.clone());
        touched.everybody |= old.map(facts) != new.map(facts);
        touched.recompile |= old.map(mapped) != new.map(mapped);
        touched.targets.extend(TargetName::parse(name.as_str()).ok());
    }

    fn touch_approved(&self, approval: &ApprovalSpec, touched: &mut Touched) {
        if approval.target.is_empty() {
            touched.targets.extend(self.known_targets());
        } else {
            touched.targets.extend(TargetName::parse(approval.target.as_str()).ok());
        }
    }

    fn forget_unreadable(&mut self, kind: ResourceKind, name: &ObjectName, touched: &mut Touched) {
        let is_it = |torn: &&Unreadable| torn.kind == Some(kind) && torn.name.as_ref() == Some(name);
        let forgotten: Vec<Unreadable> = self.unreadable.iter().filter(is_it).cloned().collect();
        for one in forgotten {
            self.touch_unreadable(&one, touched);
            self.unreadable.remove(&one);
        }
    }

    /// Something cannot be read that could be, or the other way round.
    fn touch_unreadable(&mut self, one: &Unreadable, touched: &mut Touched) {
        match one.kind {
            Some(ResourceKind::Person) => {
                let name = one.name.as_ref().map(ObjectName::as_str);
                let ids = one.external_id.as_deref().into_iter().chain(name).filter_map(|id| PersonId::parse(id).ok());
                touched.people.extend(ids);
                touched.people.extend(name.and_then(|name| self.people.get(name)).map(|declared: &Declared| declared.id.clone()));
                self.derived.torn.take();
                self.derived.locked.take();
            }
            Some(ResourceKind::TargetSystem) => {
                touched.targets.extend(one.name.as_ref().and_then(|name| TargetName::parse(name.as_str()).ok()));
                // `input.unread` names it.
                touched.everybody = true;
            }
            Some(ResourceKind::Approval) => touched.targets.extend(self.known_targets()),
            Some(ResourceKind::Lockout) => {}
            Some(ResourceKind::Realm | ResourceKind::BusinessRole | ResourceKind::RoleBinding) | None => {
                self.forget_roles();
                touched.everybody = true;
                touched.recompile |= one.kind == Some(ResourceKind::BusinessRole);
            }
            Some(ResourceKind::Policy | ResourceKind::ConfigMap) => self.touch_policies(touched),
        }
    }

    fn forget_roles(&mut self) {
        self.derived.roles.take();
        self.derived.broken.take();
        self.bindings.forget_held();
    }

    fn is_taken_from(&self, config_map: &ObjectName) -> bool {
        self.policies.values().any(|policy| policy.spec.from.iter().any(|from| from == config_map.as_str()))
    }

    fn names(&self, kind: ResourceKind) -> Vec<ObjectName> {
        match kind {
            ResourceKind::Realm => self.realms.keys().cloned().collect(),
            ResourceKind::Person => self.people.names().cloned().collect(),
            ResourceKind::BusinessRole => self.roles.keys().cloned().collect(),
            ResourceKind::RoleBinding => self.bindings.names().cloned().collect(),
            ResourceKind::Policy => self.policies.keys().cloned().collect(),
            ResourceKind::TargetSystem => self.targets.keys().cloned().collect(),
            ResourceKind::Approval => self.approvals.keys().cloned().collect(),
            ResourceKind::Lockout => self.lockouts.keys().cloned().collect(),
            ResourceKind::ConfigMap => self.config_maps.keys().cloned().collect(),
        }
    }

    /// Adds those who report to touched people, and those whom touched bindings mean.
    pub(super) fn affected(&self, mut touched: Touched) -> Affected {
        if !touched.everybody {
            touched.people.extend(self.people.below(&touched.objects));
            touched.people.extend(self.meant_by(&touched.bindings));
        }
        touched.known()
    }

    /// The people whom any of these bindings means, in any of their employments. One look at everybody, however many bindings.
    fn meant_by(&self, bindings: &[RoleBindingSpec]) -> BTreeSet<PersonId> {
        let mut index = BindingIndex::default();
        let mut specs: BTreeMap<ObjectName, &RoleBindingSpec> = BTreeMap::new();
        for (number, spec) in bindings.iter().enumerate() {
            if let Ok(name) = ObjectName::parse(number.to_string()) {
                index.add(&name, spec);
                specs.insert(name, spec);
            }
        }
        let mut people: BTreeSet<PersonId> =
            index.subjects().filter_map(|name| self.people.get(name)).map(|declared| declared.id.clone()).collect();
        if index.matches_fields() {
            let is_meant = |declared: &&Declared| {
                let name = &declared.meta.name;
                let employments = declared.spec.employments.iter().flatten();
                let mut faces = employments.map(|employment| with_employment(&declared.spec, employment)).chain([declared.spec.clone()]);
                faces
                    .any(|face| index.candidates(name, &face).into_iter().filter_map(|b| specs.get(b)).any(|spec| means(spec, name, &face)))
            };
            people.extend(self.people.iter().filter(is_meant).map(|declared| declared.id.clone()));
        }
        people
    }
}

impl Learned {
    /// Gives those of whom something else is known now.
    fn take(&mut self, reading: Reading) -> BTreeSet<PersonId> {
        let Reading { scope, complete, held, exports } = reading;
        let mut touched = BTreeSet::new();
        if complete {
            // Whoever was looked at and is not in the reading holds nothing.
            let gone = |person: &PersonId| scope.contains(person) && !held.contains_key(person);
            let emptied: Vec<PersonId> = self.held.keys().filter(|person| gone(person)).cloned().collect();
            touched.extend(emptied.into_iter().filter(|person| self.held.remove(person).is_some_and(|held| !held.is_empty())));
            let gone = |person: &PersonId| scope.contains(person) && !exports.contains_key(person);
            let emptied: Vec<PersonId> = self.exports.keys().filter(|person| gone(person)).cloned().collect();
            touched.extend(emptied.into_iter().filter(|person| self.exports.remove(person).is_some()));
        }
        for (person, mut held) in held {
            let known = self.held.entry(person.clone()).or_default();
            if !complete {
                held.extend(known.iter().cloned());
            }
            if *known != held {
                *known = held;
                touched.insert(person);
            }
        }
        for (person, export) in exports {
            if self.exports.get(&person) != Some(&export) {
                self.exports.insert(person.clone(), export);
                touched.insert(person);
            }
        }
        touched
    }
}

/// Puts a spec in the place of the one of that name, or takes it out. Gives the old one; none at all where nothing changed.
fn exchange<T: PartialEq>(map: &mut Named<T>, name: &ObjectName, new: Option<(Meta, T)>) -> Option<Option<Sited<T>>> {
    let new = new.map(|(meta, spec)| Sited { meta, spec });
    if map.get(name) == new.as_ref() {
        return None;
    }
    let old = map.remove(name);
    map.extend(new.map(|new| (name.clone(), new)));
    Some(old)
}
