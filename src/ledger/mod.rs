//! The ports to what is kept: ledgers and secrets.
//!
//! Facts go in, ledgers come out: as a value (`model::ledger::Ledger`), which no store understands better than
//! `Ledger::record` does. Nothing here decides what is recorded.

use async_trait::async_trait;

use crate::model::ids::{ObjectName, TargetName};
use crate::model::ledger::{Fact, Ledger};
use crate::model::secret::SecretData;

pub mod memory;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

/// What goes wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote since it was loaded: load again, look again.
    #[error("the ledger of {0} was written by somebody else in the meantime")]
    Conflict(TargetName),
    /// The Secret is not there.
    #[error("Secret {0} is not there")]
    MissingSecret(ObjectName),
    /// The store itself.
    #[error("{0}")]
    Store(String),
}

impl StoreError {
    fn not_loaded(target: &TargetName) -> Self {
        Self::Store(format!("the ledger of {target} is to be written before it was loaded"))
    }
}

/// Keeps ledgers.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// The ledger of a target; an empty one where none is kept.
    async fn load(&self, target: &TargetName) -> Result<Ledger, StoreError>;

    /// The targets of which a ledger is kept.
    async fn targets(&self) -> Result<Vec<TargetName>, StoreError>;

    /// Durable on return, all facts or none; no facts are no write. Refused with [`StoreError::Conflict`] where somebody else wrote since
    /// `load`: the fence.
    async fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError>;
}

/// Gives secrets out.
#[async_trait]
pub trait Vault: Send + Sync {
    /// All keys of a Secret.
    async fn read(&self, secret: &ObjectName) -> Result<SecretData, StoreError>;
}
