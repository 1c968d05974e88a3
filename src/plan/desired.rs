//! What is desired in one target: people with their standing, and what the policies ask for them there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::account::AccountKey;
use crate::model::change::LifecycleState;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountId, AccountName, AttributeName, PersonId, TargetName};
use crate::model::ledger::Ledger;
use crate::policy::decision::{Asked, Decision, Enforcement, Reasons};
use crate::policy::mapping::Mapped;
use crate::realm::input::{Frozen, Lifecycle};

use super::role_names::RoleNames;

/// Whether the policies could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// They were.
    Decided,
    /// Something is wrong: nothing is granted, removed or enabled by policy.
    Frozen(Frozen),
    /// Nobody declares the person any more.
    Gone,
}

/// One person as one target has to see them.
#[derive(Debug, Clone)]
pub struct DesiredPerson {
    /// Where they stand; none where their object cannot be read, or nobody declares them.
    pub lifecycle: Option<Lifecycle>,
    /// A Lockout shuts them out of this target.
    pub locked: bool,
    /// A Lockout shut them out here, and whether it still does cannot be told.
    pub maybe_locked: bool,
    /// Whether the policies could be asked.
    pub stand: Stand,
    /// They are asked for where they cannot be: what that was meant to give is not known, so nothing is removed by policy.
    pub refused: bool,
    /// `deletionPolicy: Retain`.
    pub retain: bool,
    /// Nothing is written for this person but by a Lockout.
    pub paused: bool,
    /// The login name that the manifest gives.
    pub user_name: Option<String>,
    /// Earlier externalIds.
    pub former_ids: BTreeSet<PersonId>,
    /// Explicit links in this target.
    pub explicit: BTreeMap<AccountName, AccountId>,
    /// When the object was taken in, where that is known.
    pub declared: Option<Timestamp>,
    /// Where the person is declared, for reasons.
    pub place: String,
    /// What is asked for here.
    pub asked: BTreeMap<AccountName, DesiredAccount>,
    /// What mappings say of accounts that nobody asks for: only for correlation.
    pub unasked_attributes: BTreeMap<AttributeName, Mapped>,
    /// What must not be granted anew.
    pub withheld: BTreeSet<EntitlementKey>,
    /// What is to be taken away, with the rules that say so.
    pub revoked: BTreeMap<EntitlementKey, String>,
}

/// One account that is asked for.
#[derive(Debug, Clone, Default)]
pub struct DesiredAccount {
    /// Why.
    pub reasons: Reasons,
    /// Its entitlements.
    pub entitlements: BTreeMap<EntitlementKey, Asked>,
    /// What the mapping says.
    pub attributes: BTreeMap<AttributeName, Mapped>,
}

/// All that is desired in one target.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// By person; whoever has a link in the ledger is here too.
    pub people: BTreeMap<PersonId, DesiredPerson>,
    /// Entitlements that BusinessRoles name: only those may be made where they are missing.
    pub named_by_roles: RoleNames,
}

impl Desired {
    /// Nothing by policy for anybody here: what is asked for cannot be known.
    pub fn freeze(&mut self, frozen: &Frozen) {
        for person in self.people.values_mut().filter(|person| person.stand == Stand::Decided) {
            person.stand = Stand::Frozen(frozen.clone());
            person.asked.clear();
        }
    }

    /// Whether Lockouts still stand cannot be told: whoever one of them shut out stays out. `locked` are they; where the ledger knows accounts
    /// of theirs, it says whether that target was meant, and anywhere else it may have been.
    pub fn doubt_locks(&mut self, locked: &BTreeSet<PersonId>, ledger: &Ledger) {
        for (id, person) in &mut self.people {
            let ids = || std::iter::once(id).chain(&person.former_ids);
            let mut here = ids().flat_map(|id| ledger.links_of(id)).peekable();
            person.maybe_locked = !person.locked
                && match here.peek() {
                    Some(_) => here.any(|(_, link)| link.stage.is_some_and(|(state, _)| state == LifecycleState::Locked)),
                    None => ids().any(|id| locked.contains(id)),
                };
        }
    }
}

/// What a decision says of one target: the accounts that are asked for there, what is withheld and what is revoked.
#[must_use]
pub fn asked_here(
    decision: &Decision,
    target: &TargetName,
    person: &PersonId,
    t: Timestamp,
    map: &dyn Fn(&AccountKey) -> BTreeMap<AttributeName, Mapped>,
) -> (BTreeMap<AccountName, DesiredAccount>, BTreeSet<EntitlementKey>, BTreeMap<EntitlementKey, String>) {
    let mut asked: BTreeMap<AccountName, DesiredAccount> = BTreeMap::new();
    for ((at, account), reasons) in &decision.accounts {
        if at == target {
            asked.entry(account.clone()).or_default().reasons.extend(reasons.iter().cloned());
        }
    }
    for ((account, key), wish) in &decision.entitlements {
        if key.target == *target && wish.until.is_none_or(|until| t < until) {
            let desired = asked.entry(account.clone()).or_default();
            if desired.reasons.is_empty() {
                desired.reasons.extend(wish.reasons.iter().cloned());
            }
            desired.entitlements.insert(key.clone(), wish.clone());
        }
    }
    for (account, desired) in &mut asked {
        desired.attributes = map(&AccountKey { person: person.clone(), target: target.clone(), account: account.clone() });
    }
    let mut withheld = BTreeSet::new();
    let mut revoked = BTreeMap::new();
    for violation in decision.violations.iter().filter(|violation| !violation.is_waived_at(t)) {
        let here = violation.entitlements.iter().filter(|key| key.target == *target).cloned();
        match violation.enforcement {
            Enforcement::Report => {}
            Enforcement::Withhold => withheld.extend(here),
            Enforcement::Revoke => revoked.extend(here.map(|key| (key, violation.rule.clone()))),
        }
    }
    (asked, withheld, revoked)
}
