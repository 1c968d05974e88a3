//! Realm: what holds for a whole namespace or folder.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::target::SafetySpec;
use super::time::Span;

/// What holds for a whole namespace or folder; at most one each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "Realm",
    plural = "realms",
    shortname = "prealm",
    namespaced,
    category = "provost"
)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RealmSpec {
    /// First half of every owner key; never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Time zone of people who name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How long a removal must have been wanted before it is sent; default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// No writes but leavers, Lockouts and an `until` reached.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub freeze: bool,
    /// The guard's limits over all targets together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetySpec>,
    /// The attributes that people may have; where any are declared, others are errors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeSpec>,
}

/// One declared attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AttributeSpec {
    /// string, integer, number, boolean or object.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<AttributeType>,
    /// A list of them.
    pub many: bool,
    /// Shown nowhere.
    pub sensitive: bool,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
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
