//! Whoever is touched is decided again; where that changes anything, their accounts are to be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::RealmTask;
use super::known::{Known, Stage};
use super::passes::requested;
use crate::api::target::TargetSystemSpec;
use crate::apply::run::{broken, compile_with, hide, rules_of};
use crate::model::change::LifecycleState;
use crate::model::failure::Failure;
use crate::model::ids::{PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger};
use crate::model::schema::Schema;
use crate::operator::clearance::Touched;
use crate::operator::due::Due;
use crate::operator::vault::NamespaceVault;
use crate::operator::worker::{Surroundings, work};
use crate::plan::decided::{PersonDecision, decide_again};
use crate::plan::round::Look;
use crate::plan::rules::TargetRules;
use crate::plan::sweep::Judging;
use crate::policy::{Compiled, PolicyError};
use crate::realm::index::Realm;
use crate::realm::input::Frozen;
use crate::realm::object::ResourceKind;

/// How many orders may wait for a worker; one at a time is given.
const ORDERS: usize = 4;

impl RealmTask {
    /// Decides for everybody who is touched, and says where they are to be looked at.
    pub(super) fn decide(&mut self, t: Timestamp) {
        self.take_over(t);
        self.set_over(t);
        let moved = self.dirty.since.take().is_some();
        self.settling.settle = self.settle();
        self.meet_targets(t);
        self.meet_lockouts();
        if self.compiled.is_none() {
            self.compile();
            self.dirty.everybody = true;
        }
        let people: BTreeSet<PersonId> = if std::mem::take(&mut self.dirty.everybody) {
            let touched = std::mem::take(&mut self.dirty.people);
            self.realm.people().into_iter().chain(self.decided.people.keys().cloned()).chain(touched).collect()
        } else {
            std::mem::take(&mut self.dirty.people)
        };
        let asked_for = std::mem::take(&mut self.asked_for);
        let rules: BTreeMap<TargetName, TargetRules> = self.looks.iter().map(|(name, look)| (name.clone(), look.rules.clone())).collect();
        let ledgers: Vec<&Ledger> = self.ledgers().collect();
        let broken = self.compiled.as_ref().map_or_else(|| Frozen::new("the policies are not compiled yet", ""), broken);
        let compiled = self.compiled.as_ref().and_then(|compiled| compiled.as_ref().ok()).ok_or(&broken);
        let mut decided = decide_again(&self.realm, compiled, &rules, &ledgers, &people, &self.decided, t);
        let thawed = self.decided.frozen != decided.frozen;
        self.decided.frozen = decided.frozen.take();
        for person in people {
            let (old, new) = (self.decided.people.remove(&person), decided.people.remove(&person));
            let unlocked = || self.realm.lockouts_of(&person, t).iter().filter_map(|lockout| lockout.until).min();
            let due = new.as_ref().map_or_else(unlocked, |new| new.due);
            self.due.set((person.clone(), None), due);
            self.unreported.insert(person.clone());
            // What is to become of somebody whom nobody declares is not decided: only a look tells.
            let news = match (&old, &new) {
                (Some(old), Some(new)) => !new.asks_the_same(old),
                (None, None) => false,
                (Some(_), None) | (None, Some(_)) => true,
            };
            if news || thawed || new.is_none() || asked_for.contains(&person) {
                self.look_at(&person, old.as_ref(), new.as_ref(), news, t);
            }
            self.decided.people.extend(new.map(|new| (person, new)));
        }
        // What could not be judged before, and can be now, shows in no decision.
        let judged = Judging::of(&self.realm, &self.ledgers().collect::<Vec<_>>(), t);
        let before = std::mem::replace(&mut self.judged, judged);
        if judged.gains_on(before) {
            self.known.values_mut().for_each(|known| known.renew = true);
        }
        if moved {
            self.problems.clear();
            for problem in self.realm.problems(t) {
                self.problems.entry((problem.kind, problem.name.clone())).or_default().push(problem);
            }
        }
        // Before anything else is said: whom a Lockout means must outlive this process.
        self.report_lockouts(t);
        self.objects_unreported = true;
    }

    /// When each Approval and each Lockout is over.
    fn set_over(&mut self, t: Timestamp) {
        let approvals = self.realm.approvals().map(|approval| (ResourceKind::Approval, &approval.meta.name, approval.spec.expires));
        let lockouts = self.realm.lockouts().map(|lockout| (ResourceKind::Lockout, &lockout.meta.name, lockout.spec.until));
        self.over = Due::default();
        for (kind, name, over) in approvals.chain(lockouts) {
            self.over.set((kind, name.clone()), over.map(|over| over.0).filter(|over| *over > t));
        }
    }

    /// What is over by now touches whom it would touch if it were deleted.
    pub(super) fn take_over(&mut self, t: Timestamp) {
        for (kind, name) in self.over.take(t) {
            if kind == ResourceKind::Approval {
                let affected = self.realm.answer_over(&name);
                self.affect(&affected);
            }
            // Of a Lockout those whom it means know themselves; but one that means nobody keeps others from being judged.
            self.dirty.moved();
        }
    }

    /// A Lockout may name somebody who is gone: whoever is remembered in a target.
    fn meet_lockouts(&mut self) {
        let ledgers: Vec<&Ledger> = self.looks.values().map(|look| &look.ledger).chain(self.others.values()).collect();
        let affected = self.realm.meet(|person| ledgers.iter().any(|ledger| ledger.knows(person)));
        self.dirty.add(&affected.people);
    }

    /// This person is to be looked at wherever that may matter. `news`: something new is decided.
    fn look_at(&mut self, person: &PersonId, old: Option<&PersonDecision>, new: Option<&PersonDecision>, news: bool, t: Timestamp) {
        let locked = new.is_none() && !self.realm.lockouts_of(person, t).is_empty();
        let urgent = locked || new.is_some_and(is_shut_out) && !old.is_some_and(is_shut_out);
        for (target, known) in &mut self.known {
            let Some(look) = self.looks.get(target) else { continue };
            let linked = look.ledger.knows(person);
            if linked || [old, new].into_iter().flatten().any(|decision| concerns(decision, target)) {
                known.pending.insert(person.clone());
                if news {
                    known.news.insert(person.clone());
                }
                known.touched.touch([person.clone()]);
                if urgent {
                    known.urgent.insert(person.clone());
                    known.touched.hurry();
                }
            }
        }
    }

    fn settle(&self) -> jiff::SignedDuration {
        self.realm.spec().and_then(|spec| spec.settle).map_or(jiff::SignedDuration::from_secs(60), |settle| settle.length())
    }

    fn compile(&mut self) {
        for (name, look) in &mut self.looks {
            // What an earlier compilation said of mappings is said anew.
            look.broken = None;
            take_rules(&self.realm, None, name, look);
        }
        let compiled = compile_with(&self.realm, &mut self.looks);
        if let Err(errors) = &compiled {
            self.context.metrics.policy_errors(&self.namespace);
            for error in errors {
                tracing::warn!(namespace = %self.namespace, %error, "the policies do not compile");
            }
        }
        self.compiled = Some(compiled);
    }

    /// Begins with targets that are new, lets go of those that are gone, opens those anew that are others now.
    fn meet_targets(&mut self, t: Timestamp) {
        let declared: BTreeMap<TargetName, TargetSystemSpec> =
            self.realm.targets().into_iter().map(|(name, target)| (name, target.spec.clone())).collect();
        let unreadable = self.realm.unreadable_targets();
        let gone: Vec<TargetName> =
            self.known.keys().filter(|name| !declared.contains_key(*name) && !unreadable.contains_key(*name)).cloned().collect();
        for name in gone {
            // The worker ends when it has finished with what it is sending; nothing else is changed in the target.
            let Some(Known { notes, touched, .. }) = self.known.remove(&name) else { continue };
            touched.stop();
            self.ending.insert(name.clone());
            if let Some(mut look) = self.looks.remove(&name) {
                notes.iter().for_each(|note| look.ledger.record(note));
                self.others.insert(name.clone(), look.ledger);
            }
            // What was to be forgotten there, and nobody can record any more.
            for note in &notes {
                if let Fact::Unlinked(key) = note {
                    self.let_be(&key.person);
                }
            }
            self.due.forget(&name);
            self.settling.forget(&name, |_| true);
            self.compiled = None;
        }
        for (name, spec) in declared {
            match self.known.get_mut(&name) {
                Some(known) if known.spec != spec => {
                    known.spec = spec;
                    known.reopen = true;
                    known.retry = None;
                    self.compiled = None;
                }
                Some(_) => {}
                // Two workers of one target would know nothing of each other: the old one ends first.
                None if self.ending.contains(&name) => {}
                None => self.begin(name, spec, t),
            }
        }
        for name in self.known.iter().filter(|(_, known)| known.renew).map(|(name, _)| name) {
            if let Some(look) = self.looks.get_mut(name) {
                take_rules(&self.realm, self.compiled.as_ref(), name, look);
            }
        }
    }

    fn begin(&mut self, name: TargetName, spec: TargetSystemSpec, t: Timestamp) {
        let Some(store) = self.store.clone() else { return };
        let schema = Schema::default();
        let (rules, broken) = match rules_of(&self.realm, &name, &schema) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(target_system = %name, %error, "cannot be worked with");
                return;
            }
        };
        self.others.remove(&name);
        let ledger = store.ledger(&name);
        let observed = Err(Failure::Retry { after: None, why: "not read yet".to_owned() });
        self.looks.insert(name.clone(), Look { rules, schema, ledger, observed, broken });
        let touched = Arc::new(Touched::default());
        let (orders, given) = mpsc::channel(ORDERS);
        let around = Surroundings {
            name: name.clone(),
            vault: Arc::new(NamespaceVault::new(self.context.client.clone(), &self.namespace)),
            store,
            base: self.context.settings.base.clone(),
            addresses: self.context.settings.addresses.clone(),
            positions: Arc::clone(&self.positions),
            freshness: self.freshness.clone(),
            touched: Arc::clone(&touched),
            answers: self.answers.clone(),
        };
        self.workers.spawn(work(around, given));
        let mut known = Known::new(orders, touched, spec, t);
        // What was asked for before the start is answered by it.
        known.handled = requested(&self.briefs, &name);
        self.known.insert(name, known);
        self.compiled = None;
    }

    /// A target was opened, or could not be.
    pub(super) fn opened(&mut self, target: &TargetName, opened: Result<Schema, Failure>) {
        let (Some(known), Some(look)) = (self.known.get_mut(target), self.looks.get_mut(target)) else { return };
        match opened {
            Ok(schema) => {
                known.stage = Stage::Idle;
                known.works();
                known.backoff.reset();
                known.renew = true;
                if look.schema != schema {
                    look.schema = schema;
                    self.compiled = None;
                }
                self.dirty.moved();
            }
            Err(failure) => {
                known.stage = Stage::Closed;
                // Whoever waits for it is told what they wait for.
                self.unreported.extend(known.pending.iter().chain(&known.news).cloned());
                known.handled = requested(&self.briefs, target);
                known.failed(failure);
            }
        }
        self.objects_unreported = true;
    }
}

/// Reads a target's rules anew, from the manifests as they are now; what the policies make of sensitive attributes stays hidden.
pub(super) fn take_rules(realm: &Realm, compiled: Option<&Result<Compiled, Vec<PolicyError>>>, name: &TargetName, look: &mut Look) {
    match rules_of(realm, name, &look.schema) {
        Ok(Some((rules, broken))) => {
            look.rules = rules;
            look.broken = broken.or_else(|| look.broken.take());
        }
        Ok(None) => {}
        Err(error) => look.broken = Some(Frozen::new(error.to_string(), format!("TargetSystem/{name}"))),
    }
    if let Some(Ok(compiled)) = compiled {
        hide(compiled, look);
    }
}

/// Whether the person must be out, now.
fn is_shut_out(decision: &PersonDecision) -> bool {
    decision.standing.as_ref().is_some_and(|standing| {
        let state = standing.lifecycle.as_ref().map(|lifecycle| lifecycle.state);
        !standing.lockouts.is_empty()
            || matches!(state, Some(LifecycleState::Terminated | LifecycleState::Locked | LifecycleState::Suspended))
    })
}

/// Whether a decision has to do with a target. Whoever is not at work may have accounts that only the target knows.
fn concerns(decision: &PersonDecision, target: &TargetName) -> bool {
    let Some(standing) = &decision.standing else { return true };
    let at_work = standing.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.state == LifecycleState::Active);
    let asked = decision.decision.as_ref().is_ok_and(|decision| {
        decision.accounts.keys().any(|(at, _)| at == target) || decision.entitlements.keys().any(|(_, key)| key.target == *target)
    });
    asked || !at_work || !standing.lockouts.is_empty() || standing.links.iter().any(|link| link.target == target.as_str())
}
