//! Policy: Rego modules and their data.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::person::Free;

/// Rego modules and their data; all Policies of a namespace are compiled together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Policy",
    plural = "policies",
    shortname = "ppol",
    namespaced,
    category = "provost"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PolicySpec {
    /// Library modules of the binary.
    #[serde(rename = "use", skip_serializing_if = "Vec::is_empty")]
    pub use_: Vec<String>,
    /// File name → Rego.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
    /// Names of ConfigMaps with modules (*.rego) and data (*.yaml, *.json).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Merged under `data`.
    #[serde(skip_serializing_if = "Free::is_empty")]
    pub data: Free,
}
