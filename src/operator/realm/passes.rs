//! A look, a plan, and what is done about it: a sweep and a look at some people take the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::RealmTask;
use super::intake::Brief;
use super::known::{Open, Stage, Summary};
use super::shown::shown;
use crate::apply::target::Report;
use crate::connector::Done;
use crate::ledger::StoreError;
use crate::model::change::Change;
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::model::ledger::Fact;
use crate::model::observed::{Observed, Scope};
use crate::operator::clock::now;
use crate::operator::worker::{Answer, Errand, Order};
use crate::plan::desired::Desired;
use crate::plan::finding::{Finding, FindingKind, Subject};
use crate::plan::guard::{Fate, GuardedPlan};
use crate::plan::lookups::questions;
use crate::plan::round::{Rest, next_due_here, plan_looks, reading};
use crate::realm::object::ResourceKind;

/// How often a target is swept, where its manifest does not say.
const SWEEP: SignedDuration = SignedDuration::from_hours(1);

/// More people than this are looked at by a sweep.
const MANY: usize = 500;

/// How long somebody in trouble waits at first, and at most, in seconds.
const TROUBLE: (i64, i64) = (15, 900);

impl RealmTask {
    /// Gives every idle worker what is to be done next.
    pub(super) fn start_looks(&mut self, t: Timestamp) {
        if self.compiled.is_none() {
            return;
        }
        let names: Vec<TargetName> = self.known.keys().cloned().collect();
        for name in names {
            self.start_look(&name, t);
        }
    }

    fn start_look(&mut self, name: &TargetName, t: Timestamp) {
        let (Some(known), Some(look)) = (self.known.get_mut(name), self.looks.get(name)) else { return };
        if !known.may_try() || !matches!(known.stage, Stage::Idle | Stage::Closed) {
            return;
        }
        if !known.notes.is_empty() {
            // For this the target need not be open.
            known.reopen |= known.stage == Stage::Closed;
            known.stage = Stage::Carrying;
            known.noting = known.notes.len();
            known.give(Order::Record(known.notes.clone()));
        } else if known.spec.suspend {
            // Neither read nor written.
        } else if known.stage == Stage::Closed || known.reopen {
            known.reopen = false;
            known.stage = Stage::Opening;
            known.give(Order::Open(Box::new(known.spec.clone())));
        } else if known.urgent.is_empty() && (known.renew || known.sweep_at <= t || known.wants_all(MANY)) {
            known.renew = false;
            known.pending.clear();
            known.answering = requested(&self.briefs, name);
            known.begin(Scope::Whole);
            known.give(Order::Look { questions: None, rules: Box::new(look.rules.clone()), began: t });
        } else if !known.pending.is_empty() || !known.urgent.is_empty() {
            // Whoever must be out goes before everybody else.
            let urgent = std::mem::take(&mut known.urgent);
            let people = if urgent.is_empty() { known.some_pending(MANY) } else { urgent };
            known.pending.retain(|person| !people.contains(person));
            let desired = self.decided.desired(&self.realm, name, &look.ledger, t);
            let asked = questions(&look.rules, &desired, &look.ledger, &people);
            known.begin(Scope::People(people));
            known.give(Order::Look { questions: Some(asked), rules: Box::new(look.rules.clone()), began: t });
        }
    }

    pub(super) fn take_answer(&mut self, target: &TargetName, answer: Answer) {
        match answer {
            Answer::Opened(opened) => self.opened(target, opened),
            Answer::Looked(_) if self.closing => {}
            Answer::Looked(looked) => tokio::task::block_in_place(|| self.looked(target, looked, now())),
            Answer::Recorded(facts) => self.recorded(target, &facts),
            Answer::Noted(noted) => {
                if let Some(known) = self.known.get_mut(target) {
                    known.stage = Stage::Idle;
                    match noted {
                        // What was noted meanwhile is still to be recorded.
                        Ok(()) => drop(known.notes.drain(..known.noting.min(known.notes.len()))),
                        Err(error @ StoreError::Conflict(_)) => self.fenced = Some(error),
                        Err(error) => known.failed(Failure::Retry { after: None, why: error.to_string() }),
                    }
                }
            }
            Answer::Carried(carried) => self.carried(target, carried, now()),
            Answer::Ended => {
                // It may be declared again by now.
                if self.ending.remove(target) {
                    self.dirty.moved();
                }
            }
        }
    }

    fn looked(&mut self, target: &TargetName, looked: Result<Observed, Failure>, t: Timestamp) {
        let (Some(known), Some(look)) = (self.known.get_mut(target), self.looks.get_mut(target)) else { return };
        self.objects_unreported = true;
        let Stage::Looking(scope) = known.stage.clone() else { return };
        known.stage = Stage::Idle;
        if scope == Scope::Whole {
            known.handled = known.answering.take();
        }
        let observed = match looked {
            Ok(observed) => observed,
            Err(failure) => {
                self.context.metrics.target_up(&self.namespace, target, false);
                known.news.append(&mut known.looking);
                match scope {
                    Scope::Whole => known.renew = true,
                    Scope::People(people) => known.pending.extend(people),
                }
                let news = !matches!(known.connected, Some(Err(_)));
                let note = failure.to_string();
                // Whether it was closed or broke off: it is opened anew before it is asked again.
                known.reopen = true;
                known.failed(failure);
                if news {
                    self.announce_target(target, true, "TargetUnavailable", note);
                }
                return;
            }
        };
        self.context.metrics.target_up(&self.namespace, target, true);
        known.works();
        let reading = reading(&look.rules, &observed, &look.ledger);
        look.observed = Ok(observed);
        let learned = self.realm.learn(target, reading);
        self.dirty.add(&learned.people);
        if self.dirty.everybody || !self.dirty.people.is_empty() || self.compiled.is_none() {
            self.decide(t);
        }
        self.plan(target, &scope, t);
    }

    fn plan(&mut self, target: &TargetName, scope: &Scope, t: Timestamp) {
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
            known.held.remove(person);
        }
        for finding in &plan.plan().findings {
            let Subject::Account(key) = &finding.subject else { continue };
            if let Some(open) = open_of(finding) {
                known.open.entry(key.person.clone()).or_insert(open);
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
                    known.held.entry(person.clone()).or_default().insert(item.change.line(), hold.into());
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
    fn set_due(&mut self, target: &TargetName, people: &BTreeSet<PersonId>, desired: &Desired, t: Timestamp) {
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

    fn recorded(&mut self, target: &TargetName, facts: &[Fact]) {
        let Some(ledger) = self.looks.get_mut(target).map(|look| &mut look.ledger).or_else(|| self.others.get_mut(target)) else { return };
        let mut unlinked = BTreeSet::new();
        for fact in facts {
            ledger.record(fact);
            match fact {
                Fact::Unlinked(key) => {
                    unlinked.insert(key.person.clone());
                    self.unreported.insert(key.person.clone());
                }
                Fact::Linked(key, _) => {
                    self.unreported.insert(key.person.clone());
                }
                Fact::Intended(_) | Fact::Window(_) | Fact::Scope(_) | Fact::Released(..) | Fact::HadPolicy | Fact::Met(_) | Fact::Done => {
                }
            }
        }
        let gone: Vec<&PersonId> = unlinked.iter().filter(|person| !ledger.knows(person) && !self.realm.is_declared(person)).collect();
        for person in gone {
            // No look shows them any more.
            self.due.set((person.clone(), Some(target.clone())), None);
            self.settling.forget(target, |of| of == person);
            if let Some(known) = self.known.get_mut(target) {
                known.forget(person);
            }
        }
        let over = unlinked.into_iter().filter(|person| !self.is_remembered(person)).collect();
        self.finish_departures(over);
        self.objects_unreported = true;
    }

    fn carried(&mut self, target: &TargetName, carried: Result<Report, StoreError>, t: Timestamp) {
        let Some(known) = self.known.get_mut(target) else { return };
        known.stage = Stage::Idle;
        let sent = std::mem::take(&mut known.sending);
        let desired = known.desired.take();
        self.unreported.extend(sent.iter().cloned());
        self.objects_unreported = true;
        let report = match carried {
            Ok(report) => report,
            Err(error @ StoreError::Conflict(_)) => {
                self.fenced = Some(error);
                return;
            }
            Err(error) => {
                tracing::warn!(target_system = %target, %error, "the ledger could not be written");
                // What was about to be sent may have been: everything is looked at again.
                known.renew = true;
                known.reopen = true;
                known.failed(Failure::Retry { after: None, why: format!("the ledger could not be written: {error}") });
                return;
            }
        };
        known.backoff.reset();
        let mut failed: BTreeMap<&PersonId, (&Change, &Failure)> = BTreeMap::new();
        let mut done: BTreeSet<&PersonId> = BTreeSet::new();
        for (change, answer) in &report.answers {
            self.context.metrics.change(&self.namespace, target, change, answer.as_ref());
            match answer {
                Ok(Done { .. }) => {
                    self.settling.done(&change.line());
                    done.insert(&change.key().person);
                }
                Err(failure) => {
                    failed.entry(&change.key().person).or_insert((change, failure));
                }
            }
        }
        for person in done.iter().filter(|person| !failed.contains_key(**person)) {
            known.trouble.remove(*person);
            known.left.remove(*person);
        }
        for (person, (change, failure)) in &failed {
            let tries = known.trouble.entry((*person).clone()).or_default();
            *tries = tries.saturating_add(1);
            let at = t.checked_add(after_trouble(*tries)).unwrap_or(t);
            self.due.by(((*person).clone(), Some(target.clone())), at);
            let message = format!("{}: {failure}", change.act().verb());
            known.open.insert((*person).clone(), Open { reason: failure.reason(), message, stalled: false });
        }
        for (change, why) in &report.left {
            let person = &change.key().person;
            if !failed.contains_key(person) {
                known.open.entry(person.clone()).or_insert(Open { reason: "Progressing", message: why.clone(), stalled: false });
                // Soon; later each time, where it is put off again and again.
                let tries = known.left.entry(person.clone()).or_default();
                *tries = tries.saturating_add(1);
                let wait = SignedDuration::from_secs(1_i64 << tries.saturating_sub(1).min(6));
                self.due.by((person.clone(), Some(target.clone())), t.checked_add(wait).unwrap_or(t));
            }
        }
        if let Some((desired, people)) = desired {
            self.set_due(target, &people, &desired, t);
        }
        self.announce(target, &report);
    }
}

/// The annotation by which somebody asks for another look at a target.
pub(super) fn requested(briefs: &BTreeMap<(ResourceKind, ObjectName), Brief>, target: &TargetName) -> Option<String> {
    let name = ObjectName::parse(target.as_str()).ok()?;
    briefs.get(&(ResourceKind::TargetSystem, name))?.requested.clone()
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
        | FindingKind::Normalised => return None,
    };
    Some(Open { reason, message: finding.message.clone(), stalled })
}

/// Twice as long each time.
fn after_trouble(tries: u32) -> SignedDuration {
    let (first, most) = TROUBLE;
    SignedDuration::from_secs(first.saturating_mul(1_i64 << tries.saturating_sub(1).min(10)).min(most))
}
