//! Where what a person has comes from: the line of a rule, or the manifest of a binding, for reasons that carry no place yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::change::{Act, Cause, Change};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, ObjectName, PersonId, RoleName, TargetName};
use crate::model::reason::Reason;
use crate::policy::{Asking, Compiled, twins};
use crate::realm::index::Realm;
use crate::realm::input::Holding;
use crate::realm::object::ResourceKind;

/// Where each object of a realm stands: kind and name → `bindings/finance.yaml:2`.
pub type ObjectPlaces = BTreeMap<(ResourceKind, String), String>;

/// What one person's decision came from.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// The lines that ask for something.
    pub rules: BTreeMap<Asking, Vec<String>>,
    /// The roles held by binding.
    pub holdings: Vec<Holding>,
}

/// Where everything comes from, person by person.
#[derive(Debug, Clone, Default)]
pub struct Places {
    objects: ObjectPlaces,
    people: BTreeMap<PersonId, Origins>,
    /// The bindings that give something to anybody.
    givers: BTreeMap<EntitlementKey, BTreeSet<ObjectName>>,
}

impl Origins {
    /// What this person's decision came from. Empty where nothing can be decided: then there is nothing to tell the place of.
    #[must_use]
    pub fn of(realm: &Realm, compiled: Option<&Compiled>, person: &PersonId, t: Timestamp) -> Self {
        let Ok(input) = realm.input(person, t) else { return Self::default() };
        let rules = compiled.and_then(|compiled| twins(compiled, &input).ok()).unwrap_or_default();
        Self { rules, holdings: input.roles }
    }

    /// The lines that ask for a role by rule.
    pub fn role(&self, role: &RoleName) -> impl Iterator<Item = &String> {
        self.rules.iter().filter(move |(asking, _)| matches!(asking, Asking::Role(name, _) if name == role)).flat_map(|(_, places)| places)
    }
}

/// The outermost role of a reason that a role by rule gives: `role staff → base (by rule)`.
#[must_use]
pub fn role_by_rule(reason: &Reason) -> Option<RoleName> {
    let chain = reason.text.strip_prefix("role ")?.strip_suffix(" (by rule)")?;
    let name = chain.split_once(' ').map_or(chain, |(first, _)| first);
    RoleName::parse(name).ok()
}

impl Places {
    /// The places of what these people have.
    #[must_use]
    pub fn of(realm: &Realm, compiled: Option<&Compiled>, objects: ObjectPlaces, people: &BTreeSet<PersonId>, t: Timestamp) -> Self {
        let people = people.iter().map(|person| (person.clone(), Origins::of(realm, compiled, person, t))).collect();
        Self { objects, people, givers: realm.bound_entitlements(t) }
    }

    /// The reasons of a change, each with its place as far as it can be told.
    #[must_use]
    pub fn reasons(&self, change: &Change) -> Vec<Reason> {
        let key = change.key();
        let entitlement = match change.act() {
            Act::Grant(entitlement) | Act::Provide(entitlement) | Act::Revoke(entitlement) => Some(entitlement),
            Act::Create { .. }
            | Act::Own
            | Act::Set(..)
            | Act::Clear(_)
            | Act::Enable
            | Act::Disable
            | Act::EndSessions
            | Act::Delete
            | Act::Withdraw => None,
        };
        let placed = change.reasons().iter().map(|reason| self.placed(&key.person, &key.target, &key.account, entitlement, reason));
        // Who gave it is not remembered; who gives it to others is where to look.
        let others = entitlement.filter(|_| change.act().removes() && change.cause() == Cause::Policy).and_then(|key| self.givers.get(key));
        placed.chain(others.and_then(|bindings| self.given_to_others(bindings))).collect()
    }

    fn given_to_others(&self, bindings: &BTreeSet<ObjectName>) -> Option<Reason> {
        let first = bindings.first()?;
        let place = self.objects.get(&(ResourceKind::RoleBinding, first.to_string())).cloned().unwrap_or_default();
        let text = match bindings.len() {
            1 => format!("binding {first} gives it to others"),
            more => format!("binding {first} and {} more give it to others", more - 1),
        };
        Some(Reason::at(text, place))
    }

    /// One reason with its place.
    #[must_use]
    pub fn placed(
        &self,
        person: &PersonId,
        target: &TargetName,
        account: &AccountName,
        entitlement: Option<&EntitlementKey>,
        reason: &Reason,
    ) -> Reason {
        if !reason.place.is_empty() {
            return reason.clone();
        }
        let place = self.people.get(person).and_then(|origins| self.place(origins, target, account, entitlement, reason));
        Reason { place: place.unwrap_or_default().into(), ..reason.clone() }
    }

    fn place(
        &self,
        origins: &Origins,
        target: &TargetName,
        account: &AccountName,
        entitlement: Option<&EntitlementKey>,
        reason: &Reason,
    ) -> Option<String> {
        let grants = || origins.holdings.iter().flat_map(|holding| holding.grants.iter().map(move |grant| (holding, grant)));
        let bound = grants().find(|(_, grant)| *grant.reason == *reason.text && entitlement.is_none_or(|key| grant.key == *key));
        if let Some((holding, _)) = bound {
            return self.objects.get(&(ResourceKind::RoleBinding, holding.binding.to_string())).cloned();
        }
        if let Some(role) = role_by_rule(reason) {
            return origins.role(&role).next().cloned();
        }
        let asked = |asking: &Asking| match (asking, entitlement) {
            (Asking::Entitlement(of, key), Some(entitlement)) => of == account && key == entitlement,
            (Asking::Entitlement(of, key), None) => of == account && key.target == *target,
            (Asking::Account(at, of), None) => at == target && of == account,
            (Asking::Account(..), Some(_)) | (Asking::Role(..) | Asking::Violation(_), _) => false,
        };
        origins.rules.iter().find(|(asking, _)| asked(asking)).and_then(|(_, places)| places.first()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_of_a_reason_is_its_outermost() {
        for (text, expected) in [
            ("role staff (by rule)", Some("staff")),
            ("role staff → base (by rule)", Some("staff")),
            ("role clerk (binding fin-east)", None),
            ("works away from the offices", None),
            ("by rule", None),
        ] {
            assert_eq!(role_by_rule(&Reason::new(text)).as_ref().map(RoleName::as_str), expected, "{text}");
        }
    }
}
