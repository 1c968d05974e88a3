//! TargetSystem: one system that holds accounts.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Span;

/// One system that holds accounts: how to reach it, how a person maps to an account, what may be done there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "TargetSystem",
    plural = "targetsystems",
    shortname = "ptarget",
    namespaced,
    category = "provost",
    status = "TargetSystemStatus"
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSystemSpec {
    /// Protocol.
    #[serde(rename = "type")]
    pub type_: TargetType,
    /// An SQLite file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<SqliteSpec>,
    /// A SCIM 2.0 service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim: Option<ScimSpec>,
    /// An LDAP directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ldap: Option<LdapSpec>,
    /// A PostgreSQL server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresSpec>,
    /// Name of the Secret with the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Attribute → rule; null unmaps one of the type's default mapping.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mapping: BTreeMap<String, Option<MappingRule>>,
    /// How an account is found that is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<CorrelationSpec>,
    /// Kind → what may be done with entitlements of that kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entitlements: BTreeMap<String, KindSpec>,
    /// What each state does to an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecycleSpec>,
    /// Second accounts: name → how they differ.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, SecondAccountSpec>,
    /// First passwords.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsSpec>,
    /// The guard's limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetySpec>,
    /// How hard the target may be worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
    /// How often the whole target is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_interval: Option<Span>,
    /// Enforce (default), or Observe: plan and report, never write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Apply (default), or Hold: what removes waits for an Approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<Removals>,
    /// Nothing is read or written while true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// A protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// An SQLite file.
    #[default]
    Sqlite,
    /// SCIM 2.0 (RFC 7643, RFC 7644).
    Scim,
    /// LDAP (RFC 4511).
    Ldap,
    /// PostgreSQL roles.
    Postgres,
}

/// An SQLite file with the tables `accounts`, `entitlements` and `grants`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteSpec {
    /// The file; a relative path starts at the folder of the manifests.
    pub path: String,
    /// Make the file at the first write; else a missing file is an unreachable target.
    #[serde(default)]
    pub create: bool,
}

/// A SCIM 2.0 service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimSpec {
    /// Base URL.
    pub url: String,
}

/// An LDAP directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LdapSpec {
    /// ldaps:// or ldap:// URL.
    pub url: String,
    /// Where accounts and groups are.
    #[serde(rename = "baseDN")]
    pub base_dn: String,
}

/// A PostgreSQL server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresSpec {
    /// Host name.
    pub host: String,
    /// Port; default 5432.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Database to log in to.
    pub database: String,
}

/// The Secret with the login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Its name, in the same namespace.
    pub name: String,
}

/// How one attribute gets its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MappingRule {
    /// A Rego expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// A Rego expression that gives an array: the first value that nobody has is taken, and kept for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<String>,
    /// The first free number, kept for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Always (default), OnCreate or IfEmpty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Of many values: those that this mapping put there (Written, default), or All.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owns: Option<Owns>,
    /// Shown nowhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}

/// A range of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// The first.
    pub from: i64,
    /// The last.
    pub to: i64,
}

/// When a mapping writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum When {
    /// At creation and whenever it differs.
    #[default]
    Always,
    /// At creation alone.
    OnCreate,
    /// Where nothing is.
    IfEmpty,
}

/// Which of many values are a mapping's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Owns {
    /// Those that it once put there.
    #[default]
    Written,
    /// All of them.
    All,
}

/// How an account is found that is not known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CorrelationSpec {
    /// Attributes that tell people apart; default [userName].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<String>>,
    /// Never (default), or Unique: take over an account that nobody else can mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Adopt>,
    /// Attributes that the holder of an account can edit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub self_service: Vec<String>,
}

/// Whether accounts are taken over by what they say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Adopt {
    /// Never.
    #[default]
    Never,
    /// Where it can be one account and one person only.
    Unique,
}

/// What may be done with entitlements of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct KindSpec {
    /// Additive (default), or Authoritative inside the scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<EntitlementMode>,
    /// What is authoritative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSpec>,
    /// Names that no grace applies to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub privileged: Vec<String>,
    /// Make what a BusinessRole names and the target lacks.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub create_missing: bool,
    /// Name → how many enabled members must stay.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub minimum_members: BTreeMap<String, u32>,
    /// How long a mover keeps what no policy gives any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
}

/// Who decides about a kind of entitlements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EntitlementMode {
    /// Provost removes what is its own.
    #[default]
    Additive,
    /// Inside the scope, Provost removes all that nobody asks for.
    Authoritative,
}

/// Names of entitlements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ScopeSpec {
    /// The names.
    pub names: Vec<String>,
}

/// What each state does to an account; a state that is not named has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LifecycleSpec {
    /// Before the first day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preboarding: Option<Vec<Step>>,
    /// At work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<Vec<Step>>,
    /// Away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave: Option<Vec<Step>>,
    /// Suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Vec<Step>>,
    /// Locked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<Vec<Step>>,
    /// Ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated: Option<Vec<Step>>,
    /// Active, and nobody asks for this account any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unasked: Option<Vec<Step>>,
}

/// One step of a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Create, Enable, Disable, Delete or Keep.
    #[serde(rename = "do")]
    pub do_: Do,
    /// preboarding alone: civil days before the next start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
    /// Behind a Disable of the same list: how long after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Follow (the policies), Keep or Remove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Treatment>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Do {
    /// Make it, Disabled.
    Create,
    /// Open it.
    Enable,
    /// Shut it.
    Disable,
    /// Remove it.
    Delete,
    /// Leave it as it is.
    #[default]
    Keep,
}

/// What a state does with entitlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Treatment {
    /// As the policies say.
    Follow,
    /// As they are.
    Keep,
    /// What is ours goes.
    Remove,
}

/// How a second account differs from the ordinary one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SecondAccountSpec {
    /// Lies over the target's mapping, attribute by attribute; null unmaps one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mapping: BTreeMap<String, Option<MappingRule>>,
    /// In place of the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<CorrelationSpec>,
    /// In place of the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecycleSpec>,
}

/// First passwords.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CredentialsSpec {
    /// None (default): no password is made; Secret: it is delivered in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver: Option<Deliver>,
    /// How long the Secret stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// How a first password is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Deliver {
    /// None is made.
    #[default]
    None,
    /// In a Secret.
    Secret,
}

/// The guard's limits and what is protected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SafetySpec {
    /// People who are gone, and accounts that nobody asks for; default 5, 2 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absence: Option<BrakeLimit>,
    /// Deletes; default 20, 10 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes: Option<BrakeLimit>,
    /// Suspensions and leaves; default 5, 2 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspensions: Option<BrakeLimit>,
    /// Leavers; default 20, 10 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leavers: Option<BrakeLimit>,
    /// Accounts that lose something; default 20, 5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocations: Option<BrakeLimit>,
    /// Accounts of which an attribute is emptied; default 20, 5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clears: Option<BrakeLimit>,
    /// New accounts; default 100, 20 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creates: Option<BrakeLimit>,
    /// Accounts that Provost never touches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<ProtectedSpec>,
}

/// One limit: the greater of the two holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrakeLimit {
    /// How many.
    pub count: u32,
    /// Per cent of the linked accounts last seen Enabled.
    pub percent: u32,
}

/// Accounts that Provost never touches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ProtectedSpec {
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// By a filter in the target's own language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// How hard the target may be worked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LimitsSpec {
    /// Requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How long one request may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How long the target may still show what was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<Span>,
}

/// Whether Provost writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It plans and reports.
    Observe,
}

/// What becomes of removals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Removals {
    /// They are sent.
    #[default]
    Apply,
    /// They wait for an Approval.
    Hold,
}

/// What Provost reports of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetSystemStatus {
    /// The generation that this status speaks of.
    pub observed_generation: i64,
    /// Ready, Connected, InSync, Held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<super::condition::Condition>,
}
