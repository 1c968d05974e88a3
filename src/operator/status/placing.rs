//! A person's entries, put where they belong: at home first, then away from everywhere else.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use serde_json::json;

use super::document::Links;
use super::homes::{Place, departure_name, manager};
use super::ledgers::{AT_ONCE, FINALIZER, MANAGER, StatusLedgers, TRIES};
use super::objects::{Kind, Refusal};
use super::state::of;
use crate::api::account::AccountEntry;
use crate::ledger::StoreError;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::operator::watch::number;

impl StatusLedgers {
    /// Writes the entries of these people, many at once; the first error, once all were tried.
    pub(super) async fn put_all(&self, target: &TargetName, people: BTreeSet<PersonId>) -> Result<(), StoreError> {
        let writes: Vec<_> = people.into_iter().map(|person| self.put(person, target.clone())).collect();
        let answers: Vec<_> = stream::iter(writes).buffer_unordered(AT_ONCE).collect().await;
        answers.into_iter().find(Result::is_err).unwrap_or(Ok(()))
    }

    async fn put(&self, person: PersonId, target: TargetName) -> Result<(), StoreError> {
        let turn = self.turn(&person);
        let _turn = turn.lock().await;
        let written = self.put_now(&person, BTreeSet::from([target.clone()])).await;
        let state = &mut *self.state();
        // What was recorded meanwhile is still to be written, by whoever recorded it.
        let as_written = written.is_ok() && state.is_written(&person, &target);
        let kept = state.kept.entry(target).or_default();
        if as_written {
            kept.pending.retain(|key| key.person != person);
        } else if written.is_err() {
            kept.unshown.insert(person);
        }
        written
    }

    /// Writes a person's entries of these targets at their home, and then takes them away wherever else they stand: until that is done,
    /// the journal or the order of reading says which of two is right. The caller has the person's turn.
    pub(super) async fn put_now(&self, person: &PersonId, mut targets: BTreeSet<TargetName>) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let home = self.state().homes.home(person);
            if self.put_at(person, &home, &targets).await? {
                return self.clear_elsewhere(person, &home, &targets).await;
            }
            // The object is gone, and with it the entries of all targets.
            targets = self.targets_of(person);
        }
        Err(StoreError::Store(format!("the entries of {person} have no object that stays")))
    }

    /// `false`: the object is gone, and its place forgotten.
    async fn put_at(&self, person: &PersonId, home: &Place, targets: &BTreeSet<TargetName>) -> Result<bool, StoreError> {
        for target in targets {
            let (entries, remembered, as_written, is_there) = {
                let state = self.state();
                let (entries, remembered) =
                    state.entries(person, target).map_err(|error| StoreError::Store(format!("the entry of {person}@{target}: {error}")))?;
                let as_written = state.homes.is_written(person, home, target, &entries);
                (entries, remembered, as_written, *home != Place::Departure || state.homes.departures.contains_key(person))
            };
            if as_written || !is_there && !remembered {
                continue;
            }
            match home {
                Place::Departure => {
                    if !self.ensure_departure(person).await? {
                        return Ok(false);
                    }
                }
                Place::Person(name) if remembered => {
                    if !self.ensure_finalizer(name).await? {
                        return Ok(false);
                    }
                }
                Place::Person(_) => {}
            }
            if !self.put_entries(person, home, target, &entries).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn clear_elsewhere(&self, person: &PersonId, home: &Place, targets: &BTreeSet<TargetName>) -> Result<(), StoreError> {
        for target in targets {
            let places = self.state().homes.elsewhere(person, home, target);
            for place in places {
                self.put_entries(person, &place, target, &[]).await?;
            }
        }
        Ok(())
    }

    /// Writes one target's entries to one object. `false`: it is gone, and its place forgotten; so is one that was made anew under its
    /// name, maybe for somebody else.
    async fn put_entries(
        &self,
        person: &PersonId,
        place: &Place,
        target: &TargetName,
        entries: &[AccountEntry],
    ) -> Result<bool, StoreError> {
        let (kind, name) = place.object(person);
        let uid = match place {
            Place::Person(name) => self.state().homes.finalized.get(name).cloned(),
            Place::Departure => None,
        };
        let status = if entries.is_empty() { json!({}) } else { json!({ "accounts": entries }) };
        match self.objects.apply(kind, &name, &manager(target), None, &status).await {
            Ok(applied) if uid.is_some_and(|uid| uid != applied.uid) => {
                let undone = self.objects.apply(kind, &name, &manager(target), None, &json!({})).await;
                undone.map_err(|refusal| StoreError::Store(refusal.about(kind, &name)))?;
                self.state().homes.forget(person, place);
                Ok(false)
            }
            Ok(applied) => {
                let homes = &mut self.state().homes;
                homes.wrote(person, place, target, entries);
                homes.left_at(place, number(&applied.version));
                Ok(true)
            }
            Err(Refusal::NotFound) => {
                self.state().homes.forget(person, place);
                Ok(false)
            }
            Err(refusal) => Err(StoreError::Store(refusal.about(kind, &name))),
        }
    }

    /// All targets of which something is remembered, shown or written of a person.
    pub(super) fn targets_of(&self, person: &PersonId) -> BTreeSet<TargetName> {
        let state = self.state();
        let mut targets = state.homes.targets(person);
        targets
            .extend(state.kept.iter().filter(|(name, kept)| of(&kept.links, person, name).next().is_some()).map(|(name, _)| name.clone()));
        targets
    }

    /// The Departure is there, and says who it was. `false`: it went again.
    async fn ensure_departure(&self, person: &PersonId) -> Result<bool, StoreError> {
        let name = departure_name(person);
        let (there, names) = {
            let homes = &self.state().homes;
            (homes.departures.get(person).cloned(), homes.names(person))
        };
        let about = |refusal: &Refusal| StoreError::Store(refusal.about(Kind::Departure, &name));
        match there {
            Some(there) if there == names => return Ok(true),
            Some(_) => {}
            None => {
                // Also where a watch has shown the objects gone before anything else said why.
                if !self.objects.stands().await.map_err(|refusal| about(&refusal))? {
                    let why = Refusal::Refused("the namespace or a definition is being deleted, and takes its people along".to_owned());
                    return Err(about(&why));
                }
                self.objects.create(Kind::Departure, &name).await.map_err(|refusal| about(&refusal))?;
            }
        }
        let shown: Vec<&str> = names.iter().map(ObjectName::as_str).take(64).collect();
        let status = json!({"externalId": person, "names": shown});
        match self.objects.apply(Kind::Departure, &name, MANAGER, None, &status).await {
            Ok(_) => {
                self.state().homes.departures.insert(person.clone(), names);
                Ok(true)
            }
            Err(Refusal::NotFound) => {
                self.state().homes.forget(person, &Place::Departure);
                Ok(false)
            }
            Err(refusal) => Err(about(&refusal)),
        }
    }

    /// The Person bears our finalizer. `false`: it is gone or going and takes none, and from now on declares nobody.
    async fn ensure_finalizer(&self, name: &ObjectName) -> Result<bool, StoreError> {
        if self.state().homes.finalized.contains_key(name) {
            return Ok(true);
        }
        let mut why = Refusal::Conflict;
        for _ in 0..TRIES {
            let object = match self.objects.get(Kind::Person, name.as_str()).await {
                Ok(Some(object)) if object.metadata.deletion_timestamp.is_none() => object,
                Ok(_) => {
                    self.state().homes.undeclare(name);
                    return Ok(false);
                }
                Err(refusal) => {
                    why = refusal;
                    break;
                }
            };
            let mut finalizers = object.metadata.finalizers.unwrap_or_default();
            if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
                finalizers.push(FINALIZER.to_owned());
                let version = object.metadata.resource_version.unwrap_or_default();
                if let Err(refusal) = self.objects.finalize(Kind::Person, name.as_str(), &version, &finalizers).await {
                    why = refusal;
                    continue;
                }
            }
            self.state().homes.finalized.insert(name.clone(), object.metadata.uid.unwrap_or_default());
            return Ok(true);
        }
        Err(StoreError::Store(why.about(Kind::Person, name.as_str())))
    }

    /// Before the first link of a person: the object must not go without it. One that does not take the finalizer holds up nobody else:
    /// its link stays in the journal until it does.
    pub(super) async fn guard_people(&self, links: &Links) {
        let people: BTreeSet<PersonId> = links.iter().filter(|(_, link)| link.is_some()).map(|(key, _)| key.person.clone()).collect();
        let unguarded: Vec<_> = {
            let state = self.state();
            people
                .into_iter()
                .filter_map(|person| match state.homes.home(&person) {
                    Place::Person(name) if !state.homes.finalized.contains_key(&name) => Some(person),
                    Place::Person(_) | Place::Departure => None,
                })
                .collect()
        };
        let guards: Vec<_> = unguarded.into_iter().map(|person| self.guard(person)).collect();
        let answers: Vec<_> = stream::iter(guards).buffer_unordered(AT_ONCE).collect().await;
        for error in answers.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "a person takes no finalizer");
        }
    }

    async fn guard(&self, person: PersonId) -> Result<(), StoreError> {
        let turn = self.turn(&person);
        let _turn = turn.lock().await;
        for _ in 0..TRIES {
            let home = self.state().homes.home(&person);
            let Place::Person(name) = home else { break };
            if self.ensure_finalizer(&name).await? {
                break;
            }
        }
        Ok(())
    }
}
