//! The store on a cluster in memory, which dies at any call: what a session that opens then reads, and what is written when nothing is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use kube::api::DynamicObject;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::document::{Document, Head};
use super::entry::{LastError, Shown};
use super::homes::{departure_name, manager};
use super::ledgers::{FINALIZER, StatusLedgers};
use super::objects::{Applied, Kind, Objects, Refusal};
use super::statuses::{Said, Statuses, Truth, conditions};
use crate::ledger::tests::{change, facts, key};
pub(crate) use crate::ledger::tests::{keys, links, target};
use crate::ledger::{LedgerStore, StoreError};
use crate::model::account::AccountKey;
use crate::model::change::Brake;
use crate::model::ids::{AccountId, ObjectName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger, Link, Window};
use crate::realm::object::ResourceKind;

/// An object, with what each field manager says of its status.
#[derive(Debug, Clone, Default)]
struct Kept {
    uid: u64,
    version: u64,
    spec: Value,
    finalizers: Vec<String>,
    going: bool,
    said: BTreeMap<String, Value>,
}

/// How calls go wrong from some call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
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
struct World {
    objects: BTreeMap<(Kind, String), Kept>,
    clock: u64,
    writes: u64,
}

/// How many there were, and which one goes wrong how.
type Calls = (usize, Option<(usize, Cut)>);

/// A session's way to the world.
#[derive(Clone, Default)]
struct Wire {
    world: Arc<Mutex<World>>,
    calls: Arc<Mutex<Calls>>,
}

impl Wire {
    /// Another session's.
    fn another(&self) -> Self {
        Self { world: Arc::clone(&self.world), calls: Arc::default() }
    }

    fn cut(&self, at: usize, cut: Cut) -> Self {
        Self { world: Arc::clone(&self.world), calls: Arc::new(Mutex::new((0, Some((at, cut))))) }
    }

    fn called(&self) -> usize {
        self.calls.lock().unwrap().0
    }

    fn writes(&self) -> u64 {
        self.world.lock().unwrap().writes
    }

    fn make(&self, kind: Kind, name: &str, spec: Value) {
        let mut world = self.world.lock().unwrap();
        world.clock += 1;
        let kept = Kept { uid: world.clock, version: world.clock, spec, ..Kept::default() };
        world.objects.insert((kind, name.to_owned()), kept);
    }

    /// Somebody else changes the object.
    fn touch(&self, kind: Kind, name: &str, change: impl FnOnce(&mut Kept)) {
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

    fn remove(&self, kind: Kind, name: &str) {
        self.world.lock().unwrap().objects.remove(&(kind, name.to_owned()));
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        self.world.lock().unwrap().objects.contains_key(&(kind, name.to_owned()))
    }

    fn status(&self, kind: Kind, name: &str) -> Value {
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

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

async fn open(wire: &Wire) -> StatusLedgers {
    StatusLedgers::on(Arc::new(wire.clone())).await.unwrap()
}

fn person(id: &str) -> PersonId {
    PersonId::parse(id).unwrap()
}

fn object_name(name: &str) -> ObjectName {
    ObjectName::parse(name).unwrap()
}

fn linked(id: &str, name: &str) -> Fact {
    Fact::Linked(key(id), Box::new(Link { id: AccountId::parse("17").ok(), name: name.to_owned(), asked: true, ..Link::default() }))
}

/// The target `dir`, and Persons of these names.
fn world(people: &[&str]) -> Wire {
    let wire = Wire::default();
    wire.make(Kind::TargetSystem, "dir", json!({"type": "sqlite"}));
    people.iter().for_each(|name| wire.make(Kind::Person, name, json!({})));
    wire
}

/// What a new session reads of `dir`.
fn reread(wire: &Wire) -> Ledger {
    run(async { open(&wire.another()).await.load(&target("dir")).await.unwrap() })
}

const CUTS: [Cut; 4] = [Cut::Before, Cut::After, Cut::Silent, Cut::Deaf];

#[test]
fn what_is_recorded_stands_on_the_person_and_the_journal_is_gone() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "a.berg"), Fact::HadPolicy])).unwrap();
    let entries = wire.status(Kind::Person, "ann");
    assert_eq!(
        entries["accounts"],
        json!([{"target": "dir", "account": "", "id": "17", "userName": "a.berg", "state": "Absent", "record": {"asked": true}}])
    );
    let ledger = &wire.status(Kind::TargetSystem, "dir")["ledger"];
    assert_eq!((&ledger["journal"], &ledger["hadPolicy"]), (&Value::Null, &json!(true)), "{ledger}");
    run(store.record(&target("dir"), &[Fact::Unlinked(key("ann"))])).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann"), json!({}));
    let left = reread(&wire);
    assert!(left.links.is_empty() && left.accounts_known && left.had_policy, "{left:?}");
}

#[test]
fn intents_keep_the_journal_until_they_are_answered() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    let journal = || wire.status(Kind::TargetSystem, "dir")["ledger"]["journal"].clone();
    run(store.record(&target("dir"), &[linked("ann", "ann"), Fact::Intended(vec![change("ann")])])).unwrap();
    assert_eq!(journal().as_array().unwrap().len(), 1, "no write of its own while a batch is under way");
    let before = wire.writes();
    run(store.record(&target("dir"), &[Fact::Done])).unwrap();
    assert_eq!((journal(), wire.writes() - before), (Value::Null, 1));
}

#[test]
fn nothing_new_is_no_write() {
    let wire = world(&["ann", "bob"]);
    let store = run(open(&wire));
    let dir = target("dir");
    run(store.record(&dir, &[linked("ann", "ann"), linked("bob", "bob"), linked("gone", "gone")])).unwrap();
    let error = LastError { code: "Denied".into(), message: "no".into() };
    let shown = BTreeMap::from([(key("ann"), Shown { last_error: Some(error), ..Shown::default() }), (key("cy"), Shown::default())]);
    run(store.show(&dir, shown.clone())).unwrap();
    let statuses = run(Statuses::on(Arc::new(wire.clone()))).unwrap();
    let status = json!({"observedGeneration": 1, "next": null, "conditions": []});
    run(statuses.say(ResourceKind::Person, &object_name("ann"), status.clone())).unwrap();
    let before = wire.writes();

    let (again, said_again) = (run(open(&wire)), run(Statuses::on(Arc::new(wire.clone()))).unwrap());
    for store in [&store, &again] {
        run(store.show(&dir, shown.clone())).unwrap();
        run(store.record(&dir, &[])).unwrap();
        run(store.flush(&dir)).unwrap();
        store.declare(&object_name("ann"), &person("ann"));
        run(store.take_back(&person("ann"))).unwrap();
        run(store.finished(&person("gone"))).unwrap();
    }
    for said in [&statuses, &said_again] {
        run(said.say(ResourceKind::Person, &object_name("ann"), status.clone())).unwrap();
    }
    assert_eq!(wire.writes(), before);
    // And what is new is one.
    run(again.show(&dir, BTreeMap::from([(key("ann"), Shown::default())]))).unwrap();
    assert_eq!(wire.writes(), before + 1);
    assert_eq!(wire.status(Kind::Person, "ann")["accounts"][0]["lastError"], Value::Null);
}

#[test]
fn the_second_of_two_sessions_is_fenced_for_good() {
    let wire = world(&["ann", "bob"]);
    let (first, second) = (run(open(&wire)), run(open(&wire.another())));
    let dir = target("dir");
    run(first.record(&dir, &[linked("ann", "ann")])).unwrap();
    for _ in 0..2 {
        let refused = run(second.record(&dir, &[linked("bob", "bob")]));
        assert!(matches!(&refused, Err(StoreError::Conflict(of)) if *of == dir), "{refused:?}");
    }
    assert!(matches!(run(second.load(&dir)), Err(StoreError::Conflict(_))), "what it has in memory is no truth any more");
    assert!(matches!(run(second.depart(&object_name("ann"), &person("ann"))), Err(StoreError::Conflict(_))));
    assert!(matches!(run(second.show(&dir, BTreeMap::new())), Err(StoreError::Conflict(_))));
    run(first.record(&dir, &[Fact::HadPolicy])).unwrap();
    assert_eq!(reread(&wire).links.len(), 1, "none of the refused facts is kept");
}

#[test]
fn a_foreign_edit_is_no_conflict() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    let dir = target("dir");
    run(store.record(&dir, &[Fact::HadPolicy])).unwrap();
    wire.touch(Kind::TargetSystem, "dir", |_| {});
    run(store.record(&dir, &[linked("ann", "ann")])).unwrap();
    // Made anew by its owner: what is in memory is written to the new one.
    wire.make(Kind::TargetSystem, "dir", json!({}));
    run(store.record(&dir, &[Fact::Scope("group/a".into())])).unwrap();
    let read = reread(&wire);
    assert!(read.had_policy && read.scopes.contains("group/a") && read.links.len() == 1, "{read:?}");
}

#[test]
fn a_target_that_is_gone_is_told_and_its_links_stay() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    let dir = target("dir");
    run(store.record(&dir, &[linked("ann", "ann")])).unwrap();
    wire.remove(Kind::TargetSystem, "dir");
    let refused = run(store.record(&dir, &[Fact::HadPolicy])).unwrap_err();
    assert_eq!(refused.to_string(), "TargetSystem/dir: is not there");
    let again = run(open(&wire));
    assert_eq!(run(again.targets()).unwrap(), [target("dir")]);
    assert_eq!(run(again.load(&dir)).unwrap().links.len(), 1);
}

#[test]
fn one_bad_object_fails_nobody_else() {
    let wire = world(&["ann", "bob"]);
    wire.make(Kind::TargetSystem, "chat", json!({}));
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "ann"), linked("bob", "bob")])).unwrap();
    wire.touch(Kind::TargetSystem, "chat", |kept| {
        kept.said.insert("kubectl".into(), json!({"ledger": {"window": "wide"}}));
    });
    wire.touch(Kind::Person, "bob", |kept| {
        kept.said.insert("provost-dir".into(), json!({"accounts": [{"target": "dir", "account": "", "state": "Odd"}]}));
    });
    let again = run(open(&wire));
    assert_eq!(run(again.load(&target("dir"))).unwrap().links.keys().cloned().collect::<Vec<_>>(), [key("ann")]);
    let refused = run(again.load(&target("chat"))).unwrap_err().to_string();
    assert!(refused.starts_with("TargetSystem/chat: status.ledger cannot be read"), "{refused}");
    assert!(run(again.record(&target("chat"), &[Fact::HadPolicy])).is_err());
    let problems = again.problems().join("\n");
    assert!(problems.contains("Person/bob: an entry") && problems.contains("TargetSystem/chat"), "{problems}");
}

#[test]
fn the_finalizer_comes_before_the_first_link_and_others_keep_theirs() {
    let wire = world(&["ann"]);
    wire.touch(Kind::Person, "ann", |kept| kept.finalizers.push("acme.example/other".into()));
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[Fact::HadPolicy, Fact::Unlinked(key("ann"))])).unwrap();
    let finalizers = || wire.world.lock().unwrap().objects[&(Kind::Person, "ann".to_owned())].finalizers.clone();
    assert_eq!(finalizers(), ["acme.example/other"]);
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    assert_eq!(finalizers(), ["acme.example/other", FINALIZER]);
    wire.touch(Kind::Person, "ann", |kept| kept.going = true);
    run(store.let_go(&object_name("ann"))).unwrap();
    assert_eq!(finalizers(), ["acme.example/other"]);
    assert!(!wire.has(Kind::Departure, &departure_name(&person("ann"))));
}

#[test]
fn a_person_that_is_going_takes_no_finalizer_and_a_departure_has_the_entry() {
    for (name, break_) in [("going", true), ("gone", false)] {
        let wire = world(&["ann"]);
        let store = run(open(&wire));
        if break_ {
            wire.touch(Kind::Person, "ann", |kept| {
                kept.finalizers.push("other".into());
                kept.going = true;
            });
        } else {
            wire.remove(Kind::Person, "ann");
        }
        run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
        let departure = wire.status(Kind::Departure, &departure_name(&person("ann")));
        assert_eq!((&departure["externalId"], &departure["names"]), (&json!("ann"), &json!(["ann"])), "{name}");
        assert_eq!(departure["accounts"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(reread(&wire).links.len(), 1, "{name}");
    }
}

#[test]
fn who_goes_and_comes_back_keeps_everything() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    let kept = run(store.load(&target("dir"))).unwrap();
    let (ann, id) = (object_name("ann"), person("ann"));
    let departure = object_name(&departure_name(&id));
    wire.touch(Kind::Person, "ann", |kept| kept.going = true);
    run(store.depart(&ann, &id)).unwrap();
    run(store.depart(&ann, &id)).unwrap();
    assert!(!wire.has(Kind::Person, "ann") && wire.has(Kind::Departure, departure.as_str()));
    assert_eq!(reread(&wire), kept);
    assert_eq!(store.departed(&departure), Some(id.clone()));
    run(store.finished(&id)).unwrap();
    assert!(wire.has(Kind::Departure, departure.as_str()), "something is left");

    // Under another name.
    wire.make(Kind::Person, "ann-again", json!({"externalId": "ann"}));
    store.declare(&object_name("ann-again"), &id);
    run(store.take_back(&id)).unwrap();
    assert!(!wire.has(Kind::Departure, departure.as_str()));
    assert_eq!(wire.status(Kind::Person, "ann-again")["accounts"].as_array().unwrap().len(), 1);
    assert_eq!((reread(&wire), store.departed(&departure)), (kept, None));

    // And the end of it.
    wire.touch(Kind::Person, "ann-again", |kept| kept.going = true);
    run(store.depart(&object_name("ann-again"), &id)).unwrap();
    run(store.record(&target("dir"), &[Fact::Unlinked(key("ann"))])).unwrap();
    run(store.finished(&id)).unwrap();
    assert!(!wire.has(Kind::Departure, departure.as_str()));
    assert!(reread(&wire).links.is_empty());
}

#[test]
fn of_several_who_declare_one_person_the_first_by_name_is_home() {
    let wire = world(&["bob"]);
    let store = run(open(&wire));
    let (a, bob, id) = (object_name("a"), object_name("bob"), person("bob"));
    run(store.record(&target("dir"), &[linked("bob", "b1")])).unwrap();
    wire.make(Kind::Person, "a", json!({"externalId": "bob"}));
    store.declare(&a, &id);
    run(store.record(&target("dir"), &[linked("bob", "b2")])).unwrap();
    let names = |name: &str| wire.status(Kind::Person, name)["accounts"][0]["userName"].clone();
    assert_eq!((names("a"), names("bob")), (json!("b2"), Value::Null));
    // The one that goes leaves the entries to the other, and no Departure is made.
    wire.touch(Kind::Person, "a", |kept| kept.going = true);
    run(store.depart(&a, &id)).unwrap();
    assert_eq!(names("bob"), json!("b2"));
    assert!(!wire.has(Kind::Departure, &departure_name(&id)) && !wire.has(Kind::Person, "a"));
    assert!(wire.world.lock().unwrap().objects[&(Kind::Person, "bob".to_owned())].finalizers.contains(&FINALIZER.to_owned()));
    store.undeclare(&bob);
    assert_eq!(reread(&wire).links[&key("bob")].name, "b2");
}

#[test]
fn what_is_made_anew_by_the_same_name_for_somebody_else_gets_nothing_of_the_first() {
    // The finalizer was taken off by force. The operator has or has not heard of it when the next fact comes.
    for heard in [false, true] {
        let wire = world(&["ann"]);
        let store = run(open(&wire));
        run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
        wire.make(Kind::Person, "ann", json!({"externalId": "other"}));
        if heard {
            store.declare(&object_name("ann"), &person("other"));
            run(store.record(&target("dir"), &[linked("other", "other")])).unwrap();
        }
        run(store.record(&target("dir"), &[linked("ann", "ann-2")])).unwrap();
        let read = reread(&wire);
        assert_eq!(read, run(store.load(&target("dir"))).unwrap(), "heard: {heard}");
        assert_eq!(read.links[&key("ann")].name, "ann-2", "heard: {heard}");
        assert_eq!(read.links.contains_key(&key("other")), heard);
        assert!(wire.has(Kind::Departure, &departure_name(&person("ann"))), "heard: {heard}");
        if heard {
            run(store.depart(&object_name("ann"), &person("ann"))).unwrap();
            assert_eq!(reread(&wire), read);
            let finalizers = &wire.world.lock().unwrap().objects[&(Kind::Person, "ann".to_owned())].finalizers.clone();
            assert_eq!(*finalizers, [FINALIZER], "the finalizer is the other's");
        }
    }
}

#[test]
fn who_takes_no_finalizer_holds_up_nobody() {
    let wire = world(&["ann", "bob"]);
    // Lists, then the first person's look for its finalizer, and the look before its entry.
    let cutting = wire.cut(3, Cut::Silent);
    let store = run(open(&cutting));
    run(store.record(&target("dir"), &[linked("ann", "ann"), linked("bob", "bob")])).unwrap();
    assert_eq!(reread(&wire), run(store.load(&target("dir"))).unwrap());
    assert_eq!(wire.status(Kind::Person, "bob")["accounts"].as_array().unwrap().len(), 1);
}

#[test]
fn what_only_shows_makes_no_departure_and_goes_with_the_link() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    let error = LastError { code: "NotAdopted".into(), message: "it is there".into() };
    let shown = Shown { last_error: Some(error), ..Shown::default() };
    run(store.show(&target("dir"), BTreeMap::from([(key("ann"), shown.clone()), (key("nobody"), shown)]))).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann")["accounts"][0]["lastError"]["code"], "NotAdopted");
    assert!(!wire.has(Kind::Departure, &departure_name(&person("nobody"))));
    assert!(reread(&wire).links.is_empty(), "it is no link");
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann")["accounts"].as_array().unwrap().len(), 1);
    run(store.record(&target("dir"), &[Fact::Unlinked(key("ann"))])).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann"), json!({}));
}

/// A ledger with a history, and what is recorded next: small enough for one write.
fn history() -> (Wire, Ledger) {
    let wire = world(&["ann", "bob"]);
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "ann"), linked("old", "old"), linked("bob", "bob")])).unwrap();
    let ledger = run(store.load(&target("dir"))).unwrap();
    (wire, ledger)
}

fn charged(count: u32) -> Fact {
    Fact::Window(Window { charged: BTreeMap::from([((Timestamp::UNIX_EPOCH, Brake::Leavers), count)]), ..Window::default() })
}

/// Wherever the session dies, and whatever answer is lost: all facts or none, and all where it said so.
#[test]
fn a_death_between_any_two_calls_keeps_all_facts_or_none() {
    let facts = [
        charged(2),
        Fact::Intended(vec![change("ann")]),
        linked("ann", "ann-2"),
        linked("new", "new"),
        Fact::Unlinked(key("bob")),
        Fact::Released(crate::model::ids::ApprovalName::parse("yes").unwrap(), BTreeSet::new()),
    ];
    for idle in [false, true] {
        let mut calls = 0;
        for cut in CUTS {
            for at in 0.. {
                let (wire, before) = history();
                let mut facts = facts.to_vec();
                if idle {
                    facts.push(Fact::Done);
                }
                let mut after = before.clone();
                facts.iter().for_each(|fact| after.record(fact));
                let cutting = wire.cut(3 + at, cut);
                let store = run(open(&cutting));
                let answer = run(store.record(&target("dir"), &facts));
                let read = reread(&wire);
                let all = read == after;
                assert!(all || answer.is_err() && read == before, "{cut:?} at {at}: {answer:?} {read:?}");
                if matches!(cut, Cut::Silent | Cut::Deaf) {
                    // The session lives on, and what it holds is what it answered.
                    let mut held = if answer.is_ok() { after } else { before };
                    assert_eq!(run(store.load(&target("dir"))).unwrap(), held, "{cut:?} at {at}");
                    run(store.record(&target("dir"), &[linked("ann", "ann-3"), Fact::Done])).unwrap();
                    held.record(&linked("ann", "ann-3"));
                    held.record(&Fact::Done);
                    assert_eq!(reread(&wire), held, "{cut:?} at {at}");
                }
                if cutting.called() <= 3 + at {
                    calls = calls.max(at);
                    break;
                }
            }
        }
        assert!(calls > 7, "the cuts went through {calls} calls");
    }
}

/// Too large for one write: what is cut in between has charged, and no intent is known of what was not sent.
#[test]
fn a_death_within_a_large_record_only_counts_too_much() {
    let long = "x".repeat(30_000);
    let facts = [charged(2), linked("ann", &long), linked("bob", &long), linked("new", &long), Fact::Intended(vec![change("ann")])];
    let mut seen = BTreeSet::new();
    for cut in CUTS {
        for at in 0.. {
            let (wire, before) = history();
            let mut after = before.clone();
            facts.iter().for_each(|fact| after.record(fact));
            let cutting = wire.cut(3 + at, cut);
            let store = run(open(&cutting));
            let answer = run(store.record(&target("dir"), &facts));
            let read = reread(&wire);
            seen.insert((read.window == after.window, read.links == after.links, read.intents == after.intents));
            assert!(answer.is_err() || read == after, "{cut:?} at {at}: {answer:?}");
            assert!(read.window == before.window || read.window == after.window, "{cut:?} at {at}");
            if read.links != before.links {
                assert_eq!(read.window, after.window, "{cut:?} at {at}: charged before anything else is known");
            }
            if !read.intents.is_empty() {
                assert_eq!(read, after, "{cut:?} at {at}: intents are the last");
            }
            for (key, link) in &read.links {
                assert!(before.links.get(key) == Some(link) || after.links.get(key) == Some(link), "{cut:?} at {at}");
            }
            if cutting.called() <= 3 + at {
                break;
            }
        }
    }
    assert!(seen.len() >= 4, "every stage was met: {seen:?}");
    let (wire, _) = history();
    run(async { open(&wire).await.record(&target("dir"), &facts).await }).unwrap();
    assert!(wire.status(Kind::TargetSystem, "dir").to_string().len() < 10_000, "the status stays small");
}

/// Whoever goes or comes back, and wherever it is cut: no link is lost, and doing it again ends it.
#[test]
fn a_death_within_a_move_loses_nothing() {
    for cut in CUTS {
        for at in 0.. {
            let (wire, before) = history();
            let (ann, id) = (object_name("ann"), person("ann"));
            wire.touch(Kind::Person, "ann", |kept| kept.going = true);
            let cutting = wire.cut(3 + at, cut);
            let store = run(open(&cutting));
            let _ = run(store.depart(&ann, &id));
            assert_eq!(reread(&wire), before, "depart, {cut:?} at {at}");
            let again = run(open(&wire.another()));
            run(again.depart(&ann, &id)).unwrap();
            assert!(!wire.has(Kind::Person, "ann"));
            assert_eq!(reread(&wire), before, "depart again, {cut:?} at {at}");
            if cutting.called() <= 3 + at {
                break;
            }
        }
        for at in 0.. {
            let (wire, before) = history();
            let id = person("old");
            wire.make(Kind::Person, "back", json!({"externalId": "old"}));
            let cutting = wire.cut(3 + at, cut);
            let _ = run(async { open(&cutting).await.take_back(&id).await });
            assert_eq!(reread(&wire), before, "take_back, {cut:?} at {at}");
            run(async { open(&wire.another()).await.take_back(&id).await }).unwrap();
            assert!(!wire.has(Kind::Departure, &departure_name(&id)));
            assert_eq!(reread(&wire), before, "take_back again, {cut:?} at {at}");
            if cutting.called() <= 3 + at {
                break;
            }
        }
    }
}

#[test]
fn entries_that_cannot_be_written_stay_in_the_journal_and_follow_later() {
    let wire = world(&["ann"]);
    // Lists, finalizer (2), conditional write; the entry is lost.
    let cutting = wire.cut(6, Cut::Silent);
    let store = run(open(&cutting));
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann"), json!({}));
    assert_eq!(wire.status(Kind::TargetSystem, "dir")["ledger"]["journal"].as_array().unwrap().len(), 1);
    let again = run(open(&wire.another()));
    assert_eq!(run(again.load(&target("dir"))).unwrap().links.len(), 1);
    run(again.flush(&target("dir"))).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann")["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(wire.status(Kind::TargetSystem, "dir")["ledger"]["journal"], Value::Null);
}

#[test]
fn a_departure_that_a_user_deletes_lets_go_and_comes_back_only_with_all_of_it() {
    let wire = world(&[]);
    wire.make(Kind::TargetSystem, "chat", json!({}));
    let store = run(open(&wire));
    let (dir, chat, id) = (target("dir"), target("chat"), person("old"));
    let in_chat = AccountKey { target: chat.clone(), ..key("old") };
    run(store.record(&dir, &[linked("old", "old")])).unwrap();
    run(store.record(&chat, &[Fact::Linked(in_chat.clone(), Box::default())])).unwrap();
    let name = departure_name(&id);
    wire.remove(Kind::Departure, &name);
    // Something is still recorded: it stands on a new one, with all else that is remembered.
    run(store.record(&dir, &[linked("old", "old-2")])).unwrap();
    assert_eq!(wire.status(Kind::Departure, &name)["accounts"].as_array().unwrap().len(), 2);
    wire.remove(Kind::Departure, &name);
    assert_eq!(store.departed(&object_name(&name)), Some(id.clone()));
    run(store.record(&dir, &[Fact::Unlinked(key("old"))])).unwrap();
    run(store.record(&chat, &[Fact::Unlinked(in_chat)])).unwrap();
    run(store.finished(&id)).unwrap();
    assert!(!wire.has(Kind::Departure, &name));
}

#[test]
fn a_condition_moves_with_its_status_alone() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let said = |status, reason: &str| vec![Said::new("Ready", status, reason, "x"), Said::new("Held", Truth::False, "WithinLimits", "")];
    let first = conditions(&[], said(Truth::False, "Progressing"), 1, at(10));
    let second = conditions(&first, said(Truth::False, "Held"), 2, at(20));
    assert_eq!(second[0].last_transition_time.to_string(), "1970-01-01T00:00:10Z");
    assert_eq!((second[0].reason.as_str(), second[0].observed_generation), ("Held", Some(2)));
    let third = conditions(&second, said(Truth::True, "Succeeded"), 2, at(30));
    assert_eq!(third[0].last_transition_time.to_string(), "1970-01-01T00:00:30Z");
    assert_eq!(third[1].last_transition_time.to_string(), "1970-01-01T00:00:10Z");
    assert!(conditions(&third, Vec::new(), 2, at(40)).is_empty());
}

#[test]
fn what_the_ledgers_keep_is_not_said_and_who_is_gone_is_no_error() {
    let wire = world(&["ann"]);
    let statuses = run(Statuses::on(Arc::new(wire.clone()))).unwrap();
    let (ann, kind) = (object_name("ann"), ResourceKind::Person);
    run(statuses.say(kind, &ann, json!({"state": "active", "accounts": [], "next": null}))).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann"), json!({"state": "active"}));
    wire.remove(Kind::Person, "ann");
    run(statuses.say(kind, &ann, json!({"state": "leave"}))).unwrap();
    wire.make(Kind::Person, "ann", json!({}));
    run(statuses.say(kind, &ann, json!({"state": "leave"}))).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann"), json!({"state": "leave"}));
    statuses.forget(kind, &ann);
    wire.make(Kind::Person, "ann", json!({}));
    run(statuses.say(kind, &ann, json!({"state": "leave"}))).unwrap();
    assert_eq!(wire.status(Kind::Person, "ann"), json!({"state": "leave"}));
    assert!(run(statuses.say(ResourceKind::ConfigMap, &ann, json!({}))).is_err());
    // An answer that is lost: it is said again.
    let deaf = wire.cut(9, Cut::Silent);
    let statuses = run(Statuses::on(Arc::new(deaf))).unwrap();
    let ready = json!({"conditions": conditions(&[], vec![Said::new("Ready", Truth::True, "Succeeded", "")], 1, Timestamp::UNIX_EPOCH)});
    let lost = run(statuses.say(kind, &ann, ready.clone())).unwrap_err();
    assert!(lost.to_string().starts_with("Person/ann: "), "{lost}");
    run(statuses.say(kind, &ann, ready)).unwrap();
    assert_eq!(statuses.conditions(kind, &ann).len(), 1);
    assert_eq!(wire.status(Kind::Person, "ann")["conditions"][0]["type"], "Ready");
}

#[test]
fn names_of_departures_and_managers_are_ones_the_api_server_takes() {
    let rows = [("1001", "1001-"), ("Ada Berg/№7", "ada-berg-7-"), ("—", ""), ("a.b@c", "a-b-c-")];
    for (id, begins) in rows {
        let name = departure_name(&person(id));
        assert!(name.starts_with(begins) && name.len() == begins.len() + 12, "{id}: {name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
    }
    assert_ne!(departure_name(&person("a b")), departure_name(&person("a-b")));
    let long = TargetName::parse("t".repeat(253)).unwrap();
    assert_eq!(manager(&target("dir")), "provost-dir");
    assert!(manager(&long).len() <= 128);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// In whatever pieces facts are recorded, a session that opens then reads what the value holds.
    #[test]
    fn a_session_reads_what_the_value_holds(pieces in proptest::collection::vec(proptest::collection::vec(facts(), 0..5), 1..6)) {
        let wire = world(&["ann"]);
        let store = run(open(&wire));
        let mut ledger = Ledger::new(target("dir"));
        for facts in &pieces {
            run(store.record(&target("dir"), facts)).unwrap();
            facts.iter().for_each(|fact| ledger.record(fact));
            prop_assert_eq!(&run(store.load(&target("dir"))).unwrap(), &ledger);
            prop_assert_eq!(&reread(&wire), &ledger);
        }
    }

    /// What stands in `status.ledger` reads back, journal and all.
    #[test]
    fn a_document_reads_back(recorded in proptest::collection::vec(facts(), 0..12)) {
        let dir = target("dir");
        let mut head = Head::default();
        let links = head.record(&dir, &recorded);
        let journal = links.iter().map(|(key, link)| super::document::Line::new(key, link.as_ref())).collect();
        let document = Document { head, journal, ..Document::default() };
        let status = json!({"ledger": document});
        let read = Document::of(Some(&serde_json::from_str(&status.to_string()).unwrap())).unwrap();
        prop_assert_eq!(&read, &document);
        prop_assert_eq!(read.lines(&dir).collect::<BTreeMap<_, _>>(), links);
    }
}
