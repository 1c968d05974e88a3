//! Realm: what holds for a whole namespace or folder.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::schema::{counts, immutable};
use super::target::SafetySpec;
use super::time::Span;

/// What holds for a whole namespace or folder; at most one each. Its status is the realm's overview.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Realm",
    plural = "realms",
    shortname = "prealm",
    namespaced,
    category = "provost",
    status = "RealmStatus",
    printcolumn(name = "Id", type_ = "string", json_path = ".spec.id"),
    printcolumn(name = "Freeze", type_ = "boolean", json_path = ".spec.freeze"),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.people.active"),
    printcolumn(name = "Held", type_ = "integer", json_path = ".status.held"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.next"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Timezone", type_ = "string", json_path = ".spec.timezone", priority = 1)
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [immutable("id")]))]
pub struct RealmSpec {
    /// First half of every owner key that is written into accounts, such as `acme`: the same in folder and cluster, for ever. It never
    /// changes. Default: the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub id: Option<String>,
    /// IANA name of the time zone of people who name none, such as `Europe/Prague`. Default: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub timezone: Option<String>,
    /// How long a removal must have been wanted without a break before the operator sends it, as `N(s|m|h|d)`. Default: 60s. Leavers,
    /// suspensions, leaves, Lockouts and an `until` reached wait for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// While true, nothing is written but leavers, Lockouts and an `until` reached; the plan lists what is kept back. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub freeze: bool,
    /// The guard's limits over the accounts of all targets together, each like a TargetSystem's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetySpec>,
    /// The attributes that people may have: name → what it may be, such as `{badge: {type: string}}`. Where any are declared, all others
    /// are errors; where none are, attributes are free.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub attributes: BTreeMap<String, AttributeSpec>,
}

/// One declared attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AttributeSpec {
    /// What a value may be: string, integer, number, boolean or object. Default: string.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AttributeType")]
    pub type_: Option<AttributeType>,
    /// Whether it is a list of such values. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub many: bool,
    /// Whether its values are hidden from plans, status and logs. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
}

/// The type of a declared attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// true or false.
    Boolean,
    /// Anything with fields.
    Object,
}

/// The realm's overview.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RealmStatus {
    /// The `metadata.generation` of which this status speaks; -1: Provost has not seen the object yet.
    pub observed_generation: i64,
    /// The first half of every owner key, where this is the Realm that Provost works with: of several Realms it goes on with this one's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// How many people are in which state, such as `{active: 900, leave: 12}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "counts")]
    pub people: BTreeMap<String, u32>,
    /// How many changes the guard holds, over all targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    pub held: Option<u32>,
    /// Why nothing is written but leavers, Lockouts and an `until` reached; left out: the realm is not frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub frozen: Option<String>,
    /// When something changes by itself next, such as `2027-01-01T00:00:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub next: Option<String>,
    /// Ready, and what else is to be said; `Ready` is the one to wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
