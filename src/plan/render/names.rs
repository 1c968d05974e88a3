//! How people are called in a plan: by the name of their object, and by their externalId as well where that would not tell them apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::person::PersonSpec;
use crate::model::ids::PersonId;
use crate::realm::index::Realm;

/// How people are called.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Those whom a reader could take for somebody else.
    shared: BTreeSet<PersonId>,
}

impl Names {
    /// Finds those who are called like somebody else.
    #[must_use]
    pub fn of(realm: &Realm) -> Self {
        let mut called: BTreeMap<String, BTreeSet<PersonId>> = BTreeMap::new();
        for person in realm.people() {
            for declared in realm.declared(&person) {
                let names = [shown_name(&declared.spec), Some(declared.meta.name.to_string()), Some(person.to_string())];
                for name in names.into_iter().flatten() {
                    called.entry(name.to_lowercase()).or_default().insert(person.clone());
                }
            }
        }
        Self { shared: called.into_values().filter(|people| people.len() > 1).flatten().collect() }
    }

    /// What this person is called.
    #[must_use]
    pub fn label(&self, realm: &Realm, person: &PersonId) -> String {
        let declared = realm.declared(person);
        let Some(name) = declared.first().map(|declared| declared.meta.name.as_str()) else {
            // Of somebody who is gone the externalId is all there is, and an object may be called like it.
            let mistaken = realm.person_named(person.as_str()).is_some();
            return if mistaken { format!("{person} (externalId)") } else { person.to_string() };
        };
        if self.shared.contains(person) && name != person.as_str() { format!("{name} ({person})") } else { name.to_owned() }
    }
}

/// What people call this person.
fn shown_name(spec: &PersonSpec) -> Option<String> {
    let name = spec.name.as_ref();
    let whole = || {
        let parts: Vec<&str> =
            name.into_iter().flat_map(|name| [&name.given_name, &name.family_name]).flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    spec.display_name.clone().or_else(|| name.and_then(|name| name.formatted.clone())).or_else(whole)
}
