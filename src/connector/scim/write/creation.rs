//! What makes accounts and groups, and what takes accounts away.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::edits::attribute_path;
use super::{Answers, Created, account};
use crate::connector::scim::Scim;
use crate::connector::scim::account::id;
use crate::connector::scim::calls::refused;
use crate::connector::scim::filter::Term;
use crate::connector::scim::members::Named;
use crate::connector::scim::path::{CORE, Path, Resource, declare};
use crate::connector::scim::search::{Kind, Resources};
use crate::connector::scim::service::{GROUP, KIND, Service, user_name};
use crate::connector::{Done, Write};
use crate::model::account::AccountState;
use crate::model::change::Act;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName};
use crate::model::value::Value;

/// Who has the owner key of this write.
pub(super) fn owner(write: &Write) -> Option<Term> {
    Some(Term::attribute(Path::parse("externalId").ok()?, write.owner.to_string()))
}

impl Scim {
    /// Makes accounts. Nothing in SCIM keeps two accounts from having one `externalId`, so it is asked for before; the name is the
    /// service's to keep unique.
    pub(super) async fn create(&self, service: &Service, run: &[(usize, &Write)], created: &mut Created) -> Answers {
        let owners: BTreeSet<Term> = run.iter().filter_map(|(_, write)| owner(write)).collect();
        let taken = match self.search(service, Kind::Users, &owners, &[]).await {
            Ok(found) => found.resources,
            Err(failure) => {
                created.extend(run.iter().map(|(_, write)| (write.change.key().clone(), Err(failure.clone()))));
                return run.iter().map(|(place, _)| (*place, Err(failure.clone()))).collect();
            }
        };
        let mut begun = BTreeSet::new();
        let all = run.iter().map(|(place, write)| {
            let again = !begun.insert(&write.owner);
            let taken = &taken;
            async move { (*place, *write, if again { Err(owned(write)) } else { self.create_one(service, write, taken).await }) }
        });
        let mut answers = Answers::new();
        for (place, write, made) in join_all(all.collect::<Vec<_>>()).await {
            let answer = made.clone().map(|id| Done { id: Some(id), already: false });
            created.insert(write.change.key().clone(), made);
            answers.push((place, answer));
        }
        answers
    }

    async fn create_one(&self, service: &Service, write: &Write, taken: &Resources) -> Result<AccountId, Failure> {
        if owner(write).is_some_and(|term| taken.values().any(|resource| term.is(resource))) {
            return Err(owned(write));
        }
        let (body, attributes) = new_account(service, write)?;
        let answer = self.calls.write(Method::POST, Kind::Users.path(service), None, Some(Json::Object(body))).await?;
        if !answer.is_success() {
            return Err(refused(&answer, &attributes));
        }
        // The location may be relative, or missing; without an id a look has to find the account.
        let made = answer.body.as_ref().and_then(Json::as_object).and_then(id);
        made.and_then(|id| AccountId::parse(id).ok()).ok_or(Failure::Unknown)
    }

    /// Makes groups.
    pub(super) async fn provide(&self, service: &Service, run: &[(usize, &Write)]) -> Answers {
        let mut begun = BTreeSet::new();
        let mut answers = Answers::new();
        let mut all = Vec::new();
        for (place, write) in run {
            let Act::Provide(key) = write.change.act() else { continue };
            if begun.insert(key) {
                all.push(async move { (*place, self.provide_one(service, key).await) });
            } else {
                answers.push((*place, Ok(Done { id: None, already: true })));
            }
        }
        answers.extend(join_all(all).await);
        answers
    }

    async fn provide_one(&self, service: &Service, key: &EntitlementKey) -> Result<Done, Failure> {
        addressable(service, key)?;
        match self.group(service, &key.name).await? {
            Named::One(_) | Named::Many(_) => return Ok(Done { id: None, already: true }),
            Named::Unknown => return Err(Failure::Conflict(format!("the service does not say whether {key} exists"))),
            Named::None => {}
        }
        let body = json!({"schemas": [GROUP], "displayName": key.name.as_str()});
        let answer = self.calls.write(Method::POST, Kind::Groups.path(service), None, Some(body)).await?;
        if answer.is_success() { Ok(Done { id: None, already: false }) } else { Err(refused(&answer, &[])) }
    }

    /// Takes accounts away.
    pub(super) async fn delete(&self, service: &Service, run: &[(usize, &Write)], created: &Created) -> Answers {
        let all = run.iter().map(|(place, write)| async move { (*place, self.delete_one(service, account(write, created)).await) });
        join_all(all).await
    }

    async fn delete_one(&self, service: &Service, id: Result<AccountId, Failure>) -> Result<Done, Failure> {
        let id = id?;
        let path = Kind::Users.path(service).into_iter().chain([id.to_string()]).collect();
        let answer = self.calls.write(Method::DELETE, path, None, None).await?;
        match answer.status {
            404 | 410 => Ok(Done { id: Some(id), already: true }),
            _ if answer.is_success() => Ok(Done { id: Some(id), already: false }),
            _ => Err(refused(&answer, &[])),
        }
    }
}

/// The body of a new account, and the attributes in it.
fn new_account(service: &Service, write: &Write) -> Result<(Resource, Vec<AttributeName>), Failure> {
    let Act::Create { name, state, .. } = write.change.act() else { return Err(Failure::Bug("this is no Create".to_owned())) };
    let active = match state {
        AccountState::Enabled => true,
        AccountState::Disabled => false,
        AccountState::Invited | AccountState::Absent => {
            return Err(Failure::Bug("an account is to be made neither Enabled nor Disabled".to_owned()));
        }
    };
    let mut body = Resource::new();
    declare(&mut body, CORE);
    body.insert("externalId".to_owned(), Json::String(write.owner.to_string()));
    body.insert("active".to_owned(), Json::Bool(active));
    if let Some(password) = &write.password {
        body.insert("password".to_owned(), Json::String(password.expose().to_owned()));
    }
    let (user_name, name) = (user_name(), Value::Text(name.clone()));
    let named = (!write.attributes.contains_key(&user_name)).then_some((&user_name, &name));
    let mut attributes = Vec::new();
    for (attribute, value) in named.into_iter().chain(&write.attributes) {
        let path = attribute_path(attribute)?;
        path.put(&mut body, &service.content(&path, value)?);
        attributes.push(attribute.clone());
    }
    Ok((body, attributes))
}

fn owned(write: &Write) -> Failure {
    Failure::Conflict(format!("an account with the owner key {} is there already", write.owner))
}

/// Whether a group can be called so.
pub(super) fn addressable(service: &Service, key: &EntitlementKey) -> Result<(), Failure> {
    if key.kind.as_str() != KIND {
        return Err(Failure::Config(format!("{key}: type scim knows entitlements of kind group only")));
    }
    if key.right.is_some() {
        return Err(Failure::Config(format!("{key}: a group of SCIM has members and no rights; leave `right` out")));
    }
    match service.groups {
        Some(_) => Ok(()),
        None => Err(Failure::Config(format!("{key}: the service has no groups"))),
    }
}
