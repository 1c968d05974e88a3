//! Groups, and who is in them: directly, or through groups in groups.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::path::{Resource, get};
use super::service::KIND;
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::ids::{EntitlementName, Kind, TargetName};

/// One group, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Group {
    name: Option<EntitlementName>,
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

/// Groups by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    all: BTreeMap<String, Group>,
}

/// What one account holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// By name.
    pub(super) named: BTreeMap<EntitlementName, How>,
    /// It is in a group that cannot be named.
    pub(super) nameless: bool,
}

impl Groups {
    /// From what a listing of groups with their members brought.
    pub(super) fn new(resources: &BTreeMap<String, Resource>) -> Self {
        let mut groups = Self::default();
        for (id, resource) in resources {
            let (users, inner) = members(resource);
            // Some services name no type, and the id of a group tells it.
            let (nested, users): (BTreeSet<_>, BTreeSet<_>) = users.into_iter().partition(|member| resources.contains_key(member));
            let group = Group { name: name(resource), users, groups: inner.into_iter().chain(nested).collect() };
            groups.all.insert(id.clone(), group);
        }
        groups
    }

    /// Takes in that a user is in these groups.
    pub(super) fn add_user(&mut self, user: &str, groups: &BTreeMap<String, Resource>) {
        for (id, resource) in groups {
            self.group(id, resource).users.insert(user.to_owned());
        }
    }

    /// Takes in that a group is in these groups.
    pub(super) fn add_group(&mut self, inner: &str, groups: &BTreeMap<String, Resource>) {
        for (id, resource) in groups {
            self.group(id, resource).groups.insert(inner.to_owned());
        }
    }

    /// A user in some group, and that group.
    pub(super) fn example(&self) -> Option<(&str, &str)> {
        self.all.iter().find_map(|(id, group)| Some((group.users.first()?.as_str(), id.as_str())))
    }

    /// The ids of all groups.
    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.all.keys()
    }

    /// The names of all groups.
    pub(super) fn names(&self) -> impl Iterator<Item = &EntitlementName> {
        self.all.values().filter_map(|group| group.name.as_ref())
    }

    /// What each user holds.
    pub(super) fn holdings(&self) -> BTreeMap<String, Holdings> {
        let mut parents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (id, group) in &self.all {
            for inner in &group.groups {
                parents.entry(inner).or_default().insert(id);
            }
        }
        let mut all: BTreeMap<String, Holdings> = BTreeMap::new();
        for (id, group) in self.all.iter().filter(|(_, group)| !group.users.is_empty()) {
            let outer = above(id, &parents);
            for user in &group.users {
                let holdings = all.entry(user.clone()).or_default();
                holdings.hold(group, How::Direct);
                outer.iter().filter_map(|outer| self.all.get(*outer)).for_each(|outer| holdings.hold(outer, How::Derived));
            }
        }
        all
    }

    fn group(&mut self, id: &str, resource: &Resource) -> &mut Group {
        self.all.entry(id.to_owned()).or_insert_with(|| Group { name: name(resource), ..Group::default() })
    }
}

impl Holdings {
    fn hold(&mut self, group: &Group, how: How) {
        match &group.name {
            None => self.nameless = true,
            Some(name) => {
                let held = self.named.entry(name.clone()).or_insert(how);
                *held = how.min(*held);
            }
        }
    }
}

/// All groups around this one, itself not among them.
fn above<'g>(id: &str, parents: &BTreeMap<&'g str, BTreeSet<&'g str>>) -> BTreeSet<&'g str> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&str> = parents.get(id).into_iter().flatten().copied().collect();
    while let Some(outer) = next.pop() {
        if outer != id && seen.insert(outer) {
            next.extend(parents.get(outer).into_iter().flatten());
        }
    }
    seen
}

/// The group's name; none where an entitlement cannot be called so.
pub(super) fn name(resource: &Resource) -> Option<EntitlementName> {
    EntitlementName::parse(get(resource, "displayName")?.as_str()?).ok()
}

/// Users and groups in it.
pub(super) fn members(resource: &Resource) -> (BTreeSet<String>, BTreeSet<String>) {
    let items = get(resource, "members").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for item in items.iter().filter_map(Json::as_object) {
        let Some(value) = get(item, "value").and_then(Json::as_str) else { continue };
        let is_group = get(item, "type").and_then(Json::as_str).is_some_and(|type_| type_.eq_ignore_ascii_case("group"));
        if is_group {
            groups.insert(value.to_owned())
        } else {
            users.insert(value.to_owned())
        };
    }
    (users, groups)
}

/// The entitlement of a group.
pub(super) fn entitlement(target: &TargetName, name: &EntitlementName) -> Option<EntitlementKey> {
    Some(EntitlementKey { target: target.clone(), kind: Kind::parse(KIND).ok()?, name: name.clone(), right: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group(name: Option<&str>, members: &[(&str, Option<&str>)]) -> Resource {
        let members: Vec<Json> = members.iter().map(|(value, type_)| json!({"value": value, "type": type_})).collect();
        json!({"displayName": name, "members": members}).as_object().unwrap().clone()
    }

    #[test]
    fn nested_groups_are_held_but_not_directly() {
        let groups = Groups::new(&BTreeMap::from([
            ("g1".to_owned(), group(Some("inner"), &[("ann", Some("User")), ("bob", None)])),
            ("g2".to_owned(), group(Some("middle"), &[("g1", Some("Group")), ("bob", None)])),
            // No type, and a circle.
            ("g3".to_owned(), group(Some("outer"), &[("g2", None)])),
            ("g4".to_owned(), group(Some("circle"), &[("g3", Some("group")), ("g1", None)])),
            ("g5".to_owned(), group(None, &[("cho", None)])),
        ]));
        let all = groups.holdings();
        let held = |user: &str| all.get(user).cloned().unwrap_or_default();
        let named = |names: &[(&str, How)]| names.iter().map(|(name, how)| (EntitlementName::parse(*name).unwrap(), *how)).collect();
        use How::{Derived, Direct};
        let outer = [("outer", Derived), ("circle", Derived)];
        assert_eq!(held("ann").named, named(&[&[("inner", Direct), ("middle", Derived)], &outer[..]].concat()));
        assert_eq!(held("bob").named, named(&[&[("inner", Direct), ("middle", Direct)], &outer[..]].concat()));
        assert_eq!(held("cho"), Holdings { nameless: true, ..Holdings::default() });
        assert!(!held("ann").nameless);
    }
}
