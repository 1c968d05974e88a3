//! The few calls that statuses need of the API server, each with a deadline, and an answer cut by what is to be done about it.

use std::time::Duration;

use async_trait::async_trait;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::statuses::Spoken;
use crate::api::{GROUP, VERSION};
use crate::operator::fresh::{Freshness, Stands};
use crate::realm::object::ResourceKind;

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Objects in one answer of a list.
const PAGE: u32 = 500;

/// A kind of ours that has a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Realm,
    Person,
    BusinessRole,
    RoleBinding,
    Policy,
    TargetSystem,
    Approval,
    Lockout,
    Departure,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Realm,
        Self::Person,
        Self::BusinessRole,
        Self::RoleBinding,
        Self::Policy,
        Self::TargetSystem,
        Self::Approval,
        Self::Lockout,
        Self::Departure,
    ];

    /// Its name in manifests, and in addresses.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Realm => ("Realm", "realms"),
            Self::Person => ("Person", "people"),
            Self::BusinessRole => ("BusinessRole", "businessroles"),
            Self::RoleBinding => ("RoleBinding", "rolebindings"),
            Self::Policy => ("Policy", "policies"),
            Self::TargetSystem => ("TargetSystem", "targetsystems"),
            Self::Approval => ("Approval", "approvals"),
            Self::Lockout => ("Lockout", "lockouts"),
            Self::Departure => ("Departure", "departures"),
        }
    }

    /// `None` for what has no status of ours.
    pub(super) fn of(spoken: Spoken) -> Option<Self> {
        Some(match spoken {
            Spoken::Departure => Self::Departure,
            Spoken::Input(ResourceKind::Realm) => Self::Realm,
            Spoken::Input(ResourceKind::Person) => Self::Person,
            Spoken::Input(ResourceKind::BusinessRole) => Self::BusinessRole,
            Spoken::Input(ResourceKind::RoleBinding) => Self::RoleBinding,
            Spoken::Input(ResourceKind::Policy) => Self::Policy,
            Spoken::Input(ResourceKind::TargetSystem) => Self::TargetSystem,
            Spoken::Input(ResourceKind::Approval) => Self::Approval,
            Spoken::Input(ResourceKind::Lockout) => Self::Lockout,
            Spoken::Input(ResourceKind::ConfigMap) => return None,
        })
    }
}

/// Why a call did not do what it was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such object.
    NotFound,
    /// It has changed since the version that was named.
    Conflict,
    /// No answer, or one that leaves open whether it was done.
    Unanswered(String),
    /// It will not be done.
    Refused(String),
}

impl Refusal {
    /// As a person reads it.
    pub(super) fn about(&self, kind: Kind, name: &str) -> String {
        let what = match self {
            Self::NotFound => "is not there",
            Self::Conflict => "is being changed by somebody else all the time",
            Self::Unanswered(why) | Self::Refused(why) => why,
        };
        format!("{}/{name}: {what}", kind.names().0)
    }
}

/// The object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// Its version now.
    pub version: String,
    /// Which one of its name it is. The API server takes it as no condition of a status (measured), so it is looked at afterwards.
    pub uid: String,
}

/// The calls. Nothing here is repeated; whoever calls looks again.
#[async_trait]
pub(super) trait Objects: Send + Sync {
    /// All objects of a kind, as they are now.
    async fn list(&self, kind: Kind) -> Result<Vec<DynamicObject>, Refusal>;

    /// One object; none where there is none.
    async fn get(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>, Refusal>;

    /// Makes an object with an empty spec; one that is there already is as good.
    async fn create(&self, kind: Kind, name: &str) -> Result<(), Refusal>;

    /// Sets what `manager` says of the object's status, and takes back what it said before and says no more. With a version: only if
    /// the object still has that.
    async fn apply(&self, kind: Kind, name: &str, manager: &str, version: Option<&str>, status: &Value) -> Result<Applied, Refusal>;

    /// Sets the finalizers of an object that has this version.
    async fn finalize(&self, kind: Kind, name: &str, version: &str, finalizers: &[String]) -> Result<(), Refusal>;

    /// Removes an object; one that is gone already is as good.
    async fn delete(&self, kind: Kind, name: &str) -> Result<(), Refusal>;

    /// Whether what holds the objects stands: a namespace or a definition that is being deleted takes them along, and says nothing of people.
    async fn stands(&self) -> Result<bool, Refusal>;
}

/// One namespace of a cluster.
pub(super) struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    pub(super) fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let (kind, plural) = kind.names();
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), plural);
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }
}

async fn answered<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
    match tokio::time::timeout(DEADLINE, call).await {
        Err(_) => Err(Refusal::Unanswered(format!("no answer within {} s", DEADLINE.as_secs()))),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(if status.is_not_found() {
            Refusal::NotFound
        } else if status.is_conflict() {
            Refusal::Conflict
        } else if status.code == 429 || status.code >= 500 {
            Refusal::Unanswered(status.message)
        } else {
            Refusal::Refused(status.message)
        }),
        Ok(Err(error)) => Err(Refusal::Unanswered(error.to_string())),
    }
}

#[async_trait]
impl Objects for Cluster {
    async fn list(&self, kind: Kind) -> Result<Vec<DynamicObject>, Refusal> {
        let api = self.api(kind);
        let mut all = Vec::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let answer = answered(api.list(&page)).await?;
            all.extend(answer.items);
            match answer.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = ListParams::default().limit(PAGE).continue_token(&token),
                None => return Ok(all),
            }
        }
    }

    async fn get(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>, Refusal> {
        answered(self.api(kind).get_opt(name)).await
    }

    async fn create(&self, kind: Kind, name: &str) -> Result<(), Refusal> {
        let api = self.api(kind);
        let object = object(kind, name, None, json!({"spec": {}}));
        let object = serde_json::from_value(object).map_err(|error| Refusal::Refused(error.to_string()))?;
        match answered(api.create(&PostParams::default(), &object)).await {
            // A create has no version to conflict with.
            Ok(_) | Err(Refusal::Conflict) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    async fn apply(&self, kind: Kind, name: &str, manager: &str, version: Option<&str>, status: &Value) -> Result<Applied, Refusal> {
        let body = object(kind, name, version, json!({ "status": status }));
        let params = PatchParams::apply(manager).force();
        let object = answered(self.api(kind).patch_status(name, &params, &Patch::Apply(&body))).await?;
        let (version, uid) = (object.metadata.resource_version, object.metadata.uid);
        Ok(Applied { version: version.unwrap_or_default(), uid: uid.unwrap_or_default() })
    }

    async fn finalize(&self, kind: Kind, name: &str, version: &str, finalizers: &[String]) -> Result<(), Refusal> {
        let body = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
        answered(self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(&body))).await.map(|_| ())
    }

    async fn delete(&self, kind: Kind, name: &str) -> Result<(), Refusal> {
        match answered(self.api(kind).delete(name, &DeleteParams::default())).await {
            Ok(_) | Err(Refusal::NotFound) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    async fn stands(&self) -> Result<bool, Refusal> {
        let stands = Freshness::new(self.client.clone(), &self.namespace).stands().await;
        stands.map(|stands| stands == Stands::Yes).map_err(Refusal::Unanswered)
    }
}

fn object(kind: Kind, name: &str, version: Option<&str>, rest: Value) -> Value {
    let metadata = match version {
        None => json!({"name": name}),
        Some(version) => json!({"name": name, "resourceVersion": version}),
    };
    let mut object = json!({"apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind.names().0, "metadata": metadata});
    if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
        object.extend(rest);
    }
    object
}
