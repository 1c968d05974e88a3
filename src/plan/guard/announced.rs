//! Ends and leaves that are announced: what of them is held already, and what an Approval releases before it comes.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::target::Mode;
use crate::model::account::AccountKey;
use crate::model::change::{Brake, ChangeLine};
use crate::model::ids::ApprovalName;
use crate::model::ledger::Ledger;

use super::super::sweep::Plan;
use super::{Answers, Fate, Guarded, Hold, Watch};

/// The announcements that Approvals release: all that is to come with them is approved.
pub(super) fn answered(plan: &Plan, answers: &Answers, ledger: &Ledger) -> BTreeSet<(AccountKey, Brake)> {
    // Where the same brake judges a change of that account now, that change stands for what is to come.
    let now: BTreeSet<(&AccountKey, Option<Brake>)> = plan.changes.iter().map(|change| (change.key(), change.brake())).collect();
    let approved = |line: &ChangeLine| answers.rejected(line).is_none() && answers.approved(line, ledger).is_some();
    let answered = plan.foreseen.iter().filter(|foreseen| {
        !foreseen.changes.is_empty()
            && foreseen.changes.iter().all(|change| approved(&change.line()))
            && !now.contains(&(&foreseen.key, Some(foreseen.brake)))
    });
    answered.map(|foreseen| (foreseen.key.clone(), foreseen.brake)).collect()
}

/// What is held of what is to come.
pub(super) fn to_come(plan: &Plan, items: &[Guarded], watch: &Watch<'_>) -> Vec<Guarded> {
    if watch.rules.mode == Mode::Observe {
        return Vec::new();
    }
    let now: BTreeSet<(&AccountKey, Option<Brake>)> = items.iter().map(|item| (item.change.key(), item.change.brake())).collect();
    let mut held = Vec::new();
    for foreseen in plan.foreseen.iter().filter(|foreseen| !now.contains(&(&foreseen.key, Some(foreseen.brake)))) {
        let announced = (foreseen.key.clone(), foreseen.brake);
        if watch.judged.answered.contains(&announced) {
            continue;
        }
        // It was judged when it was announced: what is left of that is the mark.
        let since = watch.ledger.links.get(&foreseen.key).and_then(|link| link.held.get(&foreseen.brake)).copied();
        let marked = since.filter(|_| plan.announced_before.contains(&announced)).map(|since| Hold::Earlier {
            brake: foreseen.brake,
            since,
            over: watch.judged.over.get(&foreseen.brake).copied(),
        });
        for change in &foreseen.changes {
            let Some(hold) = marked.clone().or_else(|| watch.by_limits(change)) else { continue };
            let line = change.line();
            let hold = match watch.answers.rejected(&line) {
                Some(approval) => Hold::Rejected(approval.clone()),
                None if watch.answers.approved(&line, watch.ledger).is_some() => continue,
                None => hold,
            };
            held.push(Guarded { change: change.clone(), fate: Fate::Held(hold), comes: Some(foreseen.at) });
        }
    }
    held
}

/// What Approvals release of what is to come: it is not held any more, and they have released it.
pub(super) fn released(plan: &Plan, watch: &Watch<'_>) -> BTreeMap<ApprovalName, BTreeSet<ChangeLine>> {
    let mut released: BTreeMap<ApprovalName, BTreeSet<ChangeLine>> = BTreeMap::new();
    let answered = plan.foreseen.iter().filter(|foreseen| watch.judged.answered.contains(&(foreseen.key.clone(), foreseen.brake)));
    for line in answered.flat_map(|foreseen| &foreseen.changes).map(crate::model::change::Change::line) {
        if let Some(approval) = watch.answers.approved(&line, watch.ledger) {
            released.entry(approval.clone()).or_default().insert(line);
        }
    }
    released
}
