//! RoleBinding: gives a role to people.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::person::Free;
use super::time::Moment;

/// Gives a business role to people, by name or by what is said of them, for a time window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "RoleBinding",
    plural = "rolebindings",
    shortname = "pbinding",
    namespaced,
    category = "provost"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RoleBindingSpec {
    /// Name of the BusinessRole.
    pub role: String,
    /// People by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// People by what is said of them: field of Person.spec → values; every field, any of its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_match: Option<BTreeMap<String, Vec<String>>>,
    /// Values for the role's parameters.
    #[serde(skip_serializing_if = "Free::is_empty")]
    pub parameters: Free,
    /// Not held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// Not held from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Name of the Person.
    pub name: String,
}
