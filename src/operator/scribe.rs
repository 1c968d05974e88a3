//! Writes statuses and events behind the realm's back: the latest word on each object, a few at once, and nothing that is not new.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::clock::now;
use super::status::{Said, Spoken, Statuses, conditions};
use crate::api::{GROUP, VERSION};
use crate::ledger::StoreError;
use crate::model::digest::digest_of;
use crate::model::ids::ObjectName;
use crate::realm::object::ResourceKind;

/// How many statuses are written at once.
const AT_ONCE: usize = 8;

/// How many events may wait; what is more is left out, since statuses say it too.
const EVENTS: usize = 2000;

/// How long the API server may take to take an event in.
const SOON: Duration = Duration::from_secs(10);

/// Where a target's status tells of the last sweep.
const SWEEP: &str = "lastSweep";

/// The object that is spoken of.
pub type Topic = (Spoken, ObjectName);

/// What is said of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Saying {
    /// Which object of its name is meant: another one has been told nothing yet.
    pub uid: String,
    /// The generation of which it is said.
    pub generation: i64,
    /// The kind's own fields.
    pub fields: Map<String, Value>,
    /// Its conditions.
    pub conditions: Vec<Said>,
}

/// Something that happened to an object that a user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its name.
    pub name: ObjectName,
    /// Its uid.
    pub uid: String,
    /// Whether somebody should look.
    pub warning: bool,
    /// One PascalCase word.
    pub reason: &'static str,
    /// For people; never a value from a Secret.
    pub note: String,
}

#[derive(Default)]
struct Desk {
    sayings: Mutex<BTreeMap<Topic, Saying>>,
    events: Mutex<VecDeque<Happened>>,
    /// Objects of which somebody took out what was said, and at which version.
    wiped: Mutex<BTreeMap<Topic, u64>>,
    wake: Notify,
}

/// Writes for one namespace.
pub struct Scribe {
    desk: Arc<Desk>,
    tasks: JoinSet<()>,
}

impl Scribe {
    /// For one namespace, of which it first reads what is said there now.
    ///
    /// # Errors
    /// [`StoreError`] where that cannot be read.
    pub async fn open(client: Client, namespace: &str) -> Result<Self, StoreError> {
        let statuses = Statuses::open(client.clone(), namespace).await?;
        let desk = Arc::new(Desk::default());
        let reporter = Reporter { controller: "provost.dev/controller".to_owned(), instance: None };
        let mut tasks = JoinSet::new();
        tasks.spawn(write(Arc::clone(&desk), statuses));
        tasks.spawn(tell(Arc::clone(&desk), Recorder::new(client, reporter), namespace.to_owned()));
        Ok(Self { desk, tasks })
    }

    /// Says this of an object, in place of what was to be said.
    pub fn say(&self, topic: Topic, saying: Saying) {
        lock(&self.desk.sayings).insert(topic, saying);
        self.desk.wake.notify_waiters();
    }

    /// Somebody took out what was said of an object, at this version: what is said next is news.
    pub fn wiped(&self, topic: Topic, version: u64) {
        lock(&self.desk.wiped).insert(topic, version);
    }

    /// The object is gone.
    pub fn forget(&self, kind: ResourceKind, name: &ObjectName) {
        lock(&self.desk.sayings).remove(&(kind.into(), name.clone()));
    }

    /// Something happened.
    pub fn happened(&self, happened: Happened) {
        let mut events = lock(&self.desk.events);
        if events.len() < EVENTS {
            events.push_back(happened);
        }
        drop(events);
        self.desk.wake.notify_waiters();
    }

    /// Writes what is left, for a while.
    pub async fn finish(mut self) {
        let left = || !lock(&self.desk.sayings).is_empty();
        for _ in 0..50 {
            if !left() {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        self.tasks.shutdown().await;
    }
}

async fn write(desk: Arc<Desk>, statuses: Statuses) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    let mut told: BTreeMap<Topic, String> = BTreeMap::new();
    loop {
        let woken = desk.wake.notified();
        let some: Vec<(Topic, Saying)> = {
            let mut sayings = lock(&desk.sayings);
            let topics: Vec<Topic> = sayings.keys().take(AT_ONCE).cloned().collect();
            topics.into_iter().filter_map(|topic| sayings.remove_entry(&topic)).collect()
        };
        if some.is_empty() {
            woken.await;
            continue;
        }
        for ((of, name), version) in std::mem::take(&mut *lock(&desk.wiped)) {
            statuses.wiped(of, &name, version);
        }
        for (topic, saying) in &some {
            // Here and nowhere else: a write that was under way when the object went may have been remembered since.
            if told.insert(topic.clone(), saying.uid.clone()).is_some_and(|before| before != saying.uid) {
                let (of, name) = topic;
                statuses.forget(*of, name);
            }
        }
        let writes = some.into_iter().map(|(topic, saying)| {
            let statuses = &statuses;
            async move {
                let said = say(statuses, &topic, &saying, now()).await;
                (topic, saying, said)
            }
        });
        let mut failed = false;
        for (topic, saying, said) in join_all(writes).await {
            if let Err(error) = said {
                tracing::warn!(%error, "a status could not be written");
                failed = true;
                // Whatever was said meanwhile is newer.
                lock(&desk.sayings).entry(topic).or_insert(saying);
            }
        }
        if failed {
            sleep(backoff.next()).await;
        } else {
            backoff.reset();
        }
    }
}

async fn say(statuses: &Statuses, (of, name): &Topic, saying: &Saying, t: Timestamp) -> Result<(), StoreError> {
    let old = statuses.conditions(*of, name);
    let mut status = saying.fields.clone();
    let conditions = conditions(&old, saying.conditions.clone(), saying.generation, t);
    status.insert("conditions".into(), serde_json::to_value(conditions).unwrap_or_default());
    status.insert("observedGeneration".into(), json!(saying.generation));
    if let Some(sweep) = told_sweep(&statuses.of(*of, name), &status) {
        status.insert(SWEEP.into(), sweep);
    }
    statuses.say(*of, name, Value::Object(status)).await
}

/// The sweep that is told of already, where a later one showed nothing new: an idle operator writes nothing, nor does one that begins anew.
fn told_sweep(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<Value> {
    let without_times = |status: &Map<String, Value>| {
        let mut status = status.clone();
        let sweep = status.get_mut(SWEEP).and_then(Value::as_object_mut);
        if let Some(sweep) = sweep {
            sweep.retain(|field, _| field != "started" && field != "finished");
        }
        status
    };
    old.get(SWEEP).filter(|_| without_times(old) == without_times(new)).cloned()
}

async fn tell(desk: Arc<Desk>, recorder: Recorder, namespace: String) {
    loop {
        let woken = desk.wake.notified();
        let Some(happened) = lock(&desk.events).pop_front() else {
            woken.await;
            continue;
        };
        let action = action(&happened);
        let about = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(happened.kind.as_str().to_owned()),
            name: Some(happened.name.to_string()),
            namespace: Some(namespace.clone()),
            uid: Some(happened.uid),
            ..ObjectReference::default()
        };
        // The API server refuses longer ones.
        let note = happened.note.chars().take(250).collect();
        let event = Event {
            type_: if happened.warning { EventType::Warning } else { EventType::Normal },
            reason: happened.reason.to_owned(),
            note: Some(note),
            action,
            secondary: None,
        };
        // Nothing ever waits for an event, and nothing fails over one.
        match timeout(SOON, recorder.publish(&event, &about)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "an event was not taken in"),
            Err(_) => tracing::debug!("an event was not taken in: no answer"),
        }
    }
}

/// Events of one object, reason and action are counted together under the first one's note (`kube`'s recorder does that): so the action
/// tells notes apart. The same again still counts.
fn action(happened: &Happened) -> String {
    format!("Reconcile-{}", digest_of(&happened.note).chars().take(12).collect::<String>())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(started: &str, drift: u32, held: u32) -> Map<String, Value> {
        let sweep = json!({"started": started, "finished": started, "complete": true, "read": 3, "drift": drift});
        Map::from_iter([(SWEEP.to_owned(), sweep), ("held".to_owned(), json!(held))])
    }

    #[test]
    fn only_the_same_event_counts_as_the_same() {
        let granted = |note: &str| {
            action(&Happened {
                kind: ResourceKind::Person,
                name: ObjectName::parse("ann").unwrap(),
                uid: "1".to_owned(),
                warning: false,
                reason: "EntitlementGranted",
                note: note.to_owned(),
            })
        };
        assert_eq!(granted("dir: group/staff"), granted("dir: group/staff"));
        assert_ne!(granted("dir: group/staff"), granted("dir: group/eng"));
        // The API server refuses longer ones.
        assert!(granted(&"x".repeat(1000)).len() <= 128);
    }

    #[test]
    fn only_a_sweep_that_showed_something_new_is_news() {
        let old = status("t1", 0, 0);
        assert_eq!(told_sweep(&old, &status("t2", 0, 0)).as_ref(), old.get(SWEEP));
        assert_eq!(told_sweep(&old, &status("t2", 1, 0)), None);
        assert_eq!(told_sweep(&old, &status("t2", 0, 1)), None);
        assert_eq!(told_sweep(&Map::new(), &status("t2", 0, 0)), None);
        // Of what has no sweep nothing is said.
        assert_eq!(told_sweep(&Map::new(), &Map::new()), None);
    }
}
