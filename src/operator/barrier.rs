//! How far the inputs of a realm have been read. Before something is taken away, everything that was declared until then must have
//! been seen: a change that is under way may say otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::object::Watched;

/// How far each kind has been read and taken in.
#[derive(Debug)]
pub struct Positions {
    read: watch::Sender<BTreeMap<Watched, u64>>,
    nudges: Vec<Arc<Notify>>,
}

impl Positions {
    /// Of these kinds. `nudges` wake the loops that follow them.
    #[must_use]
    pub fn new(kinds: impl IntoIterator<Item = Watched>, nudges: Vec<Arc<Notify>>) -> Self {
        let read = watch::Sender::new(kinds.into_iter().map(|kind| (kind, 0)).collect());
        Self { read, nudges }
    }

    /// Everything of this kind up to this version has been taken in.
    pub fn reached(&self, of: Watched, version: u64) {
        self.read.send_if_modified(|read| match read.get_mut(&of) {
            Some(known) if *known < version => {
                *known = version;
                true
            }
            Some(_) | None => false,
        });
    }

    /// Waits until every kind has been taken in up to this version. The kinds that have not are named when the time is over.
    ///
    /// # Errors
    /// The kinds that are behind, for people.
    pub async fn wait_for(&self, version: u64, within: Duration) -> Result<(), String> {
        let mut read = self.read.subscribe();
        let behind =
            |read: &BTreeMap<Watched, u64>| read.iter().filter(|(_, known)| **known < version).map(|(of, _)| of.to_string()).collect();
        let late: Vec<String> = behind(&read.borrow_and_update());
        if late.is_empty() {
            return Ok(());
        }
        // A quiet kind reaches a version by a bookmark alone, which the API server sends once a minute, or when a short watch ends.
        self.nudges.iter().for_each(|nudge| nudge.notify_one());
        let all = read.wait_for(|read| read.values().all(|known| *known >= version));
        match timeout(within, all).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err("the realm is closing".to_owned()),
            Err(_) => {
                let late: Vec<String> = behind(&self.read.borrow());
                Err(format!("not read up to now: {}", late.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realm::object::ResourceKind;

    const PEOPLE: Watched = Watched::Input(ResourceKind::Person);
    const ROLES: Watched = Watched::Input(ResourceKind::BusinessRole);

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_the_last_kind() {
        let nudge = Arc::new(Notify::new());
        let positions = Arc::new(Positions::new([PEOPLE, ROLES], vec![Arc::clone(&nudge)]));
        positions.reached(PEOPLE, 7);
        positions.reached(ROLES, 6);
        let waits = tokio::time::timeout(Duration::from_secs(1), positions.wait_for(7, Duration::from_secs(60))).await;
        assert!(waits.is_err(), "it went on, and the roles were behind");
        assert_eq!(positions.wait_for(7, Duration::from_secs(3)).await, Err("not read up to now: BusinessRole".to_owned()));
        nudge.notified().await;
        positions.reached(ROLES, 9);
        positions.reached(ROLES, 8);
        assert_eq!(positions.wait_for(9, Duration::from_secs(3)).await, Err("not read up to now: Person".to_owned()));
        assert_eq!(positions.wait_for(7, Duration::from_secs(3)).await, Ok(()));
    }
}
