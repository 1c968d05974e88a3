//! The small input of each decision: all that a policy may see of one person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::change::LifecycleState;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, ObjectName, PersonId, RoleName, TargetName};
use crate::model::reason::Reason;

/// Values of a role's parameters, as texts.
pub type Parameters = BTreeMap<String, String>;

/// Where a person stands at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// The state.
    pub state: LifecycleState,
    /// The next instant at which the state, or the employment that gives it, changes by itself.
    pub next: Option<Timestamp>,
    /// When all employments end, past or to come; none where that is open.
    pub end: Option<Timestamp>,
    /// When the leave begins that stands, or else the next one; none where no leave is known.
    pub leave: Option<Timestamp>,
    /// Whether the person has any employment.
    pub employed: bool,
    /// The first day of the next employment to begin, in the person's own zone (for civil days before it).
    pub next_start: Option<jiff::Zoned>,
}

/// A role held by binding; those by rule are in the decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// The role.
    pub name: RoleName,
    /// Its parameters.
    pub parameters: Parameters,
    /// The RoleBinding that gives it.
    pub binding: ObjectName,
    /// The roles through which it is included, outermost first; empty when bound itself.
    pub path: Vec<RoleName>,
    /// Held from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Held until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// What it gives by itself, ready-made; what it includes is a holding of its own.
    pub grants: Vec<RoleGrant>,
}

/// One entitlement that a role gives, parameters filled in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RoleGrant {
    /// `TARGET/KIND/NAME[:RIGHT]`; policies see `key` and its parts.
    #[serde(flatten, serialize_with = "parts")]
    pub key: EntitlementKey,
    /// Which account; empty: the ordinary one.
    pub account: AccountName,
    /// `role payments-clerk (binding fin-east)`
    pub reason: String,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Writes `key`, and `target`, `kind`, `name` and `right` as members of `entitlements` have them.
fn parts<S: serde::Serializer>(key: &EntitlementKey, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeStruct;
    let mut parts = serializer.serialize_struct("key", 4 + usize::from(key.right.is_some()))?;
    parts.serialize_field("key", key)?;
    parts.serialize_field("target", &key.target)?;
    parts.serialize_field("kind", &key.kind)?;
    parts.serialize_field("name", &key.name)?;
    if let Some(right) = &key.right {
        parts.serialize_field("right", right)?;
    }
    parts.end()
}

/// One target as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetFacts {
    /// `ldap`, `scim`, ….
    #[serde(rename = "type")]
    pub type_: String,
    /// Labels of the TargetSystem.
    pub labels: BTreeMap<String, String>,
}

/// One entitlement that a target was last seen to hold for the person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Held {
    /// `TARGET/KIND/NAME[:RIGHT]`; policies see `key` and its parts.
    #[serde(flatten, serialize_with = "parts")]
    pub key: EntitlementKey,
    /// Which account; empty: the ordinary one.
    pub account: AccountName,
}

/// All that a policy may see of one person at one instant. It serializes to `input`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// Who.
    #[serde(skip)]
    pub id: PersonId,
    /// The spec, the employment in force laid over it, `metadata{name, labels}` and `lifecycle{state}`. Absent fields are left out; never null.
    pub person: serde_json::Value,
    /// The chain of managers, nearest first, each like `person`.
    pub managers: Vec<Arc<serde_json::Value>>,
    /// The chain of managers ends at a name that no Person has (or in a cycle): what reads it waits.
    #[serde(skip)]
    pub managers_unknown: bool,
    /// Roles held by binding, valid now, with all that they include.
    pub roles: Vec<Holding>,
    /// Target name → what is said of it.
    pub targets: Arc<BTreeMap<TargetName, TargetFacts>>,
    /// What the targets were last seen to hold, for `violations` alone.
    pub observed: BTreeSet<Held>,
    /// Targets never read.
    pub unread: BTreeSet<TargetName>,
    /// Target name → what it exports for this person.
    pub accounts: BTreeMap<TargetName, serde_json::Value>,
    /// The date in the realm's zone, `2026-11-24`.
    pub today: String,
    /// The next midnight in the realm's zone: due then, where the rules read `today`.
    #[serde(skip)]
    pub midnight: Option<Timestamp>,
    /// The next instant at which a holding begins or ends, or the state of somebody in the chain of managers changes.
    #[serde(skip)]
    pub holdings_next: Option<Timestamp>,
}

/// Why nothing can be decided for a person, or for a whole realm: nothing is granted, removed or enabled by policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{reason}")]
pub struct Frozen {
    /// What is wrong, and where.
    pub reason: Reason,
}

impl Frozen {
    /// Frozen for this reason.
    #[must_use]
    pub fn new(text: impl AsRef<str>, place: impl AsRef<str>) -> Self {
        Self { reason: Reason::at(text, place) }
    }
}
