//! Reading and writing targets: one contract for every protocol. Reading and writing are different types.
//!
//! A connector never decides, never retries and never limits itself.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::model::change::Change;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName, OwnerKey, PersonId};
use crate::model::observed::{Lookup, Observed};
use crate::model::schema::Schema;
use crate::model::secret::Secret;
use crate::model::value::Attributes;

/// What a reading has to bring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Attributes that are mapped or correlate.
    pub attributes: BTreeSet<AttributeName>,
}

/// Reads a target; it cannot write.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Logs in and asks what the target can do.
    async fn probe(&self) -> Result<Schema, Failure>;

    /// Everything. Ended early: Partial. An error: nothing is known.
    async fn list(&self, wanted: &Wanted) -> Result<Observed, Failure>;

    /// Many accounts in few calls, and existence and enabled members of the named entitlements.
    async fn find(
        &self,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
        wanted: &Wanted,
    ) -> Result<Observed, Failure>;
}

/// Writes a target.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Answers each write at most once, in order of the batch; one left unanswered is [`Failure::Unknown`]. One bad account never
    /// stops the others.
    async fn write(&self, batch: &mut Batch);

    /// How many calls the batch costs.
    fn cost(&self, batch: &Batch) -> u32;
}

/// A released change, ready to send: references filled in, first password beside it. Not serializable.
#[derive(Debug)]
pub struct Write {
    /// What is to be done.
    pub change: Change,
    /// The account's id; none for a create, and for what follows a create of the same batch (the connector fills it in).
    pub id: Option<AccountId>,
    /// Our owner key, for Create and Own.
    pub owner: OwnerKey,
    /// Of Create and Set: the values, references resolved.
    pub attributes: Attributes,
    /// A first password.
    pub password: Option<Secret>,
}

/// Writes and their answers.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order in which they are to be done.
    pub writes: Vec<(Write, Option<Result<Done, Failure>>)>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The account's stable id.
    pub id: AccountId,
    /// It was so already.
    pub already: bool,
}
