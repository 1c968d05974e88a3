//! What is wrong between the objects of a realm: each object is fine by itself, and yet names somebody or something that is not there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::bindings::FIELDS;
use super::people::Declared;
use super::{ONE_REALM, Realm, RoleName, two_realms};
use crate::model::ids::{ObjectName, TargetName};
use crate::realm::lifecycle::{employment_at, zone_named};
use crate::realm::object::{Meta, Place, ResourceKind};
use crate::realm::roles::RoleError;

/// One thing that is wrong with one object; a condition on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RealmProblem {
    /// The object's kind.
    pub kind: ResourceKind,
    /// The object's name.
    pub name: ObjectName,
    /// Where it was read.
    pub place: Place,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Whether it freezes people (the person, those of the binding, those who are given the role, those who are locked out), or refuses an
    /// answer.
    pub freezes: bool,
    /// What helps.
    pub wrong: Wrong,
}

/// What is wrong, by what helps against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Nothing but an edit of this very object, or another one in its place.
    Spec,
    /// It names a role that may still come.
    Role,
    /// It names something else that may still come, or that has an error of its own.
    Reference,
}

/// Gathers problems.
pub(super) struct Found(pub(super) Vec<RealmProblem>);

impl Found {
    pub(super) fn add(&mut self, kind: ResourceKind, meta: &Meta, freezes: bool, wrong: Wrong, message: String, hint: &str) {
        let (name, place) = (meta.name.clone(), meta.place.clone());
        self.0.push(RealmProblem { kind, name, place, message, hint: hint.to_owned(), freezes, wrong });
    }
}

pub(super) const SPELL: &str = "check the spelling, or declare it";
/// Of a Lockout that names nobody.
const NOBODY: &str = "check the spelling, or name the externalId of one who is gone: until then nobody who is locked out is let in again";

impl Realm {
    /// Everything that is wrong between the objects, at `t`. Policies' own errors are in [`Realm::policy_errors`], what cannot be read at
    /// all is in [`Realm::unreadable`].
    #[must_use]
    pub fn problems(&self, t: Timestamp) -> Vec<RealmProblem> {
        let mut found = Found(Vec::new());
        self.realm_problems(&mut found);
        self.people_problems(&mut found);
        self.shared_ids(&mut found);
        self.manager_circles(t, &mut found);
        self.role_problems(&mut found);
        self.binding_problems(t, &mut found);
        found.0.extend(self.lockout_problems());
        found.0.extend(self.approval_problems(t));
        found.0.sort();
        found.0
    }

    fn realm_problems(&self, found: &mut Found) {
        let second = self.second_realm();
        for realm in self.realms.values() {
            if let Some(zone) = realm.spec.timezone.as_ref().filter(|zone| zone_named(zone).is_none()) {
                let message = format!("there is no time zone `{zone}`; UTC counts");
                found.add(ResourceKind::Realm, &realm.meta, false, Wrong::Spec, message, "write an IANA name: Europe/Prague");
            }
            if let Some((names, _)) = &second {
                found.add(ResourceKind::Realm, &realm.meta, true, Wrong::Spec, two_realms(names), ONE_REALM);
            }
        }
    }

    fn people_problems(&self, found: &mut Found) {
        for declared in self.people.iter() {
            let mut add = |freezes, wrong, message, hint| found.add(ResourceKind::Person, &declared.meta, freezes, wrong, message, hint);
            if declared.zone_is_unknown() {
                let zone = declared.spec.timezone.as_deref().unwrap_or_default();
                let message = format!("there is no time zone `{zone}`; the realm's counts");
                add(false, Wrong::Spec, message, "write an IANA name: Europe/Prague");
            }
            for manager in declared.managers().into_iter().filter(|name| self.is_nobody(name)) {
                add(false, Wrong::Reference, format!("the manager `{manager}` is no Person"), SPELL);
            }
            for owner in declared.spec.owners.iter().filter(|name| self.is_nobody(name)) {
                add(false, Wrong::Reference, format!("the owner `{owner}` is no Person"), SPELL);
            }
            if let Some(error) = declared.manages_themself() {
                add(true, Wrong::Spec, error, "name somebody else, or nobody: nothing is decided for this person until then");
            }
            for error in self.attribute_errors(declared) {
                add(true, Wrong::Spec, error, "nothing is decided for this person until it is mended");
            }
            for link in &declared.spec.accounts {
                if let Some(message) = self.account_problem(&link.target, &link.account) {
                    add(false, Wrong::Reference, message, SPELL);
                }
            }
        }
    }

    /// Ids and names that belong to one person only.
    fn shared_ids(&self, found: &mut Found) {
        let mut by_user_name: BTreeMap<String, Vec<&Declared>> = BTreeMap::new();
        for declared in self.people.iter() {
            if let Some(name) = &declared.spec.user_name {
                by_user_name.entry(name.to_lowercase()).or_default().push(declared);
            }
            let others = self.people.by_id(&declared.id).filter(|other| other.meta.name != declared.meta.name);
            for other in others {
                let message = format!("the Person `{}` declares the same externalId `{}`", other.meta.name, declared.id);
                let hint = "take one of them out; neither is decided until then";
                found.add(ResourceKind::Person, &declared.meta, true, Wrong::Spec, message, hint);
            }
            for id in declared.former_ids() {
                let living = self.people.by_id(&id).map(|other| ("declares it now", other));
                let heirs = self.people.heirs(&id).map(|other| ("names it too", other));
                for (what, other) in living.chain(heirs).filter(|(_, other)| other.meta.name != declared.meta.name) {
                    let message = format!("the former id `{id}` is not this person's alone: the Person `{}` {what}", other.meta.name);
                    found.add(ResourceKind::Person, &declared.meta, false, Wrong::Spec, message, "leave it to one of them");
                }
            }
        }
        for people in by_user_name.values().filter(|people| people.len() > 1) {
            for declared in people {
                let others: BTreeSet<&str> =
                    people.iter().map(|other| other.meta.name.as_str()).filter(|name| *name != declared.meta.name.as_str()).collect();
                let others = others.into_iter().collect::<Vec<_>>().join(", ");
                let name = declared.spec.user_name.as_deref().unwrap_or_default();
                let message = format!("the userName `{name}` is also that of {others}");
                found.add(ResourceKind::Person, &declared.meta, false, Wrong::Spec, message, "give each person one of their own");
            }
        }
    }

    /// People whose chain of managers comes back to themselves.
    fn manager_circles(&self, t: Timestamp, found: &mut Found) {
        let manager = |declared: &Declared| {
            let own = employment_at(&declared.spec, declared.zone(&self.zone), t).and_then(|employment| employment.manager.as_ref());
            own.or(declared.spec.manager.as_ref()).and_then(|name| self.people.get(name))
        };
        // Every object is walked over once: a way that meets an earlier one is known from there on.
        let mut walked: BTreeSet<&ObjectName> = BTreeSet::new();
        for declared in self.people.iter() {
            let mut way: Vec<&Declared> = Vec::new();
            let mut on_way: BTreeMap<&ObjectName, usize> = BTreeMap::new();
            let mut next = self.people.get(declared.meta.name.as_str());
            while let Some(one) = next {
                if let Some(at) = on_way.get(&one.meta.name) {
                    let circle = way.get(*at..).unwrap_or_default();
                    // Who manages themself is told so by another problem.
                    let circle = if circle.len() > 1 { circle } else { &[] };
                    let names = circle.iter().map(|one| one.meta.name.as_str()).collect::<Vec<_>>().join(" → ");
                    for member in circle {
                        let message = format!("the managers go round in a circle: {names} → {}", one.meta.name);
                        found.add(
                            ResourceKind::Person,
                            &member.meta,
                            false,
                            Wrong::Spec,
                            message,
                            "give one of them another manager, or none",
                        );
                    }
                    break;
                }
                if !walked.insert(&one.meta.name) {
                    break;
                }
                on_way.insert(&one.meta.name, way.len());
                way.push(one);
                next = manager(one);
            }
        }
    }

    fn role_problems(&self, found: &mut Found) {
        let errors: BTreeMap<&RoleName, &RoleError> = self.roles().errors().collect();
        for role in self.roles.values() {
            let mut add = |freezes, wrong, message, hint| found.add(ResourceKind::BusinessRole, &role.meta, freezes, wrong, message, hint);
            if let Some(error) = RoleName::parse(role.meta.name.as_str()).ok().and_then(|name| errors.get(&name)) {
                add(true, wrong_with(error), error.to_string(), "nobody who is given this role is decided until it is mended");
            }
            for owner in role.spec.owners.iter().filter(|name| self.is_nobody(name)) {
                add(false, Wrong::Reference, format!("the owner `{owner}` is no Person"), SPELL);
            }
            let accounts: BTreeSet<(&str, &str)> = role.spec.entitlements.iter().map(|e| (e.target.as_str(), e.account.as_str())).collect();
            for message in accounts.into_iter().filter_map(|(target, account)| self.account_problem(target, account)) {
                add(
                    true,
                    Wrong::Reference,
                    message,
                    "check the spelling, or declare it: until then nothing is taken from whoever is given this role",
                );
            }
        }
    }

    fn binding_problems(&self, t: Timestamp, found: &mut Found) {
        for bound in self.bindings.iter() {
            let mut add = |freezes, wrong, message, hint| found.add(ResourceKind::RoleBinding, &bound.meta, freezes, wrong, message, hint);
            if bound.is_over_at(t) {
                continue;
            }
            if let Err(error) = bound.held(self.roles()) {
                add(bound.is_valid_at(t), wrong_with(error), error.to_string(), "its people keep what they have until it is mended");
            }
            for subject in bound.spec.subjects.iter().filter(|subject| self.is_nobody(&subject.name)) {
                add(false, Wrong::Reference, format!("the subject `{}` is no Person", subject.name), SPELL);
            }
            for field in bound.spec.subject_match.iter().flatten().map(|(field, _)| field) {
                let first = field.split_once('.').map_or(field.as_str(), |(first, _)| first);
                if !FIELDS.contains(&first) {
                    add(
                        false,
                        Wrong::Spec,
                        format!("`{field}` in `subjectMatch` is no field of a Person"),
                        "write department, attributes.site and the like",
                    );
                }
            }
            let window = (bound.spec.not_before, bound.spec.not_after);
            if let (Some(from), Some(until)) = window
                && from >= until
            {
                add(false, Wrong::Spec, "it ends before it begins".to_owned(), "`notBefore` must be earlier than `notAfter`");
            }
        }
    }

    /// Lockouts that do not shut out whom they name, or not everywhere that they name: somebody relies on them.
    #[must_use]
    pub fn lockout_problems(&self) -> Vec<RealmProblem> {
        let mut found = Found(Vec::new());
        for lockout in self.lockouts.values() {
            let named = &lockout.spec.person;
            if self.met(&lockout.meta.name).is_none() && self.is_nobody(named) {
                let meant =
                    self.people.iter().find(|declared| declared.id.as_str() == named || declared.spec.user_name.as_ref() == Some(named));
                let meant = meant.map(|declared| format!(", and nobody is shut out: did you mean the Person `{}`?", declared.meta.name));
                let message = format!("`{named}` is no Person{}", meant.unwrap_or_default());
                found.add(ResourceKind::Lockout, &lockout.meta, true, Wrong::Reference, message, NOBODY);
            }
            let mut add = |message| found.add(ResourceKind::Lockout, &lockout.meta, true, Wrong::Reference, message, SPELL);
            lockout.spec.targets.iter().filter_map(|target| self.account_problem(target, "")).for_each(&mut add);
        }
        found.0
    }

    /// Whether no Person has this name, readable or not.
    pub(super) fn is_nobody(&self, name: &str) -> bool {
        self.people.get(name).is_none() && self.unreadable_named(ResourceKind::Person, name).is_none()
    }

    /// Why there is no such account; an unreadable target may declare anything.
    pub(super) fn account_problem(&self, target: &str, account: &str) -> Option<String> {
        if self.unreadable_named(ResourceKind::TargetSystem, target).is_some() {
            return None;
        }
        match TargetName::parse(target).ok().and_then(|name| self.target(&name)) {
            None => Some(format!("the target `{target}` is no TargetSystem")),
            Some(found) if !account.is_empty() && !found.spec.accounts.contains_key(account) => {
                Some(format!("the TargetSystem `{target}` does not declare the second account `{account}`"))
            }
            Some(_) => None,
        }
    }
}

/// What helps against an error of a role, or of a binding of it.
fn wrong_with(error: &RoleError) -> Wrong {
    match error {
        RoleError::Unknown(_) => Wrong::Role,
        RoleError::Unreadable(_) | RoleError::Broken { .. } => Wrong::Reference,
        RoleError::Cycle(_)
        | RoleError::Placeholder { .. }
        | RoleError::Inner { .. }
        | RoleError::Missing(_)
        | RoleError::Undeclared(_)
        | RoleError::Value { .. }
        | RoleError::Name(_) => Wrong::Spec,
    }
}
