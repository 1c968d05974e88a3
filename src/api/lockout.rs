//! Lockout: shuts one person out, now.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::schema::immutable;
use super::time::Moment;

/// Shuts one person out of everything, now: accounts are disabled and sessions ended, whatever policies, bindings or the guard say.
/// Neither renaming nor deleting the Person lifts it; deleting the Lockout does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Lockout",
    plural = "lockouts",
    shortname = "plockout",
    namespaced,
    category = "provost",
    status = "LockoutStatus",
    printcolumn(name = "Person", type_ = "string", json_path = ".spec.person"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.until"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "ExternalId", type_ = "string", json_path = ".status.externalId", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason", priority = 1),
    printcolumn(name = "Requested-By", type_ = "string", json_path = ".spec.requestedBy", priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("required" = ["person"], "x-kubernetes-validations" = [immutable("person")]))]
pub struct LockoutSpec {
    /// Name of the Person object to shut out, such as `cho`.
    #[schemars(length(min = 1, max = 253))]
    pub person: String,
    /// Names of the TargetSystems to shut them out of, such as `[directory]`; left out: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub targets: Vec<String>,
    /// The moment until which it stands, such as `2026-12-01T08:00:00Z`; left out: until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Why, such as `INC-4712`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub reason: Option<String>,
    /// Who asked for it, such as `oidc:soc-eve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub requested_by: Option<String>,
}

/// What Provost reports of a Lockout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LockoutStatus {
    /// The `metadata.generation` of which this status speaks; -1: Provost has not seen the object yet.
    pub observed_generation: i64,
    /// Who is shut out: the externalId that the name in `spec.person` met. From then on it is they, whatever becomes of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub external_id: Option<String>,
    /// Ready, and what else is to be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
