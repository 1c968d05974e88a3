//! Reading and writing targets: one contract for every protocol. Reading and writing are different types.
//!
//! A TargetSystem's spec and its secret flow in, a [`connector::Reader`] and a [`connector::Writer`] come out; looks at the target and answers to writes
//! come out of those. A connector never decides, never retries, never limits itself, and knows no clock: a look is stamped with the time
//! that it is given. Whatever it sends over a network leaves through `gate`, HTTP through `net`. What every connector must do is in
//! `contract`, as a suite that any pair can be run through.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::api::target::{TargetSystemSpec, TargetType};
use crate::model::change::Change;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName, OwnerKey, PersonId, TargetName};
use crate::model::ledger::Ledger;
use crate::model::observed::{Lookup, Observed};
use crate::model::schema::Schema;
use crate::model::secret::{Secret, SecretData};
use crate::model::value::Attributes;

pub mod contract;
mod gate;
pub mod memory;
mod net;
mod scim;
mod sqlite;

pub use self::net::{AddressRefused, AddressRules};

/// What a reading has to bring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// When the look begins. What was written since then is left out of its comparison, so an early time only makes a look weaker.
    pub began: Timestamp,
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
    /// stops the others. A write that has its answer already is passed over.
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
    /// The account's stable id; none where no account was touched (Provide).
    pub id: Option<AccountId>,
    /// It was so already.
    pub already: bool,
}

/// Whether the ledger has accounts of a target. Where it has, a target that is not there is out of reach, never one that is still to be
/// made: in a new one everybody would be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// It has.
    Accounts,
    /// It has none.
    Nothing,
}

impl Remembered {
    /// As this ledger has it. An account whose create was never answered may not be there.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        if ledger.links.values().any(|link| link.id.is_some()) { Self::Accounts } else { Self::Nothing }
    }
}

/// The two halves of an open target.
pub type Opened = (Box<dyn Reader>, Box<dyn Writer>);

/// What is wrong with a TargetSystem's settings, as far as it can be told without the target. Empty: nothing.
#[must_use]
pub fn check(target: &TargetSystemSpec) -> Vec<String> {
    match target.type_ {
        TargetType::Sqlite => sqlite::check(target),
        TargetType::Scim => scim::check(target),
        TargetType::Ldap | TargetType::Postgres => vec![not_supported(target.type_)],
    }
}

/// Opens a target for a program that runs for the user in front of it: loopback is theirs. Nothing is read or written yet. Relative paths
/// start at `base`, the folder of the manifests.
///
/// # Errors
/// [`Failure::Config`] where the TargetSystem must be edited: the first of what [`check`] finds.
pub fn open(
    name: &TargetName,
    target: &TargetSystemSpec,
    base: &Path,
    secret: &SecretData,
    remembered: Remembered,
) -> Result<Opened, Failure> {
    open_within(name, target, base, secret, remembered, &AddressRules::local())
}

/// Opens a target; only these addresses are connected to.
///
/// # Errors
/// As for [`open`].
pub fn open_within(
    name: &TargetName,
    target: &TargetSystemSpec,
    base: &Path,
    secret: &SecretData,
    remembered: Remembered,
    addresses: &AddressRules,
) -> Result<Opened, Failure> {
    if let Some(problem) = check(target).into_iter().next() {
        return Err(Failure::Config(problem));
    }
    match target.type_ {
        TargetType::Sqlite => sqlite::open(name, target, base, remembered),
        TargetType::Scim => scim::open(name, target, secret, addresses),
        TargetType::Ldap | TargetType::Postgres => Err(Failure::Config(not_supported(target.type_))),
    }
}

fn not_supported(type_: TargetType) -> String {
    format!("spec.type: type {} is not supported by this version of provost (supported: sqlite, scim)", type_.as_str())
}
