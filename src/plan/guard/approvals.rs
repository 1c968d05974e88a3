//! People's answers to what is held.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::approval::{Answer, ApprovalSpec};
use crate::model::change::ChangeLine;
use crate::model::ids::{ApprovalName, TargetName};
use crate::model::ledger::Ledger;

use crate::realm::index::{fits, is_over, lines_of};

/// One Approval and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its name.
    pub name: ApprovalName,
    /// What it says.
    pub spec: ApprovalSpec,
}

/// The answers that count for one target at one instant.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    approved: BTreeMap<ChangeLine, BTreeSet<ApprovalName>>,
    rejected: BTreeMap<ChangeLine, ApprovalName>,
}

impl Answers {
    /// The answers of all Approvals that are not over, whose digest fits and that speak of this target.
    #[must_use]
    pub fn of(approvals: &[Approval], target: &TargetName, t: Timestamp) -> Self {
        let mut answers = Self::default();
        for approval in approvals {
            let spec = &approval.spec;
            let elsewhere = !spec.target.is_empty() && spec.target != target.as_str();
            if elsewhere || is_over(spec, t) || !fits(spec) {
                continue;
            }
            for line in lines_of(spec) {
                match spec.decision {
                    Answer::Approve => {
                        answers.approved.entry(line).or_default().insert(approval.name.clone());
                    }
                    Answer::Reject => {
                        answers.rejected.insert(line, approval.name.clone());
                    }
                }
            }
        }
        answers
    }

    /// The Approval that rejects this line.
    #[must_use]
    pub fn rejected(&self, line: &ChangeLine) -> Option<&ApprovalName> {
        self.rejected.get(line)
    }

    /// An Approval that names this line and has not released it yet.
    #[must_use]
    pub fn approved(&self, line: &ChangeLine, ledger: &Ledger) -> Option<&ApprovalName> {
        self.approved.get(line)?.iter().find(|name| !ledger.released.get(*name).is_some_and(|lines| lines.contains(line)))
    }
}
