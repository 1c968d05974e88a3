//! Listings, and searches in few calls. A search says for each term whether the service really answered it: a filter that is ignored, or
//! read in another way than it was meant, answers nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::Scim;
use super::account;
use super::calls::unread;
use super::filter::{Term, filters, joined};
use super::pages::{Next, Pages};
use super::path::Resource;
use super::service::Service;
use crate::model::failure::Failure;
use crate::model::observed::Extent;

/// The most groups of one page.
const GROUPS: u64 = 50;

/// Resources by id.
pub(super) type Resources = BTreeMap<String, Resource>;

/// What is listed or searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Accounts.
    Users,
    /// Groups.
    Groups,
}

impl Kind {
    /// The word of messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }

    /// How many of them one page of a listing has: a group comes with its members, and those may be many.
    fn page(self, service: &Service) -> u64 {
        match self {
            Self::Users => service.page,
            Self::Groups => service.page.min(GROUPS),
        }
    }

    /// Where they are; nowhere, if the service has none.
    pub(super) fn path(self, service: &Service) -> Vec<String> {
        match self {
            Self::Users => service.users.clone(),
            Self::Groups => service.groups.clone().unwrap_or_default(),
        }
    }
}

/// What a search brought.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// What meets a term.
    pub(super) resources: Resources,
    /// The terms that were answered, with a resource or with none.
    pub(super) answered: BTreeSet<Term>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.resources.extend(other.resources);
        self.answered.extend(other.answered);
    }
}

impl Scim {
    /// Everything of a kind. A failure behind the first page ends the listing early.
    pub(super) async fn everything(&self, service: &Service, kind: Kind, attributes: &[String]) -> Result<(Resources, Extent), Failure> {
        let mut pages = Pages::new(kind.word());
        let page = kind.page(service);
        let mut asking = (1, page);
        let mut begun = false;
        let extent = loop {
            let (start, count) = asking;
            let query = vec![("startIndex", start.to_string()), ("count", count.to_string()), ("attributes", attributes.join(","))];
            let answer = match self.calls.get(kind.path(service), query).await {
                Ok(answer) => answer,
                Err(failure) if begun => break Extent::Partial(format!("{}: {failure}", kind.word())),
                Err(failure) => return Err(failure),
            };
            if !answer.is_success() {
                if !begun {
                    return Err(unread(&answer, kind.word()));
                }
                let why = format!("the page that begins at {start} is refused (HTTP {})", answer.status);
                break if matches!(answer.status, 400 | 404) {
                    pages.refused(&why)
                } else {
                    Extent::Partial(format!("{}: {why}", kind.word()))
                };
            }
            begun = true;
            asking = match pages.add(answer.body) {
                Next::Page(start) => (start, page),
                Next::Beyond(start) => (start, 1),
                Next::End(extent) => break extent,
            };
        };
        Ok((pages.resources(), extent))
    }

    /// What meets any of these, and which of them were answered.
    pub(super) async fn search(
        &self,
        service: &Service,
        kind: Kind,
        terms: &BTreeSet<Term>,
        attributes: &[String],
    ) -> Result<Found, Failure> {
        let mut asked: BTreeSet<String> = attributes.iter().cloned().collect();
        asked.extend(terms.iter().filter_map(|term| term.path.as_ref()).map(super::path::Path::projected));
        let attributes = asked.into_iter().collect::<Vec<_>>();
        let terms: Vec<Term> = terms.iter().cloned().collect();
        let all = filters(&terms).into_iter().map(|terms| self.search_some(service, kind, terms, &attributes));
        let mut found = Found::default();
        try_join_all(all).await?.into_iter().for_each(|some| found.add(some));
        Ok(found)
    }

    /// One filter for all of them; those that it leaves open are asked for one by one.
    async fn search_some(&self, service: &Service, kind: Kind, terms: &[Term], attributes: &[String]) -> Result<Found, Failure> {
        let mut found = Found::default();
        if terms.len() > 1 && service.filter && !self.joins.refused() {
            match self.filtered(service, kind, &joined(terms), attributes).await? {
                Some(resources) if resources.values().all(|resource| terms.iter().any(|term| term.meets(resource))) => {
                    let first = terms.first();
                    let by_another = |resource: &Resource| {
                        first.is_some_and(|first| !first.meets(resource)) && terms.iter().skip(1).any(|term| term.meets(resource))
                    };
                    if resources.values().any(by_another) {
                        self.joins.set(true);
                    }
                    let met = |term: &&Term| self.joins.proven() || resources.values().any(|resource| term.meets(resource));
                    found.answered.extend(terms.iter().filter(met).cloned());
                    found.resources.extend(resources);
                }
                _ => self.joins.set(false),
            }
        }
        let open = terms.iter().filter(|term| !found.answered.contains(term)).collect::<Vec<_>>();
        for one in try_join_all(open.into_iter().map(|term| self.alone(service, kind, term, attributes))).await? {
            found.add(one);
        }
        Ok(found)
    }

    async fn alone(&self, service: &Service, kind: Kind, term: &Term, attributes: &[String]) -> Result<Found, Failure> {
        let answered = |resources| Found { resources, answered: BTreeSet::from([term.clone()]) };
        if term.path.is_some() {
            if !service.filter {
                return Ok(Found::default());
            }
            let resources = self.filtered(service, kind, &term.to_string(), attributes).await?;
            return Ok(match resources {
                Some(resources) if resources.values().all(|resource| term.meets(resource)) => answered(resources),
                Some(_) | None => Found::default(),
            });
        }
        match self.by_id(service, kind, &term.value, attributes).await? {
            Some(resource) => Ok(answered(Resources::from([(term.value.clone(), resource)]))),
            None => Ok(answered(Resources::new())),
        }
    }

    /// The resource of that id.
    pub(super) async fn by_id(&self, service: &Service, kind: Kind, id: &str, attributes: &[String]) -> Result<Option<Resource>, Failure> {
        let path = kind.path(service).into_iter().chain([id.to_owned()]).collect();
        let query = if attributes.is_empty() { Vec::new() } else { vec![("attributes", attributes.join(","))] };
        let answer = self.calls.get(path, query).await?;
        if answer.status == 404 || answer.status == 410 {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(unread(&answer, kind.word()));
        }
        let resource = answer.body.and_then(|body| body.as_object().cloned()).filter(|resource| account::id(resource) == Some(id));
        resource
            .map(Some)
            .ok_or_else(|| Failure::Retry { after: None, why: format!("{}: asked for one, it answers something else", kind.word()) })
    }

    /// All that a filter meets; `None` where the service does not take it, or does not show all.
    pub(super) async fn filtered(
        &self,
        service: &Service,
        kind: Kind,
        filter: &str,
        attributes: &[String],
    ) -> Result<Option<Resources>, Failure> {
        let mut pages = Pages::new(kind.word());
        let mut start = 1;
        loop {
            let mut query = vec![("filter", filter.to_owned()), ("startIndex", start.to_string()), ("count", service.page.to_string())];
            query.extend((!attributes.is_empty()).then(|| ("attributes", attributes.join(","))));
            let answer = self.calls.get(kind.path(service), query).await?;
            match answer.status {
                200..=299 => {}
                400 | 403 | 404 | 405 | 413 | 414 | 422 | 501 => return Ok(None),
                _ => return Err(unread(&answer, kind.word())),
            }
            match pages.add(answer.body) {
                Next::Page(next) => start = next,
                Next::Beyond(_) | Next::End(Extent::Complete) => return Ok(Some(pages.resources())),
                Next::End(Extent::Partial(_)) => return Ok(None),
            }
        }
    }
}
