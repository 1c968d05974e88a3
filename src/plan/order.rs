//! The order of sending: what removes access never waits behind what adds it.

use crate::model::account::AccountKey;
use crate::model::change::{Act, Cause, Change, LifecycleState};

/// Where a change stands in the order; equal places may go in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Lockouts and leavers: of each account Disable, then the end of sessions, then the rest.
    LeaverShut,
    /// The end of a leaver's sessions.
    LeaverSessions,
    /// What else a leaver loses.
    LeaverRest,
    /// Revokes.
    Revoke,
    /// Disables.
    Disable,
    /// The end of sessions of what was disabled.
    Sessions,
    /// Invitations taken back.
    Withdraw,
    /// Attributes and owner keys.
    Attributes,
    /// New accounts.
    Create,
    /// Opened accounts.
    Enable,
    /// New entitlements.
    Provide,
    /// Grants.
    Grant,
    /// Revokes that grants of the same plan make up for.
    RevokeBehind,
    /// Deletes.
    Delete,
}

/// The place of a change. `behind`: a revoke that waits for the grants that make up for it.
#[must_use]
pub fn place(change: &Change, behind: bool) -> Place {
    let leaver = matches!(change.cause(), Cause::Lockout | Cause::Lifecycle(LifecycleState::Terminated));
    match change.act() {
        Act::Delete => Place::Delete,
        Act::Disable | Act::Withdraw if leaver => Place::LeaverShut,
        Act::EndSessions if leaver => Place::LeaverSessions,
        Act::Revoke(_) if leaver => Place::LeaverRest,
        Act::Revoke(_) if behind => Place::RevokeBehind,
        Act::Revoke(_) => Place::Revoke,
        Act::Disable => Place::Disable,
        Act::EndSessions => Place::Sessions,
        Act::Withdraw => Place::Withdraw,
        Act::Own | Act::Set(..) | Act::Clear(_) => Place::Attributes,
        Act::Create { .. } => Place::Create,
        Act::Enable => Place::Enable,
        Act::Provide(_) => Place::Provide,
        Act::Grant(_) => Place::Grant,
    }
}

/// Sorts changes into the order of sending: Lockouts before leavers, each account's steps in theirs.
pub fn sort(changes: &mut [Change], behind: &dyn Fn(&Change) -> bool) {
    changes.sort_by_cached_key(|change| sort_key(change, behind(change)));
}

/// What the order compares: Lockouts, then leavers, account by account; then all others, place by place.
#[must_use]
pub fn sort_key(change: &Change, behind: bool) -> (u8, Option<AccountKey>, Place, AccountKey, String) {
    let place = place(change, behind);
    let leaver = matches!(place, Place::LeaverShut | Place::LeaverSessions | Place::LeaverRest);
    let queue = match (leaver, change.cause()) {
        (true, Cause::Lockout) => 0,
        (true, _) => 1,
        (false, _) => 2,
    };
    (queue, leaver.then(|| change.key().clone()), place, change.key().clone(), change.line().as_str().to_owned())
}
