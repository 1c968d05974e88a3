//! Whose status holds what is remembered of a person, as Person objects come and go. A Person that is deleted lets go at once, and what
//! was theirs becomes a Departure; one that comes back takes it back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;

use super::RealmTask;
use crate::ledger::StoreError;
use crate::model::account::AccountKey;
use crate::model::ids::{ObjectName, PersonId};
use crate::model::ledger::Fact;
use crate::operator::backoff::Backoff;
use crate::operator::fresh::{Freshness, Stands};
use crate::operator::status::StatusLedgers;

/// How a write about somebody's objects ended.
pub(super) enum Parting {
    /// The Person let go.
    Parted(ObjectName, PersonId),
    /// What was in a Departure is on a Person again, or a Departure with nothing in it is gone.
    Settled,
}

/// Waits between two attempts.
const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);

impl RealmTask {
    /// This object declares that person.
    pub(super) fn declare(&mut self, name: &ObjectName, person: &PersonId) {
        let Some(store) = self.store.clone() else { return };
        store.declare(name, person);
        if store.departure_of(person).is_none() {
            return;
        }
        self.partings.spawn(persist(store, person.clone(), Move::TakeBack));
    }

    /// This object declares nobody any more.
    pub(super) fn undeclare(&mut self, name: &ObjectName) {
        if let Some(store) = &self.store {
            store.undeclare(name);
        }
    }

    /// A Person under deletion is let go, whatever anything else says.
    pub(super) fn part(&mut self, name: ObjectName, person: PersonId) {
        let Some(store) = self.store.clone() else { return };
        if !self.parting.insert(name.clone()) {
            return;
        }
        self.partings.spawn(persist(store, person, Move::Depart(name, self.freshness.clone())));
    }

    pub(super) fn take_parting(&mut self, parting: Result<Parting, JoinError>) {
        match parting {
            Ok(Parting::Parted(name, person)) => {
                self.parting.remove(&name);
                self.dirty.people.insert(person);
                self.dirty.moved();
            }
            Ok(Parting::Settled) => {}
            Err(error) => tracing::error!(%error, "a Person's letting go broke off"),
        }
    }

    /// Somebody deleted a Departure: the accounts are let be, and nothing is remembered of them.
    pub(super) fn departure_deleted(&mut self, name: &ObjectName) {
        let Some(person) = self.store.as_ref().and_then(|store| store.departed(name)) else { return };
        if self.realm.is_declared(&person) {
            return;
        }
        for (target, known) in &mut self.known {
            let Some(look) = self.looks.get(target) else { continue };
            let keys: Vec<AccountKey> = look.ledger.links_of(&person).map(|(key, _)| key.clone()).collect();
            known.touched.touch([person.clone()]);
            known.notes.extend(keys.into_iter().map(Fact::Unlinked));
        }
        for ledger in self.others.values_mut() {
            let keys: Vec<AccountKey> = ledger.links_of(&person).map(|(key, _)| key.clone()).collect();
            keys.into_iter().for_each(|key| ledger.record(&Fact::Unlinked(key)));
        }
        self.let_be(&person);
        if !self.is_remembered(&person) {
            self.finish_departures(BTreeSet::from([person.clone()]));
        }
        self.dirty.people.insert(person);
        self.dirty.moved();
    }

    /// Nothing is remembered of a person where nobody works.
    pub(super) fn let_be(&self, person: &PersonId) {
        if let Some(store) = &self.store {
            store.let_be(person, &self.known.keys().cloned().collect());
        }
    }

    /// Whether any ledger remembers them.
    pub(in crate::operator::realm) fn is_remembered(&self, person: &PersonId) -> bool {
        self.ledgers().any(|ledger| ledger.knows(person))
    }

    /// Nothing is remembered of these people any more: their Departures are over.
    pub(super) fn finish_departures(&mut self, people: BTreeSet<PersonId>) {
        let Some(store) = self.store.clone() else { return };
        for person in people.into_iter().filter(|person| !self.realm.is_declared(person)) {
            self.partings.spawn(persist(Arc::clone(&store), person, Move::Finish));
        }
    }
}

/// What is to become of what is remembered of a person.
enum Move {
    /// Onto the Person that declares them again.
    TakeBack,
    /// Into a Departure, so that the Person can go.
    Depart(ObjectName, Freshness),
    /// Away, with the Departure in which nothing is left.
    Finish,
}

impl Move {
    async fn make(&self, store: &StatusLedgers, person: &PersonId) -> Result<(), StoreError> {
        match self {
            Self::TakeBack => store.take_back(person).await,
            Self::Depart(name, freshness) => match freshness.stands().await.map_err(StoreError::Store)? {
                Stands::Yes => store.depart(name, person).await,
                // What takes everything with it says nothing about people: no Departure, and accounts stay.
                Stands::No(_) => store.let_go(name).await,
            },
            Self::Finish => store.finished(person).await,
        }
    }
}

/// Tries until it is done.
async fn persist(store: Arc<StatusLedgers>, person: PersonId, to: Move) -> Parting {
    let mut backoff = Backoff::new(FIRST, MOST);
    while let Err(error) = to.make(&store, &person).await {
        tracing::warn!(%person, %error, "will be tried again");
        tokio::time::sleep(backoff.next()).await;
    }
    match to {
        Move::Depart(name, _) => Parting::Parted(name, person),
        Move::TakeBack | Move::Finish => Parting::Settled,
    }
}
