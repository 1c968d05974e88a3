//! One worker a target: orders in, answers out, one after the other. It owns the open target and the ledger that is written with it, so
//! that a slow or dead target holds up no other, and a panic is that target's error.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::barrier::Positions;
use super::fresh::{Freshness, Stands};
use super::status::{LastError, Shown, StatusLedgers};
use crate::api::target::{Mode, TargetSystemSpec};
use crate::apply::target::{Oversight, Report, Target};
use crate::connector::{self, AddressRules};
use crate::ledger::{LedgerStore, StoreError, Vault};
use crate::model::account::AccountKey;
use crate::model::change::{Act, Cause, Change, LifecycleState};
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger};
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::model::secret::SecretData;
use crate::plan::desired::Desired;
use crate::plan::guard::GuardedPlan;
use crate::plan::lookups::Questions;
use crate::plan::rules::TargetRules;

/// How many changes go out at once: their ledger entries have to fit into one object beside each other.
const BATCH: usize = 100;

/// How long the inputs may take to be read up to now before a removal is put off.
const BARRIER: Duration = Duration::from_secs(15);

/// What a worker is told to do.
pub enum Order {
    /// Open the target anew and ask what it can do.
    Open(Box<TargetSystemSpec>),
    /// Look at everything, or at some people.
    Look {
        /// What is asked; nothing: everything.
        questions: Option<Questions>,
        /// By which rules.
        rules: Box<TargetRules>,
        /// When it begins.
        began: Timestamp,
    },
    /// Carry a plan out.
    Carry(Box<Errand>),
    /// Remember this.
    Record(Vec<Fact>),
}

/// A plan that is to be carried out.
pub struct Errand {
    /// What is to be done.
    pub plan: GuardedPlan,
    /// What it was made from.
    pub desired: Arc<Desired>,
    /// By which rules.
    pub rules: TargetRules,
    /// When it was planned.
    pub t: Timestamp,
    /// The Person objects that it was made from, with their generations.
    pub declared: BTreeMap<PersonId, Vec<(ObjectName, i64)>>,
    /// What people's statuses are to show afterwards.
    pub shown: BTreeMap<AccountKey, Shown>,
}

/// What a worker answers.
pub enum Answer {
    /// The target was opened, or could not be.
    Opened(Result<Schema, Failure>),
    /// The look.
    Looked(Result<Observed, Failure>),
    /// This is remembered now.
    Recorded(Vec<Fact>),
    /// The plan was carried out, as far as it was.
    Carried(Result<Report, StoreError>),
    /// What was to be remembered is, or is not.
    Noted(Result<(), StoreError>),
}

/// Who was touched since a look began, and whether somebody must go first.
#[derive(Debug, Default)]
pub struct Touched {
    people: Mutex<BTreeSet<PersonId>>,
    everybody: AtomicBool,
    urgent: AtomicBool,
}

impl Touched {
    /// A look begins: what was touched before does not matter to it.
    pub fn begin(&self) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.everybody.store(false, Ordering::SeqCst);
        self.urgent.store(false, Ordering::SeqCst);
    }

    /// These people are touched: what was planned for them is not sent any more.
    pub fn touch(&self, people: impl IntoIterator<Item = PersonId>) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).extend(people);
    }

    /// Everybody is touched.
    pub fn touch_everybody(&self) {
        self.everybody.store(true, Ordering::SeqCst);
    }

    /// Somebody has to be shut out: what is under way stops between two batches.
    pub fn hurry(&self) {
        self.urgent.store(true, Ordering::SeqCst);
    }

    fn is_touched(&self, person: &PersonId) -> bool {
        self.everybody.load(Ordering::SeqCst) || self.names(person)
    }

    fn names(&self, person: &PersonId) -> bool {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).contains(person)
    }

    /// Somebody must go first.
    async fn hurried(&self) {
        while !self.urgent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// All that a worker needs of the world.
pub struct Surroundings {
    /// Which target.
    pub name: TargetName,
    /// Where secrets come from.
    pub vault: Arc<dyn Vault>,
    /// Where the ledger is kept, and shown.
    pub store: Arc<StatusLedgers>,
    /// Relative paths start here.
    pub base: PathBuf,
    /// Which addresses the target may have.
    pub addresses: AddressRules,
    /// How far the inputs have been read.
    pub positions: Arc<Positions>,
    /// Reads versions and people past every cache.
    pub freshness: Freshness,
    /// Who was touched since the look began.
    pub touched: Arc<Touched>,
    /// Where answers go.
    pub answers: mpsc::Sender<(TargetName, Answer)>,
}

/// Works until nobody gives orders any more. What it is doing then, it finishes.
pub async fn work(around: Surroundings, mut orders: mpsc::Receiver<Order>) {
    let store = Told { store: Arc::clone(&around.store), answers: around.answers.clone() };
    let mut worker = Worker { around, store, target: None, ledger: None };
    while let Some(order) = orders.recv().await {
        let kind = Kind::of(&order);
        let answer = match AssertUnwindSafe(worker.obey(order)).catch_unwind().await {
            Ok(answer) => answer,
            Err(_) => {
                worker.target = None;
                worker.ledger = None;
                kind.broken()
            }
        };
        if worker.around.answers.send((worker.around.name.clone(), answer)).await.is_err() {
            return;
        }
    }
}

/// What to answer where an order broke off.
#[derive(Clone, Copy)]
enum Kind {
    Open,
    Look,
    Carry,
    Record,
}

impl Kind {
    fn of(order: &Order) -> Self {
        match order {
            Order::Open(_) => Self::Open,
            Order::Look { .. } => Self::Look,
            Order::Carry(_) => Self::Carry,
            Order::Record(_) => Self::Record,
        }
    }

    fn broken(self) -> Answer {
        let why = "the worker broke off; its log says where".to_owned();
        match self {
            Self::Open => Answer::Opened(Err(Failure::Bug(why))),
            Self::Look => Answer::Looked(Err(Failure::Bug(why))),
            Self::Carry => Answer::Carried(Err(StoreError::Store(why))),
            Self::Record => Answer::Noted(Err(StoreError::Store(why))),
        }
    }
}

struct Worker {
    around: Surroundings,
    store: Told,
    target: Option<Target>,
    ledger: Option<Ledger>,
}

impl Worker {
    async fn obey(&mut self, order: Order) -> Answer {
        match order {
            Order::Open(spec) => Answer::Opened(self.open(&spec).await),
            Order::Look { questions, rules, began } => Answer::Looked(self.look(questions, &rules, began).await),
            Order::Carry(errand) => Answer::Carried(self.carry(*errand).await),
            Order::Record(facts) => Answer::Noted(self.record(&facts).await),
        }
    }

    async fn open(&mut self, spec: &TargetSystemSpec) -> Result<Schema, Failure> {
        self.target = None;
        let secret = self.secret(spec).await?;
        let name = &self.around.name;
        let (reader, writer) = connector::open_within(name, spec, &self.around.base, &secret, &self.around.addresses)?;
        let observe = spec.mode == Some(Mode::Observe);
        let target = Target::new(name.clone(), reader, (!observe).then_some(writer)).in_batches_of(BATCH);
        let schema = target.probe().await?;
        self.target = Some(target);
        Ok(schema)
    }

    async fn secret(&self, spec: &TargetSystemSpec) -> Result<SecretData, Failure> {
        let Some(reference) = &spec.secret_ref else { return Ok(SecretData::new()) };
        let name = ObjectName::parse(reference.name.as_str()).map_err(|error| Failure::Config(format!("spec.secretRef: {error}")))?;
        self.around.vault.read(&name).await.map_err(|error| match error {
            StoreError::MissingSecret(secret) => {
                Failure::Retry { after: None, why: format!("there is no Secret {secret} in this namespace: spec.secretRef names it") }
            }
            StoreError::Conflict(_) | StoreError::Store(_) => Failure::Retry { after: None, why: error.to_string() },
        })
    }

    async fn look(&self, questions: Option<Questions>, rules: &TargetRules, began: Timestamp) -> Result<Observed, Failure> {
        let Some(target) = &self.target else { return Err(closed()) };
        match questions {
            None => target.list(rules, began).await,
            Some(questions) => target.find(rules, &questions.people, &questions.entitlements, began).await,
        }
    }

    async fn carry(&mut self, mut errand: Errand) -> Result<Report, StoreError> {
        let mut ledger = self.ledger().await?;
        let Some(target) = &self.target else { return Err(StoreError::Store(closed().to_string())) };
        let stale = self.stale(&errand).await;
        let watch = Watch { touched: &self.around.touched, stale: &stale };
        let report = target.carry_out(&errand.plan, &errand.rules, &errand.desired, &mut ledger, &self.store, errand.t, &watch).await;
        // After an error the store knows better than this copy does.
        self.ledger = report.is_ok().then_some(ledger);
        let report = report?;
        for (change, answer) in &report.answers {
            if let (Err(failure), Some(shown)) = (answer, errand.shown.get_mut(change.key())) {
                shown.last_error =
                    Some(LastError { code: failure.reason().to_owned(), message: format!("{}: {failure}", change.act().verb()) });
            }
        }
        // What only shows is never worth a failure: the next look shows it again.
        if let Err(error) = self.around.store.show(&self.around.name, errand.shown).await {
            tracing::warn!(target_system = %self.around.name, %error, "people's statuses could not be written");
        }
        Ok(report)
    }

    async fn record(&mut self, facts: &[Fact]) -> Result<(), StoreError> {
        let mut ledger = self.ledger().await?;
        self.store.record(&self.around.name, facts).await?;
        facts.iter().for_each(|fact| ledger.record(fact));
        self.ledger = Some(ledger);
        Ok(())
    }

    async fn ledger(&mut self) -> Result<Ledger, StoreError> {
        match self.ledger.take() {
            Some(ledger) => Ok(ledger),
            None => self.store.load(&self.around.name).await,
        }
    }

    /// Whose removals cannot be sent now, because what was read may not be what is declared.
    async fn stale(&self, errand: &Errand) -> Stale {
        let removals: Vec<&Change> = errand.plan.sent().filter(|change| change.act().removes()).collect();
        let mut stale = Stale::default();
        if errand.plan.sent().next().is_some()
            && let Ok(Stands::No(what)) = self.around.freshness.namespace_stands().await
        {
            tracing::info!(target_system = %self.around.name, %what, "nothing is sent");
            stale.ends = true;
        }
        if errand.plan.sent().any(signs) {
            // An owner key is written for ever: a Realm that was declared a moment ago may name another id.
            match self.around.freshness.realm_id().await {
                Ok(id) if id == errand.rules.realm.as_str() => {}
                Ok(id) => {
                    tracing::info!(target_system = %self.around.name, %id, "the realm has another id by now: no key is written");
                    stale.id = true;
                }
                Err(why) => {
                    tracing::info!(target_system = %self.around.name, %why, "no key is written");
                    stale.id = true;
                }
            }
        }
        if removals.iter().any(|change| settles(change)) {
            let wait = async {
                let version = self.around.freshness.version().await?;
                self.around.positions.wait_for(version, BARRIER).await?;
                match self.around.freshness.stands().await? {
                    Stands::Yes => Ok(()),
                    Stands::No(what) => Err(what),
                }
            };
            let waited = tokio::select! {
                waited = wait => waited,
                () = self.around.touched.hurried() => Err("something more urgent goes first".to_owned()),
            };
            if let Err(why) = waited {
                tracing::info!(target_system = %self.around.name, %why, "removals are put off");
                stale.settled = true;
            }
        }
        let people: BTreeSet<&PersonId> = removals.iter().filter(|change| !settles(change)).map(|change| &change.key().person).collect();
        let declared = errand.declared.iter().filter(|(person, _)| people.contains(person));
        stale.people = self.around.freshness.changed(declared.map(|(person, objects)| (person.clone(), objects.clone())).collect()).await;
        stale
    }
}

/// Whether a removal had to last before it was sent, so that all inputs are to be read up to now.
fn settles(change: &Change) -> bool {
    !matches!(
        change.cause(),
        Cause::Lockout | Cause::Until | Cause::Lifecycle(LifecycleState::Terminated | LifecycleState::Suspended | LifecycleState::Leave)
    )
}

/// Whether it writes an owner key.
fn signs(change: &Change) -> bool {
    matches!(change.act(), Act::Create { .. } | Act::Own)
}

/// What may not be sent, because it may not be wanted any more.
#[derive(Debug, Default)]
struct Stale {
    /// Removals that settle.
    settled: bool,
    /// People whose objects are others by now.
    people: BTreeSet<PersonId>,
    /// The namespace is being deleted, and says nothing about people any more.
    ends: bool,
    /// The realm has another id than the one that keys would be written with.
    id: bool,
}

struct Watch<'a> {
    touched: &'a Touched,
    stale: &'a Stale,
}

impl Oversight for Watch<'_> {
    fn passes(&self, change: &Change) -> bool {
        let removal_is_stale =
            change.act().removes() && (self.stale.settled && settles(change) || self.stale.people.contains(&change.key().person));
        let person = &change.key().person;
        // Whoever must be out does not wait for a commit that touches everybody: their own object was read again.
        let touched = if change.act().removes() && !settles(change) { self.touched.names(person) } else { self.touched.is_touched(person) };
        !(removal_is_stale || touched || self.stale.ends || self.stale.id && signs(change))
    }

    fn yields(&self) -> bool {
        self.touched.urgent.load(Ordering::SeqCst)
    }

    fn answered(&self, _: &TargetName, _: usize) {}
}

/// Tells of every fact once it is durable.
struct Told {
    store: Arc<StatusLedgers>,
    answers: mpsc::Sender<(TargetName, Answer)>,
}

#[async_trait]
impl LedgerStore for Told {
    async fn load(&self, target: &TargetName) -> Result<Ledger, StoreError> {
        self.store.load(target).await
    }

    async fn targets(&self) -> Result<Vec<TargetName>, StoreError> {
        self.store.targets().await
    }

    async fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        self.store.record(target, facts).await?;
        if !facts.is_empty() {
            // Where nobody listens any more, the process ends: the store has them.
            let _ = self.answers.send((target.clone(), Answer::Recorded(facts.to_vec()))).await;
        }
        Ok(())
    }
}

fn closed() -> Failure {
    Failure::Retry { after: None, why: "the target is not open".to_owned() }
}
