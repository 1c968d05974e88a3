//! The conditions of targets and people that follow from a round.

use crate::model::ids::PersonId;
use jiff::Timestamp;

use super::finding::FindingKind;
use super::guard::Fate;
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
    let (held_reason, held_message) = match (plan.is_held(), plan.plan().shrank) {
        (true, true) => ("SourceShrank", "the target suddenly shows much less than before".to_owned()),
        (true, false) => ("MassRemoval", format!("{held} changes wait for an answer: digest {}", plan.held_digest())),
        (false, _) => ("WithinLimits", String::new()),
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
