//! Approval: a person's yes or no to changes that the guard holds.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Moment;

/// A person's yes or no to held changes; it is never edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Approval",
    plural = "approvals",
    shortname = "papproval",
    namespaced,
    category = "provost"
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalSpec {
    /// Name of the TargetSystem; empty: the realm.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Yes or no.
    pub decision: Answer,
    /// The changes that are answered, a line each.
    pub changes: Vec<String>,
    /// SHA-256 of the sorted lines.
    pub digest: String,
    /// Until when it holds; none: until it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Who answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Answer {
    /// Send them.
    Approve,
    /// Keep them held.
    Reject,
}
