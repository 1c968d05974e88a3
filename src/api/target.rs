//! TargetSystem: one system that holds accounts.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::person::Free;
use super::schema::{counts, opaque, rule, rule_of};
use super::time::{Moment, Span};

/// One system that holds accounts: how to reach it, how a person maps to an account, what may be done there. The shortest useful one is its
/// type, its address and its secret; each type has a default mapping.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "provost.dev",
    version = "v1alpha1",
    kind = "TargetSystem",
    plural = "targetsystems",
    shortname = "ptarget",
    namespaced,
    category = "provost",
    status = "TargetSystemStatus",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Connected", type_ = "string", json_path = r#".status.conditions[?(@.type=="Connected")].status"#),
    printcolumn(name = "InSync", type_ = "string", json_path = r#".status.conditions[?(@.type=="InSync")].status"#),
    printcolumn(name = "Held", type_ = "string", json_path = r#".status.conditions[?(@.type=="Held")].status"#),
    printcolumn(name = "Accounts", type_ = "integer", json_path = ".status.accounts.managed"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1),
    printcolumn(name = "Pending", type_ = "integer", json_path = ".status.pending", priority = 1),
    printcolumn(name = "Drift", type_ = "integer", json_path = ".status.lastSweep.drift", priority = 1)
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    block("sqlite"),
    block("scim"),
    block("ldap"),
    block("postgres"),
    rule_of("mapping", "self.type != 'sqlite' || !has(self.mapping) || !('ownerKey' in self.mapping)",
        "mapping sets ownerKey, in which Provost itself keeps whose an account is"),
]))]
pub struct TargetSystemSpec {
    /// The protocol: sqlite, scim, ldap or postgres. Its settings stand in the block of the same name.
    #[serde(rename = "type")]
    pub type_: TargetType,
    /// Settings of `type: sqlite`: a file with the tables `accounts`, `entitlements` and `grants`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<SqliteSpec>,
    /// Settings of `type: scim`: a SCIM 2.0 service (RFC 7643, RFC 7644).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim: Option<ScimSpec>,
    /// Settings of `type: ldap`: an LDAP directory (RFC 4511).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ldap: Option<LdapSpec>,
    /// Settings of `type: postgres`: the roles of a PostgreSQL server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresSpec>,
    /// The Secret with the login, such as `{name: directory}`; its keys: `username` and `password`, or `token`, or `clientId` and
    /// `clientSecret`; and `ca.crt`, `tls.crt`, `tls.key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// How the account's attributes get their values: attribute → rule, such as `{mail: {value: "input.person.emails[0].value"}}`, laid over
    /// the type's default mapping; `{unmap: true}` takes an attribute out. What is not mapped is never touched.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub mapping: BTreeMap<String, Option<MappingRule>>,
    /// How an account that is not known yet is found, and whether it is taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<CorrelationSpec>,
    /// What may be done with entitlements: kind → rules, such as `{group: {mode: Additive}}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub entitlements: BTreeMap<String, KindSpec>,
    /// What each state of a person does to their account, such as `{terminated: [{do: Disable, entitlements: Remove}, {after: 30d, do: Delete}]}`;
    /// a state that is not named keeps its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecycleSpec>,
    /// Second accounts: name → how they differ from the ordinary one, such as `{admin: {}}`. Only those that are declared here exist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub accounts: BTreeMap<String, SecondAccountSpec>,
    /// How first passwords are made and delivered. Default: none is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsSpec>,
    /// The guard's limits, and which accounts are protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<SafetySpec>,
    /// How hard the target may be worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
    /// How often the whole target is read and compared, as `N(s|m|h|d)`, such as `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_interval: Option<Span>,
    /// Enforce: bring the target to what is declared. Observe: plan and report, never write. Default: Enforce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Mode")]
    pub mode: Option<Mode>,
    /// Apply: removals are sent. Hold: they wait for an Approval (leavers, suspension, leave, Lockouts and an `until` reached do not).
    /// Default: Apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Removals")]
    pub removals: Option<Removals>,
    /// While true, the target is neither read nor written. Default: false.
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

impl TargetType {
    /// The word of manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Scim => "scim",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
        }
    }
}

/// An SQLite file with the tables `accounts`, `entitlements` and `grants`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteSpec {
    /// The file, such as `directory.db`; a relative path starts at the folder of the manifests.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Whether the file is made at the first write, while no account in it is on record; else a missing file is an unreachable target.
    /// Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create: bool,
}

/// A SCIM 2.0 service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimSpec {
    /// Base URL, such as `https://chat.example/scim/v2`.
    #[schemars(length(min = 1, max = 2048), regex(pattern = "^https?://"))]
    pub url: String,
}

/// An LDAP directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LdapSpec {
    /// Address, such as `ldaps://ldap.acme.example`.
    #[schemars(length(min = 1, max = 2048), regex(pattern = "^ldaps?://"))]
    pub url: String,
    /// The entry below which accounts and groups are, such as `dc=acme,dc=example`.
    #[serde(rename = "baseDN")]
    #[schemars(length(min = 1, max = 1024))]
    pub base_dn: String,
}

/// A PostgreSQL server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresSpec {
    /// Host name, such as `billing-db.acme.example`.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Port. Default: 5432.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Database to log in to, such as `billing`.
    #[schemars(length(min = 1, max = 63))]
    pub database: String,
}

/// The Secret with the login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Name of the Secret, in the same namespace or folder.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// How one attribute gets its value: by exactly one of `value`, `candidates` and `numbers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [rule(
    "[has(self.value), has(self.candidates), has(self.numbers), has(self.unmap) && self.unmap].exists_one(given, given)",
    "a mapping has exactly one of value, candidates, numbers and unmap",
)]))]
pub struct MappingRule {
    /// A Rego expression, such as `input.person.emails[0].value`; it sees `input.person`, `input.account`, `input.target` and the realm's
    /// modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192))]
    pub value: Option<String>,
    /// A Rego expression that gives an array: the first value that no account, other person or Departure has is taken, and kept for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192))]
    pub candidates: Option<String>,
    /// The first free number of a range, kept for ever, such as `{from: 10000, to: 19999}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Takes the attribute out of the mapping that this one is laid over: it is not touched any more. `null` in place of the whole rule says
    /// the same, but `kubectl apply` without `--server-side`, Helm and others lose it on their way. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unmap: bool,
    /// Always: at creation and whenever it differs. OnCreate: at creation alone. IfEmpty: where nothing is. Default: Always.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "When")]
    pub when: Option<When>,
    /// Of an attribute with many values, which are this mapping's. Written: those that it once put there. All: every one. Default: Written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Owns")]
    pub owns: Option<Owns>,
    /// Whether the value is hidden from plans, status and logs. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}

/// A range of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [rule_of("to", "self.from <= self.to", "to lies below from")]))]
pub struct Numbers {
    /// The first number, such as 10000.
    pub from: i64,
    /// The last number, inclusive, such as 19999.
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
    /// Attributes by which a person's account is found where neither link, id nor owner key tells. Default: `[userName]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "atomic"))]
    pub attributes: Option<Vec<String>>,
    /// Never: an account that only its attributes tell of is reported as `NotAdopted`. Unique: it is taken over where it can be one account
    /// and one person only. Default: Never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Adopt")]
    pub adopt: Option<Adopt>,
    /// Attributes that the holder of an account can edit, such as `[mail]`; nothing is adopted by them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
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
#[schemars(extend("x-kubernetes-validations" = [rule_of("scope",
    "!has(self.mode) || self.mode != 'Authoritative' || has(self.scope)",
    "mode Authoritative needs a scope: the names of which Provost decides alone",
)]))]
pub struct KindSpec {
    /// Additive: only what is ours is removed. Authoritative: inside `scope`, all that nobody asks for is removed. Default: Additive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EntitlementMode")]
    pub mode: Option<EntitlementMode>,
    /// Of which entitlements Provost decides alone, such as `{names: [payments_rw]}`. Outside it they are reported, never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSpec>,
    /// Names of entitlements to which no `grace` applies, such as `[prod_rw]`. A name stands for itself: there are no patterns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(min = 1, max = 1024), regex(pattern = "^[^*]*$")), extend("x-kubernetes-list-type" = "set"))]
    pub privileged: Vec<String>,
    /// Whether an entitlement that a BusinessRole names and the target lacks is made. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub create_missing: bool,
    /// How many enabled members must stay: name → number, such as `{admins: 2}`. Revokes that would go below wait for an Approval.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "counts")]
    pub minimum_members: BTreeMap<String, u32>,
    /// How long a mover keeps what no policy gives any more, as `N(s|m|h|d)`, such as `14d`. Default: not at all.
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
    /// Names of entitlements of this kind, such as `[payments_rw, prod_rw]`. A name stands for itself: there are no patterns.
    #[schemars(length(min = 1, max = 4096), inner(length(min = 1, max = 1024), regex(pattern = "^[^*]*$")), extend("x-kubernetes-list-type" = "set"))]
    pub names: Vec<String>,
}

/// What each state does to an account; a state that is not named has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = step_rules()))]
pub struct LifecycleSpec {
    /// Before the first day of the first employment. Default: nothing is made, and what is there is disabled and keeps its entitlements.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub preboarding: Option<Vec<Step>>,
    /// At work. Default: enabled, entitlements follow the policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub active: Option<Vec<Step>>,
    /// Away, or between two employments. Default: disabled, entitlements stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub leave: Option<Vec<Step>>,
    /// While `suspended` is true. Default: disabled, entitlements stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub suspended: Option<Vec<Step>>,
    /// While a Lockout stands; begins with Disable. Default: disabled, entitlements stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub locked: Option<Vec<Step>>,
    /// All employments have ended; begins with Disable or Delete. Default: disabled, entitlements are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub terminated: Option<Vec<Step>>,
    /// The person is active, and no decision asks for this account any more. Default: disabled, entitlements are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub unasked: Option<Vec<Step>>,
}

/// One step of a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Create (preboarding only; made Disabled), Enable (active only), Disable, Delete, or Keep (as it is).
    #[serde(rename = "do")]
    pub do_: Do,
    /// With Create in preboarding: how many civil days before the next start, such as `7d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
    /// Behind a Disable of the same list: how long after the account was seen Disabled in this state, as `N(s|m|h|d)`, such as `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// What becomes of what the account holds. Follow: as the policies say. Keep: as it is. Remove: what is ours goes. Default: by the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Treatment")]
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
    /// Laid over the target's mapping, attribute by attribute; `{unmap: true}` takes one out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub mapping: BTreeMap<String, Option<MappingRule>>,
    /// In place of the target's own `correlation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<CorrelationSpec>,
    /// In place of the target's own `lifecycle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecycleSpec>,
}

/// First passwords.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CredentialsSpec {
    /// None: no password is made. Secret: it is delivered in a labelled Secret, in a folder in a file that only its owner can read.
    /// Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Deliver")]
    pub deliver: Option<Deliver>,
    /// How long the Secret stays, as `N(s|m|h|d)`, such as `24h`.
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
    /// Accounts of people who are gone, and those that nobody asks for any more. Default: 5, or 2 % of the linked accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absence: Option<BrakeLimit>,
    /// Accounts that are deleted. Default: 20, or 10 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes: Option<BrakeLimit>,
    /// Accounts of people suspended, on leave or not begun. Default: 5, or 2 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspensions: Option<BrakeLimit>,
    /// Accounts of people whose employments have ended. Default: 20, or 10 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leavers: Option<BrakeLimit>,
    /// Accounts that lose an entitlement. Default: 20, or 5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocations: Option<BrakeLimit>,
    /// Accounts of which an attribute is emptied. Default: 20, or 5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clears: Option<BrakeLimit>,
    /// New accounts. Default: 100, or 20 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creates: Option<BrakeLimit>,
    /// Accounts that Provost never touches, beside its own login, such as `{names: [root]}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<ProtectedSpec>,
}

/// One limit within 24 hours: the greater of the two holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct BrakeLimit {
    /// How many accounts. Left out: 0, so that `percent` alone holds.
    pub count: u32,
    /// How many per cent of the linked accounts last seen Enabled, those included that were counted and shut within 24 h. Left out: 0, so that `count` alone holds.
    #[schemars(range(min = 0, max = 100))]
    pub percent: u32,
}

/// Accounts that Provost never touches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ProtectedSpec {
    /// By the account's name there, such as `[root, breakglass]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Vec<String>,
    /// By a filter in the target's own language, such as `(objectClass=systemAccount)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub filter: Option<String>,
}

/// How hard the target may be worked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LimitsSpec {
    /// Requests a second at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100000))]
    pub requests_per_second: Option<u32>,
    /// Requests at once at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub concurrency: Option<u32>,
    /// How long one request may take, as `N(s|m|h|d)`, such as `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How long the target may still show what was before a write, as `N(s|m|h|d)`. Default: 60s; 0s for sqlite and postgres.
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
    /// The `metadata.generation` of which this status speaks; -1: Provost has not seen the object yet.
    pub observed_generation: i64,
    /// How many accounts the last complete sweep found, by whose they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<AccountCounts>,
    /// How many changes are wanted and not done yet, those that the guard holds not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    pub pending: Option<u32>,
    /// How many changes the guard holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    pub held: Option<u32>,
    /// The last reading of the whole target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sweep: Option<SweepStatus>,
    /// What the guard holds; left out: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardStatus>,
    /// The last value of the annotation `provost.dev/reconcile-requested-at` or `reconcile.fluxcd.io/requestedAt` that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub last_handled_reconcile_at: Option<String>,
    /// What Provost itself remembers of the target, beside the accounts on people's statuses: changes under way, the guard's window, scopes,
    /// what Approvals have released. Written by Provost alone, and not to be edited.
    #[serde(skip_serializing_if = "Free::is_empty")]
    #[schemars(schema_with = "opaque")]
    pub ledger: Free,
    /// Ready, Connected, InSync, Held, and what else is to be said; `Ready` is the one to wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<super::condition::Condition>,
}

/// Accounts of a target, by whose they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AccountCounts {
    /// Linked to a person.
    pub managed: u32,
    /// No person's: never touched.
    pub unmatched: u32,
    /// Provost's own, of people who are gone.
    pub orphaned: u32,
    /// Protected by the manifest, or Provost's own login.
    pub protected: u32,
}

/// A reading of the whole target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SweepStatus {
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Moment>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<Moment>,
    /// Whether everything was read. Of what is incomplete nothing is concluded from absence.
    pub complete: bool,
    /// How many accounts were read.
    pub read: u32,
    /// How many accounts differed from what was declared, without anybody having declared it.
    pub drift: u32,
}

/// What the guard holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GuardStatus {
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Moment>,
    /// The digest of the held lines, which an Approval names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub digest: Option<String>,
    /// The first of the held lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 16384)), extend("x-kubernetes-list-type" = "atomic"))]
    pub sample: Vec<String>,
}

/// The block of a type stands where the type is named, and nowhere else.
fn block(name: &str) -> serde_json::Value {
    rule_of(name, &format!("has(self.{name}) == (self.type == '{name}')"), &format!("the block {name} stands exactly where type is {name}"))
}

/// What each list of steps may say.
fn step_rules() -> Vec<serde_json::Value> {
    const STATES: [&str; 7] = ["preboarding", "active", "leave", "suspended", "locked", "terminated", "unasked"];
    let mut rules = Vec::new();
    for state in STATES {
        let mut every = |step: &str, message: &str| {
            rules.push(rule_of(state, &format!("!has(self.{state}) || self.{state}.all(step, {step})"), message));
        };
        if state == "preboarding" {
            every(
                "!has(step.before) || step.do == 'Create' && step.before.endsWith('d')",
                "`before` stands only with Create, and counts days: 7d",
            );
        } else {
            every("step.do != 'Create'", &format!("Create stands only in preboarding, not in {state}"));
            every("!has(step.before)", &format!("`before` stands only with Create in preboarding, not in {state}"));
        }
        if state != "active" {
            every("step.do != 'Enable'", &format!("Enable stands only in active, not in {state}"));
        }
        // CEL has no index beside the value, so the indices of the longest list are written out.
        rules.push(rule_of(
            state,
            &format!(
                "!has(self.{state}) || [0, 1, 2, 3, 4, 5, 6, 7].all(i, i >= size(self.{state}) || !has(self.{state}[i].after) || \
                 [0, 1, 2, 3, 4, 5, 6].exists(j, j < i && self.{state}[j].do == 'Disable'))"
            ),
            &format!("`after` stands only behind a Disable of the same list, which {state} lacks"),
        ));
    }
    let mut begins = |state: &str, with: &str, message: &str| {
        rules.push(rule_of(state, &format!("!has(self.{state}) || size(self.{state}) > 0 && self.{state}[0].do in {with}"), message));
    };
    begins("terminated", "['Disable', 'Delete']", "terminated begins with Disable or Delete");
    begins("locked", "['Disable']", "locked begins with Disable");
    rules
}
