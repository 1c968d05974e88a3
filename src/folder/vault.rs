//! The secrets of a folder, key by key: a Secret manifest, else `.provost/secrets/NAME/KEY`, else the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::ledger::{StoreError, Vault};
use crate::model::ids::ObjectName;
use crate::model::secret::{Secret, SecretData};

/// The keys that a target may ask for.
const KEYS: [&str; 8] = ["username", "password", "token", "clientId", "clientSecret", "ca.crt", "tls.crt", "tls.key"];

/// The secrets of a folder.
pub struct FolderVault {
    manifests: BTreeMap<ObjectName, SecretData>,
    folder: PathBuf,
    environment: BTreeMap<String, Secret>,
}

impl FolderVault {
    /// `manifests` are the Secret manifests, `base` is the folder, `environment` the variables of this process.
    #[must_use]
    pub fn new(manifests: BTreeMap<ObjectName, SecretData>, base: &Path, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment = environment.into_iter().filter(|(name, _)| name.starts_with("PROVOST_SECRET_"));
        Self {
            manifests,
            folder: base.join(".provost").join("secrets"),
            environment: environment.map(|(name, value)| (name, Secret::new(value))).collect(),
        }
    }

    fn from_files(&self, secret: &ObjectName) -> Result<SecretData, StoreError> {
        let folder = self.folder.join(secret.as_str());
        let mut found = SecretData::new();
        // A name with a path in it would lead out of the folder.
        if secret.as_str().contains(['/', '\\']) || secret.as_str().starts_with('.') || !folder.is_dir() {
            return Ok(found);
        }
        let unreadable = |error: std::io::Error| StoreError::Store(format!("Secret {secret}: {}: {error}", folder.display()));
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let key = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_file() && !key.starts_with('.') {
                let value = std::fs::read_to_string(entry.path()).map_err(unreadable)?;
                // An editor ends a file with a line feed, which is no part of a password.
                found.insert(key, Secret::new(value.trim_end_matches(['\n', '\r']).to_owned()));
            }
        }
        Ok(found)
    }
}

/// The variable of one key of one Secret.
fn variable(secret: &str, key: &str) -> String {
    let word = |text: &str| text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect::<String>();
    format!("PROVOST_SECRET_{}_{}", word(secret), word(key))
}

#[async_trait]
impl Vault for FolderVault {
    async fn read(&self, secret: &ObjectName) -> Result<SecretData, StoreError> {
        let mut data = SecretData::new();
        for key in KEYS {
            let exact = format!("PROVOST_SECRET_{secret}_{key}");
            if let Some(value) = self.environment.get(&variable(secret.as_str(), key)).or_else(|| self.environment.get(&exact)) {
                data.insert(key.to_owned(), value.clone());
            }
        }
        data.extend(self.from_files(secret)?);
        data.extend(self.manifests.get(secret).cloned().unwrap_or_default());
        if data.is_empty() { Err(StoreError::MissingSecret(secret.clone())) } else { Ok(data) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ObjectName {
        ObjectName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_manifest_goes_before_a_file_and_a_file_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join(".provost/secrets/crm-login");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("username"), "file\n").unwrap();
        std::fs::write(files.join("password"), "file").unwrap();
        let manifest = SecretData::from([("username".to_owned(), Secret::new("manifest".to_owned()))]);
        let environment =
            ["USERNAME", "PASSWORD", "TOKEN", "CA_CRT"].map(|key| (format!("PROVOST_SECRET_CRM_LOGIN_{key}"), "environment".to_owned()));
        let vault = FolderVault::new(BTreeMap::from([(name("crm-login"), manifest)]), folder.path(), environment);
        let read = vault.read(&name("crm-login")).await.unwrap();
        let shown: Vec<(&str, &str)> = read.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
        assert_eq!(shown, [("ca.crt", "environment"), ("password", "file"), ("token", "environment"), ("username", "manifest")]);
    }

    #[tokio::test]
    async fn a_secret_that_is_nowhere_is_missing_and_no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".provost/other")).unwrap();
        std::fs::write(folder.path().join(".provost/other/token"), "x").unwrap();
        let vault = FolderVault::new(BTreeMap::new(), folder.path(), []);
        for missing in ["crm", "../other"] {
            assert!(matches!(vault.read(&name(missing)).await, Err(StoreError::MissingSecret(_))), "{missing}");
        }
    }
}
