//! BusinessRole: what a job or a task needs.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::ObjectStatus;

/// What a job or a task needs: entitlements and other roles, with parameters, owners and a risk. RoleBindings and rules give it to people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "BusinessRole",
    plural = "businessroles",
    shortname = "brole",
    namespaced,
    category = "provost",
    status = "ObjectStatus",
    printcolumn(name = "Risk", type_ = "string", json_path = ".spec.risk"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Description", type_ = "string", json_path = ".spec.description", priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BusinessRoleSpec {
    /// What the role is for, in a sentence that a reviewer understands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
    /// Who answers for the role: names of Person objects, such as `[ada]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub owners: Vec<String>,
    /// How much harm the role can do: low, medium, high or critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Risk")]
    pub risk: Option<Risk>,
    /// Names of other BusinessRoles: who holds this one holds those too. They take this role's parameters of the same name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub includes: Vec<String>,
    /// What the role gives, such as `[{target: billing, kind: role, name: payments_rw}]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "atomic"))]
    pub entitlements: Vec<RoleEntitlement>,
    /// What a binding must or may say: name → what its value may be, such as `{project: {type: string, required: true}}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub parameters: BTreeMap<String, Parameter>,
}

/// How much harm a role can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// The company.
    Critical,
}

/// One entitlement of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleEntitlement {
    /// Name of the TargetSystem, such as `directory`.
    #[schemars(length(min = 1, max = 253))]
    pub target: String,
    /// What it is there: `group`, `role`, `repository`, …, as the target's type has it.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[^/]+$"))]
    pub kind: String,
    /// Its name there, such as `staff`; `${parameter}` in it is filled in, as in `project-${project}`.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,
    /// The grade of membership, where the target has grades, such as `write`; left out: plain membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub right: Option<String>,
    /// Which of the person's accounts gets it, such as `admin`; left out: the ordinary one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub account: String,
}

/// What a parameter may be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Parameter {
    /// What its value may be: string, integer or boolean. Default: string.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ParameterType")]
    pub type_: Option<ParameterType>,
    /// The values that are allowed, as texts; left out: any.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub enum_: Vec<String>,
    /// Whether a binding must give it. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
}
