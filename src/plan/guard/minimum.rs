//! `minimumMembers`: a group of which too few would be left keeps its members; what grants of the same plan make up for goes behind them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::account::AccountState;
use crate::model::change::{Act, Cause, ChangeLine, LifecycleState};
use crate::model::entitlement::EntitlementKey;

use super::{Fate, Guarded, Hold, Watch};

/// Holds the revokes that together would leave too few, and names those that go behind the grants that make up for them.
pub(super) fn keep(items: &mut [Guarded], watch: &Watch<'_>) -> BTreeSet<ChangeLine> {
    let mut behind = BTreeSet::new();
    for (key, minimum) in limited(items, watch) {
        let enabled =
            |item: &Guarded| item.change.id().and_then(|id| watch.observed.account(id)).is_some_and(|a| a.state == AccountState::Enabled);
        let sent = |item: &Guarded| matches!(item.fate, Fate::Send(_));
        let members = members(watch, &key);
        let mut lost = BTreeSet::new();
        let mut revokes = Vec::new();
        let mut gained: u32 = 0;
        for (place, item) in items.iter().enumerate().filter(|(_, item)| sent(item)) {
            let leaver = matches!(item.change.cause(), Cause::Lockout | Cause::Until | Cause::Lifecycle(LifecycleState::Terminated));
            match item.change.act() {
                Act::Revoke(revoked) if *revoked == key && !leaver => revokes.push(place),
                Act::Revoke(revoked) if *revoked == key && enabled(item) => {
                    lost.insert(item.change.key().clone());
                }
                Act::Disable | Act::Delete if enabled(item) && holds(watch, item, &key) => {
                    lost.insert(item.change.key().clone());
                }
                Act::Grant(granted) if *granted == key => gained = gained.saturating_add(1),
                _ => {}
            }
        }
        let going =
            revokes.iter().filter_map(|place| items.get(*place)).filter(|item| enabled(item) && !lost.contains(item.change.key())).count();
        let going = u32::try_from(going).unwrap_or(u32::MAX);
        let left = members.saturating_sub(u32::try_from(lost.len()).unwrap_or(u32::MAX));
        if left >= minimum.saturating_add(going) || going == 0 {
            continue;
        }
        let made_up = left.saturating_add(gained) >= minimum.saturating_add(going);
        for place in revokes {
            let Some(item) = items.get_mut(place) else { continue };
            if made_up {
                behind.insert(item.change.line());
            } else if item.fate == Fate::Send(None) {
                item.fate = Fate::Held(Hold::MinimumMembers(minimum));
            }
        }
    }
    behind
}

fn limited(items: &[Guarded], watch: &Watch<'_>) -> BTreeMap<EntitlementKey, u32> {
    let revoked = items.iter().filter_map(|item| match item.change.act() {
        Act::Revoke(key) => Some(key),
        _ => None,
    });
    revoked.filter_map(|key| watch.rules.minimum_members(key).map(|minimum| (key.clone(), minimum))).collect()
}

/// Enabled members now.
fn members(watch: &Watch<'_>, key: &EntitlementKey) -> u32 {
    if let Some(members) = watch.observed.members(key) {
        return members;
    }
    let members =
        watch.observed.accounts().filter(|account| account.state == AccountState::Enabled && account.entitlements.contains_key(key));
    u32::try_from(members.count()).unwrap_or(u32::MAX)
}

fn holds(watch: &Watch<'_>, item: &Guarded, key: &EntitlementKey) -> bool {
    item.change.id().and_then(|id| watch.observed.account(id)).is_some_and(|account| account.entitlements.contains_key(key))
}
