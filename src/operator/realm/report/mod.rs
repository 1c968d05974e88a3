//! What is said of each object: conditions after the kstatus conventions, counts and dates. Said again at any time; written only where
//! it is new.

mod events;
mod objects;
mod people;
mod places;
mod targets;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::RealmTask;
use super::intake::Brief;
use crate::model::ids::ObjectName;
use crate::operator::scribe::Saying;
use crate::operator::status::{Said, Truth};
use crate::realm::index::RealmProblem;
use crate::realm::object::ResourceKind;

/// How long nothing is said after a start, at most.
const HUSH: Duration = Duration::from_secs(20);

/// Of an answer that is over: nothing is done about it any more.
const EXPIRED: &str = "Expired";

/// Where an object stands.
struct Stand {
    ready: Truth,
    reason: &'static str,
    message: String,
    /// Nothing but an edit of this very object helps.
    stalled: bool,
}

impl Stand {
    fn ready() -> Self {
        Self { ready: Truth::True, reason: "Succeeded", message: String::new(), stalled: false }
    }

    fn not(reason: &'static str, message: impl Into<String>) -> Self {
        Self { ready: Truth::False, reason, message: message.into(), stalled: false }
    }

    fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self { stalled: true, ..Self::not(reason, message) }
    }

    fn conditions(self) -> Vec<Said> {
        let mut said = vec![Said::new("Ready", self.ready, self.reason, self.message.clone())];
        if self.stalled {
            said.push(Said::new("Stalled", Truth::True, self.reason, self.message));
        } else if self.ready == Truth::False && self.reason != EXPIRED {
            let reason = if self.reason == "Progressing" { "Progressing" } else { "ProgressingWithRetry" };
            said.push(Said::new("Reconciling", Truth::True, reason, self.message));
        }
        said
    }
}

impl RealmTask {
    /// Says what is to be said by now.
    pub(super) fn report(&mut self, t: Timestamp) {
        // After a start nothing is said before every target has answered once, or has had its time: what stands there is no worse.
        let silent = self.known.values().any(|known| !known.spec.suspend && !known.has_answered());
        // Nor before what was read last is decided: it would be said of an older generation.
        if self.scribe.is_none() || self.compiled.is_none() || self.dirty.at().is_some() || silent && self.started.elapsed() < HUSH {
            return;
        }
        for person in std::mem::take(&mut self.unreported) {
            // Whose changes are being sent is reported on when they are: until then the generation that is spoken of says enough.
            if !self.known.values().any(|known| known.sending.contains(&person)) {
                self.report_person(&person, t);
            }
        }
        if std::mem::take(&mut self.objects_unreported) {
            self.report_targets();
            self.report_rest(t);
            self.report_lockouts(t);
            self.report_realm(t);
            self.count(t);
        }
    }

    pub(super) fn say(&self, kind: ResourceKind, name: &ObjectName, fields: Map<String, Value>, conditions: Vec<Said>) {
        let Some(Brief { uid, generation, .. }) = self.briefs.get(&(kind, name.clone())) else { return };
        if let Some(scribe) = &self.scribe {
            scribe.say((kind.into(), name.clone()), Saying { uid: uid.clone(), generation: *generation, fields, conditions });
        }
    }

    pub(super) fn problems_of(&self, kind: ResourceKind, name: &ObjectName) -> impl Iterator<Item = &RealmProblem> {
        self.problems.get(&(kind, name.clone())).into_iter().flatten()
    }
}

fn told(problem: &RealmProblem) -> String {
    format!("{} ({})", problem.message, problem.hint)
}

fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
