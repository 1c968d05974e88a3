//! An object of the API server → what a realm reads of it. One that cannot be read says so by name, and freezes what it would say.

use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::approval::Approval;
use crate::api::binding::RoleBinding;
use crate::api::departure::Departure;
use crate::api::lockout::Lockout;
use crate::api::person::Person;
use crate::api::policy::Policy;
use crate::api::realm::Realm;
use crate::api::role::BusinessRole;
use crate::api::target::TargetSystem;
use crate::model::ids::{ObjectName, PersonId, RealmId};
use crate::realm::object::{Body, Meta, Object, Place, ResourceKind, Unreadable};

use super::status::FINALIZER;
use super::watch::number;

/// Asks for another look now.
const REQUESTED: [&str; 2] = ["provost.dev/reconcile-requested-at", "reconcile.fluxcd.io/requestedAt"];

/// What kubectl keeps for itself; it would only cost memory.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// An input of the realm.
    Input(ResourceKind),
    /// Our own notes of who is gone.
    Departure,
    /// Secrets, of which nothing but the name and the version is followed.
    Secret,
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(kind) => f.write_str(kind.as_str()),
            Self::Departure => f.write_str("Departure"),
            Self::Secret => f.write_str("Secret"),
        }
    }
}

/// One object, as far as the operator keeps it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub of: Watched,
    /// Where.
    pub namespace: String,
    /// Its name.
    pub name: ObjectName,
    /// Tells it from another one of the same name.
    pub uid: String,
    /// `metadata.generation`
    pub generation: i64,
    /// `metadata.resourceVersion`
    pub version: u64,
    /// It is being deleted.
    pub leaving: bool,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// The annotation that asks for another look.
    pub requested: Option<String>,
    /// Of a Lockout: whom its name has met, as its status says.
    pub met: Option<PersonId>,
    /// Of a Realm: the realm's id, where it is the one that is worked with, as its status says.
    pub works_as: Option<RealmId>,
    /// Conditions stand on it.
    pub told: bool,
    /// What the ledger keeps there stands on it: the entries of a Person, the ledger of a TargetSystem.
    pub kept: bool,
    /// What it says, or why that cannot be read; nothing of what is no input.
    pub said: Option<Result<Object, Unreadable>>,
}

/// Where the API server keeps a kind of ours, or ConfigMaps.
#[must_use]
pub fn resource(kind: ResourceKind) -> ApiResource {
    match kind {
        ResourceKind::Realm => ApiResource::erase::<Realm>(&()),
        ResourceKind::Person => ApiResource::erase::<Person>(&()),
        ResourceKind::BusinessRole => ApiResource::erase::<BusinessRole>(&()),
        ResourceKind::RoleBinding => ApiResource::erase::<RoleBinding>(&()),
        ResourceKind::Policy => ApiResource::erase::<Policy>(&()),
        ResourceKind::TargetSystem => ApiResource::erase::<TargetSystem>(&()),
        ResourceKind::Approval => ApiResource::erase::<Approval>(&()),
        ResourceKind::Lockout => ApiResource::erase::<Lockout>(&()),
        ResourceKind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
    }
}

/// Where the API server keeps Departures.
#[must_use]
pub fn departures() -> ApiResource {
    ApiResource::erase::<Departure>(&())
}

/// What is made of objects of this kind.
#[must_use]
pub fn reader(of: Watched) -> fn(DynamicObject) -> Option<Entry> {
    // One function a kind, since a loop keeps nothing.
    macro_rules! inputs {
        ($($kind:ident),*) => {
            match of {
                $(Watched::Input(ResourceKind::$kind) => |object| input(ResourceKind::$kind, object),)*
                Watched::Departure | Watched::Secret => departure,
            }
        };
    }
    inputs!(Realm, Person, BusinessRole, RoleBinding, Policy, TargetSystem, Approval, Lockout, ConfigMap)
}

/// Reads an object of this kind. `None`: it has no name that could be one of ours.
fn input(kind: ResourceKind, object: DynamicObject) -> Option<Entry> {
    let mut entry = entry(Watched::Input(kind), &object)?;
    if kind == ResourceKind::Lockout {
        entry.met = object.data.pointer("/status/externalId").and_then(Value::as_str).and_then(|id| PersonId::parse(id).ok());
    }
    if kind == ResourceKind::Realm {
        entry.works_as = object.data.pointer("/status/id").and_then(Value::as_str).and_then(|id| RealmId::parse(id).ok());
    }
    let there = |path: &str| object.data.pointer(path).is_some_and(|value| !value.is_null());
    entry.told = there("/status/conditions");
    entry.kept = match kind {
        ResourceKind::Person => there("/status/accounts"),
        ResourceKind::TargetSystem => there("/status/ledger"),
        ResourceKind::Realm
        | ResourceKind::BusinessRole
        | ResourceKind::RoleBinding
        | ResourceKind::Policy
        | ResourceKind::Approval
        | ResourceKind::Lockout
        | ResourceKind::ConfigMap => true,
    };
    let said = said(kind, &entry.name, object);
    entry.said = Some(said);
    Some(entry)
}

/// A Departure.
#[expect(clippy::needless_pass_by_value, reason = "loops hand objects over")]
fn departure(object: DynamicObject) -> Option<Entry> {
    entry(Watched::Departure, &object)
}

/// A Secret's name and version.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "loops hand objects over")]
pub fn secret(object: PartialObjectMeta<Secret>) -> Option<Entry> {
    entry(Watched::Secret, &object)
}

fn entry<K: Resource>(of: Watched, object: &K) -> Option<Entry> {
    let meta = object.meta();
    let requested = REQUESTED.iter().filter_map(|name| object.annotations().get(*name)).cloned().max();
    Some(Entry {
        of,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: ObjectName::parse(meta.name.as_deref()?).ok()?,
        uid: meta.uid.clone().unwrap_or_default(),
        generation: meta.generation.unwrap_or_default(),
        version: number(meta.resource_version.as_deref().unwrap_or_default()),
        leaving: meta.deletion_timestamp.is_some(),
        finalizer: object.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
        requested,
        met: None,
        told: true,
        kept: true,
        works_as: None,
        said: None,
    })
}

fn said(kind: ResourceKind, name: &ObjectName, object: DynamicObject) -> Result<Object, Unreadable> {
    let DynamicObject { metadata, mut data, .. } = object;
    let external_id = data.pointer("/spec/externalId").and_then(Value::as_str).map(str::to_owned);
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.remove(LAST_APPLIED);
    let field = if kind == ResourceKind::ConfigMap { "data" } else { "spec" };
    let spec = data.get_mut(field).map(Value::take).filter(|spec| !spec.is_null()).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let unreadable = |error: serde_json::Error| Unreadable {
        kind: Some(kind),
        name: Some(name.clone()),
        external_id: external_id.clone(),
        place: Place::default(),
        why: error.to_string(),
    };
    let body = match kind {
        ResourceKind::Realm => read(spec).map(Body::Realm),
        ResourceKind::Person => read(spec).map(Body::Person),
        ResourceKind::BusinessRole => read(spec).map(Body::BusinessRole),
        ResourceKind::RoleBinding => read(spec).map(Body::RoleBinding),
        ResourceKind::Policy => read(spec).map(Body::Policy),
        ResourceKind::TargetSystem => read(spec).map(Body::TargetSystem),
        ResourceKind::Approval => read(spec).map(Body::Approval),
        ResourceKind::Lockout => read(spec).map(Body::Lockout),
        ResourceKind::ConfigMap => read(spec).map(Body::ConfigMap),
    };
    let meta = Meta {
        name: name.clone(),
        labels: metadata.labels.unwrap_or_default(),
        annotations,
        created: metadata.creation_timestamp.map(|time| time.0),
        place: Place::default(),
    };
    body.map(|body| Object { meta, body }).map_err(unreadable)
}

fn read<T: DeserializeOwned>(spec: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(spec)
}
