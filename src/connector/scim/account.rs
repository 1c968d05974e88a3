//! From a resource to an account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::path::{Path, Resource, get};
use super::service::{Service, user_name};
use crate::model::account::{Account, AccountState};
use crate::model::ids::{AccountId, AttributeName, OwnerKey};
use crate::model::value::Value;

/// What of an account is to be read.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    attributes: Vec<(AttributeName, Path)>,
}

impl Shape {
    /// These attributes, and the name.
    pub(super) fn new<'a>(attributes: impl IntoIterator<Item = &'a AttributeName>) -> Self {
        let all: BTreeSet<AttributeName> = attributes.into_iter().cloned().chain([user_name()]).collect();
        let named = |name: AttributeName| Path::parse(name.as_str()).ok().map(|path| (name, path));
        Self { attributes: all.into_iter().filter_map(named).collect() }
    }

    /// What is asked of the service; the id always comes.
    pub(super) fn projection(&self, service: &Service) -> Vec<String> {
        let mut all: BTreeSet<String> = self.attributes.iter().map(|(_, path)| path.projected()).collect();
        all.extend(["userName", "externalId", "active"].map(str::to_owned));
        all.extend(service.etag.then(|| "meta.version".to_owned()));
        all.into_iter().collect()
    }

    /// The account; `None` where the resource has no id.
    pub(super) fn account(&self, service: &Service, resource: &Resource) -> Option<Account> {
        let id = AccountId::parse(id(resource)?).ok()?;
        let attributes: BTreeMap<AttributeName, Value> =
            self.attributes.iter().filter_map(|(name, path)| Some((name.clone(), service.value(path, resource)?))).collect();
        let owner = get(resource, "externalId").and_then(Json::as_str).and_then(OwnerKey::read);
        Some(Account {
            name: get(resource, "userName").and_then(Json::as_str).unwrap_or(id.as_str()).to_owned(),
            owner,
            state: state(resource),
            version: version(resource),
            attributes,
            partial: BTreeSet::new(),
            entitlements: BTreeMap::new(),
            entitlements_complete: false,
            own_login: false,
            id,
        })
    }
}

/// The stable id.
pub(super) fn id(resource: &Resource) -> Option<&str> {
    get(resource, "id").and_then(Json::as_str)
}

/// The version, as `If-Match` takes it.
pub(super) fn version(resource: &Resource) -> Option<String> {
    Some(get(resource, "meta")?.get("version")?.as_str()?.to_owned())
}

/// Whether the account can be used. Only a plain no is one: what cannot be told counts as open, so that a leaver is shut out for sure.
pub(super) fn state(resource: &Resource) -> AccountState {
    match get(resource, "active") {
        Some(Json::Bool(false)) => AccountState::Disabled,
        Some(Json::String(text)) if text.eq_ignore_ascii_case("false") => AccountState::Disabled,
        Some(Json::Null | Json::Bool(true) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) | None => {
            AccountState::Enabled
        }
    }
}
