//! What a plan shows beside its changes.

use std::fmt;

use serde::Serialize;

use crate::model::account::AccountKey;
use crate::model::ids::{AccountId, PersonId, TargetName};

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Subject {
    /// The whole realm.
    Realm,
    /// One person, everywhere.
    Person(PersonId),
    /// One target.
    Target(TargetName),
    /// A person's account, there or not.
    Account(AccountKey),
    /// An account of nobody.
    Found(TargetName, AccountId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Realm => f.write_str("the realm"),
            Self::Person(person) => write!(f, "{person}"),
            Self::Target(target) => write!(f, "TargetSystem/{target}"),
            Self::Account(key) => write!(f, "{key}"),
            Self::Found(target, id) => write!(f, "account {id} in {target}"),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum FindingKind {
    /// It cannot be told whose account it is; nothing is written.
    Ambiguous,
    /// An account answers to a correlation attribute and may not be taken over.
    NotAdopted,
    /// Something is missing for this target.
    Incomplete,
    /// Nothing is granted, removed or enabled by policy.
    Frozen,
    /// It waits for something that is not there yet.
    Waiting,
    /// Held, not asked for, not ours.
    Unclaimed,
    /// A violation wants it gone, and it is not ours.
    CannotRevoke,
    /// Nothing gives it any more, and it is kept until its grace is over.
    Grace,
    /// It carries our key, and nobody declares its person.
    Orphan,
    /// It carries the key of a person whose account is another one.
    Duplicate,
    /// No person correlates with it.
    Unmatched,
    /// The target is not worked with.
    Refused,
    /// Somebody else shut it.
    DisabledElsewhere,
    /// The target cannot shut accounts.
    CannotDisable,
    /// Never touched.
    Protected,
    /// Its person must be out, and something stops that of which nobody is asked: it is paused, observed or suspended.
    NotShut,
    /// It lies in an authoritative scope on an account that is not a person's.
    OutOfScope,
    /// It reads back otherwise than it was sent.
    Normalised,
    /// The ledger knows none of our accounts.
    LedgerLost,
}

impl FindingKind {
    /// Whether the plan is a lower bound because of it.
    #[must_use]
    pub fn is_incomplete(self) -> bool {
        matches!(self, Self::Ambiguous | Self::NotAdopted | Self::Incomplete | Self::Frozen | Self::Waiting | Self::Refused)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// About what.
    pub subject: Subject,
    /// What.
    pub kind: FindingKind,
    /// In words, with what can be done about it.
    pub message: String,
}

impl Finding {
    /// A finding on a person's account.
    #[must_use]
    pub fn account(key: &AccountKey, kind: FindingKind, message: impl Into<String>) -> Self {
        Self { subject: Subject::Account(key.clone()), kind, message: message.into() }
    }
}
