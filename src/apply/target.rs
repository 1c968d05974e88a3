//! An open target: the only place where a writer is held.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::connector::{Batch, Done, Reader, Wanted, Write, Writer};
use crate::ledger::{LedgerStore, StoreError};
use crate::model::account::AccountKey;
use crate::model::change::{Act, Change};
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Link, Settled};
use crate::model::observed::{Lookup, Observed};
use crate::model::schema::Schema;
use crate::model::value::{Attributes, Value};
use crate::plan::desired::Desired;
use crate::plan::digest::digest_of;
use crate::plan::guard::GuardedPlan;
use crate::plan::rules::TargetRules;

use super::outcome;

/// How many changes are sent at once: small enough for a ledger kept in resource status.
const BATCH: usize = 200;

/// An open target. Nobody else sees its writer; one that is only observed has none.
pub struct Target {
    name: TargetName,
    reader: Box<dyn Reader>,
    writer: Option<Box<dyn Writer>>,
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

/// Called after each batch with the target and the number of its changes that were answered so far.
pub type Progress<'a> = &'a (dyn Fn(&TargetName, usize) + Send + Sync);

impl Target {
    /// Takes an open connector over.
    #[must_use]
    pub fn new(name: TargetName, reader: Box<dyn Reader>, writer: Option<Box<dyn Writer>>) -> Self {
        Self { name, reader, writer }
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
    pub async fn carry_out(
        &self,
        plan: &GuardedPlan,
        rules: &TargetRules,
        desired: &Desired,
        ledger: &mut Ledger,
        store: &dyn LedgerStore,
        t: Timestamp,
        progress: Progress<'_>,
    ) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let Some(writer) = &self.writer else { return Ok(report) };
        let mut facts = plan.facts();
        let changes: Vec<Change> = plan.sent().cloned().collect();
        let mut rest = changes.as_slice();
        let mut undone = Undone::default();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cut(rest));
            rest = later;
            let mut sending = Vec::new();
            for change in now {
                match undone.obstacle(change) {
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
            facts.push(Fact::Intended(sending.clone()));
            self.record(ledger, store, &facts).await?;
            facts.clear();
            let mut batch = Batch { writes: sending.iter().map(|change| (self.write(change, rules, ledger), None)).collect() };
            writer.write(&mut batch).await;
            let answers: Vec<(Change, Result<Done, Failure>)> =
                batch.writes.into_iter().map(|(write, answer)| (write.change, answer.unwrap_or(Err(Failure::Unknown)))).collect();
            for (change, _) in answers.iter().filter(|(_, answer)| answer.is_err()) {
                undone.note(change);
            }
            let outcome = self.outcome(&answers, desired, ledger, rules, t).await;
            self.record(ledger, store, &outcome).await?;
            report.answers.extend(answers);
            progress(&self.name, report.answers.len() + report.left.len());
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
        let attributes = match change.act() {
            Act::Create { attributes, .. } => resolved(attributes, ledger),
            Act::Set(attribute, value) => resolved(&Attributes::from([(attribute.clone(), value.clone())]), ledger),
            Act::Provide(_)
            | Act::Own
            | Act::Clear(_)
            | Act::Enable
            | Act::Disable
            | Act::EndSessions
            | Act::Delete
            | Act::Withdraw
            | Act::Grant(_)
            | Act::Revoke(_) => Attributes::new(),
        };
        Write { change: change.clone(), id, owner: rules.owner_key(change.key()), attributes, password: None }
    }

    /// The facts of a batch's answers.
    async fn outcome(
        &self,
        answers: &[(Change, Result<Done, Failure>)],
        desired: &Desired,
        ledger: &Ledger,
        rules: &TargetRules,
        t: Timestamp,
    ) -> Vec<Fact> {
        let mut links: BTreeMap<AccountKey, Option<Link>> = BTreeMap::new();
        let mut undone: BTreeSet<(AccountKey, Option<crate::model::change::Brake>)> = BTreeSet::new();
        let mut listed = ledger.window.last_complete;
        for (change, answer) in answers {
            let key = change.key();
            let current = links.entry(key.clone()).or_insert_with(|| ledger.links.get(key).cloned());
            let asked = desired.people.get(&key.person).and_then(|p| p.asked.get(&key.account)).and_then(|account| match change.act() {
                Act::Grant(entitlement) => account.entitlements.get(entitlement),
                _ => None,
            });
            match answer {
                Ok(done) => {
                    listed = match change.act() {
                        Act::Create { .. } if !done.already => listed.map(|n| n.saturating_add(1)),
                        Act::Delete if !done.already => listed.map(|n| n.saturating_sub(1)),
                        _ => listed,
                    };
                    if let Some(link) = current {
                        *current = outcome::after(link, change, done, asked, t);
                    }
                }
                Err(failure) => {
                    undone.insert((key.clone(), change.brake()));
                    if let (Failure::Unknown, Some(link)) = (failure, current) {
                        link.touched = Some(t);
                    }
                }
            }
        }
        self.read_back(answers, rules, &mut links, t).await;
        let mut facts = Vec::new();
        for (key, link) in links {
            match link {
                Some(mut link) => {
                    // A charge is over when all that it was for is done.
                    let open: BTreeSet<_> = undone.iter().filter(|(of, _)| *of == key).filter_map(|(_, brake)| *brake).collect();
                    let here: BTreeSet<_> = answers.iter().filter(|(c, _)| *c.key() == key).filter_map(|(c, _)| c.brake()).collect();
                    link.charged.retain(|brake| !here.contains(brake) || open.contains(brake));
                    link.held.retain(|brake, _| !here.contains(brake) || open.contains(brake));
                    facts.push(Fact::Linked(key, Box::new(link)));
                }
                None => facts.push(Fact::Unlinked(key)),
            }
        }
        if listed != ledger.window.last_complete {
            facts.push(Fact::Window(crate::model::ledger::Window { last_complete: listed, ..ledger.window.clone() }));
        }
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
            let written = match change.act() {
                Act::Create { attributes, .. } => attributes.clone(),
                Act::Set(attribute, value) => Attributes::from([(attribute.clone(), value.clone())]),
                _ => continue,
            };
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

/// What was not done, as far as others wait for it.
#[derive(Debug, Default)]
struct Undone {
    made: BTreeSet<AccountKey>,
    shut: BTreeSet<AccountKey>,
    granted: BTreeSet<EntitlementKey>,
}

impl Undone {
    fn note(&mut self, change: &Change) {
        match change.act() {
            Act::Create { .. } => {
                self.made.insert(change.key().clone());
            }
            Act::Disable => {
                self.shut.insert(change.key().clone());
            }
            Act::Grant(key) => {
                self.granted.insert(key.clone());
            }
            Act::Provide(_)
            | Act::Own
            | Act::Set(..)
            | Act::Clear(_)
            | Act::Enable
            | Act::EndSessions
            | Act::Delete
            | Act::Withdraw
            | Act::Revoke(_) => {}
        }
    }

    /// What must have been done before this one and was not.
    fn obstacle(&self, change: &Change) -> Option<&'static str> {
        match change.act() {
            Act::Grant(_) if self.made.contains(change.key()) => Some("the account was not made"),
            Act::Delete if self.shut.contains(change.key()) => Some("the account was not shut"),
            Act::Revoke(key) if self.granted.contains(key) => Some("a grant that makes up for it was not done"),
            _ => None,
        }
    }
}

/// Where a batch ends: before a grant behind its create, a delete behind its disable, a revoke behind its grants.
fn cut(changes: &[Change]) -> usize {
    let mut made = BTreeSet::new();
    let mut granted = BTreeSet::new();
    for (place, change) in changes.iter().enumerate() {
        let behind = match change.act() {
            Act::Grant(_) | Act::Delete => made.contains(change.key()),
            Act::Revoke(key) => granted.contains(key),
            _ => false,
        };
        if place == BATCH || behind {
            return place;
        }
        match change.act() {
            Act::Create { .. } | Act::Disable => {
                made.insert(change.key());
            }
            Act::Grant(key) => {
                granted.insert(key);
            }
            _ => {}
        }
    }
    changes.len()
}

/// References to other people's accounts, filled in by the ledger; what is not known yet is left out.
fn resolved(attributes: &Attributes, ledger: &Ledger) -> Attributes {
    let value = |value: &Value| match value {
        Value::Account(key) => ledger.links.get(key).and_then(|link| link.id.as_ref()).map(|id| Value::Text(id.to_string())),
        Value::Later(_) => None,
        Value::Text(_) | Value::Bool(_) | Value::Many(_) => Some(value.clone()),
    };
    attributes.iter().filter_map(|(name, v)| value(v).map(|v| (name.clone(), v))).collect()
}

/// The attributes that are mapped, correlate or are given out.
#[must_use]
pub fn wanted(rules: &TargetRules, began: Timestamp) -> Wanted {
    let mut attributes: BTreeSet<AttributeName> = BTreeSet::new();
    for account in rules.accounts.values() {
        attributes.extend(account.correlation.iter().cloned());
        attributes.extend(account.mapping.iter().map(|(name, _)| name.clone()));
    }
    Wanted { attributes, began }
}
