//! Looks: what the service is, everything in it, or some people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use futures::future::join3;
use serde_json::Value as Json;

use super::Scim;
use super::account::{self, Shape};
use super::calls::unread;
use super::filter::Term;
use super::groups::{self, Groups};
use super::path::Path;
use super::search::{Found, Kind, Resources};
use super::service::{KIND, Service};
use crate::connector::Wanted;
use crate::model::account::{Account, AccountState};
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, EntitlementName, PersonId};
use crate::model::observed::{Lookup, Observed};
use crate::model::schema::Schema;

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
