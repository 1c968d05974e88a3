//! The store on a cluster in memory, which dies at any call: what a session that opens then reads, and what is written when nothing is new.

use std::sync::Arc;

use serde_json::json;

use super::ledgers::StatusLedgers;
use super::objects::Kind;
use crate::ledger::LedgerStore;
use crate::ledger::tests::key;
pub(crate) use crate::ledger::tests::{keys, links, target};
use crate::model::ids::{AccountId, ObjectName, PersonId};
use crate::model::ledger::{Fact, Ledger, Link};
use wire::Wire;

mod cuts;
mod ledgers;
mod moves;
mod statuses;
mod wire;

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
