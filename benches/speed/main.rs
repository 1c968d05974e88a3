#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::print_stdout, clippy::panic, reason = "a bench")]
mod company;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use jiff::Timestamp;
use provost::apply::run::{look, sources, mappings};
use provost::apply::target::Target;
use provost::connector;
use provost::ledger::memory::MemoryLedgers;
use provost::plan::decided::decide_all;
use provost::plan::round::plan_round;
use provost::policy::{compile, decide, map};

fn cpu() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 * 1e6 + t.tv_nsec as f64 / 1e3
}
fn timed<T>(name: &str, people: usize, work: impl FnOnce() -> T) -> T {
    let (c, w) = (cpu(), Instant::now());
    let out = work();
    println!("{name:30} {:10.1} µs CPU a person, {:8.2} s wall", (cpu() - c) / people as f64, w.elapsed().as_secs_f64());
    out
}
fn main() {
    let people: usize = std::env::var("PEOPLE").ok().and_then(|p| p.parse().ok()).unwrap_or(1000);
    let folder = tempfile::tempdir().unwrap();
    let t: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut realm = timed("build", people, || company::company(people, "dir.db"));
    let open = |realm: &provost::realm::index::Realm| {
        let spec = &realm.target(&company::target()).unwrap().spec;
        let (reader, writer) = connector::open(&company::target(), spec, folder.path(), &Default::default()).unwrap();
        BTreeMap::from([(company::target(), Ok(Arc::new(Target::new(company::target(), reader, Some(writer)))))])
    };
    let targets = open(&realm);
    let store = MemoryLedgers::default();
    let mut seen = timed("first look", people, || runtime.block_on(look(&mut realm, &targets, &store, t)).unwrap());
    let rules: BTreeMap<_, _> = seen.looks.iter().map(|(n, l)| (n.clone(), l.rules.clone())).collect();
    let compiled = seen.compiled.as_ref().unwrap();
    let ids: Vec<_> = realm.people().into_iter().collect();
    let inputs: Vec<_> = timed("inputs", people, || ids.iter().map(|id| realm.input(id, t).unwrap()).collect());
    timed("standing", people, || ids.iter().map(|id| realm.standing(id, t)).count());
    let decisions: Vec<_> = timed("decide alone", people, || inputs.iter().map(|i| decide(compiled, i, t).unwrap()).collect());
    println!("{} entitlements, {} violations, {} roles", decisions.iter().map(|d| d.entitlements.len()).sum::<usize>(), decisions.iter().map(|d| d.violations.len()).sum::<usize>(), decisions.iter().map(|d| d.roles.len()).sum::<usize>());
    println!("input {}", serde_json::to_string(&inputs[17]).unwrap().len());
    timed("map alone", people, || for (id, i) in ids.iter().zip(&inputs) { let key = provost::model::account::AccountKey { person: id.clone(), target: company::target(), account: provost::model::ids::AccountName::ordinary() }; std::hint::black_box(map(compiled, &key, i)); });
    let ledgers = BTreeMap::new();
    let decided = timed("decide_all", people, || decide_all(&realm, Ok(compiled), &rules, &ledgers, t));
    let round = timed("plan_round (creates)", people, || plan_round(&realm, decided, &seen.looks, None, t));
    println!("{} changes", round.targets[&company::target()].plan.items().count());
    timed("carry out", people, || runtime.block_on(provost::apply::run::carry_out(&round, &mut seen, &targets, &store, t, &|_, _| {})));
    drop(round);
    drop(seen);
    for _ in 0..2 {
        let seen = timed("second look", people, || runtime.block_on(look(&mut realm, &targets, &store.another(), t)).unwrap());
        timed("list", people, || runtime.block_on(targets[&company::target()].as_ref().unwrap().list(&seen.looks[&company::target()].rules, t)).unwrap());
        let compiled = seen.compiled.as_ref().unwrap();
        let ledgers = seen.looks.iter().map(|(n, l)| (n.clone(), l.ledger.clone())).collect();
        let decided = timed("decide_all", people, || decide_all(&realm, Ok(compiled), &rules, &ledgers, t));
        let round = timed("plan_round (rest)", people, || plan_round(&realm, decided, &seen.looks, None, t));
        println!("{} changes", round.targets[&company::target()].plan.items().count());
        timed("drop", people, || drop(round));
    }
}
