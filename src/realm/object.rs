//! The objects of a realm, as the API server or a folder gives them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use crate::api::approval::ApprovalSpec;
use crate::api::binding::RoleBindingSpec;
use crate::api::lockout::LockoutSpec;
use crate::api::person::PersonSpec;
use crate::api::policy::PolicySpec;
use crate::api::realm::RealmSpec;
use crate::api::role::BusinessRoleSpec;
use crate::api::target::TargetSystemSpec;
use crate::model::ids::ObjectName;

/// A kind of object that a realm reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// `Realm`
    Realm,
    /// `Person`
    Person,
    /// `BusinessRole`
    BusinessRole,
    /// `RoleBinding`
    RoleBinding,
    /// `Policy`
    Policy,
    /// `TargetSystem`
    TargetSystem,
    /// `Approval`
    Approval,
    /// `Lockout`
    Lockout,
    /// `ConfigMap`, for `Policy.spec.from`.
    ConfigMap,
}

impl ResourceKind {
    /// All kinds of ours that a realm reads.
    pub const OURS: [Self; 8] =
        [Self::Realm, Self::Person, Self::BusinessRole, Self::RoleBinding, Self::Policy, Self::TargetSystem, Self::Approval, Self::Lockout];

    /// All kinds that a realm reads.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OURS.into_iter().chain([Self::ConfigMap])
    }

    /// The kind's name in manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Realm => "Realm",
            Self::Person => "Person",
            Self::BusinessRole => "BusinessRole",
            Self::RoleBinding => "RoleBinding",
            Self::Policy => "Policy",
            Self::TargetSystem => "TargetSystem",
            Self::Approval => "Approval",
            Self::Lockout => "Lockout",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an object was read: `people/ann.yaml:3`, or empty in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the folder.
    pub file: String,
    /// The line at which it starts, from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() { Ok(()) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// What surrounds a spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Meta {
    /// `metadata.name`
    pub name: ObjectName,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`
    pub annotations: BTreeMap<String, String>,
    /// When the API server took it in; none in a folder.
    pub created: Option<Timestamp>,
    /// Where it was read.
    pub place: Place,
}

/// One object that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What surrounds it.
    pub meta: Meta,
    /// What it says.
    pub body: Body,
}

/// What an object says.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is the spec of the kind of that name")]
pub enum Body {
    Realm(RealmSpec),
    Person(Box<PersonSpec>),
    BusinessRole(BusinessRoleSpec),
    RoleBinding(RoleBindingSpec),
    Policy(PolicySpec),
    TargetSystem(Box<TargetSystemSpec>),
    Approval(ApprovalSpec),
    Lockout(LockoutSpec),
    /// File name → content.
    ConfigMap(BTreeMap<String, String>),
}

impl Body {
    /// The kind of it.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Realm(_) => ResourceKind::Realm,
            Self::Person(_) => ResourceKind::Person,
            Self::BusinessRole(_) => ResourceKind::BusinessRole,
            Self::RoleBinding(_) => ResourceKind::RoleBinding,
            Self::Policy(_) => ResourceKind::Policy,
            Self::TargetSystem(_) => ResourceKind::TargetSystem,
            Self::Approval(_) => ResourceKind::Approval,
            Self::Lockout(_) => ResourceKind::Lockout,
            Self::ConfigMap(_) => ResourceKind::ConfigMap,
        }
    }
}

/// An object that is there and cannot be read. What can still be said of it decides whom it freezes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Its kind; none where it cannot be told.
    pub kind: Option<ResourceKind>,
    /// Its name, where it can be told.
    pub name: Option<ObjectName>,
    /// Of a Person: the externalId, where it can be told.
    pub external_id: Option<String>,
    /// Where.
    pub place: Place,
    /// Why, for people.
    pub why: String,
}
