//! Who goes, who comes back, and where the entries stand meanwhile.

use serde_json::{Value, json};

use super::*;
use crate::model::account::AccountKey;
use crate::model::ids::TargetName;
use crate::operator::status::homes::{departure_name, manager};
use crate::operator::status::ledgers::FINALIZER;

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
fn while_the_definitions_go_nobody_departs_and_what_is_remembered_stays() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    wire.world.lock().unwrap().ending = true;
    wire.touch(Kind::Person, "ann", |kept| kept.going = true);
    run(store.let_go(&object_name("ann"))).unwrap();
    store.undeclare(&object_name("ann"));
    // She is seen gone, and recorded as that.
    run(store.record(&target("dir"), &[linked("ann", "ann.gone")])).unwrap();
    let departure = departure_name(&person("ann"));
    assert!(!wire.has(Kind::Departure, &departure));
    assert_eq!(reread(&wire).links[&key("ann")].name, "ann.gone");
    // They are back, and so is she.
    wire.world.lock().unwrap().ending = false;
    wire.make(Kind::Person, "ann", json!({}));
    store.declare(&object_name("ann"), &person("ann"));
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    assert!(!wire.has(Kind::Departure, &departure));
    assert_eq!(wire.status(Kind::Person, "ann")["accounts"].as_array().unwrap().len(), 1);
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

#[test]
fn who_is_let_be_is_forgotten_where_nobody_works() {
    let wire = world(&["ann"]);
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "ann")])).unwrap();
    let (id, worked_on) = (person("ann"), |name: &[&str]| name.iter().map(|name| target(name)).collect());
    wire.touch(Kind::Person, "ann", |kept| kept.going = true);
    run(store.depart(&object_name("ann"), &id)).unwrap();
    wire.remove(Kind::Departure, &departure_name(&id));
    store.let_be(&id, &worked_on(&["dir"]));
    assert_eq!(store.ledger(&target("dir")).links.len(), 1, "a record says so there");
    store.let_be(&id, &worked_on(&[]));
    assert!(store.ledger(&target("dir")).links.is_empty());
    run(store.finished(&id)).unwrap();
    assert_eq!(store.departed(&object_name(&departure_name(&id))), None);
    // Nor does a later record bring it back.
    run(store.record(&target("dir"), &[Fact::HadPolicy])).unwrap();
    assert!(!wire.has(Kind::Departure, &departure_name(&id)) && reread(&wire).links.is_empty());
}
