//! What the questions of one round share: above all managers, who stand in the inputs of all who report to them, are turned into the
//! engine's values once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use regorus::Value as Rego;

use super::document;
use super::fingerprint::Fingerprint;
use crate::realm::input::Input;

/// What the questions of one round share. Of use as long as inputs share their parts.
#[derive(Default)]
pub struct Shared {
    people: Parts<serde_json::Value>,
}

/// By the address of the part, which is kept so that nothing else comes to lie there.
type Parts<T> = RwLock<HashMap<usize, (Arc<T>, Part)>>;

/// One part of an input.
#[derive(Clone)]
struct Part {
    value: Rego,
    fingerprint: Option<Fingerprint>,
}

impl Shared {
    /// Somebody in a chain of managers, as the engine has them.
    pub(super) fn value(&self, person: &Arc<serde_json::Value>) -> Rego {
        self.part(person).value
    }

    /// What an input is recognised by: all that a policy or mapping sees of it, and what tells nothing from something yet to come.
    pub(super) fn fingerprint(&self, input: &Input) -> Option<Fingerprint> {
        let Input {
            id: _,
            person,
            managers,
            managers_unknown,
            roles,
            targets,
            observed,
            unread,
            accounts,
            today,
            midnight: _,
            holdings_next: _,
        } = input;
        let own = Fingerprint::of_json(&(person, managers_unknown, roles, targets, observed, unread, accounts, today))?;
        let managers = managers.iter().map(|manager| self.part(manager).fingerprint);
        let parts: Option<Vec<Fingerprint>> = [Some(own)].into_iter().chain(managers).collect();
        Some(Fingerprint::of_all(&parts?))
    }

    fn part(&self, person: &Arc<serde_json::Value>) -> Part {
        let address = Arc::as_ptr(person).addr();
        if let Some((_, part)) = self.people.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return part.clone();
        }
        let part = Part { value: document::json(person), fingerprint: Fingerprint::of_json(person) };
        self.people.write().unwrap_or_else(PoisonError::into_inner).insert(address, (Arc::clone(person), part.clone()));
        part
    }
}
