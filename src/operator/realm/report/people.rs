//! What is said of people, and of those who are gone.

use jiff::Timestamp;
use serde_json::json;

use super::{Stand, fields, told};
use crate::api::target::Mode;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::operator::realm::RealmTask;
use crate::operator::realm::known::{Known, Open};
use crate::operator::scribe::Saying;
use crate::operator::status::{Said, Spoken, Truth};
use crate::plan::decided::PersonDecision;
use crate::realm::object::ResourceKind;

/// How many violations a person shows.
const VIOLATIONS: usize = 50;

impl RealmTask {
    pub(super) fn report_person(&self, person: &PersonId, t: Timestamp) {
        let declared: Vec<ObjectName> = self.realm.declared(person).iter().map(|declared| declared.meta.name.clone()).collect();
        let (ready, of) = self.accounts_of(person);
        let next = self.due.next_of(person).map(|at| at.to_string());
        let accounts = (of > 0).then(|| format!("{ready}/{of}"));
        if declared.is_empty() {
            self.report_departure(person, accounts, next);
            return;
        }
        let decision = self.decided.people.get(person);
        let state = decision.and_then(|decision| decision.standing.as_ref()).and_then(|standing| standing.lifecycle.as_ref());
        let fields = fields([
            ("state", state.map(|lifecycle| json!(lifecycle.state.as_str()))),
            ("accountsReady", accounts.map(|text| json!(text))),
            ("next", next.map(|text| json!(text))),
        ]);
        for name in declared {
            let stand = self.stand_of(person, &name, decision);
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

    fn report_departure(&self, person: &PersonId, accounts: Option<String>, next: Option<String>) {
        let Some(name) = self.store.as_ref().and_then(|store| store.departure_of(person)) else { return };
        // It is spoken of as soon as it is seen.
        let Some(uid) = self.departures.get(&name).cloned() else { return };
        let open = self.known.values().find_map(|known| known.open.get(person));
        let stand = open.map_or_else(Stand::ready, |open| Stand::not(open.reason, open.message.clone()));
        let fields = fields([("accountsReady", accounts.map(|text| json!(text))), ("next", next.map(|text| json!(text)))]);
        if let Some(scribe) = &self.scribe {
            scribe.say((Spoken::Departure, name), Saying { uid, generation: 1, fields, conditions: stand.conditions() });
        }
    }

    /// The targets in which this person has, or should have, an account, and whether that is as it should be.
    pub(super) fn accounts_of(&self, person: &PersonId) -> (usize, usize) {
        let (mut ready, mut of) = (0, 0);
        let decision = self.decided.people.get(person).and_then(|person| person.decision.as_ref().ok());
        for (target, known) in &self.known {
            let Some(look) = self.looks.get(target) else { continue };
            let asked = decision.is_some_and(|decision| decision.accounts.keys().any(|(at, _)| at == target));
            let linked = look.ledger.links_of(person).any(|(_, link)| link.id.is_some());
            if asked || linked {
                of += 1;
                ready += usize::from(trouble(known, person, linked).is_none());
            }
        }
        (ready, of)
    }

    pub(super) fn stand_of(&self, person: &PersonId, name: &ObjectName, decision: Option<&PersonDecision>) -> Stand {
        if let Some(torn) = self.unreadable.get(&(ResourceKind::Person, name.clone())) {
            return Stand::stalled("InvalidSpec", torn.why.clone());
        }
        if let Some(problem) = self.problems_of(ResourceKind::Person, name).find(|problem| problem.freezes) {
            return Stand::stalled("InvalidSpec", told(problem));
        }
        let Some(decision) = decision else { return Stand::not("Progressing", "not decided yet") };
        if let Err(frozen) = &decision.decision {
            let reason = match &*frozen.reason.place {
                place if place.starts_with("RoleBinding/") || place.starts_with("BusinessRole/") => "UnknownRole",
                place if place.starts_with("Person/") => "InvalidSpec",
                _ => "PolicyError",
            };
            return Stand::not(reason, frozen.reason.to_string());
        }
        if decision.standing.as_ref().is_some_and(|standing| standing.paused) {
            return Stand {
                ready: Truth::True,
                reason: "Paused",
                message: "nothing is written for this person".to_owned(),
                stalled: false,
            };
        }
        let asked =
            |target: &TargetName| decision.decision.as_ref().is_ok_and(|decision| decision.accounts.keys().any(|(at, _)| at == target));
        for (target, known) in &self.known {
            if known.spec.suspend || known.spec.mode == Some(Mode::Observe) {
                continue;
            }
            let linked = self.looks.get(target).is_some_and(|look| look.ledger.links_of(person).any(|(_, link)| link.id.is_some()));
            let concerned = linked || asked(target);
            if let Some(open) = trouble(known, person, linked).filter(|_| concerned) {
                let message = format!("{target}: {}", open.message);
                return Stand { stalled: open.stalled, ..Stand::not(open.reason, message) };
            }
        }
        Stand::ready()
    }
}

/// Why a person is not as they should be in a target; nothing: they are, as far as is known.
fn trouble(known: &Known, person: &PersonId, linked: bool) -> Option<Open> {
    let progressing = |message: &str| Some(Open { reason: "Progressing", message: message.to_owned(), stalled: false });
    if let Some(open) = known.open.get(person) {
        return Some(open.clone());
    }
    if known.sending.contains(person) {
        return progressing("changes are being sent");
    }
    match &known.connected {
        // Whoever has an account was as they should be when last seen: the target's trouble stands on the target alone.
        Some(Err(failure)) if !linked => {
            Some(Open { reason: failure.reason(), message: "the target cannot be reached".to_owned(), stalled: false })
        }
        Some(Err(_)) => None,
        Some(Ok(())) | None if known.news.contains(person) || known.looking.contains(person) => progressing("to be looked at"),
        Some(Ok(())) | None if !known.swept && !linked => progressing("not read yet"),
        Some(Ok(())) | None => None,
    }
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
