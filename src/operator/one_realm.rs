//! Which Realm object counts, and the realm's id. There is at most one; while there are several, what was begun with goes on, so that a
//! second one neither takes accounts away nor keeps leavers in.

use std::collections::BTreeMap;

use crate::model::ids::{ObjectName, RealmId};
use crate::realm::index::Realm;

/// The Realms that are there, readable or not, with the id that the status of one says is worked with.
pub type Realms = BTreeMap<ObjectName, Option<RealmId>>;

/// The only one; of several the one that was worked with, as its status remembers it, or as `before` does.
#[must_use]
pub fn counting(realms: &Realms, before: Option<&ObjectName>) -> Option<ObjectName> {
    let before = before.filter(|name| realms.contains_key(*name));
    let worked_with = realms.iter().find(|(_, works_as)| works_as.is_some()).map(|(name, _)| name);
    before.or(worked_with).or_else(|| realms.keys().next()).cloned()
}

/// What the Realm that counts says; what its status remembers where it cannot be read; else the namespace.
#[must_use]
pub fn id_of(realm: &Realm, namespace: &str, realms: &Realms, counting: Option<&ObjectName>) -> Option<RealmId> {
    let remembered = counting.and_then(|name| realms.get(name)).cloned().flatten();
    match counting.filter(|name| realm.realm_named(name).is_none()) {
        Some(_) if remembered.is_some() => remembered,
        Some(_) | None => {
            let said = counting.and_then(|name| realm.realm_named(name)).and_then(|spec| spec.id.clone());
            RealmId::parse(said.unwrap_or_else(|| namespace.to_owned())).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realms(all: &[(&str, Option<&str>)]) -> Realms {
        all.iter().map(|(name, id)| (ObjectName::parse(*name).unwrap(), id.map(|id| RealmId::parse(id).unwrap()))).collect()
    }

    #[test]
    fn a_second_realm_is_never_the_one_that_counts() {
        let before = ObjectName::parse("b").unwrap();
        for (name, there, before, counts) in [
            ("none", realms(&[]), None, None),
            ("the only one", realms(&[("b", None)]), None, Some("b")),
            ("as it was", realms(&[("a", None), ("b", None)]), Some(&before), Some("b")),
            ("as the status says after a start", realms(&[("a", None), ("b", Some("acme"))]), None, Some("b")),
            ("the one before is gone", realms(&[("a", None)]), Some(&before), Some("a")),
        ] {
            assert_eq!(counting(&there, before).as_ref().map(ObjectName::as_str), counts, "{name}");
        }
    }
}
