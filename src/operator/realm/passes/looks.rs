//! What is looked at next, and what comes of it.

use jiff::Timestamp;

use super::requested;
use crate::model::failure::Failure;
use crate::model::ids::TargetName;
use crate::model::observed::{Observed, Scope};
use crate::operator::realm::RealmTask;
use crate::operator::realm::known::Stage;
use crate::operator::worker::Order;
use crate::plan::lookups::questions;
use crate::plan::round::reading;
use crate::plan::vanished::needs_a_listing;

/// More people than this are looked at by a sweep.
const MANY: usize = 500;

impl RealmTask {
    /// Gives every idle worker what is to be done next.
    pub(in crate::operator::realm) fn start_looks(&mut self, t: Timestamp) {
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

    pub(super) fn looked(&mut self, target: &TargetName, looked: Result<Observed, Failure>, t: Timestamp) {
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
                // Whoever waits for it is told what they wait for.
                self.unreported.extend(known.pending.iter().chain(&known.news).cloned());
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
        let listable = known.summary.sweep.is_none_or(|(_, _, complete, _)| complete);
        if let (Scope::People(people), true) = (&scope, listable)
            && needs_a_listing(&look.rules, &observed, &look.ledger, known.summary.shrank, t)
        {
            known.news.append(&mut known.looking);
            known.pending.extend(people.iter().cloned());
            known.renew = true;
            return;
        }
        let reading = reading(&look.rules, &observed, &look.ledger);
        look.observed = Ok(observed);
        let learned = self.realm.learn(target, reading);
        self.dirty.add(&learned.people);
        if self.dirty.everybody || !self.dirty.people.is_empty() || self.compiled.is_none() {
            self.decide(t);
        }
        self.plan(target, &scope, t);
    }
}
