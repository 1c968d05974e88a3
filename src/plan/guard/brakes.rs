//! The brakes: how much of each kind may be taken away within 24 hours, in one target and in the whole realm.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::api::target::{BrakeLimit, Mode, SafetySpec};
use crate::model::account::AccountKey;
use crate::model::change::{Brake, Cause, Change, ChangeLine, LifecycleState};
use crate::model::ids::{AccountName, PersonId, TargetName};
use crate::model::ledger::{Ledger, Link, Window};

use super::super::desired::Desired;
use super::super::rules::{TargetRules, limit};
use super::super::sweep::Plan;
use super::base::base;
use super::{Answers, Fate, Guarded, Hold, Watch, announced};

/// How long something is held before it makes room for what is new.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What one target's limits say of a plan.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Accounts that count, by brake: wanted, unsent, not answered, not charged, not held for a day.
    pub wanted: BTreeMap<Brake, BTreeSet<AccountKey>>,
    /// Charged within 24 hours.
    pub charged: BTreeMap<Brake, u32>,
    /// People charged within 24 hours, and accounts charged without a name, for the realm's union.
    pub people: BTreeMap<Brake, (BTreeSet<PersonId>, u32)>,
    /// What the limits are a share of: linked accounts last seen Enabled, and those that were charged and shut within 24 hours.
    pub base: u32,
    /// Creates are not limited here.
    pub creates_free: bool,
    /// Since when each person was declared: the latest are held first.
    declared: BTreeMap<PersonId, Option<Timestamp>>,
    /// What is announced and approved: it is neither counted nor held.
    pub(super) answered: BTreeSet<(AccountKey, Brake)>,
    /// Charged and wanted, and what is allowed, where that is too much.
    pub(super) over: BTreeMap<Brake, (u32, u32)>,
    held: BTreeMap<(AccountKey, Brake), Hold>,
}

impl Judged {
    /// Whether the target's limits hold this change.
    #[must_use]
    pub fn hold(&self, change: &Change) -> Option<Hold> {
        self.held.get(&(change.key().clone(), change.brake()?)).cloned()
    }
}

/// What the realm's limits hold in one target.
#[derive(Debug, Clone, Default)]
pub struct RealmHolds(BTreeMap<(AccountKey, Brake), Hold>);

impl RealmHolds {
    /// Whether the realm's limits hold this change.
    #[must_use]
    pub fn hold(&self, change: &Change) -> Option<Hold> {
        self.0.get(&(change.key().clone(), change.brake()?)).cloned()
    }
}

/// What is known of a target beside what one look shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// What is wanted there and was not sent yet.
    pub unsent: Option<&'a BTreeMap<ChangeLine, (AccountKey, Brake)>>,
    /// The last complete listing showed no unmatched account.
    pub clean: bool,
}

/// What a target's limits come to without a look: what was charged, and what is wanted there and unsent.
#[must_use]
pub fn standing(target: &TargetName, ledger: &Ledger, answers: &Answers, beside: Beside<'_>, t: Timestamp) -> Judged {
    let base = base(ledger.links.iter(), &ledger.window, t);
    let mut judged = Judged { base, creates_free: beside.clean, ..Judged::default() };
    judged.charge(ledger, t);
    judged.count_unseen(target, None, ledger, answers, beside, t);
    judged
}

impl Judged {
    fn charge(&mut self, ledger: &Ledger, t: Timestamp) {
        for brake in Brake::ALL {
            self.charged.insert(brake, ledger.window.charged_within(brake, t));
            self.people.insert(brake, ledger.window.people_within(brake, t));
        }
    }

    /// Whether an account was charged already. The link says so; where it could not be written any more, or was lost, the window still names
    /// the person: then that was this account, if there is no other here.
    fn is_charged(&self, key: &AccountKey, brake: Brake, plan: Option<&Plan>, ledger: &Ledger) -> bool {
        let link = plan.and_then(|plan| plan.links.get(key)).or_else(|| ledger.links.get(key));
        let named = || self.people.get(&brake).is_some_and(|(people, _)| people.contains(&key.person));
        link.is_some_and(|link| link.charged.contains(&brake)) || named() && !has_another(key, plan, ledger)
    }

    /// Counts what is wanted of people whom the look does not show.
    fn count_unseen(
        &mut self,
        target: &TargetName,
        plan: Option<&Plan>,
        ledger: &Ledger,
        answers: &Answers,
        beside: Beside<'_>,
        t: Timestamp,
    ) {
        let shows = |person: &PersonId| plan.is_some_and(|plan| plan.scope.contains(person));
        let held = ledger.links.iter().flat_map(|(key, link)| link.held.iter().map(move |(brake, since)| (key, *brake, *since)));
        let fresh = held.filter(|(_, _, since)| !is_over_a_day(*since, t)).map(|(key, brake, _)| (key, brake));
        let unsent = beside.unsent.into_iter().flatten();
        let unsent = unsent
            .filter(|(line, (key, _))| key.target == *target && answers.approved(line, ledger).is_none())
            .map(|(_, (key, brake))| (key, *brake))
            .filter(|(key, brake)| {
                let since = ledger.links.get(key).and_then(|link| link.held.get(brake));
                !since.is_some_and(|since| is_over_a_day(*since, t))
            });
        for (key, brake) in fresh.chain(unsent).filter(|(key, _)| !shows(&key.person)) {
            if !self.is_charged(key, brake, plan, ledger) {
                self.wanted.entry(brake).or_default().insert(key.clone());
            }
        }
    }
}

/// Whether the person has another account here, by all that is remembered.
fn has_another(key: &AccountKey, plan: Option<&Plan>, ledger: &Ledger) -> bool {
    let gone = |other: &AccountKey| plan.is_some_and(|plan| plan.unlinked.contains(other));
    let first = AccountKey { account: AccountName::ordinary(), ..key.clone() };
    let found = plan.into_iter().flat_map(|plan| plan.links.range(&first..)).take_while(|(other, _)| other.person == key.person);
    let known = ledger.links_of(&key.person).filter(|(other, _)| !gone(other));
    known.chain(found).any(|(other, _)| other != key)
}

/// What is remembered of an account, under the key that it has now.
fn remembered<'a>(plan: &'a Plan, ledger: &'a Ledger, key: &AccountKey) -> Option<&'a Link> {
    plan.links.get(key).or_else(|| ledger.links.get(key))
}

fn is_over_a_day(since: Timestamp, t: Timestamp) -> bool {
    since.checked_add(DAY).is_ok_and(|over| over <= t)
}

/// Judges a plan by the target's own limits.
#[must_use]
pub fn judge(
    plan: &Plan,
    rules: &TargetRules,
    ledger: &Ledger,
    desired: &Desired,
    answers: &Answers,
    beside: Beside<'_>,
    t: Timestamp,
) -> Judged {
    let creates_free = plan.unmatched.map_or(beside.clean, |unmatched| unmatched == 0);
    let mut judged = Judged { base: base(plan.remembered(ledger), &ledger.window, t), creates_free, ..Judged::default() };
    judged.charge(ledger, t);
    judged.declared = desired.people.iter().map(|(id, person)| (id.clone(), person.declared)).collect();
    if rules.mode == Mode::Observe {
        return judged;
    }
    judged.answered = announced::answered(plan, answers, ledger);
    let mut earlier: BTreeMap<(AccountKey, Brake), Timestamp> = BTreeMap::new();
    let announced = plan.announced.iter().filter(|announced| !judged.answered.contains(*announced));
    let announced: Vec<(AccountKey, Brake, Option<Cause>)> = announced.map(|(key, brake)| (key.clone(), *brake, None)).collect();
    let frozen = |change: &Change| rules.freeze && !matches!(change.cause(), Cause::Lockout | Cause::Lifecycle(LifecycleState::Terminated));
    let wanted = plan.changes.iter().filter(|change| !frozen(change)).filter_map(|change| {
        let answered = answers.approved(&change.line(), ledger).is_some();
        change.brake().filter(|_| !answered).map(|brake| (change.key().clone(), brake, Some(change.cause())))
    });
    for (key, brake, cause) in wanted.chain(announced) {
        let link = remembered(plan, ledger, &key);
        let since = link.and_then(|link| link.held.get(&brake)).copied();
        earlier.extend(since.map(|since| ((key.clone(), brake), since)));
        let over_a_day = since.is_some_and(|since| is_over_a_day(since, t));
        let charged = judged.is_charged(&key, brake, Some(plan), ledger);
        // An end or a leave that was announced was judged then; a suspension beside it was not.
        let came = matches!(cause, Some(Cause::Lifecycle(LifecycleState::Terminated | LifecycleState::Leave)));
        let judged_before = came && since.is_none() && plan.announced_before.contains(&(key.clone(), brake));
        if !over_a_day && !charged && !judged_before {
            judged.wanted.entry(brake).or_default().insert(key);
        }
    }
    judged.count_unseen(&plan.target, Some(plan), ledger, answers, beside, t);
    let answered = judged.answered.clone();
    let waits = |key: &AccountKey, brake: Brake| {
        let since = remembered(plan, ledger, key).and_then(|link| link.held.get(&brake));
        since.is_some_and(|since| !is_over_a_day(*since, t)) && !answered.contains(&(key.clone(), brake))
    };
    for brake in Brake::ALL {
        if brake == Brake::Creates && judged.creates_free {
            continue;
        }
        let wanted = judged.wanted.get(&brake).cloned().unwrap_or_default();
        let charged = judged.charged.get(&brake).copied().unwrap_or_default();
        let allowed = allowance(rules.limit(brake), judged.base, brake);
        // What was announced and is held since waits for its end; it is told of, and judged no more.
        let waiting = plan.announced_before.iter().filter(|(key, of)| *of == brake && waits(key, brake)).map(|(key, _)| key);
        let told = charged.saturating_add(count(&wanted.iter().chain(waiting).collect()));
        if told > allowed {
            judged.over.insert(brake, (told, allowed));
        }
        let total = charged.saturating_add(count(&wanted));
        if total > allowed {
            let room = allowed.saturating_sub(charged);
            for key in excess(brake, wanted, room, &judged.declared) {
                judged.held.insert((key, brake), Hold::Brake { brake, wanted: total, limit: allowed });
            }
        }
    }
    for ((key, brake), since) in earlier {
        judged.held.insert((key, brake), Hold::Earlier { brake, since, over: judged.over.get(&brake).copied() });
    }
    judged
}

/// Judges all targets of a realm together: absence and leavers by the union of people, the rest by the sum of accounts.
#[must_use]
pub fn realm_holds<'a>(targets: impl IntoIterator<Item = &'a Judged>, safety: Option<&SafetySpec>) -> RealmHolds {
    let targets: Vec<&Judged> = targets.into_iter().collect();
    let base = targets.iter().map(|judged| judged.base).sum();
    let declared: BTreeMap<PersonId, Option<Timestamp>> = targets.iter().flat_map(|judged| judged.declared.clone()).collect();
    let mut holds = RealmHolds::default();
    for brake in Brake::ALL {
        let limited = targets.iter().filter(|judged| brake != Brake::Creates || !judged.creates_free);
        let wanted: BTreeSet<AccountKey> = limited.clone().filter_map(|judged| judged.wanted.get(&brake)).flatten().cloned().collect();
        let allowed = allowance(limit(safety, brake), base, brake);
        let by_people = matches!(brake, Brake::Absence | Brake::Leavers);
        let (charged, total) = if by_people {
            let charged: BTreeSet<&PersonId> =
                targets.iter().filter_map(|judged| judged.people.get(&brake)).flat_map(|(people, _)| people).collect();
            let nameless: u32 = targets.iter().filter_map(|judged| judged.people.get(&brake)).map(|(_, nameless)| *nameless).sum();
            let union: BTreeSet<&PersonId> = charged.iter().copied().chain(wanted.iter().map(|key| &key.person)).collect();
            (count(&charged).saturating_add(nameless), count(&union).saturating_add(nameless))
        } else {
            let charged: u32 = limited.filter_map(|judged| judged.charged.get(&brake)).sum();
            (charged, charged.saturating_add(count(&wanted)))
        };
        if total > allowed {
            let room = allowed.saturating_sub(charged);
            let over = if by_people { excess_people(brake, wanted, room, &declared) } else { excess(brake, wanted, room, &declared) };
            for key in over {
                holds.0.insert((key, brake), Hold::Brake { brake, wanted: total, limit: allowed });
            }
        }
    }
    holds
}

/// `max(count, percent)`, and of all but creates never more than half of the base, at least two.
fn allowance(limit: BrakeLimit, base: u32, brake: Brake) -> u32 {
    let share = u32::try_from(u64::from(base) * u64::from(limit.percent) / 100).unwrap_or(u32::MAX);
    let allowed = limit.count.max(share);
    if brake == Brake::Creates { allowed } else { allowed.min((base / 2).max(2)) }
}

fn count<T>(set: &BTreeSet<T>) -> u32 {
    u32::try_from(set.len()).unwrap_or(u32::MAX)
}

/// What is held above the limit: the whole set, but of leavers, suspensions and creates only what is too much, the latest declared first.
fn excess(brake: Brake, wanted: BTreeSet<AccountKey>, room: u32, declared: &BTreeMap<PersonId, Option<Timestamp>>) -> Vec<AccountKey> {
    let mut all: Vec<AccountKey> = wanted.into_iter().collect();
    if matches!(brake, Brake::Leavers | Brake::Suspensions | Brake::Creates) {
        all.sort_by_key(|key| (declared.get(&key.person).copied().flatten(), key.clone()));
        all.split_off(usize::try_from(room).unwrap_or(usize::MAX).min(all.len()))
    } else {
        all
    }
}

/// The same by people: all accounts of those who are too many.
fn excess_people(
    brake: Brake,
    wanted: BTreeSet<AccountKey>,
    room: u32,
    declared: &BTreeMap<PersonId, Option<Timestamp>>,
) -> Vec<AccountKey> {
    if brake != Brake::Leavers {
        return wanted.into_iter().collect();
    }
    let mut people: Vec<&PersonId> = wanted.iter().map(|key| &key.person).collect::<BTreeSet<_>>().into_iter().collect();
    people.sort_by_key(|person| (declared.get(*person).copied().flatten(), (*person).clone()));
    let over: BTreeSet<PersonId> = people.into_iter().skip(usize::try_from(room).unwrap_or(usize::MAX)).cloned().collect();
    wanted.into_iter().filter(|key| over.contains(&key.person)).collect()
}

/// Writes into the links what is held and what is charged, and charges the window.
pub(super) fn mark(plan: &mut Plan, items: &[Guarded], watch: &Watch<'_>, window: &mut Window) {
    let mut held: BTreeMap<AccountKey, BTreeSet<Brake>> = BTreeMap::new();
    let mut sent: BTreeMap<Brake, BTreeSet<AccountKey>> = BTreeMap::new();
    let mut wanted: BTreeSet<(AccountKey, Brake)> = BTreeSet::new();
    for item in items {
        let Some(brake) = item.change.brake() else { continue };
        let key = item.change.key();
        wanted.insert((key.clone(), brake));
        let hold = match &item.fate {
            Fate::Send(None) if watch.judged.wanted.get(&brake).is_some_and(|keys| keys.contains(key)) => {
                sent.entry(brake).or_default().insert(key.clone());
                continue;
            }
            // A Reject holds for as long as it stands; behind it all stays as it was.
            Fate::Held(Hold::Rejected(_)) => super::hold(plan, &item.change, watch),
            Fate::Held(hold) => Some(hold.clone()),
            Fate::Send(_) | Fate::Waits | Fate::Frozen | Fate::Observed => None,
        };
        // A mark stays until what it holds is done or no longer wanted: an Approval may be over before that, and a freeze releases nothing.
        let marked = remembered(plan, watch.ledger, key).is_some_and(|link| link.held.contains_key(&brake));
        if marked || matches!(hold, Some(Hold::Brake { .. } | Hold::Earlier { .. } | Hold::EmptySource)) {
            held.entry(key.clone()).or_default().insert(brake);
        }
    }
    let planned = wanted.clone();
    // An end or a leave that is announced is charged, or marked, now; its Disable comes later.
    if watch.rules.mode == Mode::Enforce {
        for announced in plan.announced.iter().filter(|announced| !watch.judged.answered.contains(*announced)) {
            if !wanted.insert(announced.clone()) {
                continue;
            }
            let (key, brake) = announced;
            if watch.judged.held.contains_key(announced) || watch.realm.0.contains_key(announced) {
                held.entry(key.clone()).or_default().insert(*brake);
            } else if watch.judged.wanted.get(brake).is_some_and(|keys| keys.contains(key)) {
                sent.entry(*brake).or_default().insert(key.clone());
            }
        }
        // A mark from the announcement stays until what was announced comes, is withdrawn or is answered.
        for announced in &plan.announced_before {
            let (key, brake) = announced;
            let still = watch.ledger.links.get(key).is_some_and(|link| link.held.contains_key(brake));
            if still && !wanted.contains(announced) && !watch.judged.answered.contains(announced) {
                held.entry(key.clone()).or_default().insert(*brake);
            }
        }
    }
    for (brake, keys) in &sent {
        window.charge(*brake, keys, watch.t);
    }
    let keys: BTreeSet<AccountKey> = watch
        .ledger
        .links
        .iter()
        .filter(|(_, link)| !link.held.is_empty() || !link.charged.is_empty())
        .map(|(key, _)| key.clone())
        .chain(held.keys().cloned())
        .chain(sent.values().flatten().cloned())
        .collect();
    for key in keys {
        if plan.unlinked.contains(&key) && !plan.links.contains_key(&key) {
            continue;
        }
        let Some(known) = remembered(plan, watch.ledger, &key) else { continue };
        let mut link = known.clone();
        link.held.retain(|brake, _| !watch.judged.answered.contains(&(key.clone(), *brake)));
        let none = BTreeSet::new();
        let now_held = held.get(&key).unwrap_or(&none);
        if watch.sure && watch.observed.scope().contains(&key.person) {
            link.held.retain(|brake, _| now_held.contains(brake));
            link.charged.retain(|brake| wanted.contains(&(key.clone(), *brake)));
        }
        for brake in now_held {
            link.held.entry(*brake).or_insert(watch.t);
        }
        for (brake, _) in sent.iter().filter(|(_, keys)| keys.contains(&key)) {
            if planned.contains(&(key.clone(), *brake)) {
                link.charged.insert(*brake);
            }
        }
        if link != *known {
            plan.links.insert(key, link);
        }
    }
}
