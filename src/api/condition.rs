//! Conditions after the Kubernetes API conventions, and the status of kinds that report nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is true, false or unknown of the object, after the Kubernetes API conventions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is spoken of: Ready, Reconciling, Stalled, Compliant, Connected, InSync, Held or Compiled.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: String,
    /// True, False or Unknown.
    #[schemars(length(min = 1, max = 16))]
    pub status: String,
    /// Why, as one PascalCase word for programs, such as `Succeeded` or `UnknownRole`.
    #[schemars(length(min = 1, max = 128))]
    pub reason: String,
    /// Why, for people.
    #[schemars(length(max = 32768))]
    pub message: String,
    /// Since when `status` is what it is.
    pub last_transition_time: super::time::Moment,
    /// The `metadata.generation` of which it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What Provost reports of the object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectStatus {
    /// The `metadata.generation` of which this status speaks; -1: Provost has not seen the object yet.
    pub observed_generation: i64,
    /// Ready, and what else is to be said; `Ready` is the one to wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
