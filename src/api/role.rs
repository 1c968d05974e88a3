//! BusinessRole: what a job or a task needs.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a job or a task needs: entitlements and other roles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "BusinessRole",
    plural = "businessroles",
    shortname = "brole",
    namespaced,
    category = "provost"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BusinessRoleSpec {
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who answers for it: names of Persons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// How much harm it can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Who holds this holds those too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<String>,
    /// What it gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entitlements: Vec<RoleEntitlement>,
    /// What a binding must say: name → rule.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
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
    /// Name of the TargetSystem.
    pub target: String,
    /// group, role, ….
    pub kind: String,
    /// Its name there; `${parameter}` is filled in.
    pub name: String,
    /// The grade of membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    /// Which account; empty: the ordinary one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
}

/// What a parameter may be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Parameter {
    /// string (the default), integer or boolean.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<ParameterType>,
    /// The values that are allowed.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub enum_: Vec<String>,
    /// A binding must give it.
    pub required: bool,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
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
