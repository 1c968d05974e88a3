//! Approval: a person's yes or no to changes that the guard holds.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::ObjectStatus;
use super::schema::rule;
use super::time::Moment;

/// A person's yes or no to changes that the guard holds. Written by `provost approve` and `provost reject`; never edited afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Approval",
    plural = "approvals",
    shortname = "papproval",
    namespaced,
    category = "provost",
    status = "ObjectStatus",
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.target"),
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision"),
    printcolumn(name = "Approver", type_ = "string", json_path = ".spec.approver"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expires"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Justification", type_ = "string", json_path = ".spec.justification", priority = 1)
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("self == oldSelf", "an Approval is never edited: write a new one"),
]))]
pub struct ApprovalSpec {
    /// Name of the TargetSystem whose changes are answered, such as `directory`; left out: those of the whole realm.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub target: String,
    /// Approve: the changes are sent, each once. Reject: they stay held, under any limit, until this object expires or is deleted.
    pub decision: Answer,
    /// The changes that are answered, a line each: `ACT TARGET EXTERNALID[#ACCOUNT] [KIND/NAME[:RIGHT] | ATTRIBUTE] BRAKE`, such as
    /// `Disable directory 1003 leavers`. What is not among them stays held.
    #[schemars(length(min = 1, max = 20000), inner(length(min = 1, max = 2048)), extend("x-kubernetes-list-type" = "atomic"))]
    pub changes: Vec<String>,
    /// SHA-256 of the sorted lines of `changes`, in hexadecimal; where it does not fit, the Approval is refused.
    #[schemars(length(min = 1, max = 128))]
    pub digest: String,
    /// The moment until which the answer holds, such as `2027-06-30T22:00:00Z`; left out: until the object is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Who answers. In a cluster it must be the caller's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub approver: Option<String>,
    /// Why, for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
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
