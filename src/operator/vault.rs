//! Secrets of one namespace, read when a target is opened; nothing is kept.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use kube::{Api, Client};

use super::answer::{SOON, answered};
use crate::ledger::{StoreError, Vault};
use crate::model::ids::ObjectName;
use crate::model::secret::{Secret, SecretData};

/// Secrets of one namespace.
pub struct NamespaceVault(Api<KubeSecret>);

impl NamespaceVault {
    /// Of this namespace, and of no other.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self(Api::namespaced(client, namespace))
    }
}

#[async_trait]
impl Vault for NamespaceVault {
    async fn read(&self, secret: &ObjectName) -> Result<SecretData, StoreError> {
        let found =
            answered(SOON, self.0.get_opt(secret.as_str())).await.map_err(|why| StoreError::Store(format!("Secret {secret}: {why}")))?;
        let found = found.ok_or_else(|| StoreError::MissingSecret(secret.clone()))?;
        let text = |(key, value): (String, k8s_openapi::ByteString)| {
            let text = String::from_utf8(value.0).map_err(|_| StoreError::Store(format!("Secret {secret}: `{key}` is no text")))?;
            Ok((key, Secret::new(text)))
        };
        found.data.unwrap_or_default().into_iter().map(text).collect()
    }
}
