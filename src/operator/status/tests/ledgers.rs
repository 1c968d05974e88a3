//! Recording, the fence, and reading what is there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ledger::StoreError;
use crate::ledger::tests::{change, facts};
use crate::operator::status::document::{Document, Head, Line};
use crate::operator::status::homes::departure_name;

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

/// Where two objects have an entry of one account, the better one is right.
#[test]
fn of_two_entries_the_better_one_is_read() {
    let entry = |name: &str| json!({"accounts": [{"target": "dir", "account": "", "state": "Enabled", "userName": name}]});
    let shown = || json!({"accounts": [{"target": "dir", "account": "", "lastError": {"code": "Denied", "message": "x"}}]});
    let rows = [
        ("a living Person and a Departure", false, entry("person"), "person"),
        ("a Person that is going and a Departure", true, entry("person"), "departure"),
        ("what only shows, on a living Person, and a Departure", false, shown(), "departure"),
    ];
    for (name, going, on_person, read) in rows {
        let wire = world(&["ann"]);
        let departure = departure_name(&person("ann"));
        wire.make(Kind::Departure, &departure, json!({}));
        wire.touch(Kind::Departure, &departure, |kept| {
            kept.said.insert("provost-ledger".into(), json!({"externalId": "ann"}));
            kept.said.insert("provost-dir".into(), entry("departure"));
        });
        wire.touch(Kind::Person, "ann", |kept| {
            kept.finalizers.push("other".into());
            kept.going = going;
            kept.said.insert("provost-dir".into(), on_person);
        });
        assert_eq!(reread(&wire).links[&key("ann")].name, read, "{name}");
        // The next fact leaves one of them.
        let store = run(open(&wire));
        run(store.record(&target("dir"), &[linked("ann", "new")])).unwrap();
        let there =
            [(Kind::Person, "ann"), (Kind::Departure, &departure)].map(|(kind, name)| wire.status(kind, name)["accounts"].is_array());
        assert_eq!(there, [!going, going], "{name}");
    }
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
        let journal = links.iter().map(|(key, link)| Line::new(key, link.as_ref())).collect();
        let document = Document { head, journal, ..Document::default() };
        let status = json!({"ledger": document});
        let read = Document::of(Some(&serde_json::from_str(&status.to_string()).unwrap())).unwrap();
        prop_assert_eq!(&read, &document);
        prop_assert_eq!(read.lines(&dir).collect::<BTreeMap<_, _>>(), links);
    }
}
