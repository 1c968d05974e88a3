//! All that is looked at for one account, and the words for why a state does what it does.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::api::target::Mode;
use crate::model::account::AccountKey;
use crate::model::change::{Cause, Change, LifecycleState};
use crate::model::ledger::Link;
use crate::model::observed::Observed;
use crate::model::reason::Reason;
use crate::model::schema::Schema;

use super::course::Standpoint;
use super::desired::{DesiredAccount, DesiredPerson};
use super::rules::{AccountRules, TargetRules};

/// All that is looked at for one account.
#[derive(Clone)]
pub struct Sight<'a> {
    /// Which account.
    pub key: AccountKey,
    /// Whose.
    pub person: &'a DesiredPerson,
    /// What is asked for, if anything.
    pub asked: Option<&'a DesiredAccount>,
    /// The target's rules.
    pub rules: &'a TargetRules,
    /// Those of this account.
    pub account_rules: &'a AccountRules,
    /// The target's schema.
    pub schema: &'a Schema,
    /// The look.
    pub observed: &'a Observed,
    /// Absence can be judged: nothing of the realm is unreadable.
    pub absence_judged: bool,
    /// Removals by policy can be judged.
    pub removals_judged: bool,
    /// A mapping fails or something is missing: nothing by policy for this account.
    pub broken: bool,
    /// Another account carries the owner key already: it is not written a second time.
    pub key_elsewhere: bool,
    /// `KIND/NAME` of the authoritative scopes that are known already.
    pub scopes: &'a BTreeSet<String>,
    /// What an interrupted run was about to do in this target.
    pub intents: &'a [Change],
    /// It is looked at as it will be when an announced end or leave comes.
    pub ahead: bool,
    /// Now.
    pub t: Timestamp,
}

impl Sight<'_> {
    /// What the account's course depends on.
    #[must_use]
    pub fn standpoint<'s>(&'s self, link: Option<&'s Link>) -> Standpoint<'s> {
        Standpoint { person: self.person, asked: self.asked, link, rules: self.rules, account: &self.key.account, t: self.t }
    }

    /// Whether what is found becomes ours.
    #[must_use]
    pub fn enforces(&self) -> bool {
        self.rules.mode == Mode::Enforce
    }

    /// Why a state does what it does, in words.
    #[must_use]
    pub fn state_reason(&self, cause: Cause) -> Reason {
        let day = |at: Option<Timestamp>| at.map(|at| format!(" ({at})")).unwrap_or_default();
        let lifecycle = self.person.lifecycle.as_ref();
        let text = match cause {
            Cause::Lockout => "locked out".to_owned(),
            Cause::Gone => "nobody declares this person any more".to_owned(),
            Cause::Unasked => "no policy asks for this account any more".to_owned(),
            Cause::Lifecycle(LifecycleState::Terminated) => {
                let ends = if self.ahead { "ends" } else { "ended" };
                format!("employment {ends}{}", day(lifecycle.and_then(|lifecycle| lifecycle.end)))
            }
            Cause::Lifecycle(LifecycleState::Leave) if self.ahead => {
                format!("leave begins{}", day(lifecycle.and_then(|lifecycle| lifecycle.leave)))
            }
            Cause::Lifecycle(LifecycleState::Leave) => "on leave".to_owned(),
            Cause::Lifecycle(LifecycleState::Preboarding) => "employment has not begun".to_owned(),
            Cause::Lifecycle(state) => state.to_string(),
            Cause::Until | Cause::Violation | Cause::Policy | Cause::Drift | Cause::Scope => "asked for".to_owned(),
        };
        Reason::at(text, self.person.place.clone())
    }
}
