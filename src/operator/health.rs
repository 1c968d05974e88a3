//! Whether every kind can be read: what `/readyz` answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::object::Watched;

/// What has been listed, and what cannot be read.
#[derive(Debug, Default)]
pub struct Health(Mutex<Kinds>);

#[derive(Debug, Default)]
struct Kinds {
    awaited: BTreeSet<(Option<String>, Watched)>,
    failing: BTreeMap<(Option<String>, Watched), String>,
}

impl Health {
    /// This kind is to be listed before anything is ready.
    pub fn awaits(&self, reach: Option<String>, of: Watched) {
        self.kinds().awaited.insert((reach, of));
    }

    /// It was listed.
    pub fn listed(&self, reach: Option<String>, of: Watched) {
        let key = (reach, of);
        let mut kinds = self.kinds();
        kinds.awaited.remove(&key);
        kinds.failing.remove(&key);
    }

    /// It cannot be read.
    pub fn fails(&self, reach: Option<String>, of: Watched, why: String) {
        self.kinds().failing.insert((reach, of), why);
    }

    /// Why it is not ready; nothing: it is.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        let kinds = self.kinds();
        if let Some(((_, of), why)) = kinds.failing.first_key_value() {
            return Some(format!("{of} cannot be read: {why}"));
        }
        kinds.awaited.first().map(|(_, of)| format!("{of} is not listed yet"))
    }

    fn kinds(&self) -> std::sync::MutexGuard<'_, Kinds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
