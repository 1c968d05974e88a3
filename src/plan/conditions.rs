//! The conditions of targets and people that follow from a round.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::change::Brake;
use crate::model::ids::PersonId;
use jiff::Timestamp;

use super::finding::FindingKind;
use super::guard::{Excess, Fate, GuardedPlan, Hold};
use super::round::Round;

/// One condition, before it is written anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// Connected, InSync, Held, Compliant.
    pub type_: &'static str,
    /// Whether it is true.
    pub status: bool,
    /// One PascalCase word.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// Why something waits for an answer, as the reason of `Held` says it; where there are several, the first of them here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldReason {
    /// Not one Person is declared any more.
    SourceShrank,
    /// The target suddenly shows much less than before.
    ListingShrank,
    /// Above the limit of a brake that counts removals.
    MassRemoval,
    /// Above the limit of `creates`.
    MassCreation,
    /// The first removals under an authoritative scope.
    NewScope,
    /// Too few members would be left.
    MinimumMembers,
    /// `removals: Hold`.
    RemovalsHeld,
    /// Somebody else shut an account.
    DisabledElsewhere,
    /// An Approval says no.
    Rejected,
    /// What it follows does not go out either.
    Follows,
}

impl HeldReason {
    /// The word of the condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceShrank => "SourceShrank",
            Self::ListingShrank => "ListingShrank",
            Self::MassRemoval => "MassRemoval",
            Self::MassCreation => "MassCreation",
            Self::NewScope => "NewScope",
            Self::MinimumMembers => "MinimumMembers",
            Self::RemovalsHeld => "RemovalsHeld",
            Self::DisabledElsewhere => "DisabledElsewhere",
            Self::Rejected => "Rejected",
            Self::Follows => "Follows",
        }
    }

    /// Why a plan is held, if it is.
    #[must_use]
    pub fn of_plan(plan: &GuardedPlan) -> Option<Self> {
        let holds = plan.held().filter_map(|item| if let Fate::Held(hold) = &item.fate { Some(hold.into()) } else { None });
        // A listing that shrank may hold nothing but itself.
        holds.chain((plan.is_held() && plan.plan().shrank).then_some(Self::ListingShrank)).min()
    }
}

impl From<&Hold> for HeldReason {
    fn from(hold: &Hold) -> Self {
        match hold {
            Hold::Brake { brake: Brake::Creates, .. } | Hold::Earlier { brake: Brake::Creates, .. } => Self::MassCreation,
            Hold::Brake { .. } | Hold::Earlier { .. } => Self::MassRemoval,
            Hold::Rejected(_) => Self::Rejected,
            Hold::Removals => Self::RemovalsHeld,
            Hold::MinimumMembers(_) => Self::MinimumMembers,
            Hold::NewScope => Self::NewScope,
            Hold::Shrunk => Self::ListingShrank,
            Hold::EmptySource => Self::SourceShrank,
            Hold::DisabledElsewhere => Self::DisabledElsewhere,
            Hold::Follows => Self::Follows,
        }
    }
}

/// What is said where changes wait for an answer: how many, what an answer names, and of which kind there are too many.
#[must_use]
pub fn held_message(held: usize, digest: &str, over: impl IntoIterator<Item = Excess>) -> String {
    // What was seen at different times may differ: the most is said.
    let over: BTreeMap<Brake, (u32, u32)> =
        over.into_iter().collect::<BTreeSet<_>>().into_iter().map(|(brake, wanted, limit)| (brake, (wanted, limit))).collect();
    let over: String =
        over.iter().map(|(brake, (wanted, limit))| format!("; {brake}: {wanted} within 24 h, the limit is {limit}")).collect();
    format!("{held} changes wait for an answer: digest {digest}{over}")
}

/// The conditions of one target.
#[must_use]
pub fn of_target(round: &Round, target: &crate::model::ids::TargetName) -> Vec<Condition> {
    if let Some(failure) = round.unread.get(target) {
        return vec![Condition { type_: "Connected", status: false, reason: failure.reason(), message: failure.to_string() }];
    }
    let Some(planned) = round.targets.get(target) else { return Vec::new() };
    let plan = &planned.plan;
    let held = plan.held().count();
    let out_of_scope = plan.plan().findings.iter().filter(|finding| finding.kind == FindingKind::OutOfScope).count();
    let open = plan
        .items()
        .iter()
        .filter(|item| !matches!(item.fate, Fate::Send(None) if matches!(item.change.act(), crate::model::change::Act::Own)))
        .count();
    let in_sync = open == 0 && out_of_scope == 0 && plan.plan().extent.is_complete();
    let (held_reason, held_message) = match HeldReason::of_plan(plan) {
        Some(HeldReason::ListingShrank) => {
            (HeldReason::ListingShrank.as_str(), "the target suddenly shows much less than before".to_owned())
        }
        Some(reason) => {
            let over = plan.held().filter_map(|item| if let Fate::Held(hold) = &item.fate { hold.over() } else { None });
            (reason.as_str(), held_message(held, &plan.held_digest(), over))
        }
        None => ("WithinLimits", String::new()),
    };
    vec![
        Condition { type_: "Connected", status: true, reason: "Connected", message: String::new() },
        Condition { type_: "Held", status: plan.is_held(), reason: held_reason, message: held_message },
        Condition {
            type_: "InSync",
            status: in_sync,
            reason: if in_sync { "InSync" } else { "Drifted" },
            message: format!("{open} changes, {out_of_scope} findings in an authoritative scope"),
        },
    ]
}

/// Whether a person is in agreement with every rule.
#[must_use]
pub fn compliant(round: &Round, person: &PersonId, t: Timestamp) -> Condition {
    let violations = round.violations(t).remove(person).unwrap_or_default();
    let rules: Vec<&str> = violations.iter().map(|violation| violation.rule.as_str()).collect();
    Condition {
        type_: "Compliant",
        status: violations.is_empty(),
        reason: if violations.is_empty() { "NoViolations" } else { "Violations" },
        message: rules.join(", "),
    }
}
