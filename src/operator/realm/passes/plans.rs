//! What a plan means: who is not as they should be, what comes when, how the target stands; then it is given to the worker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::after_trouble;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::model::observed::{Observed, Scope};
use crate::operator::realm::RealmTask;
use crate::operator::realm::known::{Open, Stage, Summary};
use crate::operator::realm::shown::shown;
use crate::operator::worker::{Errand, Order};
use crate::plan::desired::Desired;
use crate::plan::finding::{Finding, FindingKind, Subject};
use crate::plan::guard::{Fate, GuardedPlan};
use crate::plan::round::{Rest, next_due_here, plan_looks};
use crate::realm::object::ResourceKind;

/// How often a target is swept, where its manifest does not say.
const SWEEP: SignedDuration = SignedDuration::from_hours(1);

impl RealmTask {
    pub(super) fn plan(&mut self, target: &TargetName, scope: &Scope, t: Timestamp) {
        let Some(look) = self.looks.get(target) else { return };
        let rest = Rest {
            settling: Some(&self.settling),
            clean: self.known.iter().filter(|(_, known)| known.clean).map(|(name, _)| name.clone()).collect(),
            ledgers: self.ledgers().collect(),
        };
        let Some(planned) = plan_looks(&self.realm, &self.decided, [(target, look)], &rest, t).remove(target) else { return };
        let desired = Arc::new(planned.desired);
        let plan = planned.plan;
        let people: BTreeSet<PersonId> = match scope {
            Scope::Whole => desired.people.keys().chain(look.ledger.links.keys().map(|key| &key.person)).cloned().collect(),
            Scope::People(people) => people.clone(),
        };
        let shown = match &look.observed {
            Ok(observed) => shown(&people, &desired, &look.rules, &look.ledger, observed, &plan, t),
            Err(_) => BTreeMap::new(),
        };
        let rules = look.rules.clone();
        self.settling.note(scope, &plan, t);
        self.note_open(target, &people, &plan, t);
        self.set_due(target, &people, &desired, t);
        self.summarize(target, scope, &plan, t);
        self.ask_for_the_unread(target, scope, &people);
        let declared = self.generations(&plan);
        let held = plan.held().count();
        let (sent, waiting) = (plan.sent().count(), plan.items().iter().filter(|item| item.fate == Fate::Waits).count());
        match scope {
            Scope::Whole => {
                tracing::debug!(namespace = %self.namespace, target_system = %target, sent, waiting, held, "a sweep is planned")
            }
            Scope::People(people) => {
                tracing::debug!(namespace = %self.namespace, target_system = %target, people = people.len(), sent, waiting, held, "a look is planned");
            }
        }
        if held > 0 && self.known.get(target).is_some_and(|known| known.told_held != held) {
            self.announce_target(target, true, "ChangesHeld", format!("{held} changes wait for an answer"));
        }
        let Some(known) = self.known.get_mut(target) else { return };
        known.looking.clear();
        if *scope == Scope::Whole {
            known.told_held = held;
        }
        known.sending = plan.sent().map(|change| change.key().person.clone()).collect();
        known.desired = Some((Arc::clone(&desired), people.clone()));
        known.stage = Stage::Carrying;
        known.give(Order::Carry(Box::new(Errand { plan, desired, rules, t, declared, shown })));
        self.unreported.extend(people);
    }

    /// Who is not as they should be, as far as it is known before anything is sent.
    fn note_open(&mut self, target: &TargetName, people: &BTreeSet<PersonId>, plan: &GuardedPlan, t: Timestamp) {
        let Some(known) = self.known.get_mut(target) else { return };
        for person in people {
            known.open.remove(person);
            known.stopped.remove(person);
            known.held.remove(person);
        }
        for finding in &plan.plan().findings {
            let Subject::Account(key) = &finding.subject else { continue };
            if let Some(open) = open_of(finding) {
                known.open.entry(key.person.clone()).or_insert(open);
            }
            if let Some(stopped) = stopped_by(finding) {
                known.stopped.entry(key.person.clone()).or_insert(stopped);
            }
            if finding.kind == FindingKind::Waiting {
                let tries = known.trouble.entry(key.person.clone()).or_default();
                *tries = tries.saturating_add(1);
                let wait = after_trouble(*tries);
                self.due.by((key.person.clone(), Some(target.clone())), t.checked_add(wait).unwrap_or(t));
            }
        }
        for item in plan.items_and_to_come() {
            let person = &item.change.key().person;
            let open = match &item.fate {
                Fate::Held(hold) => {
                    known.held.entry(person.clone()).or_default().insert(item.change.line(), (hold.into(), hold.over()));
                    if item.comes.is_some() {
                        // As yet they are as they should be.
                        continue;
                    }
                    Open { reason: "Held", message: format!("{} is held: {hold}", item.change.line()), stalled: false }
                }
                Fate::Waits => {
                    let at = self.settling.sent_from(&item.change.line(), t);
                    self.due.by((person.clone(), Some(target.clone())), at);
                    Open {
                        reason: "Progressing",
                        message: format!("{} goes out at {at} if it is still wanted", item.change.line()),
                        stalled: false,
                    }
                }
                Fate::Frozen => Open { reason: "Frozen", message: "the Realm says freeze".to_owned(), stalled: false },
                Fate::Send(_) | Fate::Observed => continue,
            };
            known.open.entry(person.clone()).or_insert(open);
        }
    }

    /// When anything of these people comes by itself here.
    pub(super) fn set_due(&mut self, target: &TargetName, people: &BTreeSet<PersonId>, desired: &Desired, t: Timestamp) {
        let Some(look) = self.looks.get(target) else { return };
        for person in people {
            if let Some(at) = next_due_here(person, desired, &look.rules, &look.ledger, t) {
                self.due.by((person.clone(), Some(target.clone())), at);
            }
        }
    }

    fn summarize(&mut self, target: &TargetName, scope: &Scope, plan: &GuardedPlan, t: Timestamp) {
        let Some(known) = self.known.get_mut(target) else { return };
        if *scope != Scope::Whole {
            return;
        }
        let of_target = |finding: &&Finding| matches!(&finding.subject, Subject::Target(_)) && finding.kind == FindingKind::Refused;
        let refused = plan.plan().findings.iter().find(of_target).map(|finding| finding.message.clone());
        let count = |kind: FindingKind| {
            u32::try_from(plan.plan().findings.iter().filter(|finding| finding.kind == kind).count()).unwrap_or(u32::MAX)
        };
        let complete = plan.plan().extent.is_complete();
        let drifted: BTreeSet<_> = plan
            .items()
            .iter()
            .filter(|item| item.change.cause() == crate::model::change::Cause::Drift)
            .map(|item| item.change.key())
            .collect();
        let began = self.looks.get(target).and_then(|look| look.observed.as_ref().ok()).map_or(t, Observed::began);
        known.summary = Summary {
            sweep: Some((began, t, complete, plan.plan().listed.unwrap_or_default())),
            unmatched: count(FindingKind::Unmatched),
            orphaned: count(FindingKind::Orphan),
            protected: count(FindingKind::Protected),
            drift: u32::try_from(drifted.len()).unwrap_or(u32::MAX),
            out_of_scope: count(FindingKind::OutOfScope),
            // A listing that ended early takes nothing of it back.
            shrank: if complete { plan.is_listing_held() } else { known.summary.shrank },
            refused,
        };
        known.clean = plan.plan().unmatched == Some(0);
        known.swept = true;
        let interval = known.spec.sweep_interval.map_or(SWEEP, |span| span.length());
        known.sweep_at = t.checked_add(interval).unwrap_or(t);
    }

    /// Whoever a listing that ended early did not show is asked for one by one.
    fn ask_for_the_unread(&mut self, target: &TargetName, scope: &Scope, people: &BTreeSet<PersonId>) {
        let (Some(known), Some(look)) = (self.known.get_mut(target), self.looks.get(target)) else { return };
        let Ok(observed) = &look.observed else { return };
        if *scope != Scope::Whole || observed.extent().is_complete() {
            return;
        }
        let read = |person: &PersonId| {
            let ids: Vec<_> = look.ledger.links_of(person).filter_map(|(_, link)| link.id.as_ref()).collect();
            !ids.is_empty() && ids.iter().all(|id| observed.account(id).is_some())
        };
        known.pending.extend(people.iter().filter(|person| !read(person)).cloned());
    }

    /// The Person objects behind the removals of a plan, with the generations that were read.
    fn generations(&self, plan: &GuardedPlan) -> BTreeMap<PersonId, Vec<(ObjectName, i64)>> {
        let people: BTreeSet<&PersonId> = plan.sent().filter(|change| change.act().removes()).map(|change| &change.key().person).collect();
        let brief =
            |name: &ObjectName| self.briefs.get(&(ResourceKind::Person, name.clone())).map(|brief| (name.clone(), brief.generation));
        let objects = |person: &PersonId| self.realm.declared(person).iter().filter_map(|declared| brief(&declared.meta.name)).collect();
        people.into_iter().map(|person| (person.clone(), objects(person))).collect()
    }
}

/// What a finding means for its person.
fn open_of(finding: &Finding) -> Option<Open> {
    let (reason, stalled) = match finding.kind {
        FindingKind::Ambiguous | FindingKind::NotAdopted => ("AccountConflict", true),
        FindingKind::Incomplete => ("Incomplete", false),
        FindingKind::Waiting => ("Progressing", false),
        FindingKind::Refused => ("InvalidSpec", false),
        FindingKind::Frozen => ("Frozen", false),
        FindingKind::Unclaimed
        | FindingKind::CannotRevoke
        | FindingKind::Grace
        | FindingKind::Orphan
        | FindingKind::Duplicate
        | FindingKind::Unmatched
        | FindingKind::DisabledElsewhere
        | FindingKind::CannotDisable
        | FindingKind::Protected
        | FindingKind::NotShut
        | FindingKind::OutOfScope
        | FindingKind::Normalised
        | FindingKind::LedgerLost => return None,
    };
    Some(Open { reason, message: finding.message.clone(), stalled })
}

/// What a finding stops, where its person must be out: as yet nobody needs to know.
fn stopped_by(finding: &Finding) -> Option<Open> {
    let stops = [(FindingKind::Protected, "Protected"), (FindingKind::CannotDisable, "CannotDisable")];
    let (_, reason) = stops.into_iter().find(|(kind, _)| *kind == finding.kind)?;
    Some(Open { reason, message: finding.message.clone(), stalled: false })
}
