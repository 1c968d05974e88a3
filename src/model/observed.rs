//! What one look at a target showed, and the proofs that a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::entitlement::EntitlementKey;
use super::ids::{AccountId, AttributeName, Kind, OwnerKey, PersonId};

/// Whether a reading is all there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extent {
    /// All of it.
    Complete,
    /// It ended early, for this reason.
    Partial(String),
}

impl Extent {
    /// Whether it is all there is.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

/// Everything, or these people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A sweep.
    Whole,
    /// A look at some.
    People(BTreeSet<PersonId>),
}

impl Scope {
    /// Whether this person is in it.
    #[must_use]
    pub fn contains(&self, person: &PersonId) -> bool {
        match self {
            Self::Whole => true,
            Self::People(people) => people.contains(person),
        }
    }
}

/// What an account is looked up by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// The target's stable id.
    Id(AccountId),
    /// The owner key in the account.
    Owner(OwnerKey),
    /// A correlation attribute (`userName` is the account's name) and its value.
    Attribute(AttributeName, String),
}

/// What one look showed: `list` or `find`. It hands out proofs, not guesses.
#[derive(Debug, Clone)]
pub struct Observed {
    scope: Scope,
    extent: Extent,
    began: Timestamp,
    accounts: BTreeMap<AccountId, Account>,
    answered: BTreeSet<Lookup>,
    entitlements: Option<BTreeMap<EntitlementKey, u32>>,
}

impl Observed {
    /// A listing of everything. `entitlements`: those that exist there with the number of their enabled members, where the target can say.
    #[must_use]
    pub fn listed(began: Timestamp, extent: Extent, accounts: Vec<Account>, entitlements: Option<BTreeMap<EntitlementKey, u32>>) -> Self {
        Self {
            scope: Scope::Whole,
            extent,
            began,
            accounts: accounts.into_iter().map(|a| (a.id.clone(), a)).collect(),
            answered: BTreeSet::new(),
            entitlements,
        }
    }

    /// Some people looked up; `answered` names the lookups that the target answered, with an account or with none.
    #[must_use]
    pub fn found(
        began: Timestamp,
        people: BTreeSet<PersonId>,
        accounts: Vec<Account>,
        answered: BTreeSet<Lookup>,
        entitlements: Option<BTreeMap<EntitlementKey, u32>>,
    ) -> Self {
        Self {
            scope: Scope::People(people),
            extent: Extent::Complete,
            began,
            accounts: accounts.into_iter().map(|a| (a.id.clone(), a)).collect(),
            answered,
            entitlements,
        }
    }

    /// What was looked at.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it is all there is.
    #[must_use]
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// When the look began.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// All accounts that were read.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// The account of that id, if it was read.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// Whether this is a listing of everything, and complete.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.scope == Scope::Whole && self.extent.is_complete()
    }

    /// Whether the entitlement exists in the target, whether or not somebody holds it with this right; `None` where the look does not say.
    #[must_use]
    pub fn exists(&self, entitlement: &EntitlementKey) -> Option<bool> {
        let plain = EntitlementKey { right: None, ..entitlement.clone() };
        self.entitlements.as_ref().map(|all| all.contains_key(entitlement) || all.contains_key(&plain))
    }

    /// The kinds of the entitlements that are there; `None` where the look does not say.
    #[must_use]
    pub fn kinds(&self) -> Option<BTreeSet<&Kind>> {
        self.entitlements.as_ref().map(|all| all.keys().map(|key| &key.kind).collect())
    }

    /// Its enabled members, as far as the look says.
    #[must_use]
    pub fn members(&self, entitlement: &EntitlementKey) -> Option<u32> {
        self.entitlements.as_ref().and_then(|all| all.get(entitlement)).copied()
    }

    /// The proof that this very account was read.
    #[must_use]
    pub fn seen(&self, id: &AccountId) -> Option<Seen<'_>> {
        self.accounts.get(id).map(Seen)
    }

    /// The proof that nothing answers to any of these: by a complete listing, or because the target answered every one of them.
    #[must_use]
    pub fn missing(&self, by: &[Lookup]) -> Option<Missing> {
        let answered = match self.scope {
            Scope::Whole => self.extent.is_complete(),
            Scope::People(_) => !by.is_empty() && by.iter().all(|lookup| self.answered.contains(lookup)),
        };
        answered.then_some(Missing(()))
    }
}

/// This very account was read: a removal is made from nothing else (but a leaver's Disable by recorded id).
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a>(&'a Account);

impl<'a> Seen<'a> {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &'a Account {
        self.0
    }
}

/// There is no such account: a create is made from nothing else.
#[derive(Debug)]
pub struct Missing(());
