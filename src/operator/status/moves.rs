//! People who go and come back: their entries move between Person and Departure, durable before anything is let go.

use std::collections::BTreeSet;

use super::homes::{Place, departure_name};
use super::ledgers::{FINALIZER, StatusLedgers, TRIES};
use super::objects::{Kind, Refusal};
use super::state::{Stopped, of};
use crate::ledger::StoreError;
use crate::model::ids::{ObjectName, PersonId, TargetName};

impl StatusLedgers {
    /// The Person object is being deleted, or gone: its entries move to the person's Departure, or to another Person that declares the
    /// same id; then our finalizer goes. Can be done again at any time.
    ///
    /// # Errors
    /// [`StoreError`]: the object stays.
    pub async fn depart(&self, name: &ObjectName, id: &PersonId) -> Result<(), StoreError> {
        self.may_move()?;
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        let made_anew = {
            let homes = &mut self.state().homes;
            // Another Person bears the name by now, and has its own entries and finalizer.
            let made_anew = homes.declares(name).is_some_and(|declared| declared != id);
            if !made_anew {
                homes.undeclare(name);
                homes.declared(name, id);
            }
            made_anew
        };
        self.put_now(id, self.targets_of(id)).await?;
        if made_anew {
            return Ok(());
        }
        self.unfinalize(name).await?;
        self.state().homes.forget(id, &Place::Person(name.clone()));
        Ok(())
    }

    /// Removes our finalizer from a Person and keeps nothing: where the realm ends and accounts stay as they are.
    ///
    /// # Errors
    /// [`StoreError`]: the object stays.
    pub async fn let_go(&self, name: &ObjectName) -> Result<(), StoreError> {
        self.unfinalize(name).await?;
        self.state().homes.finalized.remove(name);
        Ok(())
    }

    /// Somebody declares the person again: the entries move from the Departure to that Person, and the Departure goes.
    ///
    /// # Errors
    /// [`StoreError`]: it is to be done again.
    pub async fn take_back(&self, id: &PersonId) -> Result<(), StoreError> {
        self.may_move()?;
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        if self.state().homes.home(id) == Place::Departure || !self.state().homes.departures.contains_key(id) {
            return Ok(());
        }
        self.put_now(id, self.targets_of(id)).await?;
        // The one who declared them may be gone meanwhile.
        if self.state().homes.home(id) == Place::Departure {
            return Ok(());
        }
        self.remove_departure(id).await
    }

    /// The person's Departure, where there is one.
    #[must_use]
    pub fn departure_of(&self, id: &PersonId) -> Option<ObjectName> {
        self.state().homes.departures.contains_key(id).then(|| ObjectName::parse(departure_name(id)).ok())?
    }

    /// All Departures.
    #[must_use]
    pub fn departures(&self) -> Vec<ObjectName> {
        self.state().homes.departures.keys().filter_map(|id| ObjectName::parse(departure_name(id)).ok()).collect()
    }

    /// Whose Departure that is.
    #[must_use]
    pub fn departed(&self, name: &ObjectName) -> Option<PersonId> {
        self.state().homes.departed(name)
    }

    /// Deletes a person's Departure, if nothing is remembered of them any more.
    ///
    /// # Errors
    /// [`StoreError`]: it is to be done again.
    pub async fn finished(&self, id: &PersonId) -> Result<(), StoreError> {
        self.may_move()?;
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        {
            let state = self.state();
            let left = state.kept.iter().any(|(target, kept)| of(&kept.links, id, target).next().is_some());
            if left || !state.homes.departures.contains_key(id) {
                return Ok(());
            }
        }
        self.remove_departure(id).await
    }

    /// Somebody deleted a person's Departure, and their accounts are to be let be: nothing is remembered of them in targets that nobody
    /// works on, where no record could say so. What stood on the Departure is gone with it.
    pub fn let_be(&self, id: &PersonId, worked_on: &BTreeSet<TargetName>) {
        let state = &mut *self.state();
        for (target, kept) in state.kept.iter_mut().filter(|(target, _)| !worked_on.contains(*target)) {
            let keys: Vec<_> = of(&kept.links, id, target).map(|(key, _)| key.clone()).collect();
            for key in keys {
                kept.links.remove(&key);
                state.shown.remove(&key);
                // What a journal may still say of it, the next one takes back.
                if kept.journaled {
                    kept.pending.insert(key);
                } else {
                    kept.pending.remove(&key);
                }
            }
        }
    }

    async fn remove_departure(&self, id: &PersonId) -> Result<(), StoreError> {
        let name = departure_name(id);
        let removed = self.objects.delete(Kind::Departure, &name).await;
        removed.map_err(|refusal| StoreError::Store(refusal.about(Kind::Departure, &name)))?;
        self.state().homes.forget(id, &Place::Departure);
        Ok(())
    }

    async fn unfinalize(&self, name: &ObjectName) -> Result<(), StoreError> {
        let mut why = Refusal::Conflict;
        for _ in 0..TRIES {
            let object = match self.objects.get(Kind::Person, name.as_str()).await {
                Ok(Some(object)) => object,
                Ok(None) => return Ok(()),
                Err(refusal) => {
                    why = refusal;
                    break;
                }
            };
            let finalizers = object.metadata.finalizers.unwrap_or_default();
            let rest: Vec<String> = finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
            if rest.len() == finalizers.len() {
                return Ok(());
            }
            let version = object.metadata.resource_version.unwrap_or_default();
            match self.objects.finalize(Kind::Person, name.as_str(), &version, &rest).await {
                Ok(()) | Err(Refusal::NotFound) => return Ok(()),
                Err(refusal) => why = refusal,
            }
        }
        Err(StoreError::Store(why.about(Kind::Person, name.as_str())))
    }

    /// What is moved is of all targets: a session that one of them has fenced moves nothing.
    fn may_move(&self) -> Result<(), StoreError> {
        let state = self.state();
        let fenced = state.kept.iter().find(|(_, kept)| matches!(kept.stopped, Some(Stopped::Fenced)));
        fenced.map_or(Ok(()), |(target, _)| Err(StoreError::Conflict(target.clone())))
    }
}
