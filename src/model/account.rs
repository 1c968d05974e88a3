//! Accounts: a person's record in a target system.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::entitlement::{EntitlementKey, How};
use super::ids::{AccountId, AccountName, AttributeName, OwnerKey, PersonId, TargetName, escape};
use super::value::Value;

/// Tells one account from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// Whose it is.
    pub person: PersonId,
    /// Where.
    pub target: TargetName,
    /// Which of the person's accounts there.
    pub account: AccountName,
}

impl AccountKey {
    /// `EXTERNALID[#ACCOUNT]`, escaped as in an owner key, for where the target is clear.
    #[must_use]
    pub fn owner(&self) -> String {
        let person = escape(self.person.as_str());
        if self.account.is_ordinary() { person } else { format!("{person}#{}", escape(self.account.as_str())) }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.owner(), self.target)
    }
}

/// Whether an account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AccountState {
    /// It can be used.
    Enabled,
    /// It is there and shut.
    Disabled,
    /// Asked in, not there yet.
    Invited,
    /// There is none.
    Absent,
}

/// One account as a look at the target showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Stable.
    pub id: AccountId,
    /// Changeable.
    pub name: String,
    /// Whose it is, where the account says so.
    pub owner: Option<OwnerKey>,
    /// Usable or not.
    pub state: AccountState,
    /// The target's version of it (an ETag or the like), where it has one.
    pub version: Option<String>,
    /// What was read; an attribute that is not there is absent.
    pub attributes: BTreeMap<AttributeName, Value>,
    /// Many-valued attributes that were read in part only.
    pub partial: BTreeSet<AttributeName>,
    /// What it holds.
    pub entitlements: BTreeMap<EntitlementKey, How>,
    /// Whether `entitlements` is all that it holds.
    pub entitlements_complete: bool,
    /// The login that Provost itself uses there.
    pub own_login: bool,
}
