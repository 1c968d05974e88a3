//! The plan of one target: a sweep and a look at some people are the same call.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::account::{Account, AccountKey};
use crate::model::change::{Act, Brake, Change, LifecycleState};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountId, Kind, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Link};
use crate::model::observed::{Extent, Observed, Scope};
use crate::model::schema::Schema;
use crate::realm::index::Realm;

use super::account::plan_account;
use super::allocate::allocate;
use super::claims::Claims;
use super::contest::contests;
use super::correlate::{Correlated, Found, correlate};
use super::desired::{Desired, DesiredAccount, DesiredPerson};
use super::finding::{Finding, FindingKind, Subject};
use super::foreseen::Foreseen;
use super::order;
use super::rules::TargetRules;
use super::sight::Sight;

/// What the realm says about judging.
#[derive(Debug, Clone, Copy, Default)]
pub struct Judging {
    /// Nothing of the realm is unreadable, so that what is absent is gone.
    pub absence: bool,
    /// So it is, and no Lockout stands of which nobody can tell whom it means: who is locked by none is not locked.
    pub lockouts: bool,
    /// No RoleBinding, BusinessRole or unknown file is unreadable, so that what is not given is not given.
    pub removals: bool,
}

impl Judging {
    /// What can be judged at `t`; `ledgers` are all there are, so that it is known who ever had an account.
    #[must_use]
    pub fn of(realm: &Realm, ledgers: &[&Ledger], t: Timestamp) -> Self {
        let absence = realm.absence_judged();
        let known = |person: &PersonId| ledgers.iter().any(|ledger| ledger.knows(person));
        Self { absence, lockouts: absence && realm.lockout_of_nobody(known, t).is_none(), removals: realm.removals_kept_back().is_none() }
    }

    /// Whether something can be judged now that could not be before.
    #[must_use]
    pub fn gains_on(self, before: Self) -> bool {
        self.absence && !before.absence || self.lockouts && !before.lockouts || self.removals && !before.removals
    }
}

/// What one target needs, before the guard.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which target.
    pub target: TargetName,
    /// In the order of sending.
    pub changes: Vec<Change>,
    /// What policy would take away if no state kept it: wanted, and not sent.
    pub kept: Vec<Change>,
    /// What is shown.
    pub findings: BTreeSet<Finding>,
    /// What is to be remembered of accounts, where that changes.
    pub links: BTreeMap<AccountKey, Link>,
    /// Accounts that nothing is to be remembered of any more.
    pub unlinked: BTreeSet<AccountKey>,
    /// Accounts that somebody else shut.
    pub elsewhere: BTreeSet<AccountKey>,
    /// Accounts of people whose end or leave is read for the first time, or moved nearer, and the brake that judges it now.
    pub announced: BTreeSet<(AccountKey, Brake)>,
    /// Accounts of people whose end or leave was announced and judged earlier, and by which brake.
    pub announced_before: BTreeSet<(AccountKey, Brake)>,
    /// What is to come of what was announced, where it is announced now or held since.
    pub foreseen: Vec<Foreseen>,
    /// Who was in scope.
    pub scope: Scope,
    /// How much of the target was read.
    pub extent: Extent,
    /// The listing is much smaller than the last complete one.
    pub shrank: bool,
    /// Accounts that no person correlates with, protected ones and our own login apart; none where the look does not say.
    pub unmatched: Option<u32>,
    /// Accounts in a complete listing.
    pub listed: Option<u32>,
    /// What else is to be remembered.
    pub notes: Vec<Fact>,
}

/// Plans one target.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "a pure function of eight different things; a struct would only rename them")]
pub fn plan(
    rules: &TargetRules,
    schema: &Schema,
    desired: &Desired,
    claims: &Claims,
    observed: &Observed,
    ledger: &Ledger,
    judging: Judging,
    t: Timestamp,
) -> Plan {
    let listed = observed.is_whole().then(|| u32::try_from(observed.accounts().count()).unwrap_or(u32::MAX));
    let shrank = listed.is_some_and(|now| ledger.window.last_complete.is_some_and(|last| now.saturating_mul(2) < last));
    let mut plan = Plan {
        target: rules.name.clone(),
        changes: Vec::new(),
        kept: Vec::new(),
        findings: BTreeSet::new(),
        links: BTreeMap::new(),
        unlinked: BTreeSet::new(),
        elsewhere: BTreeSet::new(),
        announced: BTreeSet::new(),
        announced_before: BTreeSet::new(),
        foreseen: Vec::new(),
        scope: observed.scope().clone(),
        extent: observed.extent().clone(),
        shrank,
        unmatched: None,
        listed,
        // The look has answered what an interrupted run left open.
        notes: if ledger.intents.is_empty() { Vec::new() } else { vec![Fact::Done] },
    };
    // A look at some people shows too little to tell whose target it is.
    if let Some(foreign) = foreign_realm(rules, observed).filter(|_| observed.scope() == &Scope::Whole) {
        let message = format!("its accounts carry keys of realm {foreign} and none of realm {}: nothing is done here", rules.realm);
        plan.findings.insert(Finding { subject: Subject::Target(rules.name.clone()), kind: FindingKind::Refused, message });
        return plan;
    }
    let chosen = allocate(rules, schema, desired, observed, ledger);
    let Correlated { found, moved, key_elsewhere } = correlate(rules, schema, desired, claims, observed, ledger);
    let contests = contests(rules, schema, desired, observed, ledger, &found, t);
    let mut matched: BTreeSet<AccountId> = BTreeSet::new();
    let mut contested: BTreeSet<AccountId> = BTreeSet::new();
    let nothing = crate::model::value::Attributes::new();
    let kinds = Kinds { rules, seen: observed.kinds() };
    for (key, found) in found {
        let Some(person) = desired.people.get(&key.person) else { continue };
        let Some(account_rules) = rules.account(&key.account) else { continue };
        let from = moved.get(&key).unwrap_or(&key);
        let known = ledger.links.get(from);
        let asked = person.asked.get(&key.account);
        if asked.is_some() && !rules.accounts.contains_key(&key.account) {
            let message =
                format!("account `{}` is asked for and not declared in TargetSystem/{}: add it to spec.accounts", key.account, rules.name);
            plan.findings.insert(Finding::account(&key, FindingKind::Refused, message));
        }
        for kind in asked.into_iter().flat_map(|asked| kinds.lacking(asked)).collect::<BTreeSet<_>>() {
            let message = format!(
                "an entitlement of kind `{kind}` is asked for, and TargetSystem/{} has none: mend the kind, or add it to spec.entitlements",
                rules.name
            );
            plan.findings.insert(Finding::account(&key, FindingKind::Incomplete, message));
        }
        if let Found::Account { seen, .. } = &found {
            matched.insert(seen.account().id.clone());
        }
        if let Found::Blocked { accounts, .. } = &found {
            contested.extend(accounts.iter().cloned());
        }
        // A listing that shrank proves nothing about an account that was there.
        let leaves = person.lifecycle.as_ref().is_none_or(|lifecycle| lifecycle.state == LifecycleState::Terminated || person.locked);
        let unproven = shrank && known.is_some() && leaves && matches!(found, Found::Missing(_));
        let found = match (found, contests.get(&key)) {
            _ if unproven => Found::Unread,
            (Found::Missing(_), Some(why)) => Found::Blocked { kind: FindingKind::Ambiguous, why: why.clone(), accounts: BTreeSet::new() },
            (found, _) => found,
        };
        let sight = Sight {
            key: key.clone(),
            person,
            asked,
            rules,
            account_rules,
            schema,
            observed,
            absence_judged: judging.absence,
            removals_judged: judging.removals && !person.refused && !kinds.lacks_any(person),
            broken: false,
            key_elsewhere: key_elsewhere.contains(&key),
            scopes: &ledger.scopes,
            intents: &ledger.intents,
            ahead: false,
            t,
        };
        let account = plan_account(sight, known, found, chosen.get(&key).unwrap_or(&nothing));
        plan.changes.extend(account.changes);
        plan.kept.extend(account.kept);
        plan.findings.extend(account.findings);
        plan.foreseen.extend(account.foreseen);
        plan.announced.extend(account.announced.into_iter().map(|brake| (key.clone(), brake)));
        plan.announced_before.extend(account.announced_before.into_iter().map(|brake| (key.clone(), brake)));
        if let Some(from) = moved.get(&key) {
            plan.unlinked.insert(from.clone());
        }
        match account.link {
            Some(link) => {
                if link.disabled_elsewhere {
                    plan.elsewhere.insert(key.clone());
                }
                if known != Some(&link) || moved.contains_key(&key) {
                    plan.links.insert(key, link);
                }
            }
            None if known.is_some() => {
                plan.unlinked.insert(key);
            }
            None => {}
        }
    }
    provide(rules, observed, desired, &kinds, &mut plan);
    strangers(rules, claims, observed, &matched, &contested, &mut plan);
    order::sort(&mut plan.changes, &|_| false);
    plan
}

/// The kinds of entitlements that a target is known to have. Another one is likely misspelt, so that what was meant is not known.
struct Kinds<'a> {
    rules: &'a TargetRules,
    seen: Option<BTreeSet<&'a Kind>>,
}

impl Kinds<'_> {
    fn lacks(&self, key: &EntitlementKey) -> bool {
        self.rules.kind(key).is_none() && self.seen.as_ref().is_some_and(|seen| !seen.contains(&key.kind))
    }

    fn lacking<'a>(&self, asked: &'a DesiredAccount) -> impl Iterator<Item = &'a Kind> {
        asked.entitlements.keys().filter(|key| self.lacks(key)).map(|key| &key.kind)
    }

    fn lacks_any(&self, person: &DesiredPerson) -> bool {
        person.asked.values().any(|asked| self.lacking(asked).next().is_some())
    }
}

/// A target that carries another realm's keys and none of ours.
fn foreign_realm(rules: &TargetRules, observed: &Observed) -> Option<String> {
    let mut foreign = None;
    for owner in observed.accounts().filter_map(|account| account.owner.as_ref()) {
        if owner.realm == rules.realm {
            return None;
        }
        foreign.get_or_insert(&owner.realm);
    }
    foreign.map(ToString::to_string)
}

/// Entitlements that grants need and the target lacks are made first, where the manifest says so; else the grant is left out and shown.
fn provide(rules: &TargetRules, observed: &Observed, desired: &Desired, kinds: &Kinds<'_>, plan: &mut Plan) {
    let mut provided = BTreeSet::new();
    let mut provides = Vec::new();
    let mut missing = Vec::new();
    plan.changes.retain(|change| {
        let Act::Grant(key) = change.act() else { return true };
        let once = EntitlementKey { right: None, ..key.clone() };
        if observed.exists(&once) != Some(false) {
            return true;
        }
        if kinds.lacks(key) {
            return false;
        }
        let create = rules.kind(key).is_some_and(|kind| kind.create_missing);
        let named = desired.named_by_roles.names(key);
        if create && named {
            if provided.insert(once.clone()) {
                provides.push(Change::provide(change.key().clone(), once, change.reasons().to_vec()));
            }
            return true;
        }
        let hint =
            if create { "name it in a BusinessRole, since only that is made" } else { "make it there, or set createMissing for its kind" };
        missing.push(Finding::account(change.key(), FindingKind::Incomplete, format!("{once} does not exist: {hint}")));
        false
    });
    plan.changes.extend(provides);
    plan.findings.extend(missing);
}

/// What is there and nobody's: orphans, unmatched accounts, and what they hold in an authoritative scope.
fn strangers(
    rules: &TargetRules,
    claims: &Claims,
    observed: &Observed,
    matched: &BTreeSet<AccountId>,
    contested: &BTreeSet<AccountId>,
    plan: &mut Plan,
) {
    let mut unmatched = 0;
    for account in observed.accounts() {
        let protected = account.own_login || rules.is_protected(&account.name);
        let theirs = matched.contains(&account.id);
        if protected || !theirs {
            in_scope(rules, account, plan);
        }
        // Outside the scope of a look at some people, nothing can be said of the others.
        if protected || theirs || plan.scope != Scope::Whole {
            continue;
        }
        let subject = Subject::Found(rules.name.clone(), account.id.clone());
        match &account.owner {
            Some(owner) if owner.realm == rules.realm && !claims.is_living(&owner.person) => {
                let message = format!(
                    "account {} ({}) carries the key {owner}, and nobody declares that person: reported, never removed",
                    account.id, account.name
                );
                plan.findings.insert(Finding { subject, kind: FindingKind::Orphan, message });
            }
            Some(owner) if owner.realm == rules.realm => {
                if !contested.contains(&account.id) {
                    let message = format!(
                        "account {} ({}) carries the key {owner} of a person whose account is another one: name the right one in \
                         `accounts`, and take the key out of this one",
                        account.id, account.name
                    );
                    plan.findings.insert(Finding { subject, kind: FindingKind::Duplicate, message });
                }
            }
            Some(_) | None => {
                unmatched += 1;
                if !contested.contains(&account.id) {
                    let message = format!("account {} ({}) is nobody's", account.id, account.name);
                    plan.findings.insert(Finding { subject, kind: FindingKind::Unmatched, message });
                }
            }
        }
    }
    plan.unmatched = observed.is_whole().then_some(unmatched);
}

fn in_scope(rules: &TargetRules, account: &Account, plan: &mut Plan) {
    for key in account.entitlements.keys().filter(|key| rules.is_authoritative(key)) {
        plan.findings.insert(Finding {
            subject: Subject::Found(rules.name.clone(), account.id.clone()),
            kind: FindingKind::OutOfScope,
            message: format!(
                "account {} ({}) holds {key}, which is authoritative, and is no person's: take it away in the target",
                account.id, account.name
            ),
        });
    }
}

impl Plan {
    /// Every account that is remembered after this look, which is the last one for those whom it shows.
    pub fn remembered<'a>(&'a self, ledger: &'a Ledger) -> impl Iterator<Item = (&'a AccountKey, &'a Link)> {
        let untold = ledger.links.iter().filter(|(key, _)| !self.links.contains_key(*key) && !self.unlinked.contains(*key));
        untold.chain(&self.links)
    }

    /// What is to be remembered, as facts; `held` are the links after the guard's marks.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let unlinked = self.unlinked.iter().filter(|key| !self.links.contains_key(*key)).cloned().map(Fact::Unlinked);
        unlinked.chain(self.links.iter().map(|(key, link)| Fact::Linked(key.clone(), Box::new(link.clone())))).collect()
    }
}
