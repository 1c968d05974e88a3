//! Looks: what the service is, everything in it, or some people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use futures::future::{join3, try_join_all};
use serde_json::Value as Json;

use super::Scim;
use super::account::{self, Shape};
use super::calls::unread;
use super::filter::Term;
use super::groups::{self, Groups, Holdings};
use super::path::Path;
use super::search::{Found, Kind, Resources};
use super::service::{KIND, Service};
use crate::connector::Wanted;
use crate::model::account::{Account, AccountState};
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, EntitlementName, PersonId};
use crate::model::observed::{Extent, Lookup, Observed};
use crate::model::schema::Schema;

/// Up to so many accounts are asked for their groups one by one; for more of them all groups are read.
const FEW: usize = 10;

impl Scim {
    /// Asks what the service is, tries the login, and finds out whose it is.
    pub(super) async fn probe(&self) -> Result<Schema, Failure> {
        let service = self.discover().await?;
        // What describes the service is often open to all; accounts are not.
        let query = vec![("startIndex", "1".to_owned()), ("count", "1".to_owned()), ("attributes", "userName".to_owned())];
        let answer = self.calls.get(service.users.clone(), query).await?;
        if !answer.is_success() {
            return Err(unread(&answer, "users"));
        }
        let list = answer.body.as_ref().and_then(Json::as_object).filter(|body| super::path::get(body, "totalResults").is_some());
        let list = list.ok_or_else(|| Failure::Config("spec.scim.url: what answers there is no SCIM 2.0 service".to_owned()))?;
        let somebody = super::path::get(list, "Resources").and_then(|all| all.get(0)?.get("id")?.as_str());
        if let Some(somebody) = somebody.filter(|_| service.filter && !self.joins.proven()) {
            let terms = [Term::id("provost-asks-for-nobody"), Term::id(somebody)];
            let found = self.filtered(&service, Kind::Users, &super::filter::joined(&terms), &["id".to_owned()]).await?;
            let ids: Option<BTreeSet<String>> = found.map(|resources| resources.into_keys().collect());
            self.joins.set(ids == Some(BTreeSet::from([somebody.to_owned()])));
        }
        let own = self.own_login(&service).await?;
        let mut schema = service.schema();
        schema.own_login = own.as_ref().and_then(|id| AccountId::parse(id.as_str()).ok());
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = own;
        Ok(schema)
    }

    /// Asks the service what it can.
    pub(super) async fn discover(&self) -> Result<Arc<Service>, Failure> {
        let page = |name: &'static str| async move {
            let answer = self.calls.get(vec![name.to_owned()], Vec::new()).await?;
            match answer.status {
                200..=299 => Ok(answer.body),
                401 => Err(unread(&answer, name)),
                _ => Ok(None),
            }
        };
        let (config, types, schemas) = join3(page("ServiceProviderConfig"), page("ResourceTypes"), page("Schemas")).await;
        let (config, types, schemas) = (config?, types?, schemas?);
        let mut service = Service::new(config.as_ref(), types.as_ref(), schemas.as_ref());
        if types.is_none() && service.groups.is_some() {
            let query = vec![("startIndex", "1".to_owned()), ("count", "1".to_owned()), ("attributes", "displayName".to_owned())];
            let answer = self.calls.get(Kind::Groups.path(&service), query).await?;
            service.groups = service.groups.filter(|_| !matches!(answer.status, 404 | 405 | 501));
        }
        let service = Arc::new(service);
        *self.service.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&service));
        Ok(service)
    }

    /// The account that we log in with, where the service can say.
    async fn own_login(&self, service: &Service) -> Result<Option<String>, Failure> {
        let Some(login) = &self.login else {
            let answer = self.calls.get(vec!["Me".to_owned()], Vec::new()).await?;
            let body = answer.body.as_ref().filter(|_| answer.is_success()).and_then(Json::as_object);
            return Ok(body.and_then(account::id).map(str::to_owned));
        };
        let Ok(name) = Path::parse("userName") else { return Ok(None) };
        let terms = BTreeSet::from([Term::attribute(name, login.as_str())]);
        Ok(self.search(service, Kind::Users, &terms, &[]).await?.resources.into_keys().next())
    }

    /// Everything.
    pub(super) async fn list(&self, wanted: &Wanted) -> Result<Observed, Failure> {
        let service = self.service().await?;
        let shape = Shape::new(&wanted.attributes);
        let (resources, extent) = self.everything(&service, Kind::Users, &shape.projection(&service)).await?;
        let mut accounts = self.accounts(&service, &shape, &resources);
        let (groups, whole) = self.all_groups(&service).await?;
        hold(&self.name, &mut accounts, &groups, whole.is_complete());
        let mut members: BTreeMap<EntitlementKey, u32> =
            groups.names().filter_map(|name| groups::entitlement(&self.name, name)).map(|key| (key, 0)).collect();
        for account in accounts.iter().filter(|account| account.state == AccountState::Enabled) {
            for key in account.entitlements.keys() {
                members.entry(key.clone()).and_modify(|count| *count += 1);
            }
        }
        let entitlements = whole.is_complete().then_some(members);
        let extent = if extent.is_complete() { whole } else { extent };
        Ok(Observed::listed(wanted.began, extent, accounts, entitlements))
    }

    /// Some people, and the named entitlements. A lookup that the service does not understand stays unanswered.
    pub(super) async fn find(
        &self,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
        wanted: &Wanted,
    ) -> Result<Observed, Failure> {
        let service = self.service().await?;
        let shape = Shape::new(&wanted.attributes);
        let lookups: BTreeMap<Lookup, Term> =
            people.values().flatten().filter_map(|lookup| Some((lookup.clone(), term(lookup)?))).collect();
        let terms: BTreeSet<Term> = lookups.values().cloned().collect();
        let Found { resources, answered } = self.search(&service, Kind::Users, &terms, &shape.projection(&service)).await?;
        let answered = lookups.into_iter().filter(|(_, term)| answered.contains(term)).map(|(lookup, _)| lookup).collect();
        let mut accounts = self.accounts(&service, &shape, &resources);
        let named: BTreeSet<&EntitlementName> = entitlements
            .iter()
            .filter(|key| key.target == self.name && key.kind.as_str() == KIND && key.right.is_none())
            .map(|key| &key.name)
            .collect();
        let (groups, whole) = self.groups_of(&service, resources.keys().cloned().collect()).await?;
        hold(&self.name, &mut accounts, &groups, whole.is_complete());
        let counts = self.counts(&service, &named).await?;
        Ok(Observed::found(wanted.began, people.keys().cloned().collect(), accounts, answered, counts))
    }

    fn accounts(&self, service: &Service, shape: &Shape, resources: &Resources) -> Vec<Account> {
        let own = self.own();
        let accounts = resources.values().filter_map(|resource| shape.account(service, resource));
        accounts.map(|account| Account { own_login: own.as_deref() == Some(account.id.as_str()), ..account }).collect()
    }

    /// All groups with their members. On the way it is found out whether the service finds a group by its member.
    pub(super) async fn all_groups(&self, service: &Service) -> Result<(Groups, Extent), Failure> {
        if service.groups.is_none() {
            return Ok((Groups::default(), Extent::Complete));
        }
        let attributes = ["displayName", "members"].map(str::to_owned);
        let (resources, extent) = self.everything(service, Kind::Groups, &attributes).await?;
        let groups = Groups::new(&resources);
        if service.filter
            && !self.by_member.proven()
            && !self.by_member.refused()
            && let Some((user, group)) = groups.example()
        {
            let found = self.groups_with(service, user).await?;
            self.by_member.set(found.is_some_and(|found| found.contains_key(group)));
        }
        Ok((groups, extent))
    }

    /// The groups that these users are in, directly or not.
    async fn groups_of(&self, service: &Service, users: BTreeSet<String>) -> Result<(Groups, Extent), Failure> {
        if users.is_empty() || service.groups.is_none() {
            return Ok((Groups::default(), Extent::Complete));
        }
        if users.len() > FEW || !service.filter || !self.by_member.proven() {
            return self.all_groups(service).await;
        }
        let mut groups = Groups::default();
        let mut asked = BTreeSet::new();
        for (user, found) in self.groups_with_each(service, &users).await? {
            let Some(found) = found else { return self.all_groups(service).await };
            groups.add_user(&user, &found);
        }
        loop {
            let next: BTreeSet<String> = groups.ids().filter(|id| !asked.contains(*id)).cloned().collect();
            if next.is_empty() {
                return Ok((groups, Extent::Complete));
            }
            for (inner, found) in self.groups_with_each(service, &next).await? {
                let Some(found) = found else { return self.all_groups(service).await };
                groups.add_group(&inner, &found);
            }
            asked.extend(next);
        }
    }

    async fn groups_with_each(&self, service: &Service, members: &BTreeSet<String>) -> Result<Vec<(String, Option<Resources>)>, Failure> {
        try_join_all(members.iter().map(|member| async move { Ok((member.clone(), self.groups_with(service, member).await?)) })).await
    }

    async fn groups_with(&self, service: &Service, member: &str) -> Result<Option<Resources>, Failure> {
        let Ok(path) = Path::parse("members.value") else { return Ok(None) };
        let filter = Term::attribute(path, member).to_string();
        self.filtered(service, Kind::Groups, &filter, &["displayName".to_owned()]).await
    }

    /// Which of the named groups exist, and how many of their members can be used; `None` where the service does not say.
    async fn counts(
        &self,
        service: &Service,
        named: &BTreeSet<&EntitlementName>,
    ) -> Result<Option<BTreeMap<EntitlementKey, u32>>, Failure> {
        if service.groups.is_none() || named.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        let mut found = Vec::new();
        for (name, group) in try_join_all(named.iter().map(|name| async move { Ok((*name, self.group(service, name).await?)) })).await? {
            match group {
                Named::None => {}
                Named::One(resource) => found.push((name, groups::members(&resource))),
                // Which of them is meant, nobody knows; it exists.
                Named::Many(resources) => {
                    let all = resources.iter().map(groups::members);
                    found.push((
                        name,
                        all.fold(Default::default(), |(mut users, mut groups): (BTreeSet<_>, BTreeSet<_>), (u, g)| {
                            users.extend(u);
                            groups.extend(g);
                            (users, groups)
                        }),
                    ));
                }
                Named::Unknown => return Ok(None),
            }
        }
        let nested = found.iter().any(|(_, (_, groups))| !groups.is_empty());
        let holders: Vec<(&EntitlementName, BTreeSet<String>)> = if nested {
            let (groups, whole) = self.all_groups(service).await?;
            if !whole.is_complete() {
                return Ok(None);
            }
            let all = groups.holdings();
            let holders = |name: &EntitlementName| {
                let holds = |holdings: &Holdings| holdings.named.contains_key(name);
                all.iter().filter(|(_, holdings)| holds(holdings)).map(|(user, _)| user.clone()).collect()
            };
            found.into_iter().map(|(name, _)| (name, holders(name))).collect()
        } else {
            found.into_iter().map(|(name, (users, _))| (name, users)).collect()
        };
        let Some(enabled) = self.enabled(service, holders.iter().flat_map(|(_, users)| users).cloned().collect()).await? else {
            return Ok(None);
        };
        let count = |users: &BTreeSet<String>| users.iter().fold(0, |count, user| count + u32::from(enabled.contains(user)));
        Ok(Some(holders.iter().filter_map(|(name, users)| Some((groups::entitlement(&self.name, name)?, count(users)))).collect()))
    }

    /// Which of these users can be used.
    async fn enabled(&self, service: &Service, users: BTreeSet<String>) -> Result<Option<BTreeSet<String>>, Failure> {
        /// Up to so many are asked for by their ids.
        const SOME: usize = 500;
        let attributes = ["active".to_owned()];
        let resources = if users.len() <= SOME {
            let terms = users.iter().map(|user| Term::id(user)).collect();
            self.search(service, Kind::Users, &terms, &attributes).await?.resources
        } else {
            let (resources, extent) = self.everything(service, Kind::Users, &attributes).await?;
            if !extent.is_complete() {
                return Ok(None);
            }
            resources
        };
        let enabled = resources.into_iter().filter(|(_, resource)| account::state(resource) == AccountState::Enabled);
        Ok(Some(enabled.map(|(id, _)| id).collect()))
    }

    /// The group of that very name, with its members.
    pub(super) async fn group(&self, service: &Service, name: &EntitlementName) -> Result<Named, Failure> {
        let attributes = ["displayName", "members"].map(str::to_owned);
        let Ok(path) = Path::parse("displayName") else { return Ok(Named::Unknown) };
        let term = Term::attribute(path, name.as_str());
        let resources = if service.filter {
            let found = self.search(service, Kind::Groups, &BTreeSet::from([term.clone()]), &attributes).await?;
            if !found.answered.contains(&term) {
                return Ok(Named::Unknown);
            }
            found.resources
        } else {
            match self.everything(service, Kind::Groups, &attributes).await? {
                (resources, Extent::Complete) => resources,
                (_, Extent::Partial(_)) => return Ok(Named::Unknown),
            }
        };
        let mut same: Vec<_> = resources.into_values().filter(|resource| groups::name(resource).as_ref() == Some(name)).collect();
        Ok(match same.len() {
            0 => Named::None,
            1 => same.pop().map_or(Named::None, Named::One),
            _ => Named::Many(same),
        })
    }
}

/// What a name leads to.
pub(super) enum Named {
    /// The service does not say.
    Unknown,
    /// No group.
    None,
    /// This one.
    One(super::path::Resource),
    /// Several: names are not unique there.
    Many(Vec<super::path::Resource>),
}

/// Writes into the accounts what they hold.
fn hold(target: &crate::model::ids::TargetName, accounts: &mut [Account], groups: &Groups, whole: bool) {
    let mut holdings = groups.holdings();
    for account in accounts {
        let held = holdings.remove(account.id.as_str()).unwrap_or_default();
        account.entitlements_complete = whole && !held.nameless;
        account.entitlements = held.named.into_iter().filter_map(|(name, how)| Some((groups::entitlement(target, &name)?, how))).collect();
    }
}

/// What a lookup asks for; `None` where no filter can say it.
fn term(lookup: &Lookup) -> Option<Term> {
    match lookup {
        Lookup::Id(id) => Some(Term::id(id.as_str())),
        Lookup::Owner(owner) => Some(Term::attribute(Path::parse("externalId").ok()?, owner.to_string())),
        Lookup::Attribute(attribute, value) => Some(Term::attribute(Path::parse(attribute.as_str()).ok()?, value.as_str())),
    }
}
