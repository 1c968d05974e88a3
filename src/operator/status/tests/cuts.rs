//! A death between any two calls, and answers that are lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::wire::Cut;
use super::*;
use crate::ledger::tests::change;
use crate::model::change::Brake;
use crate::model::ids::ApprovalName;
use crate::model::ledger::Window;
use crate::operator::status::homes::departure_name;

const CUTS: [Cut; 4] = [Cut::Before, Cut::After, Cut::Silent, Cut::Deaf];

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

/// A ledger with a history, and what is recorded next: small enough for one write.
fn history() -> (Wire, Ledger) {
    let wire = world(&["ann", "bob"]);
    let store = run(open(&wire));
    run(store.record(&target("dir"), &[linked("ann", "ann"), linked("old", "old"), linked("bob", "bob")])).unwrap();
    let ledger = run(store.load(&target("dir"))).unwrap();
    (wire, ledger)
}

/// The API server answers again: what is recorded once more is durable, whatever was left of it before.
fn revive(cutting: &Wire, store: &StatusLedgers, facts: &[Fact], after: &Ledger) {
    *cutting.calls.lock().unwrap() = (0, None);
    run(store.record(&target("dir"), facts)).unwrap();
    assert_eq!(reread(cutting), *after);
    assert_eq!(run(store.load(&target("dir"))).unwrap(), *after);
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
        Fact::Released(ApprovalName::parse("yes").unwrap(), BTreeSet::new()),
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
                let called = cutting.called();
                if matches!(cut, Cut::Before | Cut::After) {
                    revive(&cutting, &store, &facts, &after);
                } else {
                    // The session lives on, and what it holds is what it answered.
                    let mut held = if answer.is_ok() { after } else { before };
                    assert_eq!(run(store.load(&target("dir"))).unwrap(), held, "{cut:?} at {at}");
                    run(store.record(&target("dir"), &[linked("ann", "ann-3"), Fact::Done])).unwrap();
                    held.record(&linked("ann", "ann-3"));
                    held.record(&Fact::Done);
                    assert_eq!(reread(&wire), held, "{cut:?} at {at}");
                }
                if called <= 3 + at {
                    calls = calls.max(at);
                    break;
                }
            }
        }
        assert!(calls >= 6, "the cuts went through {calls} calls");
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
            let called = cutting.called();
            revive(&cutting, &store, &facts, &after);
            if called <= 3 + at {
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
