//! One task a realm: it owns the index, everybody's decision and the queue of due instants, and tells the targets' workers what to do.
//!
//! ```text
//! events ──► intake ──► dirty ──► decide ──► who is to be looked at, where ──► worker: look ─┐
//!   due instants ─────────▲                                                               │
//!                         └──── learn ◄── observed ◄─────────────────────────────────────────┤
//!                                        plan, guard ──► worker: carry out ──► facts, report ─┘──► statuses, events
//! ```
//!
//! A person who is touched, a target that is swept and a date that comes take the same way.

mod deciding;
mod intake;
mod known;
mod passes;
mod people;
mod report;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::barrier::Positions;
use super::clock::now;
use super::due::Due;
use super::fresh::Freshness;
use super::scribe::Scribe;
use super::status::StatusLedgers;
use super::watch::Event;
use super::worker::Answer;
use super::{Context, OperatorError};
use crate::ledger::{LedgerStore as _, StoreError};
use crate::model::ids::{ObjectName, PersonId, RealmId, TargetName};
use crate::model::ledger::Ledger;
use crate::model::observed::Scope;
use crate::plan::decided::Decided;
use crate::plan::guard::Settling;
use crate::plan::round::Look;
use crate::plan::sweep::Judging;
use crate::policy::{Compiled, PolicyError};
use crate::realm::index::{Affected, Realm, RealmProblem};
use crate::realm::object::{ResourceKind, Unreadable};

use deciding::take_rules;
use intake::Brief;
use known::Known;
use people::Parting;

/// How long the inputs must be quiet before anything is decided: a commit reaches the cluster object by object.
const QUIET: Duration = Duration::from_millis(200);
/// How long they may go on before it is decided all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Without these, nothing is done at all; while another kind is missing, it counts as unreadable.
const NEEDED: [ResourceKind; 4] = [ResourceKind::Realm, ResourceKind::Person, ResourceKind::TargetSystem, ResourceKind::Lockout];

/// What has to be decided again.
#[derive(Debug, Default)]
struct Dirty {
    people: BTreeSet<PersonId>,
    everybody: bool,
    since: Option<(Instant, Instant)>,
}

impl Dirty {
    fn add(&mut self, people: &Scope) {
        match people {
            Scope::Whole => self.everybody = true,
            Scope::People(people) => self.people.extend(people.iter().cloned()),
        }
    }

    /// The inputs moved just now.
    fn moved(&mut self) {
        let now = Instant::now();
        let first = self.since.map_or(now, |(first, _)| first);
        self.since = Some((first, now));
    }

    /// When it is time to decide.
    fn at(&self) -> Option<Instant> {
        self.since.map(|(first, last)| (last + QUIET).min(first + PATIENCE))
    }
}

/// One realm, at work.
pub struct RealmTask {
    context: Arc<Context>,
    namespace: String,
    positions: Arc<Positions>,
    freshness: Freshness,
    realm: Realm,
    /// The Realm object whose word counts.
    counting: Option<ObjectName>,
    listed: BTreeSet<ResourceKind>,
    failing: BTreeMap<ResourceKind, String>,
    unreadable: BTreeMap<(ResourceKind, ObjectName), Unreadable>,
    briefs: BTreeMap<(ResourceKind, ObjectName), Brief>,
    secrets: BTreeMap<ObjectName, u64>,
    /// The uids of the Departures that are there.
    departures: BTreeMap<ObjectName, String>,
    compiled: Option<Result<Compiled, Vec<PolicyError>>>,
    decided: Decided,
    dirty: Dirty,
    /// People whose look is asked for whether or not their decision changed.
    asked_for: BTreeSet<PersonId>,
    looks: BTreeMap<TargetName, Look>,
    known: BTreeMap<TargetName, Known>,
    /// The ledgers of targets that nobody declares.
    others: BTreeMap<TargetName, Ledger>,
    settling: Settling,
    due: Due,
    /// When Approvals and Lockouts are over.
    over: Due<(ResourceKind, ObjectName)>,
    store: Option<Arc<StatusLedgers>>,
    scribe: Option<Scribe>,
    /// What is wrong between the objects, as of the last decision.
    problems: BTreeMap<(ResourceKind, ObjectName), Vec<RealmProblem>>,
    started: Instant,
    /// Every target has answered once since the start.
    heard: bool,
    /// What could be judged at the last decision.
    judged: Judging,
    /// Another operator has written a ledger of this realm.
    fenced: Option<StoreError>,
    /// People who are to be reported on.
    unreported: BTreeSet<PersonId>,
    /// Objects other than people are to be reported on.
    objects_unreported: bool,
    partings: JoinSet<Parting>,
    /// Persons that are being let go.
    parting: BTreeSet<ObjectName>,
    workers: JoinSet<()>,
    /// Targets that nobody declares any more and whose workers have not ended yet.
    ending: BTreeSet<TargetName>,
    answers: mpsc::Sender<(TargetName, Answer)>,
    answered: Option<mpsc::Receiver<(TargetName, Answer)>>,
    closing: bool,
}

impl RealmTask {
    /// A realm of which nothing is known yet.
    #[must_use]
    pub fn new(context: Arc<Context>, namespace: String, id: RealmId, positions: Arc<Positions>) -> Self {
        let (answers, answered) = mpsc::channel(1024);
        Self {
            freshness: Freshness::new(context.client.clone(), &namespace),
            scribe: None,
            problems: BTreeMap::new(),
            started: Instant::now(),
            heard: false,
            judged: Judging::default(),
            fenced: None,
            context,
            namespace,
            positions,
            realm: Realm::new(id),
            counting: None,
            listed: BTreeSet::new(),
            failing: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            briefs: BTreeMap::new(),
            secrets: BTreeMap::new(),
            departures: BTreeMap::new(),
            compiled: None,
            decided: Decided::default(),
            dirty: Dirty::default(),
            asked_for: BTreeSet::new(),
            looks: BTreeMap::new(),
            known: BTreeMap::new(),
            others: BTreeMap::new(),
            settling: Settling::default(),
            due: Due::default(),
            over: Due::default(),
            store: None,
            unreported: BTreeSet::new(),
            objects_unreported: false,
            partings: JoinSet::new(),
            parting: BTreeSet::new(),
            workers: JoinSet::new(),
            ending: BTreeSet::new(),
            answers,
            answered: Some(answered),
            closing: false,
        }
    }

    /// Works until no more events come; then lets the workers finish what they are sending.
    ///
    /// # Errors
    /// [`OperatorError::Fenced`]: another operator works on this realm.
    pub async fn run(mut self, mut events: mpsc::UnboundedReceiver<Event>) -> Result<(), OperatorError> {
        let Some(mut answered) = self.answered.take() else { return Ok(()) };
        self.open_store().await;
        loop {
            let wake = self.wake();
            tokio::select! {
                event = events.recv(), if !self.closing => match event {
                    Some(event) => {
                        self.take_event(event);
                        // What has come already is taken in before anything is decided.
                        while let Ok(event) = events.try_recv() {
                            self.take_event(event);
                        }
                    }
                    None => self.closing = true,
                },
                Some((target, answer)) = answered.recv() => self.take_answer(&target, answer),
                Some(parting) = self.partings.join_next() => self.take_parting(parting),
                () = sleep_until(wake) => {}
            }
            if let Some(error) = self.fenced.take() {
                return Err(OperatorError::Fenced { namespace: self.namespace, error });
            }
            if self.closing {
                // What was asked before is not acted on any more.
                if self.known.values().all(|known| !known.is_sending()) {
                    break;
                }
                continue;
            }
            self.step();
        }
        self.known.clear();
        while self.workers.join_next().await.is_some() {}
        if let Some(scribe) = self.scribe.take() {
            scribe.finish().await;
        }
        Ok(())
    }

    async fn open_store(&mut self) {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            let client = self.context.client.clone();
            let opened = async {
                let store = StatusLedgers::open(client.clone(), self.namespace.clone()).await?;
                // What an earlier session recorded and could not write to people's statuses any more. What fails comes with the next record.
                let targets = store.targets().await?;
                for target in &targets {
                    let _ = store.flush(target).await;
                }
                let ledgers: Vec<Ledger> = targets.iter().map(|target| store.ledger(target)).collect();
                Ok::<_, StoreError>((store, ledgers, Scribe::open(client.clone(), &self.namespace).await?))
            };
            match opened.await {
                Ok((store, ledgers, scribe)) => {
                    // Until its object is read, nobody declares a target.
                    self.others = ledgers.into_iter().map(|ledger| (ledger.target.clone(), ledger)).collect();
                    for problem in store.problems() {
                        tracing::warn!(namespace = %self.namespace, %problem, "cannot be read back");
                    }
                    self.store = Some(Arc::new(store));
                    self.scribe = Some(scribe);
                    return;
                }
                Err(error) => {
                    tracing::warn!(namespace = %self.namespace, %error, "the ledgers cannot be read");
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    /// When there is something to do by itself.
    fn wake(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(60);
        let t = now();
        let in_seconds = |at: Timestamp| Instant::now() + Duration::from_secs(u64::try_from(at.as_second() - t.as_second()).unwrap_or(0));
        let due = self.next_due().map(in_seconds);
        let targets = self.known.values().filter_map(|known| known.wakes()).map(in_seconds);
        let retries = self.known.values().filter_map(|known| known.retry_at());
        let dirty = self.dirty.at().filter(|_| self.is_ready());
        dirty.into_iter().chain(due).chain(targets).chain(retries).fold(far, Instant::min).max(Instant::now() + MOMENT)
    }

    /// The ledgers of all targets, declared or not.
    fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.looks.values().map(|look| &look.ledger).chain(self.others.values())
    }

    /// When anything comes next by itself.
    fn next_due(&self) -> Option<Timestamp> {
        self.due.next().into_iter().chain(self.over.next()).min()
    }

    fn is_ready(&self) -> bool {
        NEEDED.iter().all(|kind| self.listed.contains(kind))
    }

    /// Everything that follows from what is known by now.
    fn step(&mut self) {
        if !self.is_ready() {
            return;
        }
        let t = now();
        self.take_over(t);
        for (person, target) in self.due.take(t) {
            match target.and_then(|target| self.known.get_mut(&target)) {
                Some(known) => {
                    known.pending.insert(person);
                }
                None => {
                    self.dirty.people.insert(person.clone());
                    self.asked_for.insert(person);
                    self.dirty.since.get_or_insert((Instant::now() - PATIENCE, Instant::now() - PATIENCE));
                }
            }
        }
        if self.dirty.at().is_some_and(|at| at <= Instant::now()) {
            tokio::task::block_in_place(|| self.decide(t));
        }
        // Keys are written for ever. Where nothing is remembered and no Realm is there, one may still come with the same commit.
        let unnamed = self.realm.spec().is_none() && self.looks.values().all(|look| look.ledger.links.is_empty());
        if !unnamed || self.started.elapsed() >= self.settling.settle.unsigned_abs() {
            self.start_looks(t);
        }
        self.report(t);
    }

    /// Something of the realm changed.
    fn affect(&mut self, affected: &Affected) {
        if affected.is_nothing() {
            return;
        }
        self.dirty.add(&affected.people);
        self.dirty.moved();
        if affected.recompile {
            self.compiled = None;
        }
        for known in self.known.values() {
            match &affected.people {
                Scope::Whole => known.touched.touch_everybody(),
                Scope::People(people) => known.touched.touch(people.iter().cloned()),
            }
        }
        for target in &affected.targets {
            if let Some(known) = self.known.get_mut(target) {
                known.renew = true;
                // What it may do is another thing now: nothing more is sent of a plan that was made before.
                known.touched.touch_everybody();
            }
            if let Some(look) = self.looks.get_mut(target) {
                take_rules(&self.realm, self.compiled.as_ref(), target, look);
            }
        }
        self.objects_unreported = true;
    }
}

/// The shortest sleep.
const MOMENT: Duration = Duration::from_millis(20);
