//! Every store is the same store: what `Ledger::record` does to the value, behind a fence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::memory::{Fault, MemoryLedgers};
use super::sqlite::SqliteLedgers;
use super::{LedgerStore, StoreError};
use crate::model::account::{Account, AccountKey, AccountState};
use crate::model::change::{Act, Brake, Cause, Change, ChangeLine, LifecycleState};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountId, AccountName, ApprovalName, AttributeName, ObjectName, PersonId, TargetName};
use crate::model::ledger::{Fact, Grant, Ledger, Link, Met, Settled, Window};
use crate::model::observed::{Extent, Observed};
use crate::model::reason::Reason;
use crate::model::value::{Attributes, Value};

pub(crate) fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

pub(crate) fn key(person: &str) -> AccountKey {
    AccountKey { person: PersonId::parse(person).unwrap(), target: target("dir"), account: AccountName::ordinary() }
}

pub(crate) fn link(name: &str) -> Fact {
    Fact::Linked(key(name), Box::new(Link { name: name.to_owned(), ..Link::default() }))
}

type Store = Box<dyn LedgerStore>;

/// Two sessions on the same ledgers, of each kind of store.
fn stores(folder: &Path) -> Vec<(&'static str, Store, Store)> {
    let path = folder.join(".provost/ledger.db");
    let memory = MemoryLedgers::default();
    let another = memory.another();
    vec![
        ("sqlite", Box::new(SqliteLedgers::new(&path)), Box::new(SqliteLedgers::new(&path))),
        ("memory", Box::new(memory), Box::new(another)),
    ]
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_second_of_two_sessions_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, first, second) in stores(folder.path()) {
        let dir = target("dir");
        // A ledger that is not there yet has the fence as well.
        assert_eq!(first.load(&dir).await.unwrap(), Ledger::new(dir.clone()), "{name}");
        second.load(&dir).await.unwrap();
        first.record(&dir, &[link("ann")]).await.unwrap();
        for _ in 0..2 {
            let refused = second.record(&dir, &[link("bob"), Fact::HadPolicy]).await;
            assert!(matches!(&refused, Err(StoreError::Conflict(of)) if *of == dir), "{name}: {refused:?}");
        }
        first.record(&dir, &[link("cid")]).await.unwrap();

        let seen = second.load(&dir).await.unwrap();
        assert_eq!(seen.links.keys().map(|key| key.person.as_str()).collect::<Vec<_>>(), ["ann", "cid"], "{name}");
        assert!(!seen.had_policy, "{name}: none of the refused facts is kept");
        second.record(&dir, &[link("bob")]).await.unwrap();
        assert!(matches!(first.record(&dir, &[link("dan")]).await, Err(StoreError::Conflict(_))), "{name}");
        // Another target has a fence of its own.
        first.load(&target("chat")).await.unwrap();
        first.record(&target("chat"), &[Fact::HadPolicy]).await.unwrap();
        assert_eq!(second.targets().await.unwrap(), [target("chat"), target("dir")], "{name}");
    }
}

#[tokio::test]
async fn what_was_not_loaded_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    for (name, store, _) in stores(folder.path()) {
        let refused = store.record(&target("dir"), &[Fact::HadPolicy]).await.unwrap_err();
        assert!(refused.to_string().contains("before it was loaded"), "{name}: {refused}");
        assert!(store.targets().await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn no_facts_are_no_write() {
    let folder = tempfile::tempdir().unwrap();
    for (name, store, other) in stores(folder.path()) {
        store.load(&target("dir")).await.unwrap();
        other.load(&target("dir")).await.unwrap();
        store.record(&target("dir"), &[]).await.unwrap();
        other.record(&target("dir"), &[Fact::HadPolicy]).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn reading_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a folder % with?odd#signs/ledger.db");
    let reading = SqliteLedgers::read_only(&path);
    let full = SqliteLedgers::new(&path);
    for store in [&reading, &full] {
        assert_eq!(store.load(&target("dir")).await.unwrap(), Ledger::new(target("dir")));
        assert!(store.targets().await.unwrap().is_empty());
    }
    assert!(files(folder.path()).is_empty(), "a look at nothing makes nothing");

    full.record(&target("dir"), &[link("ann")]).await.unwrap();
    // The writer is still at work: its last words are in the log beside the file.
    assert_eq!(reading.load(&target("dir")).await.unwrap().links.len(), 1);
    drop(full);
    let before = (std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap().modified().unwrap());
    assert_eq!(files(path.parent().unwrap()), ["ledger.db"]);
    assert_eq!(reading.load(&target("dir")).await.unwrap().links.len(), 1);
    assert_eq!(reading.targets().await.unwrap(), [target("dir")]);
    assert_eq!(files(path.parent().unwrap()), ["ledger.db"], "no file beside it");
    assert_eq!((std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap().modified().unwrap()), before);

    let refused = reading.record(&target("dir"), &[Fact::HadPolicy]).await.unwrap_err();
    assert!(refused.to_string().contains("reading only"), "{refused}");
}

#[tokio::test]
async fn what_a_kill_leaves_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, left) = (folder.path().join("ledger.db"), folder.path().join("left.db"));
    let killed = SqliteLedgers::new(&path);
    killed.load(&target("dir")).await.unwrap();
    killed.record(&target("dir"), &[link("ann"), Fact::Intended(vec![change("ann")])]).await.unwrap();
    // Durable on return: the file and its log as they are now are all that is left.
    for end in ["", "-wal"] {
        let named = |path: &Path| format!("{}{end}", path.display());
        std::fs::copy(named(&path), named(&left)).unwrap();
    }
    for store in [SqliteLedgers::read_only(&left), SqliteLedgers::new(&left)] {
        let ledger = store.load(&target("dir")).await.unwrap();
        assert_eq!((ledger.links.len(), ledger.intents), (1, vec![change("ann")]));
    }
}

#[tokio::test]
async fn a_file_that_is_no_ledger_of_ours_is_refused_and_left_alone() {
    let newer = "CREATE TABLE ledgers (target); PRAGMA user_version = 2";
    let rows = [
        ("newer", newer, "written by a newer provost (format 2, this one knows 1); use that version"),
        ("somebody else's", "CREATE TABLE songs (title)", "database of another program"),
        ("odd", "PRAGMA user_version = -3", "is no ledger (format -3)"),
    ];
    for (name, sql, why) in rows {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&path).unwrap();
        for store in [SqliteLedgers::read_only(&path), SqliteLedgers::new(&path)] {
            let refused = store.load(&target("dir")).await.unwrap_err().to_string();
            assert!(refused.contains(why) && refused.contains("ledger.db"), "{name}: {refused}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), before, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "no database at all, but as long as the header of one would be: a hundred bytes and some more of them").unwrap();
    let refused = SqliteLedgers::new(&path).load(&target("dir")).await.unwrap_err().to_string();
    assert!(refused.contains("is no ledger"), "{refused}");
}

#[tokio::test]
async fn one_fact_rewrites_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let store = SqliteLedgers::new(&path);
    store.load(&target("dir")).await.unwrap();
    let many: Vec<_> = (0..500).map(|number| link(&format!("p{number}"))).collect();
    store.record(&target("dir"), &many).await.unwrap();
    // A trigger of ours counts what the next fact touches.
    let count = rusqlite::Connection::open(&path).unwrap();
    count
        .execute_batch(
            "CREATE TABLE touched (n); CREATE TRIGGER a AFTER INSERT ON links BEGIN INSERT INTO touched VALUES (1); END;
             CREATE TRIGGER b AFTER DELETE ON links BEGIN INSERT INTO touched VALUES (1); END;
             CREATE TRIGGER c AFTER UPDATE ON links BEGIN INSERT INTO touched VALUES (1); END",
        )
        .unwrap();
    store.record(&target("dir"), &[link("p7")]).await.unwrap();
    let touched: i64 = count.query_row("SELECT count(*) FROM touched", [], |row| row.get(0)).unwrap();
    assert_eq!(touched, 1);
}

#[tokio::test]
async fn a_record_in_memory_goes_wrong_as_told() {
    let rows = [
        ("refused", Fault::Refuse, 1, true),
        ("stopped before", Fault::StopBefore, 1, false),
        ("stopped after", Fault::StopAfter, 2, false),
    ];
    for (name, fault, links, returned) in rows {
        let store = MemoryLedgers::new([Ledger::new(target("dir"))]);
        store.load(&target("dir")).await.unwrap();
        store.fault(2, fault);
        store.record(&target("dir"), &[link("ann")]).await.unwrap();
        let (dir, facts) = (target("dir"), [link("bob")]);
        let answered = tokio::select! {
            biased;
            answer = store.record(&dir, &facts) => { assert!(answer.is_err(), "{name}"); true }
            () = store.stopped() => false,
        };
        assert_eq!(answered, returned, "{name}");
        assert_eq!(store.kept(&target("dir")).unwrap().links.len(), links, "{name}");
    }
}

pub(crate) fn change(person: &str) -> Change {
    let account = Account {
        id: AccountId::parse("17").unwrap(),
        name: person.to_owned(),
        owner: None,
        state: AccountState::Enabled,
        version: None,
        attributes: BTreeMap::new(),
        partial: BTreeSet::new(),
        entitlements: BTreeMap::new(),
        entitlements_complete: true,
        own_login: false,
    };
    let observed = Observed::listed(Timestamp::UNIX_EPOCH, Extent::Complete, vec![account], None);
    let seen = observed.seen(&AccountId::parse("17").unwrap()).unwrap();
    Change::of(key(person), seen, Act::Disable, Cause::Lifecycle(LifecycleState::Terminated), vec![Reason::at("left", "people/ann.yaml:3")])
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![Just("ann".to_owned()), "[a-c\"'\\\\%/#:\u{0}é]{1,4}"]
}

pub(crate) fn keys() -> impl Strategy<Value = AccountKey> {
    (texts(), select(vec!["", "admin", "\"'"])).prop_map(|(person, account)| AccountKey {
        person: PersonId::parse(person).unwrap(),
        target: target("dir"),
        account: AccountName::new(account),
    })
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000, 0_i32..1_000_000_000).prop_map(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).unwrap())
}

fn brakes() -> impl Strategy<Value = Brake> {
    select(Brake::ALL.to_vec())
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        texts().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        proptest::collection::btree_set(texts(), 0..3).prop_map(Value::Many),
        keys().prop_map(Value::Account),
        Just(Value::Later(target("mail"))),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    proptest::collection::btree_map(texts().prop_map(|name| AttributeName::parse(name).unwrap()), values(), 0..3)
}

pub(crate) fn links() -> impl Strategy<Value = Link> {
    let ours = (texts(), times(), proptest::option::of(times())).prop_map(|(name, since, until)| {
        let key = EntitlementKey::parse(&format!("dir/group/{}", name.replace(['%', ':'], "-"))).unwrap();
        (key, Grant { since, until, lapsed: until })
    });
    (
        (texts(), any::<bool>(), any::<bool>(), proptest::option::of(times())),
        proptest::collection::btree_map(brakes(), times(), 0..3),
        proptest::collection::btree_set(brakes(), 0..3),
        proptest::collection::vec(ours, 0..3),
        attributes(),
    )
        .prop_map(|((name, asked, adopted, at), held, charged, grants, attributes)| Link {
            id: AccountId::parse(name.as_str()).ok(),
            state: if asked { AccountState::Enabled } else { AccountState::Invited },
            asked,
            adopted,
            disabled: at,
            stage: at.map(|at| (LifecycleState::Unasked, at)),
            held,
            charged,
            grants: grants.into_iter().collect(),
            written: attributes.iter().map(|(name, value)| (name.clone(), value.texts())).collect(),
            settled: attributes.keys().map(|name| (name.clone(), Settled { asked: name.to_string(), shown: "b".to_owned() })).collect(),
            exports: attributes.clone(),
            chosen: attributes,
            touched: at,
            name,
            ..Link::default()
        })
}

pub(crate) fn facts() -> impl Strategy<Value = Fact> {
    let lines = proptest::collection::btree_set("[A-Z]{1,3}".prop_map(ChangeLine::new), 0..4);
    let charged = proptest::collection::btree_map((times(), brakes()), any::<u32>(), 0..3);
    let people = proptest::collection::btree_set(texts().prop_map(|person| PersonId::parse(person).unwrap()), 0..3);
    let people = proptest::collection::btree_map((times(), brakes()), people, 0..3);
    prop_oneof![
        1 => proptest::collection::vec(texts().prop_map(|person| change(&person)), 0..4).prop_map(Fact::Intended),
        1 => (charged, people, proptest::option::of(any::<u32>()))
            .prop_map(|(charged, people, last_complete)| Fact::Window(Window { charged, people, last_complete })),
        4 => (keys(), links()).prop_map(|(key, link)| Fact::Linked(key, Box::new(link))),
        2 => keys().prop_map(Fact::Unlinked),
        1 => texts().prop_map(Fact::Scope),
        1 => (texts(), lines).prop_map(|(name, lines)| Fact::Released(ApprovalName::parse(name).unwrap(), lines)),
        1 => Just(Fact::HadPolicy),
        1 => Just(Fact::Done),
    ]
}

/// What only a folder's ledger remembers.
fn met() -> impl Strategy<Value = Fact> {
    let one = ("[a-z]{1,3}", texts()).prop_map(|(name, person)| Met { name, person: PersonId::parse(person).unwrap() });
    proptest::collection::btree_map("[a-z]{1,2}".prop_map(|name| ObjectName::parse(name).unwrap()), one, 0..3).prop_map(Fact::Met)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// In whatever pieces facts are recorded, by whatever sessions, a store holds what the value holds.
    #[test]
    fn a_store_holds_what_the_value_holds(pieces in proptest::collection::vec((proptest::collection::vec(prop_oneof![9 => facts(), 1 => met()], 0..5), any::<bool>()), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            for (name, first, second) in stores(folder.path()) {
                let dir = target("dir");
                let mut ledger = Ledger::new(dir.clone());
                for (facts, by_second) in &pieces {
                    let (session, other) = if *by_second { (&second, &first) } else { (&first, &second) };
                    prop_assert_eq!(&session.load(&dir).await.unwrap(), &ledger, "{}", name);
                    session.record(&dir, facts).await.unwrap();
                    facts.iter().for_each(|fact| ledger.record(fact));
                    prop_assert_eq!(&other.load(&dir).await.unwrap(), &ledger, "{}", name);
                }
            }
            let read_only = SqliteLedgers::read_only(folder.path().join(".provost/ledger.db"));
            let memory_free = read_only.load(&target("dir")).await.unwrap();
            let mut ledger = Ledger::new(target("dir"));
            pieces.iter().flat_map(|(facts, _)| facts).for_each(|fact| ledger.record(fact));
            prop_assert_eq!(memory_free, ledger);
            Ok(())
        })?;
    }
}
