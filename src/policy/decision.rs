//! What the policies say for one person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, RoleName, TargetName};
use crate::model::reason::Reason;
use crate::realm::input::Parameters;

/// Reasons, sorted and without repeats: mostly one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasons(Vec<Reason>);

impl Reasons {
    /// This reason alone.
    #[must_use]
    pub fn one(reason: Reason) -> Self {
        Self(vec![reason])
    }

    /// One more reason.
    pub fn insert(&mut self, reason: Reason) {
        if let Err(place) = self.0.binary_search(&reason) {
            self.0.insert(place, reason);
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Reason> {
        self.0.iter()
    }
}

impl Extend<Reason> for Reasons {
    fn extend<I: IntoIterator<Item = Reason>>(&mut self, reasons: I) {
        reasons.into_iter().for_each(|reason| self.insert(reason));
    }
}

impl<'a> IntoIterator for &'a Reasons {
    type Item = &'a Reason;
    type IntoIter = std::slice::Iter<'a, Reason>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What the policies say for one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Roles held by rule, with what they include.
    pub roles: BTreeMap<(RoleName, Parameters), Reasons>,
    /// Accounts asked for, those implied by entitlements included.
    pub accounts: BTreeMap<(TargetName, AccountName), Reasons>,
    /// Entitlements asked for.
    pub entitlements: BTreeMap<(AccountName, EntitlementKey), Asked>,
    /// Violations, waived ones included.
    pub violations: Vec<Violation>,
    /// The next instant at which the decision may change by itself.
    pub due: Option<Timestamp>,
}

/// One entitlement asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The latest end of all its reasons; none beats all.
    pub until: Option<Timestamp>,
    /// Why.
    pub reasons: Reasons,
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// `payments-four-eyes`
    pub rule: String,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// What follows.
    #[serde(default)]
    pub enforcement: Enforcement,
    /// What it is about.
    #[serde(default)]
    pub entitlements: BTreeSet<EntitlementKey>,
    /// Accepted until then, by whom and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waiver>,
}

/// What follows from a violation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// It is shown.
    #[default]
    Report,
    /// What is not held yet is not granted.
    Withhold,
    /// What is ours is taken away.
    Revoke,
}

/// A violation that somebody accepts for a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiver {
    /// Until when.
    pub until: Timestamp,
    /// By whom.
    #[serde(default)]
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

impl Decision {
    /// Whether this asks for the same as another one, however long either stands.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let Self { roles, accounts, entitlements, violations, due: _ } = self;
        *roles == other.roles && *accounts == other.accounts && *entitlements == other.entitlements && *violations == other.violations
    }

    /// Whether an entitlement ends between two instants: it counts for the account that it implies until then.
    #[must_use]
    pub fn ends_between(&self, one: Timestamp, other: Timestamp) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        self.entitlements.values().filter_map(|asked| asked.until).any(|until| first < until && until <= last)
    }
}

impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waived until {}", self.until)?;
        if !self.by.is_empty() {
            write!(f, " by {}", self.by)?;
        }
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

impl Violation {
    /// Whether somebody accepts it at this instant.
    #[must_use]
    pub fn is_waived_at(&self, t: Timestamp) -> bool {
        self.waived.as_ref().is_some_and(|waiver| t < waiver.until)
    }
}
