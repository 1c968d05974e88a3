//! The ledgers of a namespace, kept in statuses: read once, from then on the truth is in memory and the status its durable copy.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use kube::Client;
use kube::api::DynamicObject;
use serde::Deserialize as _;
use serde_json::json;

use super::document::{Document, Head, Line, Links, Stamp};
use super::entry::Shown;
use super::objects::{Cluster, Kind, Objects, Refusal};
use super::state::{Kept, State, Stopped, read};
use crate::ledger::{LedgerStore, StoreError};
use crate::model::account::AccountKey;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Link};
use crate::operator::watch::number;

/// On each Person of whom an account is remembered: the object does not go before its entries stand on a Departure.
pub const FINALIZER: &str = "provost.dev/accounts";

/// The field manager of `TargetSystem.status.ledger` and of a Departure's head.
pub(super) const MANAGER: &str = "provost-ledger";

/// Statuses that are written at once.
pub(super) const AT_ONCE: usize = 16;

/// How often one thing is tried that others may disturb.
pub(super) const TRIES: usize = 5;

/// The longest journal that goes with the intents in one write, in bytes of JSON.
const JOURNAL: usize = 60_000;

/// How many people may be written at once; several share a turn.
const TURNS: u64 = 64;

/// The ledgers of one namespace.
pub struct StatusLedgers {
    pub(super) objects: Arc<dyn Objects>,
    /// What this session's writes are known by.
    writer: String,
    state: Mutex<State>,
    /// One at a time writes a person's entries.
    writing: Turns<u64>,
    /// One at a time records facts of a target.
    recording: Turns<TargetName>,
}

/// Locks by what they are of.
struct Turns<K>(Mutex<BTreeMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> Turns<K> {
    fn of(&self, of: K) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default())
    }
}

impl StatusLedgers {
    /// Reads all that is remembered in a namespace. What cannot be read fails its own target, or is told by [`Self::problems`].
    ///
    /// # Errors
    /// [`StoreError`] where the objects cannot be listed.
    pub async fn open(client: Client, namespace: impl Into<String>) -> Result<Self, StoreError> {
        Self::on(Arc::new(Cluster::new(client, namespace.into()))).await
    }

    pub(super) async fn on(objects: Arc<dyn Objects>) -> Result<Self, StoreError> {
        let list = async |kind: Kind| {
            objects.list(kind).await.map_err(|refusal| StoreError::Store(format!("{}: {}", kind.names().1, refusal.about(kind, "*"))))
        };
        let (people, departures, targets) = (list(Kind::Person).await?, list(Kind::Departure).await?, list(Kind::TargetSystem).await?);
        let writer = format!("{:016x}", std::hash::RandomState::new().hash_one(std::process::id()));
        let state = Mutex::new(read(&people, &departures, &targets));
        Ok(Self { objects, writer, state, writing: Turns::default(), recording: Turns::default() })
    }

    /// What could not be read: `Person/ann: …`, one line each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.state().problems.clone()
    }

    /// This Person object declares that person, from now on.
    pub fn declare(&self, name: &ObjectName, id: &PersonId) {
        self.state().homes.declare(name, id);
    }

    /// This Person object declares nobody any more: it is being deleted, or gone.
    pub fn undeclare(&self, name: &ObjectName) {
        self.state().homes.undeclare(name);
    }

    /// The ledger of a target as it is remembered, without a claim to write it.
    #[must_use]
    pub fn ledger(&self, target: &TargetName) -> Ledger {
        self.kept(target, |kept| kept.head.clone().ledger(target.clone(), kept.links.clone()))
    }

    /// What waits for a person's answer, by target and account, as the statuses say it.
    #[must_use]
    pub fn held(&self) -> BTreeMap<TargetName, BTreeMap<AccountKey, BTreeSet<String>>> {
        let mut held: BTreeMap<TargetName, BTreeMap<AccountKey, BTreeSet<String>>> = BTreeMap::new();
        for (key, shown) in self.state().shown.iter().filter(|(_, shown)| !shown.waiting.is_empty()) {
            held.entry(key.target.clone()).or_default().insert(key.clone(), shown.waiting.clone());
        }
        held
    }

    /// Says what only shows of some accounts. Accounts that are not named stay as they are; nothing is written where nothing changes.
    ///
    /// # Errors
    /// The first [`StoreError`]; all others are tried all the same, and again with the next call.
    pub async fn show(&self, target: &TargetName, shown: BTreeMap<AccountKey, Shown>) -> Result<(), StoreError> {
        self.may_write(target)?;
        self.restore(target).await?;
        let people: BTreeSet<PersonId> = {
            let state = &mut *self.state();
            let kept = state.kept.entry(target.clone()).or_default();
            let mut people = std::mem::take(&mut kept.unshown);
            for (key, new) in shown.into_iter().filter(|(key, _)| key.target == *target) {
                // What is ours shows anyway.
                let new = kept.links.get(&key).map_or(new.clone(), |link| without(new, link));
                let old = if new == Shown::default() { state.shown.remove(&key) } else { state.shown.insert(key.clone(), new.clone()) };
                if old.unwrap_or_default() != new {
                    people.insert(key.person);
                }
            }
            people
        };
        self.put_all(target, people).await
    }

    /// Somebody took the ledger out of a target's status, at this version of the object: it is written again with the next [`Self::show`].
    /// An object that is older than our last write says nothing.
    #[must_use]
    pub fn ledger_wiped(&self, target: &TargetName, version: u64) -> bool {
        self.kept(target, |kept| {
            let ours = kept.version.as_deref().map(number);
            kept.wiped |= kept.stamp != Stamp::default() && ours.is_some_and(|ours| ours < version);
            kept.wiped
        })
    }

    /// Somebody took the entries out of a person's status, at this version of the object: they are written again with the next
    /// [`Self::show`] of each target.
    #[must_use]
    pub fn entries_wiped(&self, name: &ObjectName, version: u64) -> bool {
        let state = &mut *self.state();
        let Some((person, targets)) = state.homes.wiped(name, version) else { return false };
        for target in targets {
            state.kept.entry(target).or_default().unshown.insert(person.clone());
        }
        true
    }

    /// Writes a ledger again that somebody took out: memory is the truth.
    async fn restore(&self, target: &TargetName) -> Result<(), StoreError> {
        let turn = self.recording.of(target.clone());
        let _turn = turn.lock().await;
        match self.kept(target, |kept| kept.wiped.then(|| kept.head.clone())) {
            Some(head) => self.write(target, &head, self.journal(target, &Links::new())).await,
            None => Ok(()),
        }
    }

    /// Writes what is recorded and not yet on people's statuses, as a session that ended too early leaves it.
    ///
    /// # Errors
    /// [`StoreError`] as of a record.
    pub async fn flush(&self, target: &TargetName) -> Result<(), StoreError> {
        let turn = self.recording.of(target.clone());
        let _turn = turn.lock().await;
        if self.kept(target, |kept| kept.pending.is_empty()) {
            return Ok(());
        }
        self.may_write(target)?;
        self.settle(target).await;
        self.shrink(target).await
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn kept<T>(&self, target: &TargetName, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(self.state().kept.entry(target.clone()).or_default())
    }

    /// A person's turn: whoever has it writes their entries, alone.
    pub(super) fn turn(&self, person: &PersonId) -> Arc<tokio::sync::Mutex<()>> {
        let mut hash = DefaultHasher::new();
        person.hash(&mut hash);
        self.writing.of(hash.finish() % TURNS)
    }

    pub(super) fn may_write(&self, target: &TargetName) -> Result<(), StoreError> {
        self.kept(target, |kept| match &kept.stopped {
            None => Ok(()),
            Some(Stopped::Fenced) => Err(StoreError::Conflict(target.clone())),
            Some(Stopped::Unreadable(why)) => Err(StoreError::Store(why.clone())),
        })
    }

    /// The conditional write: all of the ledger but its links, and the journal. It is done only where nobody else wrote the ledger since;
    /// of a foreign edit of the object it is tried again, of an answer that is missing it is looked whether it was done.
    async fn write(&self, target: &TargetName, head: &Head, journal: Vec<Line>) -> Result<(), StoreError> {
        let name = target.as_str();
        let journaled = !journal.is_empty();
        let (last, mut version, stamp) = self.kept(target, |kept| {
            kept.sequence = kept.sequence.max(kept.stamp.sequence) + 1;
            let stamp = Stamp { writer: self.writer.clone(), sequence: kept.sequence };
            // Until it is answered, nobody knows which version is the last; also where this call is given up.
            (kept.stamp.clone(), kept.version.take(), stamp)
        });
        let document = Document { stamp: stamp.clone(), head: head.clone(), journal };
        let document = serde_json::to_value(&document).map_err(|error| StoreError::Store(format!("the ledger of {target}: {error}")))?;
        let wrote = |kept: &mut Kept, version: Option<String>| {
            (kept.stamp, kept.version, kept.journaled, kept.wiped) = (stamp.clone(), version, journaled, false);
        };
        let about = |refusal: &Refusal| StoreError::Store(refusal.about(Kind::TargetSystem, name));
        let mut why = Refusal::Conflict;
        for _ in 0..TRIES {
            let current = match version.take() {
                Some(version) => version,
                None => {
                    let object = match self.objects.get(Kind::TargetSystem, name).await {
                        Ok(Some(object)) => object,
                        Ok(None) => return Err(about(&Refusal::NotFound)),
                        Err(refusal) => {
                            why = refusal;
                            continue;
                        }
                    };
                    let there = stamp_of(&object);
                    let current = object.metadata.resource_version.clone().unwrap_or_default();
                    if there == stamp {
                        self.kept(target, |kept| wrote(kept, Some(current)));
                        return Ok(());
                    }
                    // Whoever works here leaves a stamp. Where there is none, the object was made anew, or somebody took the status out.
                    if there != last && there.writer != self.writer && there != Stamp::default() {
                        self.kept(target, |kept| kept.stopped = Some(Stopped::Fenced));
                        return Err(StoreError::Conflict(target.clone()));
                    }
                    self.kept(target, |kept| kept.uid.clone_from(&object.metadata.uid));
                    current
                }
            };
            match self.objects.apply(Kind::TargetSystem, name, MANAGER, Some(&current), &json!({ "ledger": document })).await {
                Ok(applied) => {
                    self.kept(target, |kept| wrote(kept, Some(applied.version)));
                    return Ok(());
                }
                Err(refusal @ (Refusal::Conflict | Refusal::Unanswered(_))) => why = refusal,
                Err(refusal @ (Refusal::NotFound | Refusal::Refused(_))) => return Err(about(&refusal)),
            }
        }
        Err(about(&why))
    }

    /// The journal as it is to be written: what is pending, with these links laid over it.
    fn journal(&self, target: &TargetName, over: &Links) -> Vec<Line> {
        self.kept(target, |kept| {
            let before = kept.pending.iter().filter(|key| !over.contains_key(key)).map(|key| Line::new(key, kept.links.get(key)));
            before.chain(over.iter().map(|(key, link)| Line::new(key, link.as_ref()))).collect()
        })
    }

    /// From now on this is the truth.
    fn commit(&self, target: &TargetName, head: Head, links: Links) {
        let state = &mut *self.state();
        let kept = state.kept.entry(target.clone()).or_default();
        kept.head = head;
        for (key, link) in links {
            match link {
                Some(link) => {
                    kept.links.insert(key.clone(), link);
                }
                None => {
                    kept.links.remove(&key);
                    state.shown.remove(&key);
                }
            }
            kept.pending.insert(key);
        }
    }

    /// Writes the entries of all that is pending; what cannot be written stays so.
    async fn settle(&self, target: &TargetName) {
        let people = self.kept(target, |kept| kept.pending.iter().map(|key| key.person.clone()).collect());
        if let Err(error) = self.put_all(target, people).await {
            tracing::warn!(%target, %error, "entries stay in the journal until they can be written");
        }
    }

    /// Writes the journal as it is now, where fewer lines are left than stand there.
    async fn shrink(&self, target: &TargetName) -> Result<(), StoreError> {
        let shrunk = self.kept(target, |kept| (kept.journaled && kept.pending.is_empty()).then(|| kept.head.clone()));
        match shrunk {
            Some(head) => self.write(target, &head, Vec::new()).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl LedgerStore for StatusLedgers {
    /// From memory. Once another session wrote the ledger, this one's is no truth any more: open again.
    async fn load(&self, target: &TargetName) -> Result<Ledger, StoreError> {
        self.may_write(target)?;
        Ok(self.kept(target, |kept| kept.head.clone().ledger(target.clone(), kept.links.clone())))
    }

    async fn targets(&self) -> Result<Vec<TargetName>, StoreError> {
        let state = self.state();
        let known =
            state.kept.iter().filter(|(_, kept)| !kept.links.is_empty() || kept.stamp != Stamp::default() || kept.stopped.is_some());
        Ok(known.map(|(name, _)| name.clone()).collect())
    }

    /// One conditional write makes all facts durable: what they say of links is in the journal, which a session that opens lays over the
    /// entries. Then the entries follow, and the journal shrinks.
    ///
    /// Where the journal would be too large for one object: first the conditional write of all but intents and links (the fence, and the
    /// guard's charge), then the entries, then the conditional write of the intents. A death in between has charged changes of which no
    /// intent is known, so none was sent: it counts too much, never too little. Entries that were written ahead say at most that
    /// something is charged, held or about to be given, and the next look corrects that. After an answer, the intents of what was
    /// answered stay open until the last write: the next look finds it done, and ours. Where that last write fails, memory is ahead
    /// like a session that died just behind it, and the next record makes it durable.
    async fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let turn = self.recording.of(target.clone());
        let _turn = turn.lock().await;
        self.may_write(target)?;
        let before = self.kept(target, |kept| kept.head.clone());
        let mut head = before.clone();
        let links = head.record(target, facts);
        // What is known already, and durable, is no write; but what is about to be sent has to pass the fence.
        let known = self.kept(target, |kept| {
            !kept.wiped && kept.version.is_some() && links.iter().all(|(key, link)| kept.links.get(key) == link.as_ref())
        });
        if known && head == before && head.intents.is_empty() {
            return Ok(());
        }
        self.guard_people(&links).await;
        let journal = self.journal(target, &links);
        let size = serde_json::to_vec(&journal).map_or(0, |json| json.len());
        if size > JOURNAL {
            let charged = Head { intents: before.intents, ..head.clone() };
            self.write(target, &charged, self.journal(target, &Links::new())).await?;
            self.commit(target, head.clone(), links);
            self.settle(target).await;
            return self.write(target, &head, self.journal(target, &Links::new())).await;
        }
        self.write(target, &head, journal).await?;
        let idle = head.intents.is_empty();
        self.commit(target, head, links);
        self.settle(target).await;
        if idle && let Err(error) = self.shrink(target).await {
            // The facts are durable; a fence is met by the next record.
            tracing::warn!(%target, %error, "the journal stays until the next record");
        }
        Ok(())
    }
}

fn without(shown: Shown, link: &Link) -> Shown {
    Shown { held: shown.held.into_iter().filter(|key| !link.grants.contains_key(key)).collect(), ..shown }
}

fn stamp_of(object: &DynamicObject) -> Stamp {
    object.data.pointer("/status/ledger/stamp").and_then(|stamp| Stamp::deserialize(stamp).ok()).unwrap_or_default()
}
