//! Objects in: into the index, and whom that touches.

use std::collections::BTreeSet;

use super::RealmTask;
use crate::model::ids::{ObjectName, PersonId, RealmId, TargetName};
use crate::operator::object::{Entry, Watched};
use crate::operator::one_realm::{counting, id_of};
use crate::operator::watch::Event;
use crate::realm::object::{Body, Object, Place, ResourceKind, Unreadable};

/// What is kept of an object beside what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Brief {
    pub uid: String,
    pub generation: i64,
    pub requested: Option<String>,
    /// Of a Person: who it declares.
    pub person: Option<PersonId>,
    /// Of a Realm: the id that is worked with.
    pub works_as: Option<RealmId>,
    /// Something was said of it when it was first seen.
    pub told: bool,
}

impl RealmTask {
    pub(super) fn take_event(&mut self, event: Event) {
        match event {
            Event::Listed { of: Watched::Input(kind), entries, version } => {
                self.take_list(kind, entries);
                self.positions.reached(Watched::Input(kind), version);
            }
            Event::Applied(entry) => {
                let (of, version) = (entry.of, entry.version);
                match of {
                    Watched::Input(kind) => self.take_entry(kind, *entry),
                    Watched::Secret => self.take_secret(&entry.name, entry.version),
                    Watched::Departure => self.departure_seen(entry.name, entry.uid),
                }
                self.positions.reached(of, version);
            }
            Event::Deleted(entry) => {
                let (of, version) = (entry.of, entry.version);
                match of {
                    Watched::Input(kind) => self.lose(kind, &entry.name),
                    Watched::Secret => {
                        self.secrets.remove(&entry.name);
                        self.reopen(&entry.name);
                    }
                    Watched::Departure => {
                        self.departures.remove(&entry.name);
                        self.departure_deleted(&entry.name);
                    }
                }
                self.positions.reached(of, version);
            }
            Event::Reached { of, version } => self.positions.reached(of, version),
            Event::Failing { of: Watched::Input(kind), why } => {
                if self.failing.insert(kind, why.clone()) != Some(why) {
                    self.mark_unreadable();
                }
            }
            Event::Listed { of: Watched::Secret, entries, .. } => {
                for entry in entries {
                    self.take_secret(&entry.name, entry.version);
                }
            }
            Event::Listed { of: Watched::Departure, entries, .. } => self.departures_listed(entries),
            Event::Failing { of: Watched::Departure | Watched::Secret, .. } => {}
        }
    }

    fn take_list(&mut self, kind: ResourceKind, entries: Vec<Entry>) {
        let there: BTreeSet<ObjectName> = entries.iter().map(|entry| entry.name.clone()).collect();
        let names = self.briefs.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone());
        let gone: Vec<ObjectName> = names.filter(|name| !there.contains(name)).collect();
        for name in gone {
            self.lose(kind, &name);
        }
        for entry in entries {
            self.take_entry(kind, entry);
        }
        let first = self.listed.insert(kind);
        if kind == ResourceKind::Realm {
            self.take_id();
        }
        if self.failing.remove(&kind).is_some() || first {
            self.mark_unreadable();
        }
        // Whoever is declared by nobody is gone, also where nothing else says so.
        self.dirty.moved();
        self.objects_unreported = true;
    }

    fn take_entry(&mut self, kind: ResourceKind, entry: Entry) {
        let key = (kind, entry.name.clone());
        let person = match &entry.said {
            Some(Ok(Object { body: Body::Person(spec), meta })) => person_of(spec.external_id.as_deref(), &meta.name),
            Some(_) | None => self.briefs.get(&key).and_then(|brief| brief.person.clone()),
        };
        if entry.leaving {
            // An object under deletion declares nothing any more.
            self.lose(kind, &entry.name);
            let torn = || match &entry.said {
                Some(Err(torn)) => person_of(torn.external_id.as_deref(), &entry.name),
                Some(Ok(_)) | None => None,
            };
            if let (ResourceKind::Person, true, Some(person)) = (kind, entry.finalizer, person.or_else(torn)) {
                self.part(entry.name, person);
            }
            return;
        }
        if kind == ResourceKind::Lockout && self.briefs.get(&key).is_some_and(|before| before.uid != entry.uid) {
            // Another one by the same name: it has met nobody yet.
            self.lose(kind, &entry.name);
        }
        let brief = Brief {
            uid: entry.uid.clone(),
            generation: entry.generation,
            requested: entry.requested.clone(),
            person: person.clone(),
            works_as: entry.works_as.clone(),
            told: self.briefs.get(&key).map_or(entry.told, |before| before.told),
        };
        let before = self.briefs.insert(key.clone(), brief.clone());
        if before.as_ref().is_none_or(|before| before.generation != brief.generation || before.requested != brief.requested) {
            self.objects_unreported = true;
            if let (ResourceKind::Person, Some(person)) = (kind, &person) {
                self.unreported.insert(person.clone());
            }
        }
        let same = before.as_ref().is_some_and(|before| before.uid == brief.uid);
        if before.is_some_and(|before| before.requested != brief.requested) {
            self.request(kind, &entry.name, person.as_ref());
        }
        if let (ResourceKind::Person, Some(person)) = (kind, &person) {
            self.declare(&entry.name, person);
        }
        if same && kind != ResourceKind::ConfigMap && !(entry.told && entry.kept) {
            self.say_again(kind, &entry, person.as_ref());
        }
        let affected = match entry.said {
            Some(Ok(object)) => {
                self.unreadable.remove(&key);
                self.realm.set(object)
            }
            Some(Err(torn)) => {
                self.unreadable.insert(key, torn.clone());
                self.realm.cannot_read(torn)
            }
            None => return,
        };
        self.affect(&affected);
        if kind == ResourceKind::Realm {
            self.take_id();
        }
        if let Some(person) = entry.met.filter(|_| self.realm.met(&entry.name).is_none()) {
            let affected = self.realm.remember_met(&entry.name, person);
            self.affect(&affected);
        }
        if matches!(kind, ResourceKind::Person | ResourceKind::Lockout) {
            // At once: the Person may be called something else before anything is decided.
            let affected = self.realm.meet(|_| false);
            self.affect(&affected);
        }
    }

    /// The Realm names the realm's id, else the namespace does. Whatever a second Realm says, the id that was begun with stays.
    fn take_id(&mut self) {
        // Before all Realms are there, nobody can tell which is the second.
        if !self.listed.contains(&ResourceKind::Realm) {
            return;
        }
        let realms = self.briefs.iter().filter(|((kind, _), _)| *kind == ResourceKind::Realm);
        let realms = realms.map(|((_, name), brief)| (name.clone(), brief.works_as.clone())).collect();
        let counting = counting(&realms, self.counting.as_ref());
        let affected = self.realm.count_on(counting.clone());
        self.affect(&affected);
        if let Some(id) = id_of(&self.realm, &self.namespace, &realms, counting.as_ref()) {
            let affected = self.realm.rename(id);
            self.affect(&affected);
        }
        self.counting = counting;
    }

    fn lose(&mut self, kind: ResourceKind, name: &ObjectName) {
        let key = (kind, name.clone());
        let Some(brief) = self.briefs.remove(&key) else { return };
        self.unreadable.remove(&key);
        let affected = self.realm.remove(kind, name);
        self.affect(&affected);
        self.dirty.moved();
        if let (ResourceKind::Person, Some(person)) = (kind, brief.person) {
            self.undeclare(name);
            self.dirty.people.insert(person.clone());
            for known in self.known.values() {
                known.touched.touch([person.clone()]);
            }
        }
        if kind == ResourceKind::Realm {
            self.take_id();
        }
        if let Some(scribe) = &self.scribe {
            scribe.forget(kind, name);
        }
    }

    /// Of an object that was there before, what we wrote there may be gone: then it is written again.
    fn say_again(&mut self, kind: ResourceKind, entry: &Entry, person: Option<&PersonId>) {
        if let (false, Some(scribe)) = (entry.told, &self.scribe) {
            scribe.wiped((kind.into(), entry.name.clone()), entry.version);
            self.unreported.extend(person.cloned());
            self.objects_unreported = true;
        }
        let Some(store) = self.store.as_ref().filter(|_| !entry.kept) else { return };
        let target = TargetName::parse(entry.name.as_str()).ok().filter(|_| kind == ResourceKind::TargetSystem);
        let wiped = match target {
            Some(target) => store.ledger_wiped(&target, entry.version),
            None => kind == ResourceKind::Person && store.entries_wiped(&entry.name, entry.version),
        };
        if wiped {
            tracing::warn!(namespace = %self.namespace, %kind, name = %entry.name, "somebody took out what is kept in its status: it is written again");
            self.request(kind, &entry.name, person);
        }
    }

    /// Somebody asks for another look by an annotation.
    fn request(&mut self, kind: ResourceKind, name: &ObjectName, person: Option<&PersonId>) {
        match (kind, person) {
            (ResourceKind::Person, Some(person)) => {
                self.dirty.people.insert(person.clone());
                self.asked_for.insert(person.clone());
                self.dirty.moved();
            }
            (ResourceKind::TargetSystem, _) => {
                if let Some(known) = self.known.iter_mut().find(|(target, _)| target.as_str() == name.as_str()).map(|(_, known)| known) {
                    known.renew = true;
                    known.retry = None;
                    self.dirty.moved();
                }
            }
            (
                ResourceKind::Realm
                | ResourceKind::Person
                | ResourceKind::BusinessRole
                | ResourceKind::RoleBinding
                | ResourceKind::Policy
                | ResourceKind::Approval
                | ResourceKind::Lockout
                | ResourceKind::ConfigMap,
                _,
            ) => {}
        }
    }

    fn take_secret(&mut self, name: &ObjectName, version: u64) {
        if self.secrets.insert(name.clone(), version).is_none_or(|before| before != version) {
            self.reopen(name);
        }
    }

    /// A Secret is another one: the targets that use it are opened anew.
    fn reopen(&mut self, secret: &ObjectName) {
        for known in self.known.values_mut() {
            if known.spec.secret_ref.as_ref().is_some_and(|reference| reference.name == secret.as_str()) {
                known.reopen = true;
                known.retry = None;
            }
        }
    }

    /// All that is there and cannot be read: single objects, and kinds that were never listed, or fail now.
    fn mark_unreadable(&mut self) {
        let missing = ResourceKind::all().filter_map(|kind| {
            let why = match self.failing.get(&kind) {
                Some(why) => why.clone(),
                None if !self.listed.contains(&kind) => "not listed yet".to_owned(),
                None => return None,
            };
            Some(Unreadable { kind: Some(kind), name: None, external_id: None, place: Place::default(), why: format!("{kind}: {why}") })
        });
        let all = self.unreadable.values().cloned().chain(missing).collect();
        let affected = self.realm.mark_unreadable(all);
        self.affect(&affected);
        self.dirty.moved();
    }

    fn departure_seen(&mut self, name: ObjectName, uid: String) {
        let person = self.store.as_ref().and_then(|store| store.departed(&name));
        if self.departures.insert(name, uid.clone()).is_none_or(|before| before != uid) {
            self.unreported.extend(person);
        }
    }

    fn departures_listed(&mut self, entries: Vec<Entry>) {
        let there: BTreeSet<ObjectName> = entries.iter().map(|entry| entry.name.clone()).collect();
        self.departures.retain(|name, _| there.contains(name));
        entries.into_iter().for_each(|entry| self.departure_seen(entry.name, entry.uid));
        let known = self.store.as_ref().map(|store| store.departures()).unwrap_or_default();
        known.iter().filter(|name| !there.contains(name)).for_each(|name| self.departure_deleted(name));
    }
}

fn person_of(external_id: Option<&str>, name: &ObjectName) -> Option<PersonId> {
    PersonId::parse(external_id.unwrap_or(name.as_str())).ok()
}
