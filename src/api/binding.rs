//! RoleBinding: gives a role to people.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::ObjectStatus;
use super::person::Free;
use super::schema::{free, matches, rule, rule_of};
use super::time::Moment;

/// Fields of `Person.spec` that `subjectMatch` may name.
pub const MATCHABLE: [&str; 13] = [
    "costCenter",
    "department",
    "displayName",
    "division",
    "employeeNumber",
    "externalId",
    "location",
    "manager",
    "organization",
    "timezone",
    "title",
    "type",
    "userName",
];

/// Gives a business role to people, by name or by what is said of them, for a time window.
/// Always say `rolebindings.provost.dev` or `pbinding`: a bare `rolebinding` is the one of Kubernetes' own access control.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "RoleBinding",
    plural = "rolebindings",
    shortname = "pbinding",
    namespaced,
    category = "provost",
    status = "ObjectStatus",
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.notAfter"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Ticket", type_ = "string", json_path = ".spec.ticket", priority = 1),
    printcolumn(name = "Justification", type_ = "string", json_path = ".spec.justification", priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("required" = ["role"], "x-kubernetes-validations" = [
    rule("has(self.subjects) && size(self.subjects) > 0 || has(self.subjectMatch)",
        "the binding is to nobody: name people in subjects or say in subjectMatch whom it fits"),
    rule_of("subjectMatch",
        &format!("!has(self.subjectMatch) || self.subjectMatch.all(field, field in {MATCHABLE:?})"),
        &format!("subjectMatch names a field that a Person does not have or that cannot be compared; it may name {}", MATCHABLE.join(", "))),
    rule_of("notAfter", "!has(self.notBefore) || !has(self.notAfter) || self.notBefore < self.notAfter",
        "notAfter must lie after notBefore"),
]))]
pub struct RoleBindingSpec {
    /// Name of the BusinessRole that is given, such as `payments-clerk`.
    #[schemars(length(min = 1, max = 253))]
    pub role: String,
    /// People by name, such as `[{name: ada}]`; together with those whom `subjectMatch` fits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub subjects: Vec<Subject>,
    /// People by what is said of them: field of Person.spec → values, such as `{department: [Finance], title: [Clerk, Head]}`.
    /// It fits who has, in every field named, any of its values, as of now (with the employment in force laid over the person).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "matches")]
    pub subject_match: Option<BTreeMap<String, Vec<String>>>,
    /// Values for the role's parameters, such as `{project: apollo}`.
    #[serde(skip_serializing_if = "Free::is_empty")]
    #[schemars(schema_with = "free")]
    pub parameters: Free,
    /// The moment from which the role is held, such as `2026-11-24T02:10:00Z`; left out: from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// The moment from which the role is held no longer, such as `2027-06-30T22:00:00Z`; left out: until the binding is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
    /// Why the role is given, for reviews and the audit trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub justification: Option<String>,
    /// Who asked for it, such as `oidc:ada`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub requested_by: Option<String>,
    /// Where it was asked for, such as `FIN-88`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub ticket: Option<String>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Name of the Person object, such as `ada`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
