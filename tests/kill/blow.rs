//! What strikes a run: a kill at an instant, an answer that is lost, a write that is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use provost::connector::{Batch, Opened, Writer};
use provost::ledger::{LedgerStore, StoreError};
use provost::model::failure::Failure;
use provost::model::ids::TargetName;
use provost::model::ledger::{Fact, Ledger};
use tokio::sync::Notify;

/// What happens, and where: instants lie before and after each write and each record, writes are counted by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Live,
    /// The process dies at this instant.
    Die(usize),
    /// This write is done, and no answer comes back.
    Lose(usize),
    /// This write is not done: come again later.
    Refuse(usize),
}

/// Strikes once.
#[derive(Clone)]
pub struct Blow(Arc<Inside>);

struct Inside {
    fate: Fate,
    instants: AtomicUsize,
    writes: AtomicUsize,
    died: Notify,
}

impl Blow {
    pub fn new(fate: Fate) -> Self {
        Self(Arc::new(Inside { fate, instants: AtomicUsize::new(0), writes: AtomicUsize::new(0), died: Notify::new() }))
    }

    pub fn none() -> Self {
        Self::new(Fate::Live)
    }

    /// How many instants have passed.
    pub fn instants(&self) -> usize {
        self.0.instants.load(Ordering::SeqCst)
    }

    /// How many single writes were sent.
    pub fn writes(&self) -> usize {
        self.0.writes.load(Ordering::SeqCst)
    }

    /// Returns when the process has died.
    pub async fn died(&self) {
        self.0.died.notified().await;
    }

    async fn instant(&self) {
        let now = self.0.instants.fetch_add(1, Ordering::SeqCst);
        if self.0.fate == Fate::Die(now) {
            self.0.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    pub fn opened(&self, (reader, writer): Opened) -> Opened {
        (reader, Box::new(Struck { inner: writer, blow: self.clone() }))
    }

    pub fn store(&self, inner: Box<dyn LedgerStore>) -> StruckStore {
        StruckStore { inner, blow: self.clone() }
    }
}

/// A writer that does one write at a time, so that a batch can be cut anywhere in it.
struct Struck {
    inner: Box<dyn Writer>,
    blow: Blow,
}

#[async_trait]
impl Writer for Struck {
    async fn write(&self, batch: &mut Batch) {
        for (write, _) in std::mem::take(&mut batch.writes) {
            self.blow.instant().await;
            let nth = self.blow.0.writes.fetch_add(1, Ordering::SeqCst);
            let mut one = Batch { writes: vec![(write, None)] };
            if self.blow.0.fate == Fate::Refuse(nth) {
                one.writes[0].1 = Some(Err(Failure::Retry { after: None, why: "it is told to refuse".to_owned() }));
            } else {
                self.inner.write(&mut one).await;
            }
            if self.blow.0.fate == Fate::Lose(nth) {
                one.writes[0].1 = None;
            }
            batch.writes.append(&mut one.writes);
            self.blow.instant().await;
        }
    }

    fn cost(&self, batch: &Batch) -> u32 {
        self.inner.cost(batch)
    }
}

pub struct StruckStore {
    inner: Box<dyn LedgerStore>,
    blow: Blow,
}

#[async_trait]
impl LedgerStore for StruckStore {
    async fn load(&self, target: &TargetName) -> Result<Ledger, StoreError> {
        self.inner.load(target).await
    }

    async fn targets(&self) -> Result<Vec<TargetName>, StoreError> {
        self.inner.targets().await
    }

    async fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        self.blow.instant().await;
        let answer = self.inner.record(target, facts).await;
        self.blow.instant().await;
        answer
    }
}
