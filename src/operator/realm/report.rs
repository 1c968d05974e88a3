//! What is said of each object: conditions after the kstatus conventions, counts and dates. Said again at any time; written only where
//! it is new.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::RealmTask;
use super::intake::Brief;
use super::known::{Known, Open};
use crate::api::target::Mode;
use crate::apply::target::Report;
use crate::model::change::{Act, ChangeLine};
use crate::model::digest::digest_of_lines;
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::operator::scribe::{Happened, Saying};
use crate::operator::status::{Said, Spoken, Truth};
use crate::plan::decided::PersonDecision;
use crate::realm::index::RealmProblem;
use crate::realm::object::ResourceKind;

/// How many held lines a target shows.
const SAMPLE: usize = 20;

/// How many violations a person shows.
const VIOLATIONS: usize = 50;

/// How long nothing is said after a start, at most.
const HUSH: Duration = Duration::from_secs(20);

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
        } else if self.ready == Truth::False {
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
            self.report_rest();
            self.report_lockouts();
            self.report_realm();
            self.count();
        }
    }

    fn say(&self, kind: ResourceKind, name: &ObjectName, fields: Map<String, Value>, conditions: Vec<Said>) {
        let Some(Brief { uid, generation, .. }) = self.briefs.get(&(kind, name.clone())) else { return };
        if let Some(scribe) = &self.scribe {
            scribe.say((kind.into(), name.clone()), Saying { uid: uid.clone(), generation: *generation, fields, conditions });
        }
    }

    fn report_person(&self, person: &PersonId, t: Timestamp) {
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
    fn said_of(&self, kind: ResourceKind, name: &ObjectName) -> Option<Said> {
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
    fn accounts_of(&self, person: &PersonId) -> (usize, usize) {
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

    fn stand_of(&self, person: &PersonId, name: &ObjectName, decision: Option<&PersonDecision>) -> Stand {
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

    fn problems_of(&self, kind: ResourceKind, name: &ObjectName) -> impl Iterator<Item = &RealmProblem> {
        self.problems.get(&(kind, name.clone())).into_iter().flatten()
    }

    fn report_targets(&self) {
        let briefs: Vec<(ObjectName, Option<String>)> = self
            .briefs
            .iter()
            .filter(|((kind, _), _)| *kind == ResourceKind::TargetSystem)
            .map(|((_, name), brief)| (name.clone(), brief.requested.clone()))
            .collect();
        for (name, requested) in briefs {
            let target = self.known.keys().find(|target| target.as_str() == name.as_str()).cloned();
            let (fields, conditions) = match target.as_ref().and_then(|target| Some((target, self.known.get(target)?))) {
                Some((target, known)) => {
                    // Nobody looks at what is suspended: that is the answer.
                    let handled = if known.spec.suspend { requested.as_deref() } else { known.handled.as_deref() };
                    self.target_status(target, known, handled)
                }
                None => {
                    let torn = self.unreadable.get(&(ResourceKind::TargetSystem, name.clone()));
                    let stand = torn
                        .map_or_else(|| Stand::not("Progressing", "not met yet"), |torn| Stand::stalled("InvalidSpec", torn.why.clone()));
                    (Map::new(), stand.conditions())
                }
            };
            self.say(ResourceKind::TargetSystem, &name, fields, conditions);
        }
    }

    fn target_status(&self, target: &TargetName, known: &Known, handled: Option<&str>) -> (Map<String, Value>, Vec<Said>) {
        let lines: BTreeSet<&ChangeLine> = known.held.values().flat_map(BTreeMap::keys).collect();
        let held: Vec<ChangeLine> = lines.into_iter().cloned().collect();
        let digest = digest_of_lines(&held);
        let linked = self.looks.get(target).map_or(0, |look| look.ledger.links.values().filter(|link| link.id.is_some()).count());
        let summary = &known.summary;
        let sample: Vec<&str> = held.iter().take(SAMPLE).map(ChangeLine::as_str).collect();
        let guard = (!held.is_empty()).then(|| json!({"digest": digest, "sample": sample}));
        let counts =
            json!({"managed": linked, "unmatched": summary.unmatched, "orphaned": summary.orphaned, "protected": summary.protected});
        let pending = known.open.values().filter(|open| open.reason != "Held").count() + known.sending.len();
        let sweep = summary.sweep.map(|(started, finished, complete, read)| {
            json!({"started": started, "finished": finished, "complete": complete, "read": read, "drift": summary.drift})
        });
        let fields = fields([
            ("lastSweep", sweep),
            ("accounts", known.swept.then_some(counts)),
            ("pending", Some(json!(pending))),
            ("held", Some(json!(held.len()))),
            ("guard", guard),
            ("lastHandledReconcileAt", handled.map(|at| json!(at))),
        ]);
        let connected = match &known.connected {
            None => Said::new("Connected", Truth::Unknown, "Progressing", "not asked yet"),
            Some(Ok(())) => Said::new("Connected", Truth::True, "Connected", ""),
            Some(Err(failure)) => Said::new("Connected", Truth::False, failure.reason(), failure.to_string()),
        };
        let is_held = match known.held.values().flat_map(BTreeMap::values).min() {
            None => Said::new("Held", Truth::False, "WithinLimits", ""),
            Some(why) => {
                Said::new("Held", Truth::True, why.as_str(), format!("{} changes wait for an answer: digest {digest}", held.len()))
            }
        };
        let mut conditions = self.target_stand(target, known, held.len()).conditions();
        conditions.extend([connected, is_held, in_sync(known)]);
        (fields, conditions)
    }

    fn target_stand(&self, target: &TargetName, known: &Known, held: usize) -> Stand {
        if known.spec.suspend {
            return Stand { ready: Truth::True, reason: "Suspended", message: "nothing is read or written".to_owned(), stalled: false };
        }
        if let Some(broken) = self.looks.get(target).and_then(|look| look.broken.as_ref()) {
            return Stand::stalled("InvalidSpec", broken.reason.to_string());
        }
        match &known.connected {
            None => return Stand::not("Progressing", "not asked yet"),
            Some(Err(failure @ Failure::Config(_))) => return Stand::stalled("InvalidSpec", failure.to_string()),
            Some(Err(failure)) => return Stand::not(failure.reason(), failure.to_string()),
            Some(Ok(())) => {}
        }
        if let Some(refused) = &known.summary.refused {
            return Stand::stalled("Refused", refused.clone());
        }
        if held > 0 {
            return Stand::not("Held", format!("{held} changes wait for an answer"));
        }
        if !known.swept {
            return Stand::not("Progressing", "not read as a whole yet");
        }
        if let Some((person, open)) = known.open.iter().next() {
            return Stand::not(open.reason, format!("{} people are not as they should be; {person}: {}", known.open.len(), open.message));
        }
        if !known.sending.is_empty() {
            return Stand::not("Progressing", format!("changes of {} people are being sent", known.sending.len()));
        }
        Stand::ready()
    }

    /// Lockouts, and whom each has met.
    pub(super) fn report_lockouts(&self) {
        for (_, name) in self.briefs.keys().filter(|(kind, _)| *kind == ResourceKind::Lockout) {
            let fields = fields([("externalId", self.realm.met(name).map(|person| json!(person)))]);
            self.say(ResourceKind::Lockout, name, fields, self.plain_stand(ResourceKind::Lockout, name).conditions());
        }
    }

    /// Roles, bindings, policies and answers.
    fn report_rest(&self) {
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

    fn plain_stand(&self, kind: ResourceKind, name: &ObjectName) -> Stand {
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

    fn report_realm(&self) {
        let Some((_, name)) = self.briefs.keys().find(|(kind, _)| *kind == ResourceKind::Realm) else { return };
        let mut people: BTreeMap<&str, u32> = BTreeMap::new();
        for decision in self.decided.people.values() {
            let lifecycle = decision.standing.as_ref().and_then(|standing| standing.lifecycle.as_ref());
            *people.entry(lifecycle.map_or("unknown", |lifecycle| lifecycle.state.as_str())).or_default() += 1;
        }
        let held: usize = self.known.values().flat_map(|known| known.held.values()).map(BTreeMap::len).sum();
        let spec_freeze = self.realm.spec().is_some_and(|spec| spec.freeze).then(|| "spec.freeze".to_owned());
        let frozen = spec_freeze.or_else(|| self.decided.frozen.as_ref().map(|frozen| frozen.reason.to_string()));
        let stand = match (&frozen, held) {
            (Some(why), _) => Stand::not("Frozen", why.clone()),
            (None, 0) => Stand::ready(),
            (None, held) => Stand::not("Held", format!("{held} changes wait for an answer")),
        };
        let fields = fields([
            ("people", Some(json!(people))),
            ("held", Some(json!(held))),
            ("frozen", frozen.map(|why| json!(why))),
            ("next", self.next_due().map(|at| json!(at.to_string()))),
        ]);
        self.say(ResourceKind::Realm, name, fields, stand.conditions());
    }

    fn count(&self) {
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

    /// Events on the objects that users wrote.
    pub(super) fn announce(&self, target: &TargetName, report: &Report) {
        let mut told: BTreeMap<(&PersonId, &'static str), Vec<String>> = BTreeMap::new();
        for (change, answer) in &report.answers {
            let (reason, what) = match (answer, change.act()) {
                (Err(failure), act) => ("ChangeFailed", format!("{}: {failure}", act.verb())),
                (Ok(_), Act::Create { name, .. }) => ("AccountCreated", name.clone()),
                (Ok(_), Act::Own) => ("AccountAdopted", String::new()),
                (Ok(_), Act::Enable) => ("AccountEnabled", String::new()),
                (Ok(_), Act::Disable | Act::Withdraw) => ("AccountDisabled", String::new()),
                (Ok(_), Act::Delete) => ("AccountDeleted", String::new()),
                (Ok(_), Act::Grant(key)) => ("EntitlementGranted", key.inside()),
                (Ok(_), Act::Revoke(key)) => ("EntitlementRevoked", key.inside()),
                (Ok(_), Act::Set(..) | Act::Clear(_) | Act::EndSessions | Act::Provide(_)) => continue,
            };
            told.entry((&change.key().person, reason)).or_default().push(what);
        }
        for ((person, reason), what) in told {
            for declared in self.realm.declared(person) {
                let name = &declared.meta.name;
                let Some(brief) = self.briefs.get(&(ResourceKind::Person, name.clone())) else { continue };
                let what: Vec<&str> = what.iter().map(String::as_str).filter(|what| !what.is_empty()).collect();
                let note = if what.is_empty() { target.to_string() } else { format!("{target}: {}", what.join(", ")) };
                if let Some(scribe) = &self.scribe {
                    scribe.happened(Happened {
                        kind: ResourceKind::Person,
                        name: name.clone(),
                        uid: brief.uid.clone(),
                        warning: reason == "ChangeFailed",
                        reason,
                        note,
                    });
                }
            }
        }
    }

    /// An event on a target.
    pub(super) fn announce_target(&self, target: &TargetName, warning: bool, reason: &'static str, note: String) {
        let Ok(name) = ObjectName::parse(target.as_str()) else { return };
        let Some(brief) = self.briefs.get(&(ResourceKind::TargetSystem, name.clone())) else { return };
        if let Some(scribe) = &self.scribe {
            scribe.happened(Happened { kind: ResourceKind::TargetSystem, name, uid: brief.uid.clone(), warning, reason, note });
        }
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

fn in_sync(known: &Known) -> Said {
    let summary = &known.summary;
    let observe = known.spec.mode == Some(Mode::Observe);
    let complete = summary.sweep.is_some_and(|(_, _, complete, _)| complete);
    let differs = known.open.len() + usize::try_from(summary.out_of_scope).unwrap_or(usize::MAX) + known.sending.len();
    match (known.swept, complete) {
        (false, _) => Said::new("InSync", Truth::Unknown, "Progressing", "not read as a whole yet"),
        (true, false) => Said::new("InSync", Truth::Unknown, "SweepIncomplete", "the last sweep did not read everything"),
        (true, true) if observe => Said::new("InSync", Truth::Unknown, "ObserveOnly", "nothing is written here"),
        (true, true) if differs > 0 => Said::new("InSync", Truth::False, "Drifted", format!("{differs} people or accounts differ")),
        (true, true) => Said::new("InSync", Truth::True, "InSync", ""),
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

fn told(problem: &RealmProblem) -> String {
    format!("{} ({})", problem.message, problem.hint)
}

fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
