//! The laws that hold whatever the realm, as properties of made-up realms over some days: idle when at rest, gentle when something is
//! lost or cannot be read, never above the limits, never at what is not ours, never too early, and never too late for a leaver.

mod answers;
mod charges;
mod chunks;
mod limits;
mod perturbed;
mod runs;
mod world;

use std::collections::BTreeSet;

use proptest::test_runner::{Config, RngSeed};
use provost::model::change::{Cause, Change, LifecycleState};
use provost::plan::guard::{Fate, Guarded};
use provost::plan::round::Round;

/// The same realms each time, so that nothing breaks by chance; `PROPTEST_RNG_SEED` draws others.
fn config(cases: u32) -> Config {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    Config { cases, rng_seed: RngSeed::Fixed(seed), failure_persistence: None, max_shrink_iters: 150, ..Config::default() }
}

fn items(round: &Round) -> impl Iterator<Item = &Guarded> {
    round.targets.values().flat_map(|target| target.plan.items())
}

fn is_sent(item: &Guarded) -> bool {
    matches!(item.fate, Fate::Send(_))
}

/// Of an explicit leaver, or of somebody who is locked out.
fn is_leavers(change: &Change) -> bool {
    matches!(change.cause(), Cause::Lockout | Cause::Lifecycle(LifecycleState::Terminated))
}

/// The lines of those changes that are meant.
fn lines(round: &Round, meant: impl Fn(&Guarded) -> bool) -> BTreeSet<String> {
    items(round).filter(|item| meant(item)).map(|item| item.change.line().to_string()).collect()
}
