//! What is said of objects: conditions, counts, dates. Written only where it is new.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::{Client, ResourceExt as _};
use serde_json::{Map, Value};

use super::objects::{Cluster, Kind, Objects, Refusal};
use crate::api::condition::Condition;
use crate::api::time::Moment;
use crate::ledger::StoreError;
use crate::model::ids::ObjectName;
use crate::operator::watch::number;
use crate::realm::object::ResourceKind;

/// The field manager of all that is said.
const MANAGER: &str = "provost";

/// What a condition's type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

impl Truth {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// `Ready`, `Held`, ….
    pub type_: String,
    /// Whether it is so.
    pub status: Truth,
    /// One PascalCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Said {
    /// A condition.
    #[must_use]
    pub fn new(type_: &str, status: Truth, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { type_: type_.to_owned(), status, reason: reason.into(), message: message.into() }
    }
}

/// The conditions as they are to be written: since when one is as it is moves only with its status. Those that are not said go.
#[must_use]
pub fn conditions(old: &[Condition], new: Vec<Said>, generation: i64, t: Timestamp) -> Vec<Condition> {
    // Kubernetes knows no parts of seconds here.
    let now = Moment(Timestamp::from_second(t.as_second()).unwrap_or(t));
    new.into_iter()
        .map(|said| {
            let before = old.iter().find(|old| old.type_ == said.type_ && old.status == said.status.as_str());
            Condition {
                status: said.status.as_str().to_owned(),
                reason: said.reason,
                message: said.message,
                last_transition_time: before.map_or(now, |before| before.last_transition_time),
                observed_generation: Some(generation),
                type_: said.type_,
            }
        })
        .collect()
}

/// What is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spoken {
    /// An input.
    Input(ResourceKind),
    /// A Departure.
    Departure,
}

impl From<ResourceKind> for Spoken {
    fn from(kind: ResourceKind) -> Self {
        Self::Input(kind)
    }
}

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(kind) => kind.fmt(f),
            Self::Departure => f.write_str("Departure"),
        }
    }
}

/// The statuses of one namespace, but for what the ledgers keep there.
pub struct Statuses {
    objects: Arc<dyn Objects>,
    said: Mutex<BTreeMap<(Kind, String), Map<String, Value>>>,
    /// The version that our last write gave an object.
    versions: Mutex<BTreeMap<(Kind, String), u64>>,
}

impl Statuses {
    /// Reads what stands there now, so that nothing is said twice.
    ///
    /// # Errors
    /// [`StoreError`] where the objects cannot be listed.
    pub async fn open(client: Client, namespace: impl Into<String>) -> Result<Self, StoreError> {
        Self::on(Arc::new(Cluster::new(client, namespace.into()))).await
    }

    pub(super) async fn on(objects: Arc<dyn Objects>) -> Result<Self, StoreError> {
        let mut said = BTreeMap::new();
        for kind in Kind::ALL {
            let all = objects.list(kind).await.map_err(|refusal| StoreError::Store(refusal.about(kind, "*")))?;
            for object in all {
                let status = object.data.get("status").and_then(Value::as_object).cloned().unwrap_or_default();
                said.insert((kind, object.name_any()), ours(kind, status));
            }
        }
        Ok(Self { objects, said: Mutex::new(said), versions: Mutex::default() })
    }

    /// The conditions that stand on an object.
    #[must_use]
    pub fn conditions(&self, of: impl Into<Spoken>, name: &ObjectName) -> Vec<Condition> {
        let said = self.of(of, name);
        let conditions = said.get("conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().filter_map(|condition| serde_json::from_value(condition.clone()).ok()).collect()
    }

    /// All that is said of an object, as it stands there.
    #[must_use]
    pub fn of(&self, of: impl Into<Spoken>, name: &ObjectName) -> Map<String, Value> {
        Kind::of(of.into()).and_then(|kind| self.said().get(&(kind, name.to_string())).cloned()).unwrap_or_default()
    }

    /// Says all of an object's status, but for what the ledgers keep there. What was said before and is not any more goes. An object that
    /// is gone is no error.
    ///
    /// # Errors
    /// [`StoreError`], with the object.
    pub async fn say(&self, of: impl Into<Spoken>, name: &ObjectName, status: Value) -> Result<(), StoreError> {
        let of = of.into();
        match Kind::of(of) {
            Some(kind) => self.say_of(kind, name, status).await,
            None => Err(StoreError::Store(format!("{of}/{name}: has no status of ours"))),
        }
    }

    /// The object is gone: of another one by its name nothing has been said.
    pub fn forget(&self, of: impl Into<Spoken>, name: &ObjectName) {
        if let Some(kind) = Kind::of(of.into()) {
            self.said().remove(&(kind, name.to_string()));
            self.versions.lock().unwrap_or_else(PoisonError::into_inner).remove(&(kind, name.to_string()));
        }
    }

    /// At this version nothing is said there any more; unless we have said it since.
    pub fn wiped(&self, of: impl Into<Spoken>, name: &ObjectName, version: u64) {
        let Some(kind) = Kind::of(of.into()) else { return };
        let key = (kind, name.to_string());
        let later = self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(&key).is_some_and(|ours| *ours >= version);
        if !later {
            self.said().remove(&key);
        }
    }

    fn said(&self) -> MutexGuard<'_, BTreeMap<(Kind, String), Map<String, Value>>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn say_of(&self, kind: Kind, name: &ObjectName, status: Value) -> Result<(), StoreError> {
        let Value::Object(status) = status else {
            return Err(StoreError::Store(format!("{}/{name}: a status is an object", kind.names().0)));
        };
        let status = ours(kind, status);
        let key = (kind, name.to_string());
        if self.said().get(&key) == Some(&status) {
            return Ok(());
        }
        // Until it is answered, nobody knows what stands there.
        let before = self.said().remove(&key);
        let body = Value::Object(status.clone());
        match self.objects.apply(kind, name.as_str(), MANAGER, None, &body).await {
            Ok(applied) => {
                self.versions.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), number(&applied.version));
                self.said().insert(key, status);
                Ok(())
            }
            Err(Refusal::NotFound) => Ok(()),
            Err(refusal) => {
                // Its conditions are still those from which times are taken; the version of no status is said again.
                if let Some(conditions) = before.and_then(|mut before| before.remove("conditions")) {
                    self.said().insert(key, Map::from_iter([("conditions".to_owned(), conditions)]));
                }
                Err(StoreError::Store(refusal.about(kind, name.as_str())))
            }
        }
    }
}

/// What the ledgers keep there is not said here; nor is what is said without a value.
fn ours(kind: Kind, mut status: Map<String, Value>) -> Map<String, Value> {
    let theirs: &[&str] = match kind {
        Kind::Person => &["accounts"],
        Kind::TargetSystem => &["ledger"],
        Kind::Departure => &["externalId", "names", "accounts"],
        Kind::Realm | Kind::BusinessRole | Kind::RoleBinding | Kind::Policy | Kind::Approval | Kind::Lockout => &[],
    };
    for field in theirs {
        status.remove(*field);
    }
    status.retain(|_, value| !value.is_null());
    status
}
