//! An open target: the only place where a writer is held.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::connector::{Batch, Done, Reader, Wanted, Write, Writer};
use crate::ledger::{LedgerStore, StoreError};
use crate::model::account::AccountKey;
use crate::model::change::{Act, Change, ChangeLine};
use crate::model::digest::digest_of;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, ApprovalName, AttributeName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Link, Settled};
use crate::model::observed::{Lookup, Observed};
use crate::model::schema::Schema;
use crate::model::value::Attributes;
use crate::plan::desired::Desired;
use crate::plan::guard::GuardedPlan;
use crate::plan::rules::TargetRules;

use super::batch::{self, Undone};
use super::outcome;
use super::owed::Owed;

/// How many changes are sent at once, if nothing else is said: small enough for a ledger kept in resource status.
const BATCH: usize = 200;

/// An open target. Nobody else sees its writer; one that is only observed has none.
pub struct Target {
    name: TargetName,
    reader: Box<dyn Reader>,
    writer: Option<Box<dyn Writer>>,
    batch: usize,
}

/// What became of the changes that were sent.
#[derive(Debug, Default)]
pub struct Report {
    /// Every change that was sent and its answer, in order.
    pub answers: Vec<(Change, Result<Done, Failure>)>,
    /// Changes that were not sent because of what happened before them.
    pub left: Vec<(Change, String)>,
}

impl Report {
    /// Changes that were not done.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.answers.iter().filter(|(_, answer)| answer.is_err()).count() + self.left.len()
    }
}

/// Watches over what is sent while it is sent.
pub trait Oversight: Send + Sync {
    /// Asked before each batch: whether this change may still go. One that may not is left for the next look.
    fn passes(&self, _change: &Change) -> bool {
        true
    }

    /// Asked before each batch: whether something more urgent waits. Nothing more is sent then.
    fn yields(&self) -> bool {
        false
    }

    /// Told after each batch how many changes of this target were answered so far.
    fn answered(&self, _target: &TargetName, _answered: usize) {}
}

impl<F: Fn(&TargetName, usize) + Send + Sync> Oversight for F {
    fn answered(&self, target: &TargetName, answered: usize) {
        self(target, answered);
    }
}

impl Target {
    /// Takes an open connector over.
    #[must_use]
    pub fn new(name: TargetName, reader: Box<dyn Reader>, writer: Option<Box<dyn Writer>>) -> Self {
        Self { name, reader, writer, batch: BATCH }
    }

    /// Sends at most this many changes at once.
    #[must_use]
    pub fn in_batches_of(self, size: usize) -> Self {
        Self { batch: size.max(1), ..self }
    }

    /// Logs in and asks what the target can do.
    ///
    /// # Errors
    /// [`Failure`] as the connector tells it.
    pub async fn probe(&self) -> Result<Schema, Failure> {
        self.reader.probe().await
    }

    /// Reads the whole target.
    ///
    /// # Errors
    /// [`Failure`]: nothing is known then.
    pub async fn list(&self, rules: &TargetRules, began: Timestamp) -> Result<Observed, Failure> {
        self.reader.list(&wanted(rules, began)).await
    }

    /// Looks some people up.
    ///
    /// # Errors
    /// [`Failure`]: nothing is known then.
    pub async fn find(
        &self,
        rules: &TargetRules,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
        began: Timestamp,
    ) -> Result<Observed, Failure> {
        self.reader.find(people, entitlements, &wanted(rules, began)).await
    }

    /// Records intents and charges, sends, records the answers. Every step is durable before the next one; a batch that is cut
    /// anywhere is settled by the next look.
    ///
    /// # Errors
    /// [`StoreError`] of the ledger: nothing more is sent then.
    #[expect(clippy::too_many_arguments, reason = "what is sent, by which rules, into which ledger, when: none follows from another")]
    pub async fn carry_out(
        &self,
        plan: &GuardedPlan,
        rules: &TargetRules,
        desired: &Desired,
        ledger: &mut Ledger,
        store: &dyn LedgerStore,
        t: Timestamp,
        oversight: &dyn Oversight,
    ) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let Some(writer) = &self.writer else { return Ok(report) };
        let mut facts = plan.facts();
        let changes: Vec<Change> = plan.sent().cloned().collect();
        let mut rest = changes.as_slice();
        let mut undone = Undone::default();
        let mut owed = Owed::of(plan);
        // What was never answered stays open: the next look settles whether it was done, and that it was us.
        let mut open: Vec<Change> = Vec::new();
        while !rest.is_empty() {
            if oversight.yields() {
                report.left.extend(rest.iter().map(|change| (change.clone(), "something more urgent went first".to_owned())));
                break;
            }
            let (now, later) = rest.split_at(batch::cut(rest, self.batch));
            rest = later;
            let mut sending = Vec::new();
            for change in now {
                let touched = (!oversight.passes(change)).then_some("the person was touched since the look");
                match undone.obstacle(change).or(touched) {
                    Some(why) => {
                        undone.note(change);
                        report.left.push((change.clone(), why.to_owned()));
                    }
                    None => sending.push(change.clone()),
                }
            }
            if sending.is_empty() {
                continue;
            }
            facts.extend(batch::intended(&sending, &facts, desired, ledger, t));
            facts.push(batch::intents(open.iter().chain(&sending), rules));
            self.record(ledger, store, &facts).await?;
            facts.clear();
            let mut batch = Batch { writes: sending.iter().map(|change| (self.write(change, rules, ledger), None)).collect() };
            writer.write(&mut batch).await;
            let answers: Vec<(Change, Result<Done, Failure>)> =
                batch.writes.into_iter().map(|(write, answer)| (write.change, answer.unwrap_or(Err(Failure::Unknown)))).collect();
            for (change, _) in answers.iter().filter(|(_, answer)| answer.is_err()) {
                undone.note(change);
            }
            let mut outcome = self.outcome(&answers, &mut owed, desired, ledger, rules, t).await;
            open.extend(answers.iter().filter(|(_, answer)| *answer == Err(Failure::Unknown)).map(|(change, _)| change.clone()));
            if !open.is_empty() {
                outcome.push(batch::intents(&open, rules));
            }
            self.record(ledger, store, &outcome).await?;
            report.answers.extend(answers);
            oversight.answered(&self.name, report.answers.len() + report.left.len());
        }
        if !facts.is_empty() {
            self.record(ledger, store, &facts).await?;
        }
        Ok(report)
    }

    async fn record(&self, ledger: &mut Ledger, store: &dyn LedgerStore, facts: &[Fact]) -> Result<(), StoreError> {
        store.record(&self.name, facts).await?;
        for fact in facts {
            ledger.record(fact);
        }
        Ok(())
    }

    fn write(&self, change: &Change, rules: &TargetRules, ledger: &Ledger) -> Write {
        let id = change.id().cloned().or_else(|| ledger.links.get(change.key()).and_then(|link| link.id.clone()));
        let attributes = batch::written(change).map(|attributes| batch::resolved(&attributes, ledger)).unwrap_or_default();
        Write { change: change.clone(), id, owner: rules.owner_key(change.key()), attributes, password: None }
    }

    /// The facts of a batch's answers.
    async fn outcome(
        &self,
        answers: &[(Change, Result<Done, Failure>)],
        owed: &mut Owed<'_>,
        desired: &Desired,
        ledger: &Ledger,
        rules: &TargetRules,
        t: Timestamp,
    ) -> Vec<Fact> {
        let mut links: BTreeMap<AccountKey, Option<Link>> = BTreeMap::new();
        let mut listed = ledger.window.last_complete;
        let mut released: BTreeMap<ApprovalName, BTreeSet<ChangeLine>> = BTreeMap::new();
        for (change, answer) in answers {
            let key = change.key();
            let current = links.entry(key.clone()).or_insert_with(|| ledger.links.get(key).cloned());
            match answer {
                Ok(done) => {
                    owed.done(change);
                    if let Some(approval) = owed.released_by(change) {
                        released.entry(approval.clone()).or_default().insert(change.line());
                    }
                    if !done.already && change.act().creates() {
                        listed = listed.map(|n| n.saturating_add(1));
                    } else if !done.already && matches!(change.act(), Act::Delete) {
                        listed = listed.map(|n| n.saturating_sub(1));
                    }
                    if let Some(link) = current {
                        *current = outcome::after(link, change, done, batch::asked(desired, change), t);
                    }
                }
                Err(failure) => {
                    let Some(link) = current else { continue };
                    if *failure == Failure::Unknown {
                        link.touched = Some(t);
                    } else if let Act::Grant(entitlement) = change.act() {
                        link.grants.remove(entitlement);
                    }
                }
            }
        }
        self.read_back(answers, rules, &mut links, t).await;
        let mut facts = Vec::new();
        for (key, link) in links {
            match link {
                Some(mut link) => {
                    // A charge is over when all that it was for is done, in however many batches.
                    link.charged.retain(|brake| !owed.is_paid(&key, *brake));
                    link.held.retain(|brake, _| !owed.is_answered(&key, *brake));
                    facts.push(Fact::Linked(key, Box::new(link)));
                }
                None => facts.push(Fact::Unlinked(key)),
            }
        }
        if listed != ledger.window.last_complete {
            facts.push(Fact::Window(crate::model::ledger::Window { last_complete: listed, ..ledger.window.clone() }));
        }
        facts.extend(released.into_iter().map(|(approval, lines)| Fact::Released(approval, lines)));
        facts.push(Fact::Done);
        facts
    }

    /// One read-back of what attributes were written to: what reads otherwise than it was sent is settled, so that the plan does not flap.
    async fn read_back(
        &self,
        answers: &[(Change, Result<Done, Failure>)],
        rules: &TargetRules,
        links: &mut BTreeMap<AccountKey, Option<Link>>,
        t: Timestamp,
    ) {
        let mut sent: BTreeMap<AccountId, (AccountKey, Attributes)> = BTreeMap::new();
        for (change, answer) in answers {
            let Ok(done) = answer else { continue };
            let Some(written) = batch::written(change) else { continue };
            let Some(id) = done.id.clone() else { continue };
            sent.entry(id).or_insert_with(|| (change.key().clone(), Attributes::new())).1.extend(written);
        }
        if sent.is_empty() {
            return;
        }
        let mut people: BTreeMap<PersonId, Vec<Lookup>> = BTreeMap::new();
        for (id, (key, _)) in &sent {
            people.entry(key.person.clone()).or_default().push(Lookup::Id(id.clone()));
        }
        // A read-back that fails settles nothing: the next look compares anew.
        let Ok(observed) = self.reader.find(&people, &BTreeSet::new(), &wanted(rules, t)).await else { return };
        for (id, (key, attributes)) in sent {
            let (Some(account), Some(Some(link))) = (observed.account(&id), links.get_mut(&key)) else { continue };
            link.name.clone_from(&account.name);
            for (attribute, value) in attributes {
                let shown = account.attributes.get(&attribute);
                let equal =
                    shown == Some(&value) || attribute.as_str() == crate::plan::rules::USER_NAME && value.texts().contains(&account.name);
                if equal {
                    link.settled.remove(&attribute);
                } else {
                    link.settled.insert(attribute, Settled { asked: digest_of(&value), shown: digest_of(&shown) });
                }
            }
        }
    }
}

/// The attributes that are mapped, correlate or are given out.
#[must_use]
pub fn wanted(rules: &TargetRules, began: Timestamp) -> Wanted {
    let mut attributes: BTreeSet<AttributeName> = BTreeSet::new();
    for account in rules.accounts.values() {
        attributes.extend(account.correlation.iter().cloned());
        attributes.extend(account.mapping.keys().cloned());
    }
    Wanted { attributes, began }
}
