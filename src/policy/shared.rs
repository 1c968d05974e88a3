//! What the questions of one round share: managers, who stand in the inputs of all who report to them, are turned into the engine's
//! values once; and who is the same in all that the policies read gets the answer that was found for the first of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use regorus::Value as Rego;

use super::decision::Decision;
use super::document;
use super::fingerprint::Fingerprint;

/// What the questions of one round share. Of use as long as inputs share their parts.
#[derive(Default)]
pub struct Shared {
    people: Parts<serde_json::Value>,
    decisions: RwLock<HashMap<Fingerprint, Arc<Known>>>,
}

/// By the address of the part, which is kept so that nothing else comes to lie there.
type Parts<T> = RwLock<HashMap<usize, (Arc<T>, Part)>>;

/// One part of an input.
#[derive(Clone)]
struct Part {
    value: Rego,
    fingerprint: Option<Fingerprint>,
}

/// A decision that the interpreter has made, and what the answer is recognised by.
pub(super) struct Known {
    pub decision: Arc<Decision>,
    pub answer: Fingerprint,
}

impl Shared {
    /// Somebody in a chain of managers, as the engine has them.
    pub(super) fn value(&self, person: &Arc<serde_json::Value>) -> Rego {
        self.part(person).value
    }

    /// What somebody in a chain of managers is recognised by.
    pub(super) fn fingerprint(&self, person: &Arc<serde_json::Value>) -> Option<Fingerprint> {
        self.part(person).fingerprint
    }

    /// The decision for this question, where one like it was asked.
    pub(super) fn decision(&self, asked: &Fingerprint) -> Option<Arc<Known>> {
        self.decisions.read().unwrap_or_else(PoisonError::into_inner).get(asked).cloned()
    }

    /// Keeps the decision for all who are asked for like this.
    pub(super) fn keep(&self, asked: Fingerprint, decision: &Arc<Decision>, answer: Fingerprint) {
        let known = Arc::new(Known { decision: Arc::clone(decision), answer });
        self.decisions.write().unwrap_or_else(PoisonError::into_inner).insert(asked, known);
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
