//! What is said of the Realm, and of roles, bindings, policies, answers and Lockouts.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::{Stand, fields, told};
use crate::model::ids::ObjectName;
use crate::operator::realm::RealmTask;
use crate::operator::status::{Said, Truth};
use crate::realm::object::ResourceKind;

impl RealmTask {
    /// Lockouts, and whom each has met.
    pub(in crate::operator::realm) fn report_lockouts(&self) {
        for (_, name) in self.briefs.keys().filter(|(kind, _)| *kind == ResourceKind::Lockout) {
            let fields = fields([("externalId", self.realm.met(name).map(|person| json!(person)))]);
            self.say(ResourceKind::Lockout, name, fields, self.plain_stand(ResourceKind::Lockout, name).conditions());
        }
    }

    /// Roles, bindings, policies and answers.
    pub(super) fn report_rest(&self) {
        for (kind, name) in self.briefs.keys() {
            let stand = match kind {
                ResourceKind::Policy => self.policy_stand(name),
                ResourceKind::BusinessRole | ResourceKind::RoleBinding | ResourceKind::Approval => self.plain_stand(*kind, name),
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
        match self.problems_of(kind, name).next() {
            None => Stand::ready(),
            // It is never edited: only another one helps.
            Some(problem) if kind == ResourceKind::Approval && problem.message.contains("digest") => {
                Stand::stalled("InvalidSpec", told(problem))
            }
            // What is named may still come: no edit of this object is needed for that.
            Some(problem) => Stand::not(if problem.message.contains("role") { "UnknownRole" } else { "InvalidReference" }, told(problem)),
        }
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
        if let Some(torn) = self.unreadable.get(&(ResourceKind::Realm, name.clone())) {
            return Stand::stalled("InvalidSpec", torn.why.clone());
        }
        let problem = self.problems_of(ResourceKind::Realm, name).find(|problem| problem.freezes);
        problem.map_or_else(Stand::ready, |problem| Stand::stalled("SecondRealm", told(problem)))
    }

    pub(super) fn report_realm(&self) {
        let others = self.briefs.keys().filter(|(kind, name)| *kind == ResourceKind::Realm && self.counting.as_ref() != Some(name));
        for (kind, name) in others {
            self.say(*kind, name, Map::new(), self.realm_stand(name).conditions());
        }
        let Some(name) = &self.counting else { return };
        let mut people: BTreeMap<&str, u32> = BTreeMap::new();
        for decision in self.decided.people.values() {
            let lifecycle = decision.standing.as_ref().and_then(|standing| standing.lifecycle.as_ref());
            *people.entry(lifecycle.map_or("unknown", |lifecycle| lifecycle.state.as_str())).or_default() += 1;
        }
        let held: usize = self.known.values().flat_map(|known| known.held.values()).map(BTreeMap::len).sum();
        let spec_freeze = self.realm.spec().is_some_and(|spec| spec.freeze).then(|| "spec.freeze".to_owned());
        let frozen = spec_freeze.or_else(|| self.decided.frozen.as_ref().map(|frozen| frozen.reason.to_string()));
        let stand = match (&frozen, held) {
            (_, _) if self.realm_stand(name).stalled => self.realm_stand(name),
            (Some(why), _) => Stand::not("Frozen", why.clone()),
            (None, 0) => Stand::ready(),
            (None, held) => Stand::not("Held", format!("{held} changes wait for an answer")),
        };
        let fields = fields([
            ("id", Some(json!(self.realm.id().as_str()))),
            ("people", Some(json!(people))),
            ("held", Some(json!(held))),
            ("frozen", frozen.map(|why| json!(why))),
            ("next", self.next_due().map(|at| json!(at.to_string()))),
        ]);
        self.say(ResourceKind::Realm, name, fields, stand.conditions());
    }

    pub(super) fn count(&self) {
        let metrics = &self.context.metrics;
        let mut people: BTreeMap<&'static str, i64> = BTreeMap::new();
        for decision in self.decided.people.values() {
            let lifecycle = decision.standing.as_ref().and_then(|standing| standing.lifecycle.as_ref());
            *people.entry(lifecycle.map_or("unknown", |lifecycle| lifecycle.state.as_str())).or_default() += 1;
        }
        metrics.people(&self.namespace, &people);
        for (target, known) in &self.known {
            let held: usize = known.held.values().map(BTreeMap::len).sum();
            metrics.target(&self.namespace, target, held, known.summary.unmatched, known.summary.drift);
        }
    }
}
