//! The small input of each decision. What many people share at one instant, above all their managers, is made once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde_json::json;

use super::people::Declared;
use super::{Realm, Standing};
use crate::api::person::PersonSpec;
use crate::model::change::LifecycleState;
use crate::model::ids::{ObjectName, PersonId};
use crate::realm::input::{Frozen, Holding, Input};

/// The type of people who name none.
pub(super) const DEFAULT_TYPE: &str = "employee";

/// The inputs of all people of a realm at one instant. Shared by all threads.
pub struct Inputs<'a> {
    realm: &'a Realm,
    t: Timestamp,
    today: String,
    midnight: Option<Timestamp>,
    superiors: RwLock<BTreeMap<ObjectName, Arc<Superior>>>,
}

/// Somebody to whom others report.
struct Superior {
    shown: Arc<serde_json::Value>,
    /// Their own manager.
    manager: Option<String>,
    /// When their state changes next.
    next: Option<Timestamp>,
}

/// A chain of managers.
#[derive(Default)]
struct Chain {
    shown: Vec<Arc<serde_json::Value>>,
    /// It ends at somebody unknown.
    unknown: bool,
    /// When any of them changes next.
    next: Option<Timestamp>,
}

impl Realm {
    /// What policies may see of people at `t`.
    #[must_use]
    pub fn inputs(&self, t: Timestamp) -> Inputs<'_> {
        let today = t.to_zoned(self.zone.clone()).date();
        let midnight = today.tomorrow().ok().and_then(|day| day.to_zoned(self.zone.clone()).ok());
        Inputs { realm: self, t, today: today.to_string(), midnight: midnight.map(|zoned| zoned.timestamp()), superiors: RwLock::default() }
    }

    /// All that a policy may see of one person at `t`.
    ///
    /// # Errors
    /// [`Frozen`] where nothing can be decided for this person.
    pub fn input(&self, person: &PersonId, t: Timestamp) -> Result<Input, Frozen> {
        self.inputs(t).of(person, self.standing(person, t).as_ref())
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
}

impl Inputs<'_> {
    /// All that a policy may see of one person, where they stand so.
    ///
    /// # Errors
    /// [`Frozen`] where nothing can be decided for this person.
    pub fn of(&self, person: &PersonId, standing: Option<&Standing>) -> Result<Input, Frozen> {
        let realm = self.realm;
        let unknown = || Frozen::new(format!("no Person declares the externalId `{person}`"), "");
        let standing = standing.ok_or_else(unknown)?;
        if let Some(frozen) = &standing.frozen {
            return Err(frozen.clone());
        }
        let declared = realm.people.by_id(person).next().ok_or_else(unknown)?;
        let spec = declared.laid_over(&realm.zone, self.t);
        let (roles, holdings_next) = realm.held_by(&declared.meta.name, &spec, self.t);
        let chain = self.chain(&declared.meta.name, &spec);
        let state = standing.lifecycle.as_ref().map_or_else(|| realm.lifecycle_of(declared, self.t).state, |lifecycle| lifecycle.state);
        Ok(Input {
            id: person.clone(),
            person: shown(declared, &spec, state),
            managers: chain.shown,
            managers_unknown: chain.unknown,
            roles,
            targets: realm.target_facts(),
            observed: realm.known_readings().filter_map(|(_, learned)| learned.held.get(person)).flatten().cloned().collect(),
            unread: realm.unread(person),
            accounts: realm
                .known_readings()
                .filter_map(|(target, learned)| Some((target.clone(), learned.exports.get(person)?.clone())))
                .collect(),
            today: self.today.clone(),
            midnight: self.midnight,
            holdings_next: holdings_next.into_iter().chain(chain.next).min(),
        })
    }

    /// The chain of managers, nearest first.
    fn chain(&self, name: &ObjectName, spec: &PersonSpec) -> Chain {
        let mut met = BTreeSet::from([name.clone()]);
        let mut chain = Chain::default();
        let mut manager = spec.manager.clone();
        while let Some(name) = manager.take() {
            let Some(declared) = self.realm.people.get(&name).filter(|declared| met.insert(declared.meta.name.clone())) else {
                chain.unknown = true;
                break;
            };
            let superior = self.superior(declared);
            chain.shown.push(Arc::clone(&superior.shown));
            chain.next = chain.next.into_iter().chain(superior.next).min();
            manager.clone_from(&superior.manager);
        }
        chain
    }

    fn superior(&self, declared: &Declared) -> Arc<Superior> {
        let name = &declared.meta.name;
        if let Some(superior) = self.superiors.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(superior);
        }
        let spec = declared.laid_over(&self.realm.zone, self.t);
        let lifecycle = self.realm.lifecycle_of(declared, self.t);
        let shown = Arc::new(shown(declared, &spec, lifecycle.state));
        let superior = Arc::new(Superior { shown, manager: spec.manager, next: lifecycle.next });
        let mut superiors = self.superiors.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(superiors.entry(name.clone()).or_insert(superior))
    }
}

/// A person as policies see them.
fn shown(declared: &Declared, laid_over: &PersonSpec, state: LifecycleState) -> serde_json::Value {
    let mut person = serde_json::to_value(laid_over).unwrap_or_default();
    without_nulls(&mut person);
    if let Some(fields) = person.as_object_mut() {
        fields.insert("externalId".to_owned(), json!(declared.id));
        fields.entry("type").or_insert_with(|| json!(DEFAULT_TYPE));
        fields.insert("metadata".to_owned(), json!({"name": declared.meta.name, "labels": declared.meta.labels}));
        fields.insert("lifecycle".to_owned(), json!({"state": state}));
    }
    person
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
