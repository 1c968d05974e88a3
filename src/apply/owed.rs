//! What of a plan is still to be done: a brake is charged once for an account, however many batches and attempts its changes take.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::account::AccountKey;
use crate::model::change::{Brake, Change, ChangeLine};
use crate::model::ids::ApprovalName;
use crate::plan::guard::{Fate, GuardedPlan};

/// What of a plan is still to be done.
pub(super) struct Owed<'p> {
    /// How many changes of an account a charge still has to stand for.
    open: BTreeMap<(AccountKey, Brake), usize>,
    /// Where more is wanted under a brake than is sent.
    unsent: BTreeSet<(AccountKey, Brake)>,
    released: BTreeMap<ChangeLine, &'p ApprovalName>,
}

impl<'p> Owed<'p> {
    pub(super) fn of(plan: &'p GuardedPlan) -> Self {
        let mut owed = Self { open: BTreeMap::new(), unsent: BTreeSet::new(), released: BTreeMap::new() };
        for item in plan.items() {
            let Fate::Send(approval) = &item.fate else {
                owed.unsent.extend(item.change.brake().map(|brake| (item.change.key().clone(), brake)));
                continue;
            };
            if let Some(brake) = item.change.brake() {
                *owed.open.entry((item.change.key().clone(), brake)).or_default() += 1;
            }
            if let Some(approval) = approval {
                owed.released.insert(item.change.line(), approval);
            }
        }
        owed
    }

    /// This is done.
    pub(super) fn done(&mut self, change: &Change) {
        let Some(brake) = change.brake() else { return };
        if let Some(open) = self.open.get_mut(&(change.key().clone(), brake)) {
            *open = open.saturating_sub(1);
        }
    }

    /// Whether all is done that the plan had for an account under a brake.
    pub(super) fn is_paid(&self, key: &AccountKey, brake: Brake) -> bool {
        self.open.get(&(key.clone(), brake)) == Some(&0)
    }

    /// Whether all is done that a mark holds of an account under a brake.
    pub(super) fn is_answered(&self, key: &AccountKey, brake: Brake) -> bool {
        self.is_paid(key, brake) && !self.unsent.contains(&(key.clone(), brake))
    }

    /// The Approval that releases this change, which it then has.
    pub(super) fn released_by(&self, change: &Change) -> Option<&'p ApprovalName> {
        if self.released.is_empty() { None } else { self.released.get(&change.line()).copied() }
    }
}
