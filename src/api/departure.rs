//! Departure: Provost's own note of a person who is gone.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Written by Provost alone; deleting it lets the accounts be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Departure",
    plural = "departures",
    shortname = "pdep",
    namespaced,
    category = "provost",
    status = "DepartureStatus"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DepartureSpec {}

/// What is known of somebody who is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DepartureStatus {
    /// Who it was.
    pub external_id: String,
    /// Names of the objects that declared the person.
    pub names: Vec<String>,
}
