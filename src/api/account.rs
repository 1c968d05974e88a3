//! The entry of one account on the status of a Person or a Departure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::person::Free;
use super::schema::opaque;
use super::time::Moment;

/// The longest text of an entry that only shows: what is longer is cut.
pub const SHOWN_TEXT: usize = 1024;

/// One account of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// Name of the TargetSystem, such as `directory`.
    #[schemars(length(min = 1, max = 4096))]
    pub target: String,
    /// Which of the person's accounts there; empty: the ordinary one.
    #[schemars(length(max = 4096))]
    pub account: String,
    /// The account's stable id in the target; left out while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub id: Option<String>,
    /// What it is called there, as last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub user_name: Option<String>,
    /// Enabled, Disabled, Invited or Absent, as last written or seen; left out where Provost remembers no account, and only shows why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub state: Option<String>,
    /// What it holds: what is Provost's own to remove, and what else was seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 65536), extend("x-kubernetes-list-type" = "atomic"))]
    pub entitlements: Vec<EntitlementEntry>,
    /// The next step that comes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStep>,
    /// What went wrong last; left out once it went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// Changes that wait for a person's answer, as an Approval names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 65536), inner(length(max = 8192)), extend("x-kubernetes-list-type" = "atomic"))]
    pub held: Vec<String>,
    /// What else Provost remembers of the account. Not to be edited.
    #[serde(default, skip_serializing_if = "Free::is_empty")]
    #[schemars(schema_with = "opaque")]
    pub record: Free,
}

/// One entitlement of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementEntry {
    /// `KIND/NAME[:RIGHT]`, such as `group/staff`.
    #[schemars(length(min = 1, max = 65536))]
    pub key: String,
    /// Why it is held, such as `role sales-staff (binding sales)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// Since when it is Provost's own to remove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// It ends then, whatever else happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Whether it is Provost's own to remove.
    #[serde(default)]
    pub ours: bool,
}

/// A step that comes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextStep {
    /// What is done, such as `Delete`.
    #[serde(rename = "do")]
    #[schemars(length(max = 1024))]
    pub do_: String,
    /// When.
    pub at: Moment,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastError {
    /// One PascalCase word for programs, such as `Ambiguous`.
    #[schemars(length(max = 128))]
    pub code: String,
    /// What, for people.
    #[schemars(length(max = 1024))]
    pub message: String,
}
