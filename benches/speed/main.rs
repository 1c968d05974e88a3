//! How fast people are decided, planned and swept. Run by `make bench`; `PEOPLE=1000,10000` says for how many.
//!
//! Times are processor time a person. They say little by themselves, so each is also shown as a ratio to something that the same run
//! measured. Nothing is asserted of time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a bench stops where anything is wrong, and prints what it measured"
)]

mod clock;
mod company;
mod engines;
mod growth;
#[path = "../../tests/common/opa.rs"]
mod opa;
mod scim;
#[allow(dead_code, clippy::expect_used, reason = "the tests use more of it")]
#[path = "../../tests/scim/server.rs"]
mod server;

use company::Kind;
use jiff::Timestamp;

/// People whom all three engines are asked for.
const SAMPLE: usize = 500;
/// People who get accounts by SCIM.
const NEWCOMERS: usize = 300;

fn main() {
    // cargo passes `--bench`.
    let sizes = std::env::var("PEOPLE").unwrap_or_else(|_| "1000,10000".to_owned());
    let sizes: Vec<usize> =
        sizes.split(',').map(|size| size.trim().parse().unwrap_or_else(|_| panic!("PEOPLE: `{size}` is no number"))).collect();
    let t: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    engines_table(t);
    growth_table("A whole company whose people are alike", &sizes, Kind::Alike, t);
    growth_table("A whole company where nobody is like another", &sizes, Kind::Unlike, t);
    scim_table(t);
}

fn scim_table(t: Timestamp) {
    println!("\nNew accounts and their group in a SCIM service, {NEWCOMERS} people, ms of the wall an account");
    match scim::measure(NEWCOMERS, 3, t) {
        Some(times) => {
            println!("{:<14}{:>12.1}", "bare client", times.bare);
            println!("{:<14}{:>12.1}{:>13.2}x", "Provost", times.provost, times.provost / times.bare);
        }
        None => println!("–  make scim-server installs it"),
    }
}

fn engines_table(t: Timestamp) {
    let realm = company::company(SAMPLE, Kind::Unlike, "unused.db");
    let inputs: Vec<_> = realm.people().iter().map(|person| realm.input(person, t).unwrap()).collect();
    let times = engines::measure(&realm, &inputs, t);
    println!("One decision, {SAMPLE} people, {} lines of policy beside the catalogue", company::POLICY.lines().count());
    println!("{:<14}{:>12}{:>14}", "", "µs a person", "against RVM");
    let rows = [("RVM", Some(times.rvm)), ("interpreter", Some(times.interpreter)), ("OPA", times.opa)];
    for (name, time) in rows {
        match time {
            Some(time) => println!("{name:<14}{time:>12.1}{:>13.1}x", time / times.rvm),
            None => println!("{name:<14}{:>12}  make opa builds it", "–"),
        }
    }
}

fn growth_table(title: &str, sizes: &[usize], kind: Kind, t: Timestamp) {
    println!("\n{title}, µs a person");
    print!("{:>10}", "people");
    growth::COLUMNS.iter().for_each(|(name, _)| print!("{name:>14}"));
    println!("{:>14}{:>14}{:>14}", "first/again", "list/rows", "sweep/list");
    let mut all = Vec::new();
    for size in sizes {
        let times = growth::measure(*size, kind, t);
        print!("{size:>10}");
        growth::COLUMNS.iter().for_each(|(_, column)| print!("{:>14.1}", column(&times)));
        println!("{:>13.1}x{:>13.1}x{:>13.1}x", times.first / times.again, times.list / times.rows, times.sweep / times.list);
        all.push(times);
    }
    print!("{:>10}", "exponent");
    for (_, column) in growth::COLUMNS {
        match growth::exponent(&all, column) {
            Some(exponent) => print!("{exponent:>14.2}"),
            None => print!("{:>14}", "–"),
        }
    }
    println!("\n(time of all people ~ people ^ exponent; 1: twice as many take twice as long)");
    if let Some(largest) = all.iter().max_by_key(|times| times.people) {
        let seconds = |time: f64| time * largest.people as f64 / 1e6;
        println!(
            "{} people on one core: decided in {:.1} s, decided again in {:.1} s, swept in {:.1} s",
            largest.people,
            seconds(largest.first),
            seconds(largest.again),
            seconds(largest.sweep)
        );
    }
}
