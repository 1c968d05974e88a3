//! `status.ledger` of a TargetSystem: what a ledger remembers beside its links, and the journal of links that are not yet on people's
//! statuses.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::account::AccountKey;
use crate::model::change::{Change, ChangeLine};
use crate::model::ids::{AccountName, ApprovalName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Link, Window};

/// Who wrote it, and which of their writes it was: how a session knows its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stamp {
    /// One word for each session.
    pub writer: String,
    /// Counts the writes of all sessions.
    pub sequence: u64,
}

/// A ledger without its links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Head {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Change>,
    #[serde(skip_serializing_if = "is_empty")]
    pub window: Window,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<ApprovalName, BTreeSet<ChangeLine>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub had_policy: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accounts_known: bool,
}

fn is_empty(window: &Window) -> bool {
    *window == Window::default()
}

/// One line of the journal: a link as it is now, or that it is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    person: PersonId,
    #[serde(default, skip_serializing_if = "AccountName::is_ordinary")]
    account: AccountName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
}

impl Line {
    pub(super) fn new(key: &AccountKey, link: Option<&Link>) -> Self {
        Self { person: key.person.clone(), account: key.account.clone(), link: link.cloned() }
    }
}

/// All of `status.ledger`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    pub stamp: Stamp,
    #[serde(flatten)]
    pub head: Head,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Line>,
}

impl Document {
    /// As it stands on a TargetSystem; an empty one where none does.
    pub(super) fn of(status: Option<&Value>) -> Result<Self, serde_json::Error> {
        match status.and_then(|status| status.get("ledger")) {
            Some(ledger) => Self::deserialize(ledger),
            None => Ok(Self::default()),
        }
    }

    /// The journal's lines with the accounts that they speak of.
    pub(super) fn lines(self, target: &TargetName) -> impl Iterator<Item = (AccountKey, Option<Link>)> {
        self.journal.into_iter().map(|line| (AccountKey { person: line.person, target: target.clone(), account: line.account }, line.link))
    }
}

/// A link as facts leave it, or that it is no more.
pub(super) type Links = BTreeMap<AccountKey, Option<Link>>;

impl Head {
    /// Takes facts in, as [`Ledger::record`] does; what they say of links is returned.
    pub(super) fn record(&mut self, target: &TargetName, facts: &[Fact]) -> Links {
        let mut links = Links::new();
        // The value itself knows best what a fact does: it gets all but the links.
        let mut ledger = std::mem::take(self).ledger(target.clone(), BTreeMap::new());
        for fact in facts {
            match fact {
                Fact::Linked(key, link) => {
                    ledger.accounts_known = true;
                    links.insert(key.clone(), Some((**link).clone()));
                }
                Fact::Unlinked(key) => {
                    links.insert(key.clone(), None);
                }
                // Whom a Lockout has met stands in its own status.
                Fact::Met(_) => {}
                Fact::Intended(_) | Fact::Window(_) | Fact::Scope(_) | Fact::Released(..) | Fact::HadPolicy | Fact::Done => {
                    ledger.record(fact);
                }
            }
        }
        let Ledger { intents, window, scopes, released, had_policy, accounts_known, .. } = ledger;
        *self = Self { intents, window, scopes, released, had_policy, accounts_known };
        links
    }

    /// With its links.
    pub(super) fn ledger(self, target: TargetName, links: BTreeMap<AccountKey, Link>) -> Ledger {
        let Self { intents, window, scopes, released, had_policy, accounts_known } = self;
        Ledger { target, links, intents, window, scopes, released, had_policy, met: BTreeMap::new(), accounts_known }
    }
}
