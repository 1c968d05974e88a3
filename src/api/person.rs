//! Person: an identity.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::{Day, Moment};

/// Free-form values.
pub type Free = serde_json::Map<String, serde_json::Value>;

/// A person, contractor, partner or service that may hold accounts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Person",
    plural = "people",
    namespaced,
    category = "provost",
    status = "PersonStatus"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PersonSpec {
    /// Identity in the system of record; default: the object's name. Never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Earlier externalIds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former_ids: Vec<String>,
    /// Login name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// employee (the default), contractor, partner, service or a word of one's own.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    /// Name as shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Mail addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Contact>,
    /// Phone numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phone_numbers: Vec<Contact>,
    /// A contractor's sponsor, a service's keepers: names of Persons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Name of the Person to whom this one reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Employee number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<String>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Division.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// Organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Cost centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<String>,
    /// Place of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// IANA time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Employments; none at all: active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employments: Option<Vec<Employment>>,
    /// Shut out, for now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// Free-form attributes.
    #[serde(skip_serializing_if = "Free::is_empty")]
    pub attributes: Free,
    /// Explicit links to accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountLink>,
    /// What becomes of the accounts when this object is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Parts of a name (RFC 7643, section 4.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PersonName {
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The whole name as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
}

/// A mail address or phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// The address or number.
    pub value: String,
    /// work, home, mobile, ….
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The one to use first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// One employment; what it sets stands over the person's own fields while it gives the state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Employment {
    /// First day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Day>,
    /// Last day worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Day>,
    /// The moment at which it ends; with `endDate`, the earlier of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<Moment>,
    /// Times away, first and last day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<Absence>,
    /// Name of the Person to whom this one reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Employee number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<String>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Division.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// Organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Cost centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<String>,
    /// Place of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Free-form attributes, over the person's own.
    #[serde(skip_serializing_if = "Free::is_empty")]
    pub attributes: Free,
}

/// A time away, ends inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// First day away.
    pub from: Day,
    /// Last day away; none: until further notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Day>,
}

/// An explicit link to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountLink {
    /// Name of the TargetSystem.
    pub target: String,
    /// Empty: the ordinary account.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// The account's id there.
    pub id: String,
}

/// What becomes of a person's accounts when the object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They take the steps of `terminated`.
    Deprovision,
    /// They stay as they are.
    Retain,
}

/// What Provost reports of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PersonStatus {
    /// The generation that this status speaks of.
    pub observed_generation: i64,
    /// State at the last decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Ready, Compliant and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<super::condition::Condition>,
}
