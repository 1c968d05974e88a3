//! Approvals: which of them count, and what is wrong with those that do not.

use jiff::Timestamp;

use super::Realm;
use super::problems::{Found, RealmProblem, SPELL, Wrong};
use crate::api::approval::ApprovalSpec;
use crate::model::change::ChangeLine;
use crate::model::digest::digest_of_lines;
use crate::realm::object::ResourceKind;

/// Of an Approval whose changes are not those that were answered.
const EDITED: &str = "an Approval is never edited: write a new one with `provost approve` or `provost reject`";
/// Of an Approval that is over.
const OVER: &str = "answer again where it is still wanted, and delete this one";

/// Whether an Approval says nothing any more.
#[must_use]
pub fn is_over(approval: &ApprovalSpec, t: Timestamp) -> bool {
    approval.expires.is_some_and(|expires| expires.0 <= t)
}

/// The lines of an Approval.
pub fn lines_of(approval: &ApprovalSpec) -> Vec<ChangeLine> {
    approval.changes.iter().map(ChangeLine::new).collect()
}

/// Whether its lines are those that were answered: it is refused where they were edited.
#[must_use]
pub fn fits(approval: &ApprovalSpec) -> bool {
    approval.digest == digest_of_lines(&lines_of(approval))
}

impl Realm {
    /// Approvals that are refused: somebody relies on their answer, and it does not count. Of those that are over nobody does.
    #[must_use]
    pub fn approval_problems(&self, t: Timestamp) -> Vec<RealmProblem> {
        let mut found = Found(Vec::new());
        for approval in self.approvals.values().filter(|approval| !is_over(&approval.spec, t)) {
            let mut add = |wrong, message, hint| found.add(ResourceKind::Approval, &approval.meta, true, wrong, message, hint);
            let target = &approval.spec.target;
            if let Some(message) = self.account_problem(target, "").filter(|_| !target.is_empty()) {
                add(Wrong::Reference, format!("{message}: the answer counts nowhere"), SPELL);
            }
            if !fits(&approval.spec) {
                add(Wrong::Spec, "the digest does not fit the changes: the answer is refused".to_owned(), EDITED);
            }
            if let Some(line) = lines_of(&approval.spec).iter().find(|line| !line.is_readable()) {
                add(Wrong::Spec, format!("`{line}` is no change, and answers nothing"), EDITED);
            }
        }
        found.0
    }

    /// Approvals that are over, at `t`: what they have not released by then they release no more, and what they reject is free.
    #[must_use]
    pub fn approvals_over(&self, t: Timestamp) -> Vec<RealmProblem> {
        let mut found = Found(Vec::new());
        for approval in self.approvals.values().filter(|approval| is_over(&approval.spec, t)) {
            let at = approval.spec.expires.map(|expires| expires.0.to_string()).unwrap_or_default();
            found.add(ResourceKind::Approval, &approval.meta, false, Wrong::Spec, format!("it has been over since {at}"), OVER);
        }
        found.0
    }
}
