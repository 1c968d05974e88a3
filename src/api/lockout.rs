//! Lockout: shuts one person out, now.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Moment;

/// Shuts one person out of everything, now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Lockout",
    plural = "lockouts",
    shortname = "plockout",
    namespaced,
    category = "provost"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LockoutSpec {
    /// Name of the Person.
    pub person: String,
    /// Names of TargetSystems; none: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Until when; none: until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
}
