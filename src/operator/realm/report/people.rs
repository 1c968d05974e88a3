//! What is said of people, and of those who are gone.

use jiff::Timestamp;
use serde_json::json;

use super::places::Place;
use super::{Stand, fields, told};
use crate::model::ids::{ObjectName, PersonId};
use crate::operator::realm::RealmTask;
use crate::operator::scribe::Saying;
use crate::operator::status::{Said, Spoken, Truth};
use crate::plan::decided::PersonDecision;
use crate::realm::index::Wrong;
use crate::realm::object::ResourceKind;

/// How many violations a person shows.
const VIOLATIONS: usize = 50;

impl RealmTask {
    pub(super) fn report_person(&self, person: &PersonId, t: Timestamp) {
        let declared: Vec<ObjectName> = self.realm.declared(person).iter().map(|declared| declared.meta.name.clone()).collect();
        let places = self.places_of(person, t);
        let accounts: Vec<bool> = places.iter().filter(|place| place.counts()).map(|place| place.trouble.is_none()).collect();
        let accounts = format!("{}/{}", accounts.iter().filter(|ready| **ready).count(), accounts.len());
        let next = self.due.next_of(person).map(|at| at.to_string());
        if declared.is_empty() {
            self.report_departure(person, &places, &accounts, next);
            return;
        }
        let decision = self.decided.people.get(person);
        let state = decision.and_then(|decision| decision.standing.as_ref()).and_then(|standing| standing.lifecycle.as_ref());
        let fields = fields([
            ("state", state.map(|lifecycle| json!(lifecycle.state.as_str()))),
            ("accountsReady", Some(json!(accounts))),
            ("next", next.map(|text| json!(text))),
        ]);
        for name in declared {
            let stand = self.stand_of(&places, &name, decision);
            let mut conditions = stand.conditions();
            conditions.extend(compliant(decision, t));
            conditions.extend(self.said_of(ResourceKind::Person, &name));
            self.say(ResourceKind::Person, &name, fields.clone(), conditions);
        }
    }

    /// What is wrong with a person's object and yet freezes nothing.
    pub(super) fn said_of(&self, kind: ResourceKind, name: &ObjectName) -> Option<Said> {
        let notes: Vec<String> = self.problems_of(kind, name).filter(|problem| !problem.freezes).map(told).collect();
        (!notes.is_empty()).then(|| Said::new("Noted", Truth::True, "SpecProblem", notes.join("; ")))
    }

    fn report_departure(&self, person: &PersonId, places: &[Place<'_>], accounts: &str, next: Option<String>) {
        let Some(name) = self.store.as_ref().and_then(|store| store.departure_of(person)) else { return };
        // It is spoken of as soon as it is seen.
        let Some(uid) = self.departures.get(&name).cloned() else { return };
        let stand = stand_in(places).unwrap_or_else(Stand::ready);
        let fields = fields([("accountsReady", Some(json!(accounts))), ("next", next.map(|text| json!(text)))]);
        if let Some(scribe) = &self.scribe {
            scribe.say((Spoken::Departure, name), Saying { uid, generation: 1, fields, conditions: stand.conditions() });
        }
    }

    fn stand_of(&self, places: &[Place<'_>], name: &ObjectName, decision: Option<&PersonDecision>) -> Stand {
        if let Some(torn) = self.unreadable.get(&(ResourceKind::Person, name.clone())) {
            return Stand::stalled("InvalidSpec", torn.why.clone());
        }
        if let Some(problem) = self.problems_of(ResourceKind::Person, name).find(|problem| problem.freezes) {
            return Stand::stalled("InvalidSpec", told(problem));
        }
        let Some(decision) = decision else { return Stand::not("Progressing", "not decided yet") };
        if let Err(frozen) = &decision.decision {
            let reason = match &*frozen.reason.place {
                place if place.starts_with("RoleBinding/") || place.starts_with("BusinessRole/") => self.role_trouble(place),
                place if place.starts_with("Person/") => "InvalidSpec",
                _ => "PolicyError",
            };
            return Stand::not(reason, frozen.reason.to_string());
        }
        if let Some(stand) = stand_in(places) {
            return stand;
        }
        if decision.standing.as_ref().is_some_and(|standing| standing.paused) {
            return Stand { reason: "Paused", message: "nothing is written for this person".to_owned(), ..Stand::ready() };
        }
        Stand::ready()
    }

    /// What is wrong with a binding, or a role, that freezes people.
    fn role_trouble(&self, place: &str) -> &'static str {
        let unknown = self.problems.iter().any(|((kind, name), problems)| {
            *place == format!("{kind}/{name}") && problems.iter().any(|problem| problem.wrong == Wrong::Role)
        });
        if unknown { "UnknownRole" } else { "InvalidRole" }
    }
}

/// The first trouble of all; what is only observed or left alone never counts.
fn stand_in(places: &[Place<'_>]) -> Option<Stand> {
    let place = places.iter().filter(|place| !place.is_left_alone()).find(|place| place.trouble.is_some())?;
    let open = place.trouble.as_ref()?;
    Some(Stand { stalled: open.stalled, ..Stand::not(open.reason, format!("{}: {}", place.target, open.message)) })
}

fn compliant(decision: Option<&PersonDecision>, t: Timestamp) -> Option<Said> {
    let decision = decision?.decision.as_ref().ok()?;
    let open: Vec<_> = decision.violations.iter().filter(|violation| !violation.is_waived_at(t)).collect();
    if !open.is_empty() {
        let mut rules: Vec<String> =
            open.iter().take(VIOLATIONS).map(|violation| format!("{}: {}", violation.rule, violation.message)).collect();
        if open.len() > VIOLATIONS {
            rules.push(format!("{} in all", open.len()));
        }
        return Some(Said::new("Compliant", Truth::False, "Violations", rules.join("; ")));
    }
    if decision.violations.is_empty() {
        return Some(Said::new("Compliant", Truth::True, "NoViolations", ""));
    }
    let waived = decision.violations.iter().take(VIOLATIONS).filter_map(|violation| Some((&violation.rule, violation.waived.as_ref()?)));
    let waived: Vec<String> = waived.map(|(rule, waiver)| format!("{rule}: {waiver}")).collect();
    Some(Said::new("Compliant", Truth::True, "Waived", waived.join("; ")))
}
