//! What changes an account that is there.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Answers, Created, account};
use crate::connector::scim::Scim;
use crate::connector::scim::account::{Shape, state, version};
use crate::connector::scim::calls::{self, refused};
use crate::connector::scim::filter::Term;
use crate::connector::scim::path::{Content, Path, Resource};
use crate::connector::scim::search::{Kind, Resources};
use crate::connector::scim::service::{Edits, OWN, Service, is_own};
use crate::connector::scim::write::creation::owner;
use crate::connector::{Done, Write};
use crate::model::account::AccountState;
use crate::model::change::Act;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName};

/// The URN of PATCH's body.
pub(super) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Writes of one account, with their places.
type Run<'w> = Vec<(usize, &'w Write)>;

/// One write as it is to be sent.
struct Edit<'w> {
    place: usize,
    write: &'w Write,
    path: Path,
    content: Content,
}

impl Scim {
    pub(super) async fn edit(&self, service: &Service, run: &[(usize, &Write)], created: &Created) -> Answers {
        let mut answers = Answers::new();
        let mut by_account: BTreeMap<AccountId, Run<'_>> = BTreeMap::new();
        for (place, write) in run {
            match account(write, created) {
                Ok(id) => by_account.entry(id).or_default().push((*place, *write)),
                Err(failure) => answers.push((*place, Err(failure))),
            }
        }
        let read = self.read_for_edit(service, run, by_account.keys()).await;
        let (resources, owned) = match read {
            Ok(read) => read,
            Err(failure) => {
                answers.extend(by_account.values().flatten().map(|(place, _)| (*place, Err(failure.clone()))));
                return answers;
            }
        };
        let edits = by_account.into_iter().map(|(id, run)| {
            let (resources, owned) = (&resources, &owned);
            async move {
                match resources.get(id.as_str()) {
                    Some(resource) => self.edit_one(service, &id, resource.clone(), &run, owned).await,
                    None => run.into_iter().map(|(place, write)| (place, gone(write, &id))).collect(),
                }
            }
        });
        answers.extend(join_all(edits).await.into_iter().flatten());
        answers
    }

    /// The accounts as they are, and who has the owner keys that are to be written.
    async fn read_for_edit<'i>(
        &self,
        service: &Service,
        run: &[(usize, &Write)],
        ids: impl Iterator<Item = &'i AccountId>,
    ) -> Result<(Resources, Resources), Failure> {
        // A resource that is to be put must be read whole.
        let attributes = match service.edits {
            Edits::Put => Vec::new(),
            Edits::Patch => Shape::new(run.iter().filter_map(|(_, write)| write.change.act().attribute())).projection(service),
        };
        let found = self.search(service, Kind::Users, &ids.map(|id| Term::id(id.as_str())).collect(), &attributes).await?;
        let owners: BTreeSet<Term> =
            run.iter().filter(|(_, write)| *write.change.act() == Act::Own).filter_map(|(_, write)| owner(write)).collect();
        let owned = self.search(service, Kind::Users, &owners, &[]).await?;
        Ok((found.resources, owned.resources))
    }

    async fn edit_one(&self, service: &Service, id: &AccountId, mut resource: Resource, run: &Run<'_>, owned: &Resources) -> Answers {
        let mut answers = Answers::new();
        let mut edits = Vec::new();
        // What earlier writes of this run come to.
        let mut becoming = resource.clone();
        for (place, write) in run {
            match wish(service, id, write, owned) {
                Err(failure) => answers.push((*place, Err(failure))),
                Ok((path, content)) if holds(service, &becoming, write.change.act(), &path, &content) => {
                    answers.push((*place, Ok(Done { id: Some(id.clone()), already: true })));
                }
                Ok((path, content)) => {
                    path.put(&mut becoming, &content);
                    edits.push(Edit { place: *place, write, path, content });
                }
            }
        }
        if edits.is_empty() {
            return answers;
        }
        match self.send(service, id, &mut resource, &edits).await {
            Ok(()) => answers.extend(edits.iter().map(|edit| (edit.place, Ok(Done { id: Some(id.clone()), already: false })))),
            // One of them is to blame; nothing was done.
            Err(Sent::Refused(_)) if edits.len() > 1 => {
                for edit in edits {
                    let (place, write) = (edit.place, edit.write);
                    let answer = self.send(service, id, &mut resource, &[edit]).await;
                    answers.push((
                        place,
                        answer.map(|()| Done { id: Some(id.clone()), already: false }).or_else(|sent| sent.answer(write, id)),
                    ));
                }
            }
            Err(sent) => answers.extend(edits.iter().map(|edit| (edit.place, sent.clone().answer(edit.write, id)))),
        }
        answers
    }

    /// One request; afterwards the resource is what it comes to.
    async fn send(&self, service: &Service, id: &AccountId, resource: &mut Resource, edits: &[Edit<'_>]) -> Result<(), Sent> {
        let mut after = resource.clone();
        let mut operations = Vec::new();
        for edit in edits {
            operations.extend(edit.path.operations(&after, &edit.content));
            edit.path.put(&mut after, &edit.content);
        }
        let (method, body) = match service.edits {
            Edits::Patch => (Method::PATCH, json!({"schemas": [PATCH], "Operations": operations})),
            Edits::Put => (Method::PUT, whole(after.clone())),
        };
        let path = Kind::Users.path(service).into_iter().chain([id.to_string()]).collect();
        let known = version(resource).filter(|_| service.etag);
        let answer = self.calls.write(method, path, known.as_deref(), Some(body)).await.map_err(Sent::Failed)?;
        if !answer.is_success() {
            let attributes: Vec<AttributeName> = edits.iter().map(|edit| crate::connector::scim::service::attribute(&edit.path)).collect();
            let failure = refused(&answer, &attributes);
            return Err(match (answer.status, failure) {
                (404 | 410, _) => Sent::Gone,
                (412, failure) => Sent::Failed(failure),
                (_, failure @ (Failure::Invalid { .. } | Failure::Conflict(_))) => Sent::Refused(failure),
                (_, failure) => Sent::Failed(failure),
            });
        }
        let shut = answer.body.as_ref().and_then(Json::as_object).map(state);
        for edit in edits {
            let stays_open = matches!(edit.write.change.act(), Act::Disable) && shut == Some(AccountState::Enabled);
            if stays_open && answer.body.as_ref().is_some_and(|body| body.get("active").is_some()) {
                return Err(Sent::Failed(Failure::Conflict("the target agrees, and leaves the account open".to_owned())));
            }
        }
        *resource = after;
        resource.insert("meta".to_owned(), json!({"version": calls::version(&answer)}));
        Ok(())
    }
}

/// Why a request was not done.
#[derive(Debug, Clone)]
enum Sent {
    /// Something in it.
    Refused(Failure),
    /// The account is not there.
    Gone,
    /// Something else.
    Failed(Failure),
}

impl Sent {
    fn answer(self, write: &Write, id: &AccountId) -> Result<Done, Failure> {
        match self {
            Self::Refused(failure) | Self::Failed(failure) => Err(failure),
            Self::Gone => gone(write, id),
        }
    }
}

/// What a write comes to whose account is not there.
fn gone(write: &Write, id: &AccountId) -> Result<Done, Failure> {
    if matches!(write.change.act(), Act::Disable) {
        Ok(Done { id: Some(id.clone()), already: true })
    } else {
        Err(Failure::Conflict(format!("account {id} is not there")))
    }
}

/// What is to be where.
fn wish(service: &Service, id: &AccountId, write: &Write, owned: &Resources) -> Result<(Path, Content), Failure> {
    let own = |name: &str| Path::parse(name).map_err(|error| Failure::Bug(error.to_string()));
    let act = write.change.act();
    if let Act::Set(attribute, value) = act {
        let path = attribute_path(attribute)?;
        let content = service.content(&path, write.attributes.get(attribute).unwrap_or(value))?;
        return Ok((path, content));
    }
    if let Act::Clear(attribute) = act {
        return Ok((attribute_path(attribute)?, Content::Nothing));
    }
    if *act != Act::Own {
        return Ok((own("active")?, Content::One(Json::Bool(*act == Act::Enable))));
    }
    let holder = owned.iter().find(|(other, resource)| *other != id.as_str() && owner(write).is_some_and(|term| term.is(resource)));
    match holder {
        Some((other, _)) => Err(Failure::Conflict(format!("account {other} has the owner key {} already", write.owner))),
        None => Ok((own("externalId")?, Content::One(Json::String(write.owner.to_string())))),
    }
}

/// The place of an attribute that a mapping may write.
pub(super) fn attribute_path(attribute: &AttributeName) -> Result<Path, Failure> {
    let refused = |why: String| Failure::Invalid { attribute: attribute.clone(), why };
    if OWN.iter().any(|own| is_own(attribute.as_str(), own)) {
        return Err(refused("it is no attribute that a mapping writes but what provost or the service keeps there".to_owned()));
    }
    Path::parse(attribute.as_str()).map_err(|error| refused(error.to_string()))
}

/// Whether it is so already.
fn holds(service: &Service, resource: &Resource, act: &Act, path: &Path, content: &Content) -> bool {
    if *act == Act::Enable {
        return state(resource) == AccountState::Enabled && resource.contains_key("active");
    }
    if *act == Act::Disable {
        return state(resource) == AccountState::Disabled;
    }
    let mut wished = Resource::new();
    path.put(&mut wished, content);
    let texts = |resource: &Resource| service.value(path, resource).map(|value| value.texts()).unwrap_or_default();
    texts(resource) == texts(&wished)
}

/// A resource as PUT takes it: what only the service writes is left out.
fn whole(mut resource: Resource) -> Json {
    resource.retain(|name, _| !["meta", "groups"].iter().any(|own| name.eq_ignore_ascii_case(own)));
    Json::Object(resource)
}
