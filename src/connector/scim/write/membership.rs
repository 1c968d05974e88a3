//! Who is in which group: many members of one group in one request.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::creation::addressable;
use super::edits::PATCH;
use super::{Answers, Created, account};
use crate::connector::scim::Scim;
use crate::connector::scim::account::{id, version};
use crate::connector::scim::calls::refused;
use crate::connector::scim::filter::Term;
use crate::connector::scim::groups::members;
use crate::connector::scim::members::Named;
use crate::connector::scim::path::Resource;
use crate::connector::scim::search::Kind;
use crate::connector::scim::service::{Edits, Service};
use crate::connector::{Done, Write};
use crate::model::change::Act;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::AccountId;

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// An account that goes in or out, and the places of the writes that want it.
type Movers = BTreeMap<AccountId, Vec<usize>>;

/// The entitlement that a write gives or takes.
pub(super) fn entitlement(write: &Write) -> Option<&EntitlementKey> {
    write.change.act().granted().or_else(|| write.change.act().revoked())
}

impl Scim {
    /// Grants, or revokes.
    pub(super) async fn change_members(&self, service: &Service, run: &[(usize, &Write)], created: &Created) -> Answers {
        let way = if run.iter().any(|(_, write)| matches!(write.change.act(), Act::Grant(_))) { Way::In } else { Way::Out };
        let mut answers = Answers::new();
        let mut by_group: BTreeMap<&EntitlementKey, Movers> = BTreeMap::new();
        // What this batch made is there; the rest is looked at, as a group takes anything for a member.
        let mut unseen = BTreeSet::new();
        for (place, write) in run {
            let Some(key) = entitlement(write) else { continue };
            match account(write, created) {
                Ok(id) => {
                    if write.id.is_some() {
                        unseen.insert(Term::id(id.as_str()));
                    }
                    by_group.entry(key).or_default().entry(id).or_default().push(*place);
                }
                Err(failure) => answers.push((*place, Err(failure))),
            }
        }
        if way == Way::In && !unseen.is_empty() {
            let found = self.search(service, Kind::Users, &unseen, &["id".to_owned()]).await;
            for movers in by_group.values_mut() {
                let (stay, go) = std::mem::take(movers).into_iter().partition(|(id, _)| match &found {
                    Ok(found) => !unseen.contains(&Term::id(id.as_str())) || found.resources.contains_key(id.as_str()),
                    Err(_) => false,
                });
                *movers = stay;
                let go: Movers = go;
                for (id, places) in go {
                    let gone = Failure::Conflict(format!("account {id} is not there"));
                    let failure = found.as_ref().err().cloned().unwrap_or(gone);
                    answers.extend(places.into_iter().map(|place| (place, Err(failure.clone()))));
                }
            }
        }
        let all = by_group.into_iter().filter(|(_, movers)| !movers.is_empty());
        let all = all.map(|(key, movers)| async move { self.change_group(service, key, way, &movers).await });
        answers.extend(join_all(all).await.into_iter().flatten());
        answers
    }

    async fn change_group(&self, service: &Service, key: &EntitlementKey, way: Way, movers: &Movers) -> Answers {
        let group = match self.named_group(service, key).await {
            Ok(Some(group)) => group,
            // Out of a group that is not there is everybody.
            Ok(None) if way == Way::Out => return all(movers.iter(), true),
            Ok(None) => {
                let missing = format!("{key} does not exist; make it there, or set createMissing for its kind");
                return failed(movers.iter(), &Failure::Conflict(missing));
            }
            Err(failure) => return failed(movers.iter(), &failure),
        };
        let (users, _) = members(&group);
        let (already, open): (Vec<_>, Vec<_>) = movers.iter().partition(|(id, _)| users.contains(id.as_str()) == (way == Way::In));
        let mut answers = all(already.into_iter(), true);
        if open.is_empty() {
            return answers;
        }
        match self.send_members(service, &group, way, &open).await {
            Ok(()) => answers.extend(all(open.into_iter(), false)),
            // One of them is to blame; nothing was done.
            Err(Failure::Conflict(_) | Failure::Invalid { .. }) if open.len() > 1 && service.edits == Edits::Patch => {
                for one in open {
                    answers.extend(match self.send_members(service, &group, way, &[one]).await {
                        Ok(()) => all([one].into_iter(), false),
                        Err(failure) => failed([one].into_iter(), &failure),
                    });
                }
            }
            Err(failure) => answers.extend(failed(open.into_iter(), &failure)),
        }
        answers
    }

    async fn named_group(&self, service: &Service, key: &EntitlementKey) -> Result<Option<Resource>, Failure> {
        addressable(service, key)?;
        match self.group(service, &key.name).await? {
            Named::One(group) => Ok(Some(group)),
            Named::None => Ok(None),
            Named::Unknown => Err(Failure::Conflict(format!("the service does not say which group {key} is"))),
            Named::Many(_) => Err(Failure::Conflict(format!("several groups are called {}: rename all but one", key.name))),
        }
    }

    async fn send_members(
        &self,
        service: &Service,
        group: &Resource,
        way: Way,
        movers: &[(&AccountId, &Vec<usize>)],
    ) -> Result<(), Failure> {
        let id = id(group).unwrap_or_default().to_owned();
        let path: Vec<String> = Kind::Groups.path(service).into_iter().chain([id.clone()]).collect();
        let answer = match service.edits {
            // Not conditional: who else goes in or out meanwhile makes no difference.
            Edits::Patch => {
                let operations = match way {
                    Way::In => vec![
                        json!({"op": "add", "path": "members", "value": movers.iter().map(|(id, _)| json!({"value": id.as_str()})).collect::<Vec<_>>()}),
                    ],
                    Way::Out => movers
                        .iter()
                        .map(|(id, _)| json!({"op": "remove", "path": format!("members[value eq {}]", Json::String(id.to_string()))}))
                        .collect(),
                };
                self.calls.write(Method::PATCH, path, None, Some(json!({"schemas": [PATCH], "Operations": operations}))).await?
            }
            Edits::Put => {
                let Some(mut whole) = self.by_id(service, Kind::Groups, &id, &[]).await? else {
                    return Err(Failure::Conflict("the group is not there any more".to_owned()));
                };
                let known = version(&whole).filter(|_| service.etag);
                let mut items = whole.get("members").and_then(Json::as_array).cloned().unwrap_or_default();
                let moves = |item: &Json| movers.iter().any(|(id, _)| item.get("value").and_then(Json::as_str) == Some(id.as_str()));
                items.retain(|item| !moves(item));
                if way == Way::In {
                    items.extend(movers.iter().map(|(id, _)| json!({"value": id.as_str()})));
                }
                whole.insert("members".to_owned(), Json::Array(items));
                whole.remove("meta");
                self.calls.write(Method::PUT, path, known.as_deref(), Some(Json::Object(whole))).await?
            }
        };
        if answer.is_success() { Ok(()) } else { Err(refused(&answer, &[])) }
    }
}

/// Done, for each of them.
fn all<'m>(movers: impl Iterator<Item = (&'m AccountId, &'m Vec<usize>)>, already: bool) -> Answers {
    movers.flat_map(|(id, places)| places.iter().map(move |place| (*place, Ok(Done { id: Some(id.clone()), already })))).collect()
}

/// Not done, for each of them.
fn failed<'m>(movers: impl Iterator<Item = (&'m AccountId, &'m Vec<usize>)>, failure: &Failure) -> Answers {
    movers.flat_map(|(_, places)| places.iter().map(|place| (*place, Err(failure.clone())))).collect()
}
