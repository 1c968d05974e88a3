//! A company of a given size, from manifests to a target at rest: decided, planned, carried out, and swept again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use provost::apply::run::{Targets, carry_out, look};
use provost::apply::target::Target;
use provost::connector;
use provost::ledger::memory::MemoryLedgers;
use provost::model::ids::{PersonId, TargetName};
use provost::model::ledger::Ledger;
use provost::plan::decided::{decide_again, decide_all};
use provost::plan::round::{plan_round, reading};
use provost::plan::rules::TargetRules;
use provost::realm::index::Realm;
use rusqlite::Connection;

use crate::clock::{least, took};
use crate::company;

/// Microseconds a person.
#[derive(Clone, Copy)]
pub struct Times {
    pub people: usize,
    /// For the first time: both engines are asked, and what they say is compared.
    pub first: f64,
    /// Again, and nothing has changed.
    pub again: f64,
    /// All targets planned and judged, at rest.
    pub plan: f64,
    /// Every row of the target read by SQLite itself, into nothing but values.
    pub rows: f64,
    /// The target listed by its connector.
    pub list: f64,
    /// Listed, learned, planned and judged.
    pub sweep: f64,
}

/// What a column holds.
pub type Column = fn(&Times) -> f64;

/// What each column is called and holds.
pub const COLUMNS: [(&str, Column); 6] = [
    ("decide first", |times| times.first),
    ("decide again", |times| times.again),
    ("plan", |times| times.plan),
    ("bare rows", |times| times.rows),
    ("list", |times| times.list),
    ("sweep", |times| times.sweep),
];

fn open(realm: &Realm, folder: &Path) -> Targets {
    let name = company::target();
    let (reader, writer) =
        connector::open(&name, &realm.target(&name).unwrap().spec, folder, &Default::default(), connector::Remembered::Nothing).unwrap();
    Targets::from([(name.clone(), Ok(Arc::new(Target::new(name, reader, Some(writer)))))])
}

/// Measures a company of so many people.
pub fn measure(people: usize, kind: company::Kind, t: Timestamp) -> Times {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let name = company::target();
    let mut realm = company::company(people, kind, "directory.db");
    let targets = open(&realm, folder.path());
    let store = MemoryLedgers::default();

    // The accounts come into being as they would: by a run of our own.
    let mut seen = runtime.block_on(look(&mut realm, &targets, &store, t)).unwrap();
    let rules = |seen: &provost::apply::run::Seen| -> BTreeMap<_, TargetRules> {
        seen.looks.iter().map(|(name, look)| (name.clone(), look.rules.clone())).collect()
    };
    let decided =
        decide_all(&realm, seen.compiled.as_ref().map_err(|_| panic!("the policies compile")), &rules(&seen), &BTreeMap::new(), t);
    assert!(decided.people.values().all(|person| person.decision.is_ok()), "everybody is decided");
    let round = plan_round(&realm, decided, &seen.looks, &seen.others, None, t);
    let reports = runtime.block_on(carry_out(&round, &mut seen, &targets, &store, t, &|_: &TargetName, _: usize| {}));
    assert!(reports.values().all(|report| report.as_ref().is_ok_and(|report| report.failed() == 0)), "all is carried out");
    drop((round, seen));

    let mut seen = runtime.block_on(look(&mut realm, &targets, &store.another(), t)).unwrap();
    let rules = rules(&seen);
    let ledgers: BTreeMap<_, _> = seen.looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone())).collect();
    let target = Arc::clone(targets[&name].as_ref().unwrap());
    let list = |look: &provost::plan::round::Look| runtime.block_on(target.list(&look.rules, t)).unwrap();
    let rounds = if people > 20_000 { 1 } else { 3 };
    let each = people as f64;

    let compiled = seen.compiled.as_ref().map_err(|_| panic!("the policies compile"));
    let (first, decided) = took(|| decide_all(&realm, compiled, &rules, &ledgers, t));
    let everybody: std::collections::BTreeSet<PersonId> = realm.people();
    let known: Vec<&Ledger> = ledgers.values().collect();
    let again = least(rounds, || took(|| decide_again(&realm, compiled, &rules, &known, &everybody, &decided, t)).0);
    let plan = least(rounds, || {
        let decided = decided.clone();
        let (plan, round) = took(|| plan_round(&realm, decided, &seen.looks, &seen.others, None, t));
        assert!(round.targets[&name].plan.items().is_empty(), "the target is at rest");
        plan
    });
    let rows = least(rounds, || took(|| bare_rows(&folder.path().join("directory.db"))).0);
    let listing = least(rounds, || took(|| list(&seen.looks[&name])).0);
    let sweep = least(rounds, || {
        let decided = decided.clone();
        let work = || {
            let look = seen.looks.get_mut(&name).unwrap();
            let observed = list(look);
            realm.learn(&name, reading(&look.rules, &observed, &look.ledger));
            look.observed = Ok(observed);
            plan_round(&realm, decided, &seen.looks, &seen.others, None, t)
        };
        took(work).0
    });
    Times {
        people,
        first: first / each,
        again: again / each,
        plan: plan / each,
        rows: rows / each,
        list: listing / each,
        sweep: sweep / each,
    }
}

/// Reads all that a sweep reads, and makes nothing of it.
fn bare_rows(path: &Path) -> usize {
    let connection = Connection::open(path).unwrap();
    let mut cells = 0;
    for table in ["accounts", "entitlements", "grants"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                std::hint::black_box(row.get::<_, rusqlite::types::Value>(column).unwrap());
                cells += 1;
            }
        }
    }
    cells
}

/// How the time of all people grows with their number: 1 where twice as many take twice as long. Fitted over all sizes.
pub fn exponent(times: &[Times], column: Column) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        times.iter().map(|times| ((times.people as f64).ln(), (column(times) * times.people as f64).ln())).collect();
    let count = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let spread = points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    (points.len() > 1).then(|| points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread)
}
