//! The small input of each decision.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::Realm;
use super::people::Declared;
use crate::api::person::PersonSpec;
use crate::model::ids::{ObjectName, PersonId};
use crate::realm::input::{Frozen, Holding, Input};

/// The type of people who name none.
pub(super) const DEFAULT_TYPE: &str = "employee";

impl Realm {
    /// All that a policy may see of one person at `t`.
    ///
    /// # Errors
    /// [`Frozen`] where nothing can be decided for this person.
    pub fn input(&self, person: &PersonId, t: Timestamp) -> Result<Input, Frozen> {
        let unknown = || Frozen::new(format!("no Person declares the externalId `{person}`"), "");
        if let Some(frozen) = self.standing(person, t).ok_or_else(unknown)?.frozen {
            return Err(frozen);
        }
        let declared = self.people.by_id(person).next().ok_or_else(unknown)?;
        let spec = declared.laid_over(&self.zone, t);
        let (roles, holdings_next) = self.held_by(&declared.meta.name, &spec, t);
        let (managers, managers_unknown, managers_next) = self.managers(&declared.meta.name, &spec, t);
        let now = t.to_zoned(self.zone.clone());
        Ok(Input {
            id: person.clone(),
            person: self.shown(declared, &spec, t),
            managers,
            managers_unknown,
            roles,
            targets: self.target_facts(),
            observed: self.known_readings().filter_map(|(_, learned)| learned.held.get(person)).flatten().cloned().collect(),
            unread: self.unread(person),
            accounts: self
                .known_readings()
                .filter_map(|(target, learned)| Some((target.clone(), learned.exports.get(person)?.clone())))
                .collect(),
            today: now.date().to_string(),
            midnight: now.date().tomorrow().ok().and_then(|day| day.to_zoned(self.zone.clone()).ok()).map(|zoned| zoned.timestamp()),
            holdings_next: holdings_next.into_iter().chain(managers_next).min(),
        })
    }

    /// The roles that a person holds by binding at `t`; none where they are frozen.
    #[must_use]
    pub fn holdings(&self, person: &PersonId, t: Timestamp) -> Vec<Holding> {
        let mut people = self.people.by_id(person);
        match (people.next(), people.next()) {
            (Some(declared), None) => self.held_by(&declared.meta.name, &declared.laid_over(&self.zone, t), t).0,
            _ => Vec::new(),
        }
    }

    /// What is held by binding, and when that changes next.
    fn held_by(&self, name: &ObjectName, laid_over: &PersonSpec, t: Timestamp) -> (Vec<Holding>, Option<Timestamp>) {
        let bound = self.bindings.of(name, laid_over);
        let next = bound.iter().filter_map(|bound| bound.next(t)).min();
        let held = bound.into_iter().filter(|bound| bound.is_valid_at(t)).filter_map(|bound| bound.held(self.roles()).ok()).flatten();
        (held.cloned().collect(), next)
    }

    /// The chain of managers, nearest first; whether it ends at somebody unknown; when any of them changes next.
    fn managers(&self, name: &ObjectName, spec: &PersonSpec, t: Timestamp) -> (Vec<serde_json::Value>, bool, Option<Timestamp>) {
        let mut met = BTreeSet::from([name.clone()]);
        let mut shown = Vec::new();
        let mut next: Option<Timestamp> = None;
        let mut manager = spec.manager.clone();
        while let Some(name) = manager.take() {
            let Some(declared) = self.people.get(&name).filter(|declared| met.insert(declared.meta.name.clone())) else {
                return (shown, true, next);
            };
            let spec = declared.laid_over(&self.zone, t);
            shown.push(self.shown(declared, &spec, t));
            next = next.into_iter().chain(self.lifecycle_of(declared, t).next).min();
            manager = spec.manager;
        }
        (shown, false, next)
    }

    /// A person as policies see them.
    fn shown(&self, declared: &Declared, laid_over: &PersonSpec, t: Timestamp) -> serde_json::Value {
        let mut person = serde_json::to_value(laid_over).unwrap_or_default();
        without_nulls(&mut person);
        if let Some(fields) = person.as_object_mut() {
            fields.insert("externalId".to_owned(), json!(declared.id));
            fields.entry("type").or_insert_with(|| json!(DEFAULT_TYPE));
            fields.insert("metadata".to_owned(), json!({"name": declared.meta.name, "labels": declared.meta.labels}));
            fields.insert("lifecycle".to_owned(), json!({"state": self.lifecycle_of(declared, t).state}));
        }
        person
    }
}

/// A null makes functions of Rego fail where an absent field is only undefined.
fn without_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        serde_json::Value::Array(values) => {
            values.retain(|value| !value.is_null());
            values.iter_mut().for_each(without_nulls);
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::String(_) => {}
    }
}
