//! One worker a target: orders in, answers out, one after the other. It owns the open target and the ledger that is written with it, so
//! that a slow or dead target holds up no other, and a panic is that target's error.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::barrier::Positions;
use super::clearance::{Clearance, Touched};
use super::fresh::Freshness;
use super::status::{LastError, Shown, StatusLedgers};
use crate::api::target::{Mode, TargetSystemSpec};
use crate::apply::target::{Report, Target};
use crate::connector::{self, AddressRules, Remembered};
use crate::ledger::{LedgerStore, StoreError, Vault};
use crate::model::account::AccountKey;
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
    /// The worker has ended: nothing more comes from it.
    Ended,
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
        let broken = broken(&order);
        let answer = match AssertUnwindSafe(worker.obey(order)).catch_unwind().await {
            Ok(answer) => answer,
            Err(_) => {
                worker.target = None;
                worker.ledger = None;
                broken
            }
        };
        if worker.around.answers.send((worker.around.name.clone(), answer)).await.is_err() {
            return;
        }
    }
    // Where nobody listens any more, the process ends.
    let _ = worker.around.answers.send((worker.around.name.clone(), Answer::Ended)).await;
}

/// What to answer where an order breaks off.
fn broken(order: &Order) -> Answer {
    let why = "the worker broke off; its log says where".to_owned();
    match order {
        Order::Open(_) => Answer::Opened(Err(Failure::Bug(why))),
        Order::Look { .. } => Answer::Looked(Err(Failure::Bug(why))),
        Order::Carry(_) => Answer::Carried(Err(StoreError::Store(why))),
        Order::Record(_) => Answer::Noted(Err(StoreError::Store(why))),
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
        let remembered = Remembered::of(&self.around.store.ledger(name));
        let (reader, writer) = connector::open_within(name, spec, &self.around.base, &secret, remembered, &self.around.addresses)?;
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
        let Surroundings { touched, positions, freshness, .. } = &self.around;
        let clearance = Clearance::of(&errand.plan, &errand.rules.realm, &errand.declared, touched, positions, freshness).await;
        let report = target.carry_out(&errand.plan, &errand.rules, &errand.desired, &mut ledger, &self.store, errand.t, &clearance).await;
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
