//! Writes: a batch is cut into phases (a run of writes of one sort), each phase done before the next, so that the order of the batch
//! stands; inside a phase the requests go out together. What changes one account is one request, and so is what changes one group.
//!
//! Nothing is changed unread: an account's state says what is so already, its version makes the request conditional. Nothing is sent
//! twice, but that what was refused together is tried one by one, so that one bad value or account stops no other.

use std::collections::{BTreeMap, BTreeSet};

use super::Scim;
use super::filter::{Term, filters};
use super::service::Service;
use crate::connector::{Batch, Done, Write};
use crate::model::account::AccountKey;
use crate::model::change::Act;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, EntitlementName};

mod creation;
mod edits;
mod membership;

/// What came of one write, by its place in the batch.
type Answers = Vec<(usize, Result<Done, Failure>)>;
/// The accounts that this batch made, or why not.
type Created = BTreeMap<AccountKey, Result<AccountId, Failure>>;

/// Writes of one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Own, Set, Clear, Enable, Disable.
    Edit,
    Create,
    Provide,
    Grant,
    Revoke,
    Delete,
    /// What SCIM has not.
    Impossible,
}

fn phase(write: &Write) -> Phase {
    match write.change.act() {
        Act::Own | Act::Set(..) | Act::Clear(_) | Act::Enable | Act::Disable => Phase::Edit,
        Act::Create { .. } => Phase::Create,
        Act::Provide(_) => Phase::Provide,
        Act::Grant(_) => Phase::Grant,
        Act::Revoke(_) => Phase::Revoke,
        Act::Delete => Phase::Delete,
        Act::EndSessions | Act::Withdraw => Phase::Impossible,
    }
}

/// Runs of open writes of one sort, with their places.
fn phases(batch: &Batch) -> Vec<(Phase, Vec<(usize, &Write)>)> {
    let mut all: Vec<(Phase, Vec<(usize, &Write)>)> = Vec::new();
    for (place, (write, _)) in batch.writes.iter().enumerate().filter(|(_, (_, answer))| answer.is_none()) {
        let phase = phase(write);
        match all.last_mut() {
            Some((last, run)) if *last == phase => run.push((place, write)),
            _ => all.push((phase, vec![(place, write)])),
        }
    }
    all
}

/// The account that a write is for.
fn account(write: &Write, created: &Created) -> Result<AccountId, Failure> {
    let no_id = || Failure::Bug(format!("{} comes without an id and without a Create before it", write.change.act().verb()));
    write.id.clone().map(Ok).or_else(|| created.get(write.change.key()).cloned()).ok_or_else(no_id)?
}

impl Scim {
    /// Answers each open write of the batch.
    pub(super) async fn write(&self, batch: &mut Batch) {
        let mut answers = Answers::new();
        let mut created = Created::new();
        for (phase, run) in phases(batch) {
            let service = match self.service().await {
                Ok(service) => service,
                Err(failure) => {
                    answers.extend(run.into_iter().map(|(place, _)| (place, Err(failure.clone()))));
                    continue;
                }
            };
            answers.extend(match phase {
                Phase::Edit => self.edit(&service, &run, &created).await,
                Phase::Create => self.create(&service, &run, &mut created).await,
                Phase::Provide => self.provide(&service, &run).await,
                Phase::Grant | Phase::Revoke => self.change_members(&service, &run, &created).await,
                Phase::Delete => self.delete(&service, &run, &created).await,
                Phase::Impossible => run.into_iter().map(|(place, write)| (place, Err(impossible(write)))).collect(),
            });
        }
        for (place, answer) in answers {
            if let Some((_, open)) = batch.writes.get_mut(place) {
                *open = Some(answer);
            }
        }
    }

    /// The calls of a batch of which nothing is so already and nothing is refused.
    pub(super) fn cost(&self, batch: &Batch) -> u32 {
        let service = self.known();
        let service = service.as_deref();
        let mut calls = 0;
        let mut created: BTreeSet<&AccountKey> = BTreeSet::new();
        for (phase, run) in phases(batch) {
            let keys: BTreeSet<&AccountKey> = run.iter().map(|(_, write)| write.change.key()).collect();
            let accounts: BTreeSet<_> = run.iter().map(|(_, write)| (&write.id, write.id.is_none().then(|| write.change.key()))).collect();
            calls += match phase {
                Phase::Edit => {
                    let owners = run.iter().filter(|(_, write)| *write.change.act() == Act::Own).map(|(_, write)| creation::owner(write));
                    self.reading(service, ids(&run)) + self.searching(service, owners.flatten().collect()) + accounts.len()
                }
                Phase::Create => self.searching(service, run.iter().filter_map(|(_, write)| creation::owner(write)).collect()) + run.len(),
                Phase::Provide => 2 * run.len(),
                Phase::Grant | Phase::Revoke => {
                    let names: BTreeSet<&EntitlementName> =
                        run.iter().filter_map(|(_, write)| membership::entitlement(write)).map(|key| &key.name).collect();
                    let unknown = run.iter().filter(|(_, write)| !created.contains(write.change.key())).copied().collect::<Vec<_>>();
                    let accounts = if phase == Phase::Grant { self.reading(service, ids(&unknown)) } else { 0 };
                    accounts + 2 * names.len()
                }
                Phase::Delete => run.len(),
                Phase::Impossible => 0,
            };
            if phase == Phase::Create {
                created.extend(keys);
            }
        }
        u32::try_from(calls).unwrap_or(u32::MAX)
    }

    /// Calls of a search for accounts that are there.
    fn reading(&self, service: Option<&Service>, ids: BTreeSet<Term>) -> usize {
        let ids: Vec<Term> = ids.into_iter().collect();
        if service.is_some_and(|service| !service.filter) || self.joins.refused() { ids.len() } else { filters(&ids).len() }
    }

    /// Calls of a search for what is not there.
    fn searching(&self, service: Option<&Service>, terms: BTreeSet<Term>) -> usize {
        let terms: Vec<Term> = terms.into_iter().collect();
        if service.is_some_and(|service| !service.filter) {
            return 0;
        }
        let filters = filters(&terms);
        let alone = filters.iter().filter(|terms| terms.len() == 1).count();
        if self.joins.proven() {
            filters.len()
        } else if self.joins.refused() {
            terms.len()
        } else {
            filters.len() - alone + terms.len()
        }
    }
}

/// The accounts of a run that have an id.
fn ids(run: &[(usize, &Write)]) -> BTreeSet<Term> {
    run.iter().filter_map(|(_, write)| write.id.as_ref()).map(|id| Term::id(id.as_str())).collect()
}

fn impossible(write: &Write) -> Failure {
    let act = write.change.act();
    Failure::Config(if *act == Act::Withdraw {
        "type scim has no invitations that could be taken back".to_owned()
    } else {
        format!("type scim cannot do this: {}", act.verb())
    })
}
