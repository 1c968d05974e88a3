//! Reads past every cache, right before something is taken away.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource as _, ResourceExt as _};

use super::answer::{SOON, answered};
use super::watch::number;
use crate::api::all_crds;
use crate::api::person::Person;
use crate::api::realm::Realm;
use crate::model::ids::{ObjectName, PersonId};

/// The names of our definitions.
static DEFINITIONS: LazyLock<Vec<String>> = LazyLock::new(|| all_crds().iter().map(|crd| crd.name_any()).collect());

/// How many objects are read at once.
const AT_ONCE: usize = 8;

/// Whether what holds a realm's objects stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It does.
    Yes,
    /// This is being deleted, and takes all objects with it.
    No(String),
}

/// Reads of one namespace past every cache.
#[derive(Clone)]
pub struct Freshness {
    client: Client,
    namespace: String,
}

impl Freshness {
    /// Of this namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    /// The version at which everything is that has been declared up to now.
    ///
    /// # Errors
    /// For people: the API server does not say.
    pub async fn version(&self) -> Result<u64, String> {
        let people: Api<PartialObjectMeta<Person>> = Api::namespaced(self.client.clone(), &self.namespace);
        let listed = answered(SOON, people.list(&ListParams::default().limit(1))).await?;
        match number(&listed.metadata.resource_version.unwrap_or_default()) {
            0 => Err("the API server gives no version that can be compared".to_owned()),
            version => Ok(version),
        }
    }

    /// Whether the namespace and all our kinds stand: one that is being deleted takes every object with it, and says nothing about people.
    /// What the operator may not read is taken to stand.
    ///
    /// # Errors
    /// Why that cannot be told, for people.
    pub async fn stands(&self) -> Result<Stands, String> {
        let namespace = self.namespace_stands().await?;
        if namespace != Stands::Yes {
            return Ok(namespace);
        }
        let definitions: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(self.client.clone());
        for name in DEFINITIONS.iter() {
            if is_leaving(answered(SOON, allowed(definitions.get_opt(name))).await?) {
                return Ok(Stands::No(format!("the definition {name} is being deleted")));
            }
        }
        Ok(Stands::Yes)
    }

    /// Whether the namespace stands.
    ///
    /// # Errors
    /// Why that cannot be told, for people.
    pub async fn namespace_stands(&self) -> Result<Stands, String> {
        let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        if is_leaving(answered(SOON, allowed(namespaces.get_opt(&self.namespace))).await?) {
            return Ok(Stands::No(format!("the namespace {} is being deleted", self.namespace)));
        }
        Ok(Stands::Yes)
    }

    /// The realm's id as it is declared now: the first half of keys that are written for ever.
    ///
    /// # Errors
    /// Why that cannot be told, for people.
    pub async fn realm_id(&self) -> Result<String, String> {
        let realms: Api<Realm> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut listed = answered(SOON, realms.list(&ListParams::default())).await?.items;
        // Of several, the one that is worked with.
        listed.sort_by_key(|realm| (realm.status.as_ref().is_none_or(|status| status.id.is_none()), realm.name_any()));
        Ok(listed.into_iter().next().and_then(|realm| realm.spec.id).unwrap_or_else(|| self.namespace.clone()))
    }

    /// Those of whom an object is another one by now, or cannot be read.
    pub async fn changed(&self, people: Vec<(PersonId, Vec<(ObjectName, i64)>)>) -> BTreeSet<PersonId> {
        let api: Api<PartialObjectMeta<Person>> = Api::namespaced(self.client.clone(), &self.namespace);
        let checks = people.into_iter().map(|(person, objects)| {
            let api = api.clone();
            async move {
                for (name, generation) in objects {
                    let same = match answered(SOON, api.get_opt(name.as_str())).await {
                        Ok(Some(found)) => {
                            let meta = found.meta();
                            meta.generation == Some(generation) && meta.deletion_timestamp.is_none()
                        }
                        Ok(None) | Err(_) => false,
                    };
                    if !same {
                        return Some(person);
                    }
                }
                None
            }
        });
        stream::iter(checks).buffer_unordered(AT_ONCE).filter_map(|changed| async move { changed }).collect().await
    }
}

/// What was found, or that it may not be read.
enum Found<T> {
    There(T),
    Gone,
    Forbidden,
}

async fn allowed<T>(call: impl Future<Output = Result<Option<T>, kube::Error>>) -> Result<Found<T>, kube::Error> {
    match call.await {
        Ok(Some(found)) => Ok(Found::There(found)),
        Ok(None) => Ok(Found::Gone),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(Found::Forbidden),
        Err(error) => Err(error),
    }
}

fn is_leaving<K: kube::Resource>(found: Found<K>) -> bool {
    match found {
        Found::There(object) => object.meta().deletion_timestamp.is_some(),
        Found::Gone => true,
        Found::Forbidden => false,
    }
}
