//! The guard: of all that a plan wants, what is sent, what waits and what is held until a person answers.

mod announced;
mod approvals;
mod base;
mod brakes;
mod minimum;
mod settling;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::api::target::{Mode, Removals};
use crate::model::account::AccountKey;
use crate::model::change::{Act, Brake, Cause, Change, ChangeLine, LifecycleState};
use crate::model::ids::ApprovalName;
use crate::model::ledger::{Fact, Ledger, Window};
use crate::model::observed::Observed;

pub use approvals::{Answers, Approval};
pub use brakes::{Beside, Judged, RealmHolds, judge, realm_holds, standing};
pub use settling::Settling;

use super::order;
use super::rules::TargetRules;
use super::sweep::Plan;
use crate::model::digest::digest_of_lines;

/// What becomes of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is sent; released by this Approval, if any.
    Send(Option<ApprovalName>),
    /// It waits for a person's answer.
    Held(Hold),
    /// It has not been wanted for long enough.
    Waits,
    /// The realm is frozen by its manifest.
    Frozen,
    /// The target is only observed.
    Observed,
}

/// A brake, what is charged and wanted under it, and what is allowed.
pub type Excess = (Brake, u32, u32);

/// Why a change waits for a person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// Too many at once.
    Brake {
        /// Which limit.
        brake: Brake,
        /// Charged and wanted.
        wanted: u32,
        /// What is allowed.
        limit: u32,
    },
    /// Held earlier, and nobody has answered.
    Earlier {
        /// Which limit.
        brake: Brake,
        /// Since when.
        since: Timestamp,
        /// Charged and wanted, and what is allowed, where that is still too much.
        over: Option<(u32, u32)>,
    },
    /// An Approval says no.
    Rejected(ApprovalName),
    /// `removals: Hold`.
    Removals,
    /// Too few members would be left.
    MinimumMembers(u32),
    /// The first removals under an authoritative scope.
    NewScope,
    /// The target suddenly shows much less than before.
    Shrunk,
    /// Nobody is declared any more, and somebody was.
    EmptySource,
    /// Somebody else shut the account.
    DisabledElsewhere,
    /// What it follows is held.
    Follows,
}

impl Hold {
    /// What is charged and wanted under which brake, and what is allowed, where that is too much.
    #[must_use]
    pub fn over(&self) -> Option<Excess> {
        match self {
            Self::Brake { brake, wanted, limit } | Self::Earlier { brake, over: Some((wanted, limit)), .. } => {
                Some((*brake, *wanted, *limit))
            }
            Self::Earlier { .. }
            | Self::Rejected(_)
            | Self::Removals
            | Self::MinimumMembers(_)
            | Self::NewScope
            | Self::Shrunk
            | Self::EmptySource
            | Self::DisabledElsewhere
            | Self::Follows => None,
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brake { brake, wanted, limit } => write!(f, "{brake}: {wanted} within 24 h, the limit is {limit}"),
            Self::Earlier { brake, since, over } => {
                write!(f, "{brake}: ")?;
                if let Some((wanted, limit)) = over {
                    write!(f, "{wanted} within 24 h, the limit is {limit}; ")?;
                }
                write!(f, "held since {since:.0}, and not answered yet")
            }
            Self::Rejected(approval) => write!(f, "rejected by Approval {approval}"),
            Self::Removals => f.write_str("removals: Hold"),
            Self::MinimumMembers(minimum) => write!(f, "fewer than {minimum} enabled members would be left"),
            Self::NewScope => f.write_str("the first removals under this authoritative scope"),
            Self::Shrunk => f.write_str("the target suddenly shows much less than before"),
            Self::EmptySource => f.write_str("not one Person is declared any more"),
            Self::DisabledElsewhere => f.write_str("somebody else shut the account"),
            Self::Follows => f.write_str("what it follows is held"),
        }
    }
}

/// One change and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded {
    /// The change.
    pub change: Change,
    /// What becomes of it.
    pub fate: Fate,
    /// When it comes, where it is still to come: with an end or a leave that is announced. None: it is wanted now.
    pub comes: Option<Timestamp>,
}

/// A plan that may be carried out. Made by [`guard`] alone.
#[derive(Debug, Clone)]
pub struct GuardedPlan {
    plan: Plan,
    items: Vec<Guarded>,
    to_come: Vec<Guarded>,
    window: Window,
    released: BTreeMap<ApprovalName, BTreeSet<ChangeLine>>,
    scopes: BTreeSet<String>,
    before: Window,
}

/// Everything that the guard looks at beside the plan.
pub struct Watch<'a> {
    /// The target's rules.
    pub rules: &'a TargetRules,
    /// The look.
    pub observed: &'a Observed,
    /// The target's ledger.
    pub ledger: &'a Ledger,
    /// What the target's own limits say.
    pub judged: &'a Judged,
    /// What the realm's limits hold here.
    pub realm: &'a RealmHolds,
    /// People's answers.
    pub answers: &'a Answers,
    /// How long removals must last.
    pub settling: Option<&'a Settling>,
    /// Not one Person is declared: the source has come back empty.
    pub nobody: bool,
    /// Nothing is unreadable, so that what is not wanted is really not wanted.
    pub sure: bool,
    /// Now.
    pub t: Timestamp,
}

impl Watch<'_> {
    /// Whether limits hold this change: the target's, else the realm's. What was held before by either is still told in numbers, where it
    /// is still too much for one of them.
    fn by_limits(&self, change: &Change) -> Option<Hold> {
        match (self.judged.hold(change), self.realm.hold(change)) {
            (Some(Hold::Earlier { brake, since, over: None }), Some(Hold::Brake { wanted, limit, .. })) => {
                Some(Hold::Earlier { brake, since, over: Some((wanted, limit)) })
            }
            (here, everywhere) => here.or(everywhere),
        }
    }
}

/// Judges a plan.
#[must_use]
pub fn guard(mut plan: Plan, watch: &Watch<'_>) -> GuardedPlan {
    let mut items: Vec<Guarded> = Vec::with_capacity(plan.changes.len());
    for change in std::mem::take(&mut plan.changes) {
        let fate = fate(&plan, &change, watch);
        items.push(Guarded { change, fate, comes: None });
    }
    follow_holds(&mut items);
    let behind = minimum::keep(&mut items, watch);
    items.sort_by_cached_key(|item| order::sort_key(&item.change, behind.contains(&item.change.line())));
    let to_come = announced::to_come(&plan, &items, watch);
    let listing_held = plan.shrank && items.iter().any(|item| item.fate == Fate::Held(Hold::Shrunk));
    let sent: BTreeSet<&AccountKey> =
        items.iter().filter(|item| matches!(item.fate, Fate::Send(_))).map(|item| item.change.key()).collect();
    if listing_held {
        // What is not remembered would be announced, and charged, by every look anew.
        plan.announced.retain(|(key, _)| sent.contains(key));
    }
    let mut window = watch.ledger.window.clone();
    brakes::mark(&mut plan, &items, watch, &mut window);
    if let (Some(listed), false) = (plan.listed, listing_held) {
        window.last_complete = Some(listed);
    }
    if listing_held {
        plan.links.retain(|key, _| sent.contains(key));
        plan.unlinked.clear();
    }
    let open: BTreeSet<String> =
        items.iter().filter(|item| item.fate == Fate::Held(Hold::NewScope)).filter_map(|item| scope_of(&item.change)).collect();
    let scopes = watch.rules.scopes().filter(|scope| !open.contains(scope) && !watch.ledger.scopes.contains(scope)).collect();
    let mut released = released_before(&items, watch);
    for (approval, lines) in announced::released(&plan, watch) {
        released.entry(approval).or_default().extend(lines);
    }
    GuardedPlan { plan, items, to_come, window, released, scopes, before: watch.ledger.window.clone() }
}

/// What an interrupted run was about to do by an Approval and nobody wants any more: it was done.
fn released_before(items: &[Guarded], watch: &Watch<'_>) -> BTreeMap<ApprovalName, BTreeSet<ChangeLine>> {
    let mut released: BTreeMap<ApprovalName, BTreeSet<ChangeLine>> = BTreeMap::new();
    for intent in watch.ledger.intents.iter().filter(|intent| watch.observed.scope().contains(&intent.key().person)) {
        let line = intent.line();
        let wanted = items.iter().any(|item| item.change.line() == line);
        if let (Some(approval), false) = (watch.answers.approved(&line, watch.ledger), wanted) {
            released.entry(approval.clone()).or_default().insert(line);
        }
    }
    released
}

fn fate(plan: &Plan, change: &Change, watch: &Watch<'_>) -> Fate {
    if watch.rules.mode == Mode::Observe {
        return Fate::Observed;
    }
    if watch.rules.freeze && !is_leavers(change) && change.cause() != Cause::Until {
        return Fate::Frozen;
    }
    let line = change.line();
    // A Delete is one whatever went before: shut they are.
    if change.cause() == Cause::Lockout && !matches!(change.act(), Act::Delete) {
        return Fate::Send(None);
    }
    if let Some(approval) = watch.answers.rejected(&line) {
        return Fate::Held(Hold::Rejected(approval.clone()));
    }
    let waits = watch.settling.is_some_and(|settling| must_last(change) && settling.sent_from(&line, watch.t) > watch.t);
    if let Some(approval) = watch.answers.approved(&line, watch.ledger) {
        if waits {
            return Fate::Waits;
        }
        return Fate::Send(Some(approval.clone()));
    }
    if let Some(hold) = hold(plan, change, watch) {
        return Fate::Held(hold);
    }
    if waits { Fate::Waits } else { Fate::Send(None) }
}

fn is_leavers(change: &Change) -> bool {
    matches!(change.cause(), Cause::Lockout | Cause::Lifecycle(LifecycleState::Terminated))
}

/// What holds a change, whatever people answer.
fn hold(plan: &Plan, change: &Change, watch: &Watch<'_>) -> Option<Hold> {
    let leaver = is_leavers(change);
    if let Some(hold) = watch.by_limits(change) {
        return Some(hold);
    }
    let spared = leaver || matches!(change.cause(), Cause::Until | Cause::Lifecycle(LifecycleState::Suspended | LifecycleState::Leave));
    if watch.rules.removals == Removals::Hold && change.act().removes() && !spared {
        return Some(Hold::Removals);
    }
    if watch.nobody && change.cause() == Cause::Gone && change.act().removes() {
        return Some(Hold::EmptySource);
    }
    if plan.shrank && !(leaver && matches!(change.act(), Act::Disable)) && change.cause() != Cause::Until {
        return Some(Hold::Shrunk);
    }
    if change.cause() == Cause::Scope && scope_of(change).is_some_and(|scope| !watch.ledger.scopes.contains(&scope)) {
        return Some(Hold::NewScope);
    }
    if matches!(change.act(), Act::Enable) && plan.elsewhere.contains(change.key()) {
        return Some(Hold::DisabledElsewhere);
    }
    None
}

fn scope_of(change: &Change) -> Option<String> {
    let key = change.act().revoked().filter(|_| change.cause() == Cause::Scope)?;
    Some(format!("{}/{}", key.kind, key.name))
}

/// Removals that policies, bindings or absence ask for must last; leavers, suspension, leave, Lockouts and an `until` wait for nothing.
#[must_use]
pub fn must_last(change: &Change) -> bool {
    let at_once = matches!(
        change.cause(),
        Cause::Lockout | Cause::Until | Cause::Lifecycle(LifecycleState::Terminated | LifecycleState::Suspended | LifecycleState::Leave)
    );
    change.act().removes() && !at_once
}

/// What follows a held change is held: grants behind a held Create, a Delete behind a held Disable.
fn follow_holds(items: &mut [Guarded]) {
    let stuck = |fate: &Fate| !matches!(fate, Fate::Send(_));
    let not_made: BTreeSet<AccountKey> = items
        .iter()
        .filter(|item| matches!(item.change.act(), Act::Create { .. }) && stuck(&item.fate))
        .map(|item| item.change.key().clone())
        .collect();
    let not_shut: BTreeSet<AccountKey> = items
        .iter()
        .filter(|item| matches!(item.change.act(), Act::Disable) && stuck(&item.fate))
        .map(|item| item.change.key().clone())
        .collect();
    for item in items {
        let (key, act) = (item.change.key(), item.change.act());
        let follows = act.granted().is_some() && not_made.contains(key) || matches!(act, Act::Delete) && not_shut.contains(key);
        if follows && matches!(item.fate, Fate::Send(_)) {
            item.fate = Fate::Held(Hold::Follows);
        }
    }
}

impl GuardedPlan {
    /// The plan behind it: findings, extent, what is to be remembered.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Every change with its fate, in the order of sending.
    #[must_use]
    pub fn items(&self) -> &[Guarded] {
        &self.items
    }

    /// The same, and what is held of what is still to come.
    pub fn items_and_to_come(&self) -> impl Iterator<Item = &Guarded> {
        self.items.iter().chain(&self.to_come)
    }

    /// What is sent, in order.
    pub fn sent(&self) -> impl Iterator<Item = &Change> {
        self.items.iter().filter(|item| matches!(item.fate, Fate::Send(_))).map(|item| &item.change)
    }

    /// What is held of ends and leaves that are announced and still to come.
    #[must_use]
    pub fn to_come(&self) -> &[Guarded] {
        &self.to_come
    }

    /// What waits for a person's answer, and what would if it came today.
    pub fn held(&self) -> impl Iterator<Item = &Guarded> {
        self.items.iter().filter(|item| matches!(item.fate, Fate::Held(_))).chain(&self.to_come)
    }

    /// Whether anything waits for a person's answer, announced ends included.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held().next().is_some() || self.is_listing_held()
    }

    /// Whether the listing shows so much less than before that it is held itself: it is not the one that the next is compared with.
    #[must_use]
    pub fn is_listing_held(&self) -> bool {
        self.plan.shrank && self.window.last_complete == self.before.last_complete
    }

    /// The digest of what is held: what an answer names.
    #[must_use]
    pub fn held_digest(&self) -> String {
        let lines: Vec<ChangeLine> = self.held().map(|item| item.change.line()).collect();
        digest_of_lines(&lines)
    }

    /// What is to be remembered before anything is sent: the charge with the intent.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = self.plan.notes.clone();
        facts.extend(self.plan.facts());
        if self.window != self.before {
            facts.push(Fact::Window(self.window.clone()));
        }
        facts.extend(self.scopes.iter().cloned().map(Fact::Scope));
        facts.extend(self.released.iter().map(|(approval, lines)| Fact::Released(approval.clone(), lines.clone())));
        facts
    }
}
