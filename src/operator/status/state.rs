//! All that a session knows, and how it is read from the objects.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::Deserialize as _;
use serde_json::Value;

use super::document::{Document, Head, Stamp};
use super::entry::{self, Shown};
use super::homes::{Homes, Place, departure_name};
use super::ledgers::FINALIZER;
use crate::api::account::AccountEntry;
use crate::model::account::AccountKey;
use crate::model::ids::{AccountName, ObjectName, PersonId, TargetName};
use crate::model::ledger::Link;

/// All that is known.
#[derive(Default)]
pub(super) struct State {
    pub kept: BTreeMap<TargetName, Kept>,
    pub shown: BTreeMap<AccountKey, Shown>,
    pub homes: Homes,
    pub problems: Vec<String>,
}

/// One target's ledger, and how it stands in the cluster.
#[derive(Default)]
pub(super) struct Kept {
    pub head: Head,
    pub links: BTreeMap<AccountKey, Link>,
    /// Recorded, and not yet on a person's status: the journal.
    pub pending: BTreeSet<AccountKey>,
    /// People whose entries could not be written, though nothing of them has to be remembered.
    pub unshown: BTreeSet<PersonId>,
    pub stamp: Stamp,
    /// How often this session began to write.
    pub sequence: u64,
    pub journaled: bool,
    pub uid: Option<String>,
    /// The object's version after our last write; none where it is to be looked at first.
    pub version: Option<String>,
    /// Somebody took it out of the status.
    pub wiped: bool,
    pub stopped: Option<Stopped>,
}

/// Why a ledger is neither given out nor written.
pub(super) enum Stopped {
    /// Another session wrote it.
    Fenced,
    /// It cannot be read.
    Unreadable(String),
}

impl State {
    /// Whether a person's entries of a target stand at their home.
    pub fn is_written(&self, person: &PersonId, target: &TargetName) -> bool {
        let home = self.homes.home(person);
        self.entries(person, target).is_ok_and(|(entries, _)| self.homes.is_written(person, &home, target, &entries))
    }

    /// The entries of a person at a target, and whether anything is remembered in them.
    pub fn entries(&self, person: &PersonId, target: &TargetName) -> Result<(Vec<AccountEntry>, bool), serde_json::Error> {
        let none = BTreeMap::new();
        let links = self.kept.get(target).map_or(&none, |kept| &kept.links);
        let keys: BTreeSet<&AccountKey> =
            of(links, person, target).map(|(key, _)| key).chain(of(&self.shown, person, target).map(|(key, _)| key)).collect();
        let mut entries = Vec::new();
        let mut remembered = false;
        for key in keys {
            let link = links.get(key);
            remembered |= link.is_some();
            entries.extend(entry::entry(key, link, self.shown.get(key))?);
        }
        Ok((entries, remembered))
    }
}

/// What a map of accounts holds of one person at one target.
pub(super) fn of<'m, T>(
    map: &'m BTreeMap<AccountKey, T>,
    person: &PersonId,
    target: &TargetName,
) -> impl Iterator<Item = (&'m AccountKey, &'m T)> + use<'m, T> {
    let first = AccountKey { person: person.clone(), target: target.clone(), account: AccountName::ordinary() };
    map.range(first.clone()..).take_while(move |(key, _)| key.person == first.person && key.target == first.target)
}

/// Reads everything. Where two objects have an entry of one account, the better one is right: a living Person before a Departure, a
/// Departure before a Person that is going (its entries moved there), the first by name of the same; what is remembered before what only
/// shows. The journal is laid over all.
pub(super) fn read(people: &[DynamicObject], departures: &[DynamicObject], targets: &[DynamicObject]) -> State {
    let mut state = State::default();
    let mut places: Vec<(u8, ObjectName, PersonId, &DynamicObject)> = Vec::new();
    for object in people {
        let Ok(name) = ObjectName::parse(object.name_any()) else { continue };
        let declared = object.data.pointer("/spec/externalId").and_then(Value::as_str).unwrap_or(name.as_str());
        let Ok(id) = PersonId::parse(declared) else { continue };
        let going = object.metadata.deletion_timestamp.is_some();
        if going {
            state.homes.declared(&name, &id);
        } else {
            state.homes.declare(&name, &id);
        }
        if object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            state.homes.finalized.insert(name.clone(), object.uid().unwrap_or_default());
        }
        places.push((if going { 2 } else { 0 }, name, id, object));
    }
    for object in departures {
        let Ok(name) = ObjectName::parse(object.name_any()) else { continue };
        let external = object.data.pointer("/status/externalId").and_then(Value::as_str);
        // One that was only begun says nothing yet, and is taken up again under the same name.
        let Some(id) = external.and_then(|id| PersonId::parse(id).ok()) else { continue };
        if departure_name(&id) != name.as_str() {
            state.problems.push(format!("Departure/{name}: is not the one of {id}; it is not read"));
            continue;
        }
        let names = object.data.pointer("/status/names").and_then(|names| BTreeSet::deserialize(names).ok()).unwrap_or_default();
        state.homes.departures.insert(id.clone(), names);
        places.push((1, name, id, object));
    }
    places.sort_by(|(rank, name, ..), (other_rank, other, ..)| (rank, name).cmp(&(other_rank, other)));
    for (rank, name, id, object) in places {
        let place = if rank == 1 { Place::Departure } else { Place::Person(name.clone()) };
        state.read_entries(&place, &id, object);
    }
    for object in targets {
        state.read_target(object);
    }
    for kept in state.kept.values_mut() {
        kept.head.accounts_known |= !kept.links.is_empty();
    }
    state
}

impl State {
    fn read_entries(&mut self, place: &Place, id: &PersonId, object: &DynamicObject) {
        let mut written: BTreeMap<TargetName, Vec<AccountEntry>> = BTreeMap::new();
        for value in object.data.pointer("/status/accounts").and_then(Value::as_array).into_iter().flatten() {
            let read = AccountEntry::deserialize(value).map_err(|error| error.to_string());
            match read.and_then(|entry| Ok((entry::read(id, &entry)?, entry))) {
                Ok(((key, link, shown), entry)) => {
                    written.entry(key.target.clone()).or_default().push(entry);
                    self.take_entry(key, link, shown);
                }
                Err(why) => {
                    let (kind, name) = place.object(id);
                    self.problems.push(format!("{}/{name}: an entry of status.accounts cannot be read: {why}", kind.names().0));
                }
            }
        }
        for (target, mut entries) in written {
            // In the order in which they are written.
            entries.sort_by(|a, b| a.account.cmp(&b.account));
            self.homes.wrote(id, place, &target, &entries);
        }
    }

    fn take_entry(&mut self, key: AccountKey, link: Option<Link>, shown: Shown) {
        let kept = self.kept.entry(key.target.clone()).or_default();
        if kept.links.contains_key(&key) || link.is_none() && self.shown.contains_key(&key) {
            return;
        }
        if let Some(link) = link {
            kept.links.insert(key.clone(), link);
        }
        if shown != Shown::default() {
            self.shown.insert(key, shown);
        }
    }

    fn read_target(&mut self, object: &DynamicObject) {
        let Ok(name) = TargetName::parse(object.name_any()) else { return };
        let kept = self.kept.entry(name.clone()).or_default();
        (kept.uid, kept.version) = (object.uid(), object.resource_version());
        match Document::of(object.data.get("status")) {
            Ok(document) => {
                (kept.stamp, kept.head) = (document.stamp.clone(), document.head.clone());
                kept.journaled = !document.journal.is_empty();
                for (key, link) in document.lines(&name) {
                    kept.pending.insert(key.clone());
                    match link {
                        Some(link) => {
                            kept.links.insert(key, link);
                        }
                        None => {
                            kept.links.remove(&key);
                            self.shown.remove(&key);
                        }
                    }
                }
            }
            Err(error) => {
                let why = format!(
                    "TargetSystem/{name}: status.ledger cannot be read: {error}; to begin it anew, with an empty window of the guard, remove it"
                );
                self.problems.push(why.clone());
                kept.stopped = Some(Stopped::Unreadable(why));
            }
        }
    }
}
