//! Policy: Rego modules and their data.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::ObjectStatus;
use super::person::Free;
use super::schema::{files, free};

/// Rego modules and their data. All Policies of a namespace are compiled together, as `opa` would with the same folder; package `provost`
/// holds the decision (`roles`, `accounts`, `entitlements`, `violations`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Policy",
    plural = "policies",
    shortname = "ppol",
    namespaced,
    category = "provost",
    status = "ObjectStatus",
    printcolumn(name = "Compiled", type_ = "string", json_path = r#".status.conditions[?(@.type=="Compiled")].status"#),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Compiled")].message"#, priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PolicySpec {
    /// Library modules that Provost brings along, such as `[sod/v1]`; a version never changes its meaning.
    #[serde(rename = "use", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128), regex(pattern = "^[a-z0-9-]+/v[0-9]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub use_: Vec<String>,
    /// Rego modules: file name → source, such as `{birthright.rego: "package provost …"}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "files")]
    pub modules: BTreeMap<String, String>,
    /// Names of ConfigMaps of the same namespace: their `*.rego` are modules (`*_test.rego` are left out), their `*.yaml` and `*.json` are
    /// data, rooted as `opa` does. A missing ConfigMap freezes the realm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub from: Vec<String>,
    /// Free-form data, merged under `data`; two Policies that set the same leaf are an error.
    #[serde(skip_serializing_if = "Free::is_empty")]
    #[schemars(schema_with = "free")]
    pub data: Free,
}
