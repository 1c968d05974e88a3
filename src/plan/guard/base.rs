//! What a limit is a share of: the accounts that are open, and those that we have shut within the day, so that it does not shrink as people
//! go out one by one.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::account::{AccountKey, AccountState};
use crate::model::change::Brake;
use crate::model::ids::PersonId;
use crate::model::ledger::{Link, Window};

/// The brakes of what shuts an account.
const SHUTS: [Brake; 3] = [Brake::Absence, Brake::Suspensions, Brake::Leavers];

/// Linked accounts last seen Enabled, and those that would be if we had not shut them within the window, charged for it.
pub(super) fn base<'a>(links: impl Iterator<Item = (&'a AccountKey, &'a Link)>, window: &Window, t: Timestamp) -> u32 {
    // Those of whom no account is left here; only a Delete that was charged as well says that one was.
    let mut deleted: BTreeSet<PersonId> = SHUTS.iter().flat_map(|brake| window.people_within(*brake, t).0).collect();
    let charged = deleted.clone();
    let (mut open, mut shut) = (0_u32, 0_u32);
    for (key, link) in links.filter(|(_, link)| link.id.is_some()) {
        deleted.remove(&key.person);
        if link.state == AccountState::Enabled {
            open = open.saturating_add(1);
        } else if charged.contains(&key.person) && !link.disabled_elsewhere && link.disabled.is_some_and(|since| Window::covers(since, t)) {
            shut = shut.saturating_add(1);
        }
    }
    let deletes = window.charged_within(Brake::Deletes, t);
    let deleted = u32::try_from(deleted.len()).unwrap_or(u32::MAX).min(deletes);
    let most = SHUTS.iter().map(|brake| window.charged_within(*brake, t)).fold(0, u32::saturating_add);
    open.saturating_add(shut.saturating_add(deleted).min(most))
}
