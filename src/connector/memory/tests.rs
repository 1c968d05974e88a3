//! The memory target keeps the contract, and misbehaves only as told.

use super::*;
use crate::connector::contract::{self, Subject};
use crate::model::change::{Cause, Change};
use crate::model::ids::{AccountName, RealmId, TargetName};
use crate::model::value::Attributes;

fn key(person: &str) -> AccountKey {
    let target = TargetName::parse("dir").unwrap();
    AccountKey { person: PersonId::parse(person).unwrap(), target, account: AccountName::ordinary() }
}

fn create(person: &str) -> (Write, Option<Result<Done, Failure>>) {
    let empty = Observed::listed(jiff::Timestamp::UNIX_EPOCH, Extent::Complete, Vec::new(), None);
    let missing = empty.missing(&[]).unwrap();
    let change = Change::create(key(person), missing, person.to_owned(), AccountState::Enabled, Attributes::new(), Vec::new());
    let owner = OwnerKey { realm: RealmId::parse("acme").unwrap(), person: key(person).person, account: AccountName::ordinary() };
    (Write { id: None, owner, attributes: Attributes::new(), password: None, change }, None)
}

fn names(memory: &Memory) -> Vec<String> {
    memory.accounts().into_iter().map(|account| account.name).collect()
}

#[tokio::test]
async fn the_contract_holds() {
    let memory = Memory::new(Memory::plain_schema());
    let entitlement = EntitlementKey::parse("dir/group/staff").unwrap();
    memory.provide(&entitlement);
    let (reader, writer) = memory.open();
    let subject = Subject {
        reader: &*reader,
        writer: &*writer,
        target: TargetName::parse("dir").unwrap(),
        attribute: AttributeName::parse("title").unwrap(),
        entitlement,
        texts: vec!["a\0b".to_owned()],
    };
    let report = contract::run(&subject).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn the_nth_write_goes_wrong_as_told() {
    let denied = Failure::Denied("no".to_owned());
    let rows = [
        ("refused", Fault::Refuse(denied.clone()), vec!["ann", "cid"], Some(Some(Err(denied)))),
        ("answer lost", Fault::Lose, vec!["ann", "bob", "cid"], Some(None)),
        ("stopped before", Fault::StopBefore, vec!["ann"], None),
        ("stopped after", Fault::StopAfter, vec!["ann", "bob"], None),
    ];
    for (name, fault, made, answer) in rows {
        let memory = Memory::new(Memory::plain_schema());
        memory.fault(2, fault);
        let mut batch = Batch { writes: vec![create("ann"), create("bob"), create("cid")] };
        let returned = tokio::select! {
            biased;
            () = memory.write(&mut batch) => true,
            () = memory.stopped() => false,
        };
        assert_eq!(names(&memory), made, "{name}");
        assert_eq!(returned, answer.is_some(), "{name}");
        if let Some(answer) = answer {
            assert_eq!(batch.writes[1].1, answer, "{name}");
            assert!(matches!(batch.writes[2].1, Some(Ok(_))), "{name}: the next is done");
        }
        assert_eq!(memory.log().len(), made.len(), "{name}");
    }
}

#[tokio::test]
async fn derived_entitlements_are_shown_and_stay() {
    let memory = Memory::new(Memory::plain_schema());
    let mut batch = Batch { writes: vec![create("ann")] };
    memory.write(&mut batch).await;
    let id = memory.accounts()[0].id.clone();
    let staff = EntitlementKey::parse("dir/group/staff").unwrap();
    memory.derive(&id, staff.clone());
    let observed = memory.list(&Wanted::default()).await.unwrap();
    let change = Change::of(key("ann"), observed.seen(&id).unwrap(), Act::Revoke(staff.clone()), Cause::Policy, Vec::new());
    let mut revoke = create("ann");
    revoke.0 = Write { id: Some(id.clone()), change, ..revoke.0 };
    let mut batch = Batch { writes: vec![revoke] };
    memory.write(&mut batch).await;
    assert_eq!(memory.account(&id).unwrap().entitlements, BTreeMap::from([(staff, How::Derived)]));
}

#[tokio::test]
async fn a_look_is_as_partial_or_unreachable_as_told() {
    let memory = Memory::new(Memory::plain_schema());
    memory.set_listing(Extent::Partial("cut".to_owned()));
    assert!(!memory.list(&Wanted::default()).await.unwrap().is_whole());
    let away = Failure::Retry { after: None, why: "away".to_owned() };
    memory.set_unreachable(Some(away.clone()));
    assert_eq!(memory.probe().await, Err(away.clone()));
    let mut batch = Batch { writes: vec![create("ann")] };
    memory.write(&mut batch).await;
    assert_eq!(batch.writes[0].1, Some(Err(away)));
    assert!(memory.accounts().is_empty());
}

#[test]
fn ids_of_accounts_that_were_put_there_are_not_given_again() {
    let memory = Memory::new(Memory::plain_schema());
    let mut account = memory
        .inside
        .state
        .lock()
        .map(|mut state| {
            state.create(&create("ann").0, "ann", AccountState::Enabled).unwrap();
            state.accounts.values().next().unwrap().clone()
        })
        .unwrap();
    account.id = AccountId::parse("17").unwrap();
    memory.put(account.clone());
    memory.remove(&account.id);
    let done = memory.state().create(&create("bob").0, "bob", AccountState::Enabled).unwrap();
    assert_eq!(done.id, Some(AccountId::parse("18").unwrap()));
}
