//! Person: an identity.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::AccountEntry;
use super::schema::{free, immutable, ordered, rule_of};
use super::time::{Day, Moment};

/// Free-form values.
pub type Free = serde_json::Map<String, serde_json::Value>;

/// A person, contractor, partner or service that may hold accounts. Field names follow the SCIM core and enterprise user schema (RFC 7643).
/// No field is required; where a target needs one that is missing, that account is `Incomplete` and stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Person",
    plural = "people",
    namespaced,
    category = "provost",
    status = "PersonStatus",
    selectable = ".spec.externalId",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Accounts", type_ = "string", json_path = ".status.accountsReady"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.next"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Employee-Nr", type_ = "string", json_path = ".spec.employeeNumber", priority = 1),
    printcolumn(name = "Manager", type_ = "string", json_path = ".spec.manager", priority = 1),
    printcolumn(name = "Compliant", type_ = "string", json_path = r#".status.conditions[?(@.type=="Compliant")].status"#, priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    immutable("externalId"),
    rule_of("accounts",
        "!has(self.accounts) || self.accounts.all(a, self.accounts.exists_one(b, a.target == b.target && \
         (has(a.account) ? a.account : '') == (has(b.account) ? b.account : '')))",
        "accounts links the same account of a target twice"),
]))]
pub struct PersonSpec {
    /// The identity in the system of record, such as `"1001"`. It is written into owner keys, so it should tell nothing about the person
    /// (no national number). It never changes; for a new one, see `formerIds`. Default: the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub external_id: Option<String>,
    /// Earlier externalIds, such as `["c-17"]`: after a rename, a merge of two records, or when a contractor is hired. Accounts that bear
    /// them are this person's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub former_ids: Vec<String>,
    /// Login name, such as `ada`; what accounts are called where a target's mapping does not say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub user_name: Option<String>,
    /// employee, contractor, partner, service, or a word of your own; policies read it. Default: employee.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: Option<String>,
    /// The parts of the person's name, such as `{givenName: Ada, familyName: Berg}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
    /// Name as shown to others, such as `Ada Berg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// Mail addresses, such as `[{value: ada@acme.example, type: work, primary: true}]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["value"]))]
    pub emails: Vec<Contact>,
    /// Phone numbers, such as `[{value: "+420 555 0100", type: work}]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["value"]))]
    pub phone_numbers: Vec<Contact>,
    /// Who answers for this one: a contractor's sponsors, a service's keepers; names of Person objects, such as `[ada]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub owners: Vec<String>,
    /// Name of the Person object to whom this one reports, such as `dia`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub manager: Option<String>,
    /// Job title, such as `Lead Engineer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub title: Option<String>,
    /// Number in the payroll, as a text, such as `"0042"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub employee_number: Option<String>,
    /// Department, such as `Engineering`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub department: Option<String>,
    /// Division, such as `Products`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub division: Option<String>,
    /// Organization, such as `Acme Europe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub organization: Option<String>,
    /// Cost centre, as a text, such as `"4130"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cost_center: Option<String>,
    /// Place of work, such as `Prague`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub location: Option<String>,
    /// IANA name of the time zone whose midnights begin and end the person's days, such as `Europe/Prague`. Default: the realm's, else UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub timezone: Option<String>,
    /// When the person works here, such as `[{startDate: "2023-05-01", endDate: "2026-12-31"}]`. Left out: works here now, with no end known.
    /// Once all have ended, the person is terminated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "atomic"))]
    pub employments: Option<Vec<Employment>>,
    /// While true, the person's accounts take the steps of `suspended`: by default they are disabled and keep what they hold. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// Whatever else policies and mappings need, such as `{badge: "77", languages: [cs, en]}`; free, or as the Realm declares.
    #[serde(skip_serializing_if = "Free::is_empty")]
    #[schemars(schema_with = "free")]
    pub attributes: Free,
    /// Explicit links to accounts that are there already, such as `[{target: directory, id: "3f0c…"}]`: after an import, or where it is not
    /// clear whose an account is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub accounts: Vec<AccountLink>,
    /// What becomes of the accounts when this object is deleted. Deprovision: they take the steps of `terminated`. Retain: they stay as they
    /// are. Default: Deprovision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DeletionPolicy")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Parts of a name (RFC 7643, section 4.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PersonName {
    /// Given name, such as `Ada`. Quote `"Null"`, `"No"` and `"On"`: YAML reads them as no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub given_name: Option<String>,
    /// Family name, such as `Berg`. Quote `"Null"`, `"No"` and `"On"`: YAML reads them as no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub family_name: Option<String>,
    /// The whole name as it is written, such as `Dr. Ada Berg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub formatted: Option<String>,
}

/// A mail address or phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// The address or number itself, such as `ada@acme.example`.
    #[schemars(length(min = 1, max = 320))]
    pub value: String,
    /// What it is for: work, home, mobile, ….
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub type_: Option<String>,
    /// Whether it is the one to use first. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// One employment. What it sets stands over the person's own fields while it is the one in force, so that a move known in advance happens at
/// its date.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    ordered("startDate", "endDate"),
    // A day begins up to 14 hours before it does in UTC.
    rule_of("endAt",
        "!has(self.startDate) || !has(self.endAt) || \
         self.endAt >= timestamp(self.startDate.substring(0, 10) + 'T00:00:00Z') - duration('14h')",
        "endAt lies before startDate"),
]))]
pub struct Employment {
    /// First day at work, such as `"2023-05-01"`, from its midnight in the person's time zone. Left out: has begun long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Day>,
    /// Last day at work, inclusive, such as `"2026-12-31"`. Left out: no end is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Day>,
    /// The moment at which it ends, such as `"2026-11-24T15:30:00Z"`; where `endDate` stands too, the earlier of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_at: Option<Moment>,
    /// Times away, first and last day, such as `[{from: "2026-07-01", to: "2026-12-31"}]`: the accounts take the steps of `leave`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub leaves: Vec<Absence>,
    /// Name of the Person object to whom the person reports in this employment. Default: the person's own `manager`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub manager: Option<String>,
    /// Job title in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub title: Option<String>,
    /// Number in the payroll in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub employee_number: Option<String>,
    /// Department in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub department: Option<String>,
    /// Division in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub division: Option<String>,
    /// Organization in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub organization: Option<String>,
    /// Cost centre in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cost_center: Option<String>,
    /// Place of work in this employment. Default: the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub location: Option<String>,
    /// Attributes of this employment, laid over the person's own one by one.
    #[serde(skip_serializing_if = "Free::is_empty")]
    #[schemars(schema_with = "free")]
    pub attributes: Free,
}

/// A time away, ends inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [ordered("from", "to")]))]
pub struct Absence {
    /// First day away, such as `"2026-07-01"`.
    pub from: Day,
    /// Last day away, inclusive, such as `"2026-12-31"`. Left out: until further notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Day>,
}

/// An explicit link to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountLink {
    /// Name of the TargetSystem, such as `directory`.
    #[schemars(length(min = 1, max = 253))]
    pub target: String,
    /// Which of the person's accounts it is, such as `admin`; left out: the ordinary one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub account: String,
    /// The account's stable id in the target, not its changeable name.
    #[schemars(length(min = 1, max = 1024))]
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
    /// The `metadata.generation` of which this status speaks; -1: Provost has not seen the object yet.
    pub observed_generation: i64,
    /// State at the last decision: terminated, locked, suspended, active, leave or preboarding.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// How many of the accounts are as they should be, of how many: `4/5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub accounts_ready: Option<String>,
    /// When something changes by itself next, such as `2027-01-01T00:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub next: Option<String>,
    /// The accounts, one entry a target and account: what is there, what is Provost's own to remove, what comes next. Written by Provost
    /// alone; it is its memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["target", "account"]))]
    pub accounts: Vec<AccountEntry>,
    /// Ready, Compliant, and what else is to be said; `Ready` is the one to wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<super::condition::Condition>,
}
