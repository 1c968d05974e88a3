//! A kill at any instant, then a restart, ends in the same state: the process dies before and after each single write in a target and
//! each record in a ledger of a scenario over several days. Answers that are lost and writes that are refused end there as well.

mod blow;
mod place;
mod story;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use provost::model::account::Account;
use provost::model::ids::{AccountId, OwnerKey, TargetName};
use provost::model::ledger::Ledger;

use crate::cases::realm;
use crate::common::runs::{Pass, block_on, open, pass, planned, unrest};
use blow::{Blow, Fate};
use place::{Files, InMemory, Place};
use story::{Day, story};

/// The scenario never has fewer instants than these at which it can be cut: it must not shrink unnoticed.
const INSTANTS: usize = 220;

/// Nor fewer writes whose answers can go wrong.
const WRITES: usize = 50;

/// What is compared: all of the targets, and of the ledgers all but when an account was last written. Ids are told by names, since what is
/// tried again may be made in another order.
#[derive(Debug, PartialEq)]
struct State {
    accounts: BTreeMap<TargetName, Vec<Account>>,
    ledgers: BTreeMap<TargetName, Ledger>,
}

async fn state(place: &dyn Place) -> State {
    let mut accounts = BTreeMap::new();
    let mut ledgers = BTreeMap::new();
    for target in place.targets() {
        let mut all = place.accounts(&target).await;
        // Never two accounts for one person, target and account.
        let mut owners: BTreeSet<&OwnerKey> = BTreeSet::new();
        for owner in all.iter().filter_map(|account| account.owner.as_ref()) {
            assert!(owners.insert(owner), "two accounts in {target} carry the key {owner}");
        }
        let mut ledger = place.ledgers().load(&target).await.unwrap();
        let names: BTreeMap<AccountId, AccountId> =
            all.iter().map(|account| (account.id.clone(), AccountId::parse(&*account.name).unwrap())).collect();
        for link in ledger.links.values_mut() {
            link.touched = None;
            link.id = link.id.take().map(|id| names.get(&id).cloned().unwrap_or(id));
        }
        for account in &mut all {
            account.id = names[&account.id].clone();
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        accounts.insert(target.clone(), all);
        ledgers.insert(target, ledger);
    }
    State { accounts, ledgers }
}

/// One run of the process; none if it dies in it.
async fn run(place: &dyn Place, day: &Day, blow: &Blow) -> Option<Pass> {
    let mut realm = realm(&day.given);
    let targets = open(&realm, &|name, spec| place.open(name, spec).map(|opened| blow.opened(opened)), None);
    let store = blow.store(place.ledgers());
    tokio::select! {
        biased;
        () = blow.died() => None,
        pass = pass(&mut realm, &targets, &store, day.now) => Some(pass),
    }
}

/// A run that nothing disturbs.
async fn whole(place: &dyn Place, day: &Day) -> Pass {
    let pass = run(place, day, &Blow::none()).await.unwrap();
    for (target, report) in &pass.reports {
        let failed: Vec<_> = report.as_ref().unwrap().answers.iter().filter(|(_, answer)| answer.is_err()).collect();
        assert!(failed.is_empty(), "{}: {target}: {failed:?}", day.now);
    }
    pass
}

async fn at_rest(place: &dyn Place, day: &Day) -> Vec<String> {
    let mut realm = realm(&day.given);
    let targets = open(&realm, &|name, spec| place.open(name, spec), None);
    unrest(&planned(&mut realm, &targets, &*place.ledgers(), day.now).await.round)
}

/// How one run is disturbed, by number: every instant, then every answer.
async fn disturbed(place: &dyn Place, day: &Day, fate: Fate) -> State {
    let blow = Blow::new(fate);
    let cut = run(place, day, &blow).await;
    assert_eq!(cut.is_none(), matches!(fate, Fate::Die(_)), "{fate:?} at {}", day.now);
    state(place).await;
    whole(place, day).await;
    state(place).await
}

fn differences(found: &State, expected: &State) -> Vec<String> {
    let mut out = Vec::new();
    for (target, accounts) in &expected.accounts {
        let others = &found.accounts[target];
        out.extend(
            accounts.iter().filter(|account| !others.contains(account)).map(|account| format!("in {target} there is no {account:?}")),
        );
        out.extend(others.iter().filter(|account| !accounts.contains(account)).map(|account| format!("in {target} there is {account:?}")));
    }
    for (target, ledger) in &expected.ledgers {
        let other = &found.ledgers[target];
        for key in ledger.links.keys().chain(other.links.keys()).collect::<BTreeSet<_>>() {
            let (expected, found) = (ledger.links.get(key), other.links.get(key));
            if expected != found {
                out.push(format!("link {key}: expected {expected:?}\n        found {found:?}"));
            }
        }
        let rest = |ledger: &Ledger| Ledger { links: BTreeMap::new(), ..ledger.clone() };
        if rest(ledger) != rest(other) {
            out.push(format!("ledger of {target}: expected {:?}\n        found {:?}", rest(ledger), rest(other)));
        }
    }
    out
}

/// Goes through the story; on each day, every disturbed run must end where the undisturbed one ends, so that all later days are the same.
async fn every_cut<P: Place>(place: P) -> (usize, usize) {
    let (mut instants, mut writes) = (0, 0);
    let mut failures = Vec::new();
    for day in story(place.target_type()) {
        place.prepare(&day);
        let morning = place.copy();
        let counting = Blow::none();
        let pass = run(&place, &day, &counting).await.unwrap();
        for (target, report) in &pass.reports {
            assert_eq!(report.as_ref().unwrap().failed(), 0, "{}: {target}: {report:?}", day.now);
        }
        story::hold_to(&day, &pass);
        let evening = state(&place).await;
        assert_eq!(at_rest(&place, &day).await, Vec::<String>::new(), "{}", day.now);
        // After one step and before the next are the same instant: nothing is between them.
        let mut fates: Vec<Fate> = (0..counting.instants()).step_by(2).chain(counting.instants().checked_sub(1)).map(Fate::Die).collect();
        instants += counting.instants();
        writes += counting.writes();
        fates.extend(
            place
                .answers_go_wrong()
                .then_some(0..counting.writes())
                .into_iter()
                .flatten()
                .flat_map(|nth| [Fate::Lose(nth), Fate::Refuse(nth)]),
        );
        for fate in fates {
            let other = morning.copy();
            let wrong = differences(&disturbed(&other, &day, fate).await, &evening);
            if !wrong.is_empty() {
                failures.push(format!("{} {fate:?}\n    {}", day.now, wrong.join("\n    ")));
            }
        }
    }
    assert!(failures.is_empty(), "{} disturbed runs end elsewhere:\n{}", failures.len(), failures.join("\n"));
    (instants, writes)
}

#[test]
fn a_kill_at_any_instant_ends_in_the_same_state_in_memory() {
    let (instants, writes) = block_on(every_cut(InMemory::new()));
    assert!(instants >= INSTANTS, "{instants} instants");
    assert!(writes >= WRITES, "{writes} writes");
}

#[test]
fn a_kill_at_any_instant_ends_in_the_same_state_in_sqlite() {
    let (instants, writes) = block_on(every_cut(Files::new()));
    assert!(instants >= INSTANTS, "{instants} instants");
    assert!(writes >= WRITES, "{writes} writes");
}

/// Every process lives for one record and two writes and no longer; each comes back at the same instant.
#[test]
fn a_process_that_dies_again_and_again_gets_to_the_end() {
    block_on(async {
        let (place, undisturbed) = (InMemory::new(), InMemory::new());
        let mut deaths = 0;
        for day in story(place.target_type()) {
            undisturbed.prepare(&day);
            whole(&undisturbed, &day).await;
            place.prepare(&day);
            let mut tries = 0;
            while run(&place, &day, &Blow::new(Fate::Die(6))).await.is_none() {
                tries += 1;
                assert!(tries < 100, "no end on {}", day.now);
            }
            deaths += tries;
            let wrong = differences(&state(&place).await, &state(&undisturbed).await);
            assert!(wrong.is_empty(), "{}: {}", day.now, wrong.join("\n    "));
        }
        assert!(deaths > 15, "{deaths} deaths");
    });
}

/// Where a target may still show what was, a restart right after a create that was never answered does not make the account again.
#[test]
fn a_target_that_lags_gets_no_second_account_after_a_kill() {
    block_on(async {
        let place = InMemory::new();
        let mut day = story(place.target_type()).swap_remove(0);
        for target in day.given.targets.as_mut().unwrap().values_mut() {
            target["limits"] = serde_json::json!({"lag": "60s"});
        }
        place.prepare(&day);
        let (counting, undisturbed) = (Blow::none(), place.copy());
        run(&undisturbed, &day, &counting).await.unwrap();
        let (first, mut made) = (day.now, 0);
        for instant in 0..counting.instants() {
            let other = place.copy();
            day.now = first;
            assert!(run(&other, &day, &Blow::new(Fate::Die(instant))).await.is_none());
            // The restarted process sees the targets as they were before; a minute later as they are.
            day.now = first + SignedDuration::from_secs(1);
            let mut realm = realm(&day.given);
            let targets = open(&realm, &|name, spec| place.open(name, spec), None);
            let pass = planned(&mut realm, &targets, &*other.ledgers(), day.now).await;
            for (target, planned) in &pass.round.targets {
                let there: BTreeSet<_> = other.accounts(target).await.into_iter().filter_map(|account| account.owner).collect();
                made += there.len();
                for change in planned.plan.sent().filter(|change| change.act().verb() == "Create") {
                    let twice = there.iter().any(|owner| owner.person == change.key().person && owner.account == change.key().account);
                    assert!(!twice, "killed at {instant}: {} makes an account that is there", change.line());
                }
            }
            day.now = first + SignedDuration::from_secs(61);
            whole(&other, &day).await;
            assert_eq!(state(&other).await.accounts, state(&undisturbed).await.accounts, "killed at {instant}");
        }
        assert!(made > 100, "{made} accounts were there");
    });
}
