//! Ledgers in memory, behind the same fence as the durable ones: for tests, cases and dry runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{LedgerStore, StoreError};
use crate::model::ids::TargetName;
use crate::model::ledger::{Fact, Ledger};

/// How one `record` goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is kept, and that is the answer.
    Refuse,
    /// Nothing is kept and the call never returns: whoever waits drops it, as a kill does. See [`MemoryLedgers::stopped`].
    StopBefore,
    /// The facts are kept and the call never returns.
    StopAfter,
}

/// Ledgers in memory, as one session sees them: what it loaded is what it may write on.
#[derive(Debug, Default)]
pub struct MemoryLedgers {
    kept: Arc<Kept>,
    loaded: Mutex<BTreeMap<TargetName, u64>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with its version: how often it was written.
    ledgers: Mutex<BTreeMap<TargetName, (u64, Ledger)>>,
    faults: Mutex<(u64, BTreeMap<u64, Fault>)>,
    stopped: Notify,
}

impl MemoryLedgers {
    /// With these ledgers in it.
    #[must_use]
    pub fn new(ledgers: impl IntoIterator<Item = Ledger>) -> Self {
        let store = Self::default();
        lock(&store.kept.ledgers).extend(ledgers.into_iter().map(|ledger| (ledger.target.clone(), (1, ledger))));
        store
    }

    /// Another session on the same ledgers, as after a restart or on a second machine: it has loaded nothing yet.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), loaded: Mutex::default() }
    }

    /// The ledger as it is kept, without loading it.
    #[must_use]
    pub fn kept(&self, target: &TargetName) -> Option<Ledger> {
        lock(&self.kept.ledgers).get(target).map(|(_, ledger)| ledger.clone())
    }

    /// Makes the `nth` `record` from now (the first is 1) go wrong, whichever session calls it.
    pub fn fault(&self, nth: u64, fault: Fault) {
        let mut faults = lock(&self.kept.faults);
        let at = faults.0 + nth;
        faults.1.insert(at, fault);
    }

    /// Returns once a `record` has stopped at [`Fault::StopBefore`] or [`Fault::StopAfter`].
    pub async fn stopped(&self) {
        self.kept.stopped.notified().await;
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut faults = lock(&self.kept.faults);
        faults.0 += 1;
        let now = faults.0;
        faults.1.remove(&now)
    }

    fn keep(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        let mut loaded = lock(&self.loaded);
        let version = loaded.get_mut(target).ok_or_else(|| StoreError::not_loaded(target))?;
        let mut ledgers = lock(&self.kept.ledgers);
        let (kept, ledger) = ledgers.entry(target.clone()).or_insert_with(|| (0, Ledger::new(target.clone())));
        if kept != version {
            return Err(StoreError::Conflict(target.clone()));
        }
        for fact in facts {
            ledger.record(fact);
        }
        *kept += 1;
        *version = *kept;
        Ok(())
    }
}

#[async_trait]
impl LedgerStore for MemoryLedgers {
    async fn load(&self, target: &TargetName) -> Result<Ledger, StoreError> {
        let (version, ledger) = lock(&self.kept.ledgers).get(target).cloned().unwrap_or_else(|| (0, Ledger::new(target.clone())));
        lock(&self.loaded).insert(target.clone(), version);
        Ok(ledger)
    }

    async fn targets(&self) -> Result<Vec<TargetName>, StoreError> {
        Ok(lock(&self.kept.ledgers).keys().cloned().collect())
    }

    async fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let fault = self.next_fault();
        match fault {
            None => return self.keep(target, facts),
            Some(Fault::Refuse) => return Err(StoreError::Store("told to refuse".to_owned())),
            Some(Fault::StopBefore) => {}
            Some(Fault::StopAfter) => self.keep(target, facts)?,
        }
        self.kept.stopped.notify_one();
        std::future::pending().await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
