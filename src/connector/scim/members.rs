//! Who is in which groups, in as few calls as can be trusted: by a filter on members where the service was seen to understand it, else by
//! reading all groups.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::Scim;
use super::account;
use super::filter::Term;
use super::groups::{self, Groups, Holdings};
use super::path::{Path, Resource};
use super::search::{Kind, Resources};
use super::service::Service;
use crate::model::account::AccountState;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::EntitlementName;
use crate::model::observed::Extent;

/// Up to so many accounts are asked for their groups one by one; for more of them all groups are read.
const FEW: usize = 10;

impl Scim {
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
    pub(super) async fn groups_of(&self, service: &Service, users: BTreeSet<String>) -> Result<(Groups, Extent), Failure> {
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
    pub(super) async fn counts(
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
    One(Resource),
    /// Several: names are not unique there.
    Many(Vec<Resource>),
}
