//! The format of a case; the header of each file under `tests/cases/` explains it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

pub type Text = String;
pub type Named = BTreeMap<String, Value>;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub given: Given,
    pub expect: Expect,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Given {
    pub now: Text,
    pub shell: Option<Text>,
    pub realm: Option<Value>,
    pub people: Named,
    pub targets: Option<Named>,
    pub roles: Named,
    pub bindings: Named,
    pub lockouts: Named,
    pub approvals: Named,
    pub policies: Option<Named>,
    pub asks: BTreeMap<String, Vec<Value>>,
    pub violations: BTreeMap<String, Vec<Value>>,
    pub errors: BTreeMap<String, String>,
    pub unreadable: Vec<String>,
    pub files: BTreeMap<String, String>,
    pub had_policy: bool,
    pub ledger: BTreeMap<String, Remembered>,
    pub linked: Option<usize>,
    pub window: BTreeMap<String, u32>,
    pub window_older: BTreeMap<String, u32>,
    pub charged: Vec<String>,
    pub released: BTreeMap<String, Vec<String>>,
    pub scopes: Vec<String>,
    pub met: BTreeMap<String, String>,
    pub wanted: BTreeMap<String, String>,
    pub target: Option<Vec<Map<String, Value>>>,
    pub listing: BTreeMap<String, String>,
    pub last_complete: BTreeMap<String, u32>,
    pub schema: BTreeMap<String, Profile>,
}

/// What a ledger remembers of an account.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Remembered {
    pub id: Option<String>,
    pub name: Option<String>,
    pub asked: Option<bool>,
    pub disabled: Option<String>,
    pub stage: Option<Stage>,
    pub end: Option<String>,
    pub gone: Option<String>,
    pub held: Option<HeldMark>,
    pub grants: BTreeMap<String, GrantMark>,
    pub retain: bool,
    pub chosen: BTreeMap<String, String>,
    pub written: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub state: String,
    pub since: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldMark {
    pub brake: String,
    pub since: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrantMark {
    pub until: Option<String>,
    pub lapsed: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Profile {
    pub default: BTreeMap<String, String>,
    pub required: Vec<String>,
    pub ignore_case: Vec<String>,
    pub many: Vec<String>,
    pub ends_sessions: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Expect {
    pub state: BTreeMap<String, String>,
    pub next: BTreeMap<String, Option<String>>,
    pub changes: Option<Vec<String>>,
    pub held: Option<Vec<String>>,
    pub waits: Option<Vec<String>>,
    pub announced: Option<BTreeMap<String, String>>,
    pub wanted: Option<BTreeMap<String, String>>,
    pub sent: Option<Vec<String>>,
    pub attributes: BTreeMap<String, Named>,
    pub ledger: BTreeMap<String, Option<Map<String, Value>>>,
    pub owner_keys: BTreeMap<String, String>,
    pub findings: BTreeMap<String, Vec<String>>,
    pub conditions: Vec<String>,
    pub exit: Option<i32>,
}
