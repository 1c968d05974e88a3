//! What was recorded and carried out, and what is left of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::after_trouble;
use crate::apply::target::Report;
use crate::connector::Done;
use crate::ledger::StoreError;
use crate::model::change::Change;
use crate::model::failure::Failure;
use crate::model::ids::{PersonId, TargetName};
use crate::model::ledger::Fact;
use crate::operator::realm::RealmTask;
use crate::operator::realm::known::{Open, Stage};

impl RealmTask {
    pub(super) fn recorded(&mut self, target: &TargetName, facts: &[Fact]) {
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

    pub(super) fn carried(&mut self, target: &TargetName, carried: Result<Report, StoreError>, t: Timestamp) {
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
