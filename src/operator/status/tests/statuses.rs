//! What only shows, and what is said: written where it is new.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::wire::Cut;
use super::*;
use crate::operator::status::entry::{LastError, Shown};
use crate::operator::status::homes::departure_name;
use crate::operator::status::statuses::{Said, Statuses, Truth, conditions};
use crate::realm::object::ResourceKind;

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
        run(store.record(&dir, &[linked("ann", "ann"), Fact::Done, Fact::Unlinked(key("nobody"))])).unwrap();
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
