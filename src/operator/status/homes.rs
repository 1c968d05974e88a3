//! Where each person's entries stand: on the Person that declares them, of several the first by name; else on a Departure.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::objects::Kind;
use crate::api::account::AccountEntry;
use crate::model::digest::digest_of;
use crate::model::ids::{ObjectName, PersonId, TargetName};

/// An object that holds a person's entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The Person of that name.
    Person(ObjectName),
    /// The person's Departure.
    Departure,
}

impl Place {
    /// The object, of this person.
    pub(super) fn object(&self, of: &PersonId) -> (Kind, String) {
        match self {
            Self::Person(name) => (Kind::Person, name.to_string()),
            Self::Departure => (Kind::Departure, departure_name(of)),
        }
    }
}

/// By target: the digest of the entries as they were last written or read.
type Written = BTreeMap<TargetName, String>;

/// Who declares whom, and what stands where.
#[derive(Debug, Default)]
pub(super) struct Homes {
    declared: BTreeMap<ObjectName, PersonId>,
    declarers: BTreeMap<PersonId, BTreeSet<ObjectName>>,
    /// Whose entries may stand on a Person, also once it declares nobody any more.
    bearers: BTreeMap<ObjectName, PersonId>,
    /// Persons that bear our finalizer, and their uids.
    pub finalized: BTreeMap<ObjectName, String>,
    /// The Departures that are there, and the names in their status.
    pub departures: BTreeMap<PersonId, BTreeSet<ObjectName>>,
    /// Under which names somebody was declared who is not any more.
    names: BTreeMap<PersonId, BTreeSet<ObjectName>>,
    written: BTreeMap<PersonId, BTreeMap<Place, Written>>,
    /// The version that our last write gave a Person.
    versions: BTreeMap<ObjectName, u64>,
}

impl Homes {
    pub(super) fn declare(&mut self, name: &ObjectName, id: &PersonId) {
        if self.declared.get(name) == Some(id) {
            return;
        }
        self.undeclare(name);
        // Nobody stops declaring but by going: this is another object, of which nothing is known.
        if let Some(before) = self.bearers.get(name).cloned() {
            self.forget(&before, &Place::Person(name.clone()));
        }
        self.bearers.insert(name.clone(), id.clone());
        self.declared.insert(name.clone(), id.clone());
        self.declarers.entry(id.clone()).or_default().insert(name.clone());
    }

    pub(super) fn undeclare(&mut self, name: &ObjectName) {
        let Some(id) = self.declared.remove(name) else { return };
        self.names.entry(id.clone()).or_default().insert(name.clone());
        if let Some(names) = self.declarers.get_mut(&id) {
            names.remove(name);
            if names.is_empty() {
                self.declarers.remove(&id);
            }
        }
    }

    /// Whom a Person declares now.
    pub(super) fn declares(&self, name: &ObjectName) -> Option<&PersonId> {
        self.declared.get(name)
    }

    pub(super) fn home(&self, id: &PersonId) -> Place {
        self.declarers.get(id).and_then(BTreeSet::first).map_or(Place::Departure, |name| Place::Person(name.clone()))
    }

    /// Under which names a person was declared.
    pub(super) fn names(&self, id: &PersonId) -> BTreeSet<ObjectName> {
        self.names.get(id).into_iter().chain(self.departures.get(id)).flatten().cloned().collect()
    }

    /// A Person that is going has declared them.
    pub(super) fn declared(&mut self, name: &ObjectName, id: &PersonId) {
        self.bearers.insert(name.clone(), id.clone());
        self.names.entry(id.clone()).or_default().insert(name.clone());
    }

    /// The object is gone, and nothing stands there any more.
    pub(super) fn forget(&mut self, id: &PersonId, place: &Place) {
        match place {
            Place::Person(name) if self.bearers.get(name) == Some(id) => {
                if self.declared.get(name) == Some(id) {
                    self.undeclare(name);
                }
                self.bearers.remove(name);
                self.versions.remove(name);
                self.finalized.remove(name);
            }
            // Another one by the same name bears somebody else.
            Place::Person(_) => {}
            Place::Departure => {
                self.departures.remove(id);
            }
        }
        if let Some(places) = self.written.get_mut(id) {
            places.remove(place);
            if places.is_empty() {
                self.written.remove(id);
            }
        }
    }

    /// Whether exactly this stands there.
    pub(super) fn is_written(&self, id: &PersonId, place: &Place, target: &TargetName, entries: &[AccountEntry]) -> bool {
        let written = self.written.get(id).and_then(|places| places.get(place)).and_then(|all| all.get(target));
        written.map_or(entries.is_empty(), |written| !entries.is_empty() && *written == digest_of(&entries))
    }

    /// Our write gave the object this version.
    pub(super) fn left_at(&mut self, place: &Place, version: u64) {
        if let Place::Person(name) = place {
            self.versions.insert(name.clone(), version);
        }
    }

    /// At this version nothing stands on a Person any more: whose entries, and of which targets, are missing there. None where we wrote
    /// later than that, or nothing.
    pub(super) fn wiped(&mut self, name: &ObjectName, version: u64) -> Option<(PersonId, BTreeSet<TargetName>)> {
        if self.versions.get(name).is_some_and(|ours| *ours >= version) {
            return None;
        }
        let person = self.declared.get(name)?.clone();
        let place = Place::Person(name.clone());
        let targets: BTreeSet<TargetName> = self.written.get(&person)?.get(&place)?.keys().cloned().collect();
        for target in &targets {
            self.wrote(&person, &place, target, &[]);
        }
        (!targets.is_empty()).then_some((person, targets))
    }

    /// This stands there now.
    pub(super) fn wrote(&mut self, id: &PersonId, place: &Place, target: &TargetName, entries: &[AccountEntry]) {
        let places = self.written.entry(id.clone()).or_default();
        let all = places.entry(place.clone()).or_default();
        if entries.is_empty() {
            all.remove(target);
        } else {
            all.insert(target.clone(), digest_of(&entries));
        }
        places.retain(|_, all| !all.is_empty());
        if places.is_empty() {
            self.written.remove(id);
        }
    }

    /// Where entries of this target stand beside their home.
    pub(super) fn elsewhere(&self, id: &PersonId, home: &Place, target: &TargetName) -> Vec<Place> {
        let places = self.written.get(id).into_iter().flatten();
        places.filter(|(place, all)| *place != home && all.contains_key(target)).map(|(place, _)| place.clone()).collect()
    }

    /// The targets of which entries stand anywhere.
    pub(super) fn targets(&self, id: &PersonId) -> BTreeSet<TargetName> {
        self.written.get(id).into_iter().flat_map(BTreeMap::values).flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Whose Departure has that name.
    pub(super) fn departed(&self, name: &ObjectName) -> Option<PersonId> {
        self.departures.keys().find(|id| departure_name(id) == name.as_str()).cloned()
    }
}

/// The name of a person's Departure: readable, and nobody else's.
pub(super) fn departure_name(id: &PersonId) -> String {
    let mut name = String::new();
    for c in id.as_str().chars().take(40) {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    if !name.is_empty() && !name.ends_with('-') {
        name.push('-');
    }
    name + &short_hash(id.as_str())
}

/// The field manager of a target's entries; the API server takes 128 bytes.
pub(super) fn manager(target: &TargetName) -> String {
    let name = target.as_str();
    if name.len() <= 100 && name.is_ascii() { format!("provost-{name}") } else { format!("provost-{}", short_hash(name)) }
}

fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
