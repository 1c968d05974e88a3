//! How long removals have been wanted, where they must last before they are sent: in the operator, which reads a commit object by object.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Fate, GuardedPlan, must_last};
use crate::model::account::AccountKey;
use crate::model::change::{Brake, ChangeLine};
use crate::model::ids::{PersonId, TargetName};
use crate::model::observed::Scope;

/// How long removals have been wanted, as far as looks have shown.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    /// How long they must be.
    pub settle: SignedDuration,
    /// Since when.
    pub wanted: BTreeMap<ChangeLine, (AccountKey, Timestamp)>,
    /// What is wanted and was not sent yet, whether or not this look shows it: a limit counts all of it, in however many looks it comes.
    pub unsent: BTreeMap<ChangeLine, (AccountKey, Brake)>,
}

impl Settling {
    /// When a removal may be sent, if it goes on being wanted; one that nobody has wanted so far is wanted from `t` on.
    #[must_use]
    pub fn sent_from(&self, line: &ChangeLine, t: Timestamp) -> Timestamp {
        self.since(line, t).checked_add(self.settle).unwrap_or(Timestamp::MAX)
    }

    /// Takes in what a look at these people shows to be wanted. Of what it does not show of them the wanting is over. What a state keeps is
    /// wanted as well, and only not sent.
    pub fn note(&mut self, scope: &Scope, plan: &GuardedPlan, t: Timestamp) {
        let kept = plan.plan().kept.iter();
        let lasting = plan.items().iter().map(|item| &item.change).chain(kept).filter(|change| must_last(change));
        let wanted: Vec<_> = lasting.map(|change| (change.line(), (change.key().clone(), self.since(&change.line(), t)))).collect();
        self.forget(&plan.plan().target, |person| scope.contains(person));
        self.wanted.extend(wanted);
        for item in plan.items() {
            // What is sent is charged with the first record; until then it counts here.
            if let (Some(brake), Fate::Waits | Fate::Held(_) | Fate::Send(_)) = (item.change.brake(), &item.fate) {
                self.unsent.insert(item.change.line(), (item.change.key().clone(), brake));
            }
        }
    }

    /// This is done, and was charged when it was sent: it is not counted a second time.
    pub fn done(&mut self, line: &ChangeLine) {
        self.unsent.remove(line);
    }

    /// What is wanted of these people in a target is wanted no more, as far as is known.
    pub fn forget(&mut self, target: &TargetName, whose: impl Fn(&PersonId) -> bool) {
        let stays = |key: &AccountKey| key.target != *target || !whose(&key.person);
        self.wanted.retain(|_, (key, _)| stays(key));
        self.unsent.retain(|_, (key, _)| stays(key));
    }

    fn since(&self, line: &ChangeLine, t: Timestamp) -> Timestamp {
        self.wanted.get(line).map_or(t, |(_, since)| *since)
    }
}
