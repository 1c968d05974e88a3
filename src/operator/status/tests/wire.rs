//! A cluster in memory that goes wrong at any call, as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::operator::status::objects::{Applied, Kind, Objects, Refusal};

/// An object, with what each field manager says of its status.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub uid: u64,
    pub version: u64,
    pub spec: Value,
    pub finalizers: Vec<String>,
    pub going: bool,
    pub said: BTreeMap<String, Value>,
}

/// How calls go wrong from some call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The call and all later ones do nothing: the session is dead.
    Before,
    /// The call is done, its answer and all later calls are not: the session is dead.
    After,
    /// Nobody hears whether this one call was done: it was not.
    Silent,
    /// Nobody hears whether this one call was done: it was.
    Deaf,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub objects: BTreeMap<(Kind, String), Kept>,
    pub clock: u64,
    pub writes: u64,
    /// The definitions are being deleted.
    pub ending: bool,
}

/// How many there were, and which one goes wrong how.
pub(super) type Calls = (usize, Option<(usize, Cut)>);

/// A session's way to the world.
#[derive(Clone, Default)]
pub(super) struct Wire {
    pub world: Arc<Mutex<World>>,
    pub calls: Arc<Mutex<Calls>>,
}

impl Wire {
    /// Another session's.
    pub fn another(&self) -> Self {
        Self { world: Arc::clone(&self.world), calls: Arc::default() }
    }

    pub fn cut(&self, at: usize, cut: Cut) -> Self {
        Self { world: Arc::clone(&self.world), calls: Arc::new(Mutex::new((0, Some((at, cut))))) }
    }

    pub fn called(&self) -> usize {
        self.calls.lock().unwrap().0
    }

    pub fn writes(&self) -> u64 {
        self.world.lock().unwrap().writes
    }

    pub fn make(&self, kind: Kind, name: &str, spec: Value) {
        let mut world = self.world.lock().unwrap();
        world.clock += 1;
        let kept = Kept { uid: world.clock, version: world.clock, spec, ..Kept::default() };
        world.objects.insert((kind, name.to_owned()), kept);
    }

    /// Somebody else changes the object.
    pub fn touch(&self, kind: Kind, name: &str, change: impl FnOnce(&mut Kept)) {
        let mut world = self.world.lock().unwrap();
        world.clock += 1;
        let clock = world.clock;
        let kept = world.objects.get_mut(&(kind, name.to_owned())).unwrap();
        kept.version = clock;
        change(kept);
        if kept.going && kept.finalizers.is_empty() {
            world.objects.remove(&(kind, name.to_owned()));
        }
    }

    pub fn remove(&self, kind: Kind, name: &str) {
        self.world.lock().unwrap().objects.remove(&(kind, name.to_owned()));
    }

    pub fn has(&self, kind: Kind, name: &str) -> bool {
        self.world.lock().unwrap().objects.contains_key(&(kind, name.to_owned()))
    }

    pub fn status(&self, kind: Kind, name: &str) -> Value {
        self.world.lock().unwrap().objects.get(&(kind, name.to_owned())).map_or(Value::Null, status)
    }

    /// Every call passes here: does it, or not.
    fn call<T>(&self, work: impl FnOnce(&mut World) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut calls = self.calls.lock().unwrap();
        let at = calls.0;
        calls.0 += 1;
        let lost = || Err(Refusal::Unanswered("lost".into()));
        match calls.1 {
            Some((cut, Cut::Before)) if at >= cut => lost(),
            Some((cut, Cut::After)) if at > cut => lost(),
            Some((cut, Cut::Silent)) if at == cut => lost(),
            Some((cut, Cut::After | Cut::Deaf)) if at == cut => {
                let _ = work(&mut self.world.lock().unwrap());
                lost()
            }
            _ => work(&mut self.world.lock().unwrap()),
        }
    }
}

/// What all managers say together: entries by their keys, all else side by side.
fn status(kept: &Kept) -> Value {
    let mut all = Map::new();
    for said in kept.said.values() {
        for (field, value) in said.as_object().unwrap() {
            match (all.get_mut(field).and_then(Value::as_array_mut), value.as_array()) {
                (Some(list), Some(more)) => list.extend(more.clone()),
                _ => {
                    all.insert(field.clone(), value.clone());
                }
            }
        }
    }
    Value::Object(all)
}

fn object(name: &str, kept: &Kept) -> DynamicObject {
    let mut metadata =
        json!({"name": name, "uid": kept.uid.to_string(), "resourceVersion": kept.version.to_string(), "finalizers": kept.finalizers});
    if kept.going {
        metadata["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    }
    serde_json::from_value(json!({"metadata": metadata, "spec": kept.spec, "status": status(kept)})).unwrap()
}

#[async_trait]
impl Objects for Wire {
    async fn list(&self, kind: Kind) -> Result<Vec<DynamicObject>, Refusal> {
        self.call(|world| Ok(world.objects.iter().filter(|((of, _), _)| *of == kind).map(|((_, name), kept)| object(name, kept)).collect()))
    }

    async fn get(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>, Refusal> {
        self.call(|world| Ok(world.objects.get(&(kind, name.to_owned())).map(|kept| object(name, kept))))
    }

    async fn stands(&self) -> Result<bool, Refusal> {
        Ok(!self.world.lock().unwrap().ending)
    }

    async fn create(&self, kind: Kind, name: &str) -> Result<(), Refusal> {
        self.call(|world| {
            world.clock += 1;
            world.writes += 1;
            let new = Kept { uid: world.clock, version: world.clock, ..Kept::default() };
            world.objects.entry((kind, name.to_owned())).or_insert(new);
            Ok(())
        })
    }

    async fn apply(&self, kind: Kind, name: &str, manager: &str, version: Option<&str>, status: &Value) -> Result<Applied, Refusal> {
        self.call(|world| {
            world.clock += 1;
            world.writes += 1;
            let kept = world.objects.get_mut(&(kind, name.to_owned())).ok_or(Refusal::NotFound)?;
            if version.is_some_and(|version| version != kept.version.to_string()) {
                return Err(Refusal::Conflict);
            }
            if kept.said.get(manager) != Some(status) {
                kept.version = world.clock;
                kept.said.insert(manager.to_owned(), status.clone());
            }
            Ok(Applied { version: kept.version.to_string(), uid: kept.uid.to_string() })
        })
    }

    async fn finalize(&self, kind: Kind, name: &str, version: &str, finalizers: &[String]) -> Result<(), Refusal> {
        self.call(|world| {
            world.clock += 1;
            world.writes += 1;
            let kept = world.objects.get_mut(&(kind, name.to_owned())).ok_or(Refusal::NotFound)?;
            if version != kept.version.to_string() {
                return Err(Refusal::Conflict);
            }
            if kept.going && finalizers.len() > kept.finalizers.len() {
                return Err(Refusal::Refused("no new finalizers".into()));
            }
            kept.version = world.clock;
            kept.finalizers = finalizers.to_vec();
            if kept.going && kept.finalizers.is_empty() {
                world.objects.remove(&(kind, name.to_owned()));
            }
            Ok(())
        })
    }

    async fn delete(&self, kind: Kind, name: &str) -> Result<(), Refusal> {
        self.call(|world| {
            world.writes += 1;
            world.objects.remove(&(kind, name.to_owned()));
            Ok(())
        })
    }
}
