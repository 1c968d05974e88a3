//! What an end or a leave that is announced will do to an account when it comes. Nothing of it is sent before; it says what is held of it, so
//! that people can answer beforehand.

use jiff::Timestamp;

use crate::model::account::AccountKey;
use crate::model::change::{Act, Brake, Cause, Change, LifecycleState};
use crate::model::ledger::Link;
use crate::model::observed::Seen;

use super::account::{AccountPlan, state_changes};
use super::entitlements::plan_entitlements;
use super::sight::Sight;

/// What comes to one account at an announced instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// Whose account.
    pub key: AccountKey,
    /// What judges it.
    pub brake: Brake,
    /// When it comes.
    pub at: Timestamp,
    /// What it does, as far as that brake judges it and as things stand now.
    pub changes: Vec<Change>,
}

/// Looks ahead to what is announced now, or was and is held since; `link` is what will be remembered of the account.
#[must_use]
pub fn foresee(sight: &Sight<'_>, known: Option<&Link>, link: &Link, seen: Seen<'_>, out: &AccountPlan) -> Vec<Foreseen> {
    let lifecycle = sight.person.lifecycle.as_ref();
    let to_come = [
        (Brake::Leavers, LifecycleState::Terminated, lifecycle.and_then(|lifecycle| lifecycle.end)),
        (Brake::Suspensions, LifecycleState::Leave, lifecycle.and_then(|lifecycle| lifecycle.leave)),
    ];
    let held = |brake: &Brake| out.announced_before.contains(brake) && known.is_some_and(|link| link.held.contains_key(brake));
    let of_interest = |brake: &Brake| out.announced.contains(brake) || held(brake);
    let to_come = to_come.into_iter().filter(|(brake, _, _)| of_interest(brake));
    to_come
        .filter_map(|(brake, state, at)| {
            let at = at.filter(|at| *at > sight.t)?;
            Some(Foreseen { key: sight.key.clone(), brake, at, changes: changes(sight, link, seen, (brake, state), at) })
        })
        .collect()
}

fn changes(sight: &Sight<'_>, link: &Link, seen: Seen<'_>, (brake, state): (Brake, LifecycleState), at: Timestamp) -> Vec<Change> {
    let mut person = sight.person.clone();
    // Whatever else stops or shuts them by now is another matter.
    (person.paused, person.locked) = (false, false);
    if let Some(lifecycle) = &mut person.lifecycle {
        lifecycle.state = state;
    }
    let ahead = Sight { person: &person, t: at, ahead: true, ..sight.clone() };
    let Some(course) = ahead.standpoint(Some(link)).course() else { return Vec::new() };
    let (mut later, mut out) = (link.clone(), AccountPlan::default());
    state_changes(&ahead, &course, seen, &mut later, &mut out);
    plan_entitlements(&ahead, Some(&course), seen.account(), &mut later, &mut out.changes, &mut out.findings);
    let mut changes = out.changes;
    changes.retain(|change| change.brake() == Some(brake));
    // Shut it may be now, and open again by then.
    let shuts = |change: &Change| matches!(change.act(), Act::Disable | Act::Withdraw);
    if course.shuts() && sight.schema.can.disable && !changes.iter().any(shuts) {
        let cause = Cause::Lifecycle(state);
        changes.push(Change::of(sight.key.clone(), seen, Act::Disable, cause, vec![ahead.state_reason(cause)]));
    }
    changes
}
