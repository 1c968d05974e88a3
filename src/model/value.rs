//! Values of attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::account::AccountKey;
use super::ids::{AttributeName, TargetName};

/// What an attribute holds or is to hold. An attribute without a value is not in the map at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    /// One text; numbers are written as JSON writes them.
    Text(String),
    /// True or false.
    Bool(bool),
    /// Many texts, without order.
    Many(BTreeSet<String>),
    /// Another person's account: made an id by the ledger before the comparison, and again before the write.
    Account(AccountKey),
    /// Not known yet (an export still to come, a target unread): shown, never written.
    Later(TargetName),
}

/// Attributes by name.
pub type Attributes = BTreeMap<AttributeName, Value>;

impl Value {
    /// The values as texts: one, or many.
    #[must_use]
    pub fn texts(&self) -> BTreeSet<String> {
        match self {
            Self::Text(text) => BTreeSet::from([text.clone()]),
            Self::Bool(bool) => BTreeSet::from([bool.to_string()]),
            Self::Many(many) => many.clone(),
            Self::Account(_) | Self::Later(_) => BTreeSet::new(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Many(many) => f.debug_list().entries(many).finish(),
            Self::Account(key) => write!(f, "the account of {}", key.owner()),
            Self::Later(target) => write!(f, "known after {target}"),
        }
    }
}
