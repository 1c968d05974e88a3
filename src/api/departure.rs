//! Departure: Provost's own note of a person who is gone.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::AccountEntry;
use super::condition::Condition;

/// Provost's own note of a person whose object was deleted: their accounts and what comes when. Written by Provost alone; who deletes it
/// lets the accounts be as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Departure",
    plural = "departures",
    shortname = "pdep",
    namespaced,
    category = "provost",
    status = "DepartureStatus",
    printcolumn(name = "ExternalId", type_ = "string", json_path = ".status.externalId"),
    printcolumn(name = "Accounts", type_ = "string", json_path = ".status.accountsReady"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.next"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Names", type_ = "string", json_path = ".status.names", priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DepartureSpec {}

/// What is known of somebody who is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DepartureStatus {
    /// The `metadata.generation` of which this status speaks.
    pub observed_generation: i64,
    /// Who it was: the identity in the system of record.
    #[schemars(length(max = 4096))]
    pub external_id: String,
    /// Names of the Person objects that declared them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Vec<String>,
    /// How many of the accounts are as they should be, of how many: `4/5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub accounts_ready: Option<String>,
    /// When something comes next by itself, such as `2027-01-01T00:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub next: Option<String>,
    /// The accounts that are left, one entry a target and account: what is there, what is Provost's own to remove, what comes next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["target", "account"]))]
    pub accounts: Vec<AccountEntry>,
    /// Ready, and what else is to be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
