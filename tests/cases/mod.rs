//! The contract as cases: inputs and expected outcomes, put through the same functions that the shells call.
//!
//! `PROVOST_CASES=DIR` names another folder of cases.

pub mod format;
pub mod world;
mod verify;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use provost::apply::run::{Seen, Targets, carry_out, look, plan};
use provost::apply::target::Target;
use provost::connector::memory::Memory;
use provost::ledger::memory::MemoryLedgers;
use provost::model::change::ChangeLine;
use provost::model::ids::{RealmId, TargetName};
use provost::model::observed::Scope;
use provost::plan::guard::Settling;
use provost::plan::round::{Round, Verdict};
use provost::realm::index::Realm;
use provost::realm::load::load_files;
use provost::realm::object::ResourceKind;

use format::{Case, Given};
use world::{account_of, moment};

/// Cases that need what is not built yet, by name.
const PENDING: &[&str] = &[];

/// What a case came to.
pub struct Outcome {
    pub realm: Realm,
    pub round: Round,
    pub seen: Seen,
    pub memories: BTreeMap<TargetName, Memory>,
    pub verdict: Verdict,
    /// What has been wanted since when, as an operator knows it.
    pub settling: Settling,
    pub now: jiff::Timestamp,
}

fn folder() -> PathBuf {
    std::env::var_os("PROVOST_CASES").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases"), PathBuf::from)
}

fn cases() -> Vec<(String, Case)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(cases.into_iter().map(|case| (file.clone(), case)));
    }
    all
}

/// The realm of the manifests, as the folder shell makes it.
pub fn realm(given: &Given) -> Realm {
    let folder = load_files(world::files(given));
    let id = given.realm.as_ref().and_then(|realm| realm["id"].as_str()).unwrap_or("acme");
    let mut realm = Realm::new(RealmId::parse(id).unwrap());
    let mut kinds: BTreeMap<ResourceKind, Vec<_>> = BTreeMap::new();
    for object in folder.objects {
        kinds.entry(object.body.kind()).or_default().push(object);
    }
    for (kind, objects) in kinds {
        realm.replace(kind, objects);
    }
    realm.mark_unreadable(folder.unreadable);
    realm
}

async fn run(case: &Case) -> (Outcome, Round) {
    let now = moment(&case.given.now);
    let mut realm = realm(&case.given);
    let ledgers: Vec<_> = world::all_targets(&case.given).iter().map(|target| world::ledger(&case.given, target, now)).collect();
    let memories: BTreeMap<TargetName, Memory> =
        ledgers.iter().map(|ledger| (ledger.target.clone(), world::target(&case.given, &ledger.target, ledger))).collect();
    let targets: Targets = realm
        .targets()
        .into_iter()
        .filter(|(_, target)| !target.spec.suspend)
        .map(|(name, target)| {
            let (reader, writer) = memories[&name].open();
            let observes = target.spec.mode == Some(provost::api::target::Mode::Observe);
            (name.clone(), Ok(Arc::new(Target::new(name, reader, (!observes).then_some(writer)))))
        })
        .collect();
    let store = MemoryLedgers::new(ledgers);
    let settling = (case.given.shell.as_deref() == Some("operator")).then(|| Settling {
        settle: realm.spec().and_then(|spec| spec.settle).map_or(jiff::SignedDuration::from_secs(60), |settle| settle.length()),
        wanted: case.given.wanted.iter().map(|(line, since)| (ChangeLine::new(line), (account_of(line), moment(since)))).collect(),
        unsent: BTreeMap::new(),
    });
    let mut seen = look(&mut realm, &targets, &store, now).await.unwrap();
    let round = plan(&realm, &seen, settling.as_ref(), now);
    let mut noted = settling.clone().unwrap_or_default();
    round.targets.values().for_each(|target| noted.note(&Scope::Whole, &target.plan, now));
    let verdict = round.verdict(!realm.unreadable().is_empty());
    for (target, report) in carry_out(&round, &mut seen, &targets, &store, now, &|_: &TargetName, _: usize| {}).await {
        let report = report.unwrap();
        assert_eq!(report.failed(), 0, "{target}: {:?}", report.answers.iter().filter(|(_, answer)| answer.is_err()).collect::<Vec<_>>());
    }
    let again = look(&mut realm, &targets, &store, now).await.unwrap();
    let second = plan(&realm, &again, settling.as_ref(), now);
    (Outcome { realm, round, seen, memories, verdict, settling: noted, now }, second)
}

#[test]
fn every_case_holds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failures = Vec::new();
    let all = cases();
    assert!(!all.is_empty(), "no case in {}", folder().display());
    for (file, case) in &all {
        if PENDING.contains(&case.name.as_str()) {
            continue;
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (outcome, second) = runtime.block_on(run(case));
            let mut wrong = verify::verify(case, &outcome);
            let observes = |look: &provost::plan::round::Look| look.rules.mode == provost::api::target::Mode::Observe;
            let observed = outcome.seen.looks.iter().filter(|(_, look)| observes(look)).map(|(name, _)| name.clone()).collect();
            wrong.extend(verify::at_rest(&second, &observed));
            wrong
        }));
        let wrong = match outcome {
            Ok(wrong) => wrong,
            Err(panic) => vec![
                panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                    .unwrap_or_else(|| "it panicked".to_owned()),
            ],
        };
        if !wrong.is_empty() {
            failures.push(format!("{file}: {}\n    {}", case.name, wrong.join("\n    ")));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases do not hold:\n\n{}", failures.len(), all.len(), failures.join("\n\n"));
}
