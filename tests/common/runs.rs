//! A realm that lives on from run to run: the manifests of the day, and targets and ledgers that stay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use provost::api::target::{Mode, TargetSystemSpec};
use provost::apply::run::{Seen, Targets, carry_out, look, plan};
use provost::apply::target::{Oversight, Report, Target};
use provost::connector::Opened;
use provost::ledger::{LedgerStore, StoreError};
use provost::model::failure::Failure;
use provost::model::ids::TargetName;
use provost::model::ledger::Ledger;
use provost::plan::round::Round;
use provost::realm::index::Realm;

/// How a target is opened.
pub type Opener<'a> = &'a dyn Fn(&TargetName, &TargetSystemSpec) -> Result<Opened, Failure>;

/// One run: what it started from, what it planned, what came of it.
pub struct Pass {
    pub before: BTreeMap<TargetName, Ledger>,
    pub round: Round,
    pub seen: Seen,
    pub reports: BTreeMap<TargetName, Result<Report, StoreError>>,
}

/// Opens the targets of a realm as the shells do. `batch`: how many changes are sent at once, where it is not the usual number.
pub fn open(realm: &Realm, opener: Opener<'_>, batch: Option<usize>) -> Targets {
    let targets = realm.targets().into_iter().filter(|(_, target)| !target.spec.suspend);
    targets
        .map(|(name, target)| {
            let opened = opener(&name, &target.spec).map(|(reader, writer)| {
                let writes = target.spec.mode != Some(Mode::Observe);
                let target = Target::new(name.clone(), reader, writes.then_some(writer));
                Arc::new(match batch {
                    Some(size) => target.in_batches_of(size),
                    None => target,
                })
            });
            (name, opened)
        })
        .collect()
}

/// Looks and plans; nothing is written.
pub async fn planned(realm: &mut Realm, targets: &Targets, store: &dyn LedgerStore, now: Timestamp) -> Pass {
    let seen = look(realm, targets, store, now).await.unwrap();
    let round = plan(realm, &seen, None, now);
    let before = seen.looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone())).collect();
    Pass { before, round, seen, reports: BTreeMap::new() }
}

/// A whole run, answered with yes.
pub async fn pass(realm: &mut Realm, targets: &Targets, store: &dyn LedgerStore, now: Timestamp) -> Pass {
    pass_under(realm, targets, store, now, &|_: &TargetName, _: usize| {}).await
}

/// The same, watched by somebody.
pub async fn pass_under(realm: &mut Realm, targets: &Targets, store: &dyn LedgerStore, now: Timestamp, oversight: &dyn Oversight) -> Pass {
    let mut pass = planned(realm, targets, store, now).await;
    pass.reports = carry_out(&pass.round, &mut pass.seen, targets, store, now, oversight).await;
    pass
}

/// Lets so many changes go, one by one, and no more: something more urgent came.
pub struct LetsGo(pub usize, AtomicUsize);

impl LetsGo {
    pub fn only(changes: usize) -> Self {
        Self(changes, AtomicUsize::new(0))
    }
}

impl Oversight for LetsGo {
    fn yields(&self) -> bool {
        self.1.load(Ordering::SeqCst) >= self.0
    }

    fn answered(&self, _: &TargetName, answered: usize) {
        self.1.store(answered, Ordering::SeqCst);
    }
}

/// What a plan that is at rest has not: changes to send and facts to record.
pub fn unrest(round: &Round) -> Vec<String> {
    let mut unrest = Vec::new();
    for (name, target) in &round.targets {
        unrest.extend(target.plan.sent().map(|change| format!("sends {}", change.line())));
        if !target.plan.plan().shrank {
            unrest.extend(target.plan.facts().iter().map(|fact| format!("records in {name}: {fact:?}")));
        }
    }
    unrest
}

/// For tests that are plain functions.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
