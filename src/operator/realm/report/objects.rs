//! What is said of the Realm, and of roles, bindings, policies, answers and Lockouts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, json};

use super::places::LOCKED;
use super::{EXPIRED, Stand, fields, told};
use crate::api::approval::Answer;
use crate::model::change::ChangeLine;
use crate::model::ids::{ApprovalName, ObjectName, TargetName};
use crate::model::ledger::Ledger;
use crate::operator::realm::RealmTask;
use crate::operator::status::{Said, Truth};
use crate::plan::not_shut::open_since;
use crate::plan::round::Look;
use crate::realm::index::{RealmProblem, Wrong, lines_of};
use crate::realm::object::ResourceKind;

/// What people may be, and what they are of whom that cannot be told.
const STATES: [&str; 7] = ["active", "leave", "preboarding", "suspended", "locked", "terminated", "unknown"];

impl RealmTask {
    /// Lockouts, and whom each has met.
    pub(in crate::operator::realm) fn report_lockouts(&self, t: Timestamp) {
        for (_, name) in self.briefs.keys().filter(|(kind, _)| *kind == ResourceKind::Lockout) {
            let fields = fields([("externalId", self.realm.met(name).map(|person| json!(person)))]);
            self.say(ResourceKind::Lockout, name, fields, self.lockout_stand(name, t).conditions());
        }
    }

    /// A Lockout has done its work when nobody whom it means is in anywhere; what is only observed or left alone counts here.
    fn lockout_stand(&self, name: &ObjectName, t: Timestamp) -> Stand {
        let stand = self.plain_stand(ResourceKind::Lockout, name);
        let Some(lockout) = self.realm.lockout(name).filter(|_| stand.ready == Truth::True) else { return stand };
        if let Some(until) = lockout.spec.until.filter(|until| until.0 <= t) {
            return Stand { reason: "Expired", message: format!("it has been over since {}", until.0), ..Stand::ready() };
        }
        let meant = |target: &TargetName| {
            let targets = &lockout.spec.targets;
            targets.is_empty() || targets.iter().any(|named| named.as_str() == target.as_str())
        };
        for person in self.realm.shut_out_by(name) {
            let places = self.places_of(&person, t);
            let open = places.iter().filter(|place| meant(place.target)).find_map(|place| Some((place.target, place.still_in()?)));
            if let Some((target, open)) = open {
                // Whatever must be edited, it is not this.
                return Stand::not(open.reason, format!("{target}: {}", open.message));
            }
        }
        stand
    }

    /// Roles, bindings, policies and answers.
    pub(super) fn report_rest(&self, t: Timestamp) {
        for (kind, name) in self.briefs.keys() {
            let stand = match kind {
                ResourceKind::Policy => self.policy_stand(name),
                ResourceKind::Approval => self.approval_stand(name, t),
                ResourceKind::BusinessRole | ResourceKind::RoleBinding => self.plain_stand(*kind, name),
                ResourceKind::Lockout
                | ResourceKind::Realm
                | ResourceKind::Person
                | ResourceKind::TargetSystem
                | ResourceKind::ConfigMap => continue,
            };
            let mut conditions = Vec::new();
            if *kind == ResourceKind::Policy {
                let compiled = stand.ready;
                let (reason, message) = match compiled {
                    Truth::True => ("Compiled", self.policy_notes(name)),
                    Truth::False | Truth::Unknown => (stand.reason, stand.message.clone()),
                };
                conditions.push(Said::new("Compiled", compiled, reason, message));
            }
            conditions.extend(stand.conditions());
            self.say(*kind, name, Map::new(), conditions);
        }
    }

    pub(super) fn plain_stand(&self, kind: ResourceKind, name: &ObjectName) -> Stand {
        if let Some(torn) = self.unreadable.get(&(kind, name.clone())) {
            return Stand::stalled("InvalidSpec", torn.why.clone());
        }
        // What nothing but an edit helps against is said first.
        self.problems_of(kind, name).min_by_key(|problem| problem.wrong).map_or_else(Stand::ready, wrong)
    }

    /// What has become of an answer.
    fn approval_stand(&self, name: &ObjectName, t: Timestamp) -> Stand {
        let stand = self.plain_stand(ResourceKind::Approval, name);
        let Some(approval) = self.realm.approvals().find(|approval| approval.meta.name == *name) else { return stand };
        if let Some(over) = self.realm.approvals_over(t).into_iter().find(|problem| problem.name == *name) {
            return Stand::not(EXPIRED, told(&over));
        }
        if stand.ready != Truth::True {
            return stand;
        }
        let lines: BTreeSet<ChangeLine> = lines_of(&approval.spec).into_iter().collect();
        let held = self.known.values().flat_map(|known| known.held.values()).flat_map(BTreeMap::keys).filter(|line| lines.contains(line));
        let held = held.collect::<BTreeSet<_>>().len();
        let released = ApprovalName::parse(name.as_str()).map_or(0, |name| {
            let of = |ledger: &Ledger| ledger.released.get(&name).map_or(0, |released| released.intersection(&lines).count());
            self.ledgers().map(of).sum()
        });
        Stand { message: answered(approval.spec.decision, lines.len(), released, held), ..stand }
    }

    /// What of a Policy runs slower than the rest, and why.
    fn policy_notes(&self, name: &ObjectName) -> String {
        let Some(Ok(compiled)) = &self.compiled else { return String::new() };
        let own = format!("{name}/");
        let notes = compiled.notes().iter().filter(|note| note.file.is_empty() || note.file.starts_with(&own));
        notes.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    fn policy_stand(&self, name: &ObjectName) -> Stand {
        if let Some(torn) = self.unreadable.get(&(ResourceKind::Policy, name.clone())) {
            return Stand::stalled("InvalidSpec", torn.why.clone());
        }
        let place = format!("Policy/{name}");
        let own = self.realm.policy_errors().iter().find(|wrong| *wrong.reason.place == *place || wrong.reason.place.is_empty());
        if let Some(wrong) = own {
            return Stand::not("PolicyError", wrong.reason.to_string());
        }
        match &self.compiled {
            Some(Err(errors)) => {
                let mine = errors.iter().find(|error| error.file.starts_with(&format!("{name}/")));
                match mine.or_else(|| errors.first()) {
                    Some(error) if mine.is_some() => Stand::stalled("PolicyError", error.to_string()),
                    Some(error) => Stand::not("PolicyError", format!("another Policy does not compile: {error}")),
                    None => Stand::not("PolicyError", "the policies do not compile"),
                }
            }
            Some(Ok(_)) => Stand::ready(),
            None => Stand::not("Progressing", "not compiled yet"),
        }
    }

    /// Whether a Realm must be edited: it cannot be read, or is not the only one.
    fn realm_stand(&self, name: &ObjectName) -> Stand {
        let second = self.problems_of(ResourceKind::Realm, name).find(|problem| problem.freezes);
        match second.filter(|_| !self.unreadable.contains_key(&(ResourceKind::Realm, name.clone()))) {
            Some(problem) => Stand::stalled("SecondRealm", told(problem)),
            None => self.plain_stand(ResourceKind::Realm, name),
        }
    }

    pub(super) fn report_realm(&self, people: &BTreeMap<&'static str, i64>, t: Timestamp) {
        let others = self.briefs.keys().filter(|(kind, name)| *kind == ResourceKind::Realm && self.counting.as_ref() != Some(name));
        for (kind, name) in others {
            self.say(*kind, name, Map::new(), self.realm_stand(name).conditions());
        }
        let Some(name) = &self.counting else { return };
        let held: usize = self.known.values().flat_map(|known| known.held.values()).map(BTreeMap::len).sum();
        let spec_freeze = self.realm.spec().is_some_and(|spec| spec.freeze).then(|| "spec.freeze".to_owned());
        let frozen = spec_freeze.or_else(|| self.decided.frozen.as_ref().map(|frozen| frozen.reason.to_string()));
        let own = self.realm_stand(name);
        let stand = match (&frozen, held, self.lockout_of_nobody(t)) {
            _ if own.stalled => own,
            (Some(why), ..) => Stand::not("Frozen", why.clone()),
            (None, 1.., _) => Stand::not("Held", format!("{held} changes wait for an answer")),
            (None, 0, Some(lockout)) => {
                let message = format!("the Lockout `{lockout}` names nobody: until it does, nobody who is locked out is let in again");
                Stand::not(LOCKED, message)
            }
            (None, 0, None) => own,
        };
        let fields = fields([
            ("id", Some(json!(self.realm.id().as_str()))),
            ("people", Some(json!(people))),
            ("held", Some(json!(held))),
            ("frozen", frozen.as_ref().map(|why| json!(why))),
            ("next", self.next_due().map(|at| json!(at.to_string()))),
        ]);
        self.say(ResourceKind::Realm, name, fields, stand.conditions());
    }

    /// How many people are in which state: each state is named, also where nobody is. A map in which nothing is left would be refused.
    pub(super) fn by_state(&self) -> BTreeMap<&'static str, i64> {
        let mut people: BTreeMap<&'static str, i64> = STATES.map(|state| (state, 0)).into();
        for decision in self.decided.people.values() {
            let lifecycle = decision.standing.as_ref().and_then(|standing| standing.lifecycle.as_ref());
            *people.entry(lifecycle.map_or("unknown", |lifecycle| lifecycle.state.as_str())).or_default() += 1;
        }
        people
    }

    pub(super) fn count(&self, people: &BTreeMap<&'static str, i64>, t: Timestamp) {
        let metrics = &self.context.metrics;
        metrics.people(&self.namespace, people);
        let since = |look: &Look| open_since(&self.realm, &self.decided, &look.ledger, t);
        metrics.open_since(&self.namespace, self.looks.iter().map(|(target, look)| (target.clone(), since(look))).collect());
        for (target, known) in &self.known {
            let held: usize = known.held.values().map(BTreeMap::len).sum();
            metrics.target(&self.namespace, target, held, known.summary.unmatched, known.summary.drift);
        }
    }
}

fn wrong(problem: &RealmProblem) -> Stand {
    match problem.wrong {
        Wrong::Spec => Stand::stalled("InvalidSpec", told(problem)),
        Wrong::Role => Stand::not("UnknownRole", told(problem)),
        Wrong::Reference => Stand::not("InvalidReference", told(problem)),
    }
}

/// What an answer has done, and what it may still do.
fn answered(decision: Answer, lines: usize, released: usize, held: usize) -> String {
    match decision {
        Answer::Approve => format!("of {lines} changes {released} were released, {held} are still held"),
        Answer::Reject => format!("of {lines} changes {held} are held"),
    }
}
