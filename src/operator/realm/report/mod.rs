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
use crate::model::ids::{ObjectName, PersonId};
use crate::operator::scribe::Saying;
use crate::operator::status::{Said, Truth};
use crate::realm::index::RealmProblem;
use crate::realm::object::ResourceKind;

/// How long nothing is said after a start, at most: of objects of which nothing has ever been said, and of all others. What stands on
/// those was true when it was written, and says more than that they are to be looked at.
const HUSH: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(900));

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
        // Nothing is said before what was read last is decided: it would be said of an older generation.
        if self.scribe.is_none() || self.compiled.is_none() || self.dirty.at().is_some() {
            return;
        }
        // Nor, after a start, before every target has answered once, or has had its time.
        self.heard |= self.known.values().all(|known| known.spec.suspend || known.has_answered());
        if self.is_silent_of(false) {
            return;
        }
        for person in std::mem::take(&mut self.unreported) {
            if self.is_silent_of(self.is_told(&person)) {
                self.unreported.insert(person);
                continue;
            }
            // Whose changes are being sent is reported on when they are: until then the generation that is spoken of says enough.
            if !self.known.values().any(|known| known.sending.contains(&person)) {
                self.report_person(&person, t);
            }
        }
        if std::mem::take(&mut self.objects_unreported) {
            self.report_targets();
            self.report_rest(t);
            self.report_lockouts(t);
            let people = self.by_state();
            self.report_realm(&people, t);
            self.count(&people, t);
            // What was passed over is still to be said.
            self.objects_unreported |= self.is_silent_of(true);
        }
    }

    /// Whether it is too early to say anything of an object. `told`: something has been said of it before this start.
    fn is_silent_of(&self, told: bool) -> bool {
        !self.heard && self.started.elapsed() < if told { HUSH.1 } else { HUSH.0 }
    }

    /// Whether something was said of a person before this start.
    fn is_told(&self, person: &PersonId) -> bool {
        let declared = self.realm.declared(person);
        let brief = |name: &ObjectName| self.briefs.get(&(ResourceKind::Person, name.clone()));
        // A Departure has been there, or is made by what this start did.
        declared.is_empty() || declared.iter().any(|declared| brief(&declared.meta.name).is_some_and(|brief| brief.told))
    }

    pub(super) fn say(&self, kind: ResourceKind, name: &ObjectName, fields: Map<String, Value>, conditions: Vec<Said>) {
        let Some(Brief { uid, generation, told, .. }) = self.briefs.get(&(kind, name.clone())) else { return };
        // Whom a Lockout has met is never too early to be said: it must outlive this process.
        if kind != ResourceKind::Lockout && self.is_silent_of(*told) {
            return;
        }
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
