//! Counters and gauges for Prometheus. No person, account or address is ever a label.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::connector::Done;
use crate::model::change::Change;
use crate::model::failure::Failure;
use crate::model::ids::TargetName;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    namespace: String,
    target: String,
    action: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    namespace: String,
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    namespace: String,
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RealmLabels {
    namespace: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// All metrics.
pub struct Metrics {
    registry: Mutex<Registry>,
    changes: Family<ChangeLabels, Counter>,
    up: Family<TargetLabels, Gauge>,
    held: Family<TargetLabels, Gauge>,
    unmatched: Family<TargetLabels, Gauge>,
    drift: Family<TargetLabels, Gauge>,
    lag: Family<TargetLabels, Gauge>,
    /// Since when somebody has had to be out who is in, by target; none: nobody is.
    open_since: Mutex<BTreeMap<(String, TargetName), Option<Timestamp>>>,
    people: Family<StateLabels, Gauge>,
    policy_errors: Family<RealmLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("provost");
        let changes = Family::default();
        registry.register("changes", "Changes that were sent to targets, by what was done and how it ended", changes.clone());
        let up = Family::default();
        registry.register("target_up", "Whether the target answered the last time it was asked", up.clone());
        let held = Family::default();
        registry.register("held_changes", "Changes that wait for a person's answer", held.clone());
        let unmatched = Family::default();
        registry.register("unmatched_accounts", "Accounts that no person correlates with, at the last sweep", unmatched.clone());
        let drift = Family::default();
        registry.register("drift_accounts", "Accounts that differed at the last sweep though nobody declared it", drift.clone());
        let lag = Family::default();
        registry.register(
            "leaver_lag_seconds",
            "The longest time that anybody who must be out has been in: since their end, a Lockout, or since nobody declares them",
            lag.clone(),
        );
        let people = Family::default();
        registry.register("people", "People by state", people.clone());
        let policy_errors = Family::default();
        registry.register("policy_errors", "Compilations of a realm's policies that failed", policy_errors.clone());
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "The version that runs", build);
        let open_since = Mutex::default();
        Self { registry: Mutex::new(registry), changes, up, held, unmatched, drift, lag, open_since, people, policy_errors }
    }

    /// A change was answered.
    pub fn change(&self, namespace: &str, target: &TargetName, change: &Change, answer: Result<&Done, &Failure>) {
        let result = match answer {
            Ok(done) if done.already => "already",
            Ok(_) => "done",
            Err(failure) => failure.reason(),
        };
        let labels = ChangeLabels {
            namespace: namespace.to_owned(),
            target: target.to_string(),
            action: change.act().verb().to_lowercase(),
            result: result.to_lowercase(),
        };
        self.changes.get_or_create(&labels).inc();
    }

    /// A target answered, or did not.
    pub fn target_up(&self, namespace: &str, target: &TargetName, up: bool) {
        self.up.get_or_create(&labels(namespace, target)).set(i64::from(up));
    }

    /// What a target's last look came to.
    pub fn target(&self, namespace: &str, target: &TargetName, held: usize, unmatched: u32, drift: u32) {
        let labels = labels(namespace, target);
        self.held.get_or_create(&labels).set(i64::try_from(held).unwrap_or(i64::MAX));
        self.unmatched.get_or_create(&labels).set(i64::from(unmatched));
        self.drift.get_or_create(&labels).set(i64::from(drift));
    }

    /// Since when somebody has had to be out of each target of a realm who is in; none: nobody is. Of targets that are not named any more
    /// nothing is said.
    pub fn open_since(&self, namespace: &str, targets: BTreeMap<TargetName, Option<Timestamp>>) {
        let mut all = lock(&self.open_since);
        all.retain(|(of, target), _| {
            let stays = of != namespace || targets.contains_key(target);
            if !stays {
                self.lag.remove(&labels(of, target));
            }
            stays
        });
        all.extend(targets.into_iter().map(|(target, since)| ((namespace.to_owned(), target), since)));
    }

    /// How many people are in which state; every state is named.
    pub fn people(&self, namespace: &str, people: &BTreeMap<&'static str, i64>) {
        for (state, count) in people {
            let labels = StateLabels { namespace: namespace.to_owned(), state: (*state).to_owned() };
            self.people.get_or_create(&labels).set(*count);
        }
    }

    /// The policies do not compile.
    pub fn policy_errors(&self, namespace: &str) {
        self.policy_errors.get_or_create(&RealmLabels { namespace: namespace.to_owned() }).inc();
    }

    /// All of it, as Prometheus reads it at t: a lag goes on while nothing else does.
    #[must_use]
    pub fn text(&self, t: Timestamp) -> String {
        for ((namespace, target), since) in lock(&self.open_since).iter() {
            let lag = since.map_or(0, |since| t.duration_since(since).as_secs().max(0));
            self.lag.get_or_create(&labels(namespace, target)).set(lag);
        }
        let mut text = String::new();
        let registry = lock(&self.registry);
        // Writing into a text does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

fn labels(namespace: &str, target: &TargetName) -> TargetLabels {
    TargetLabels { namespace: namespace.to_owned(), target: target.to_string() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_grows_by_itself_and_goes_with_its_target() {
        let (metrics, at) = (Metrics::new(), |seconds| Timestamp::from_second(seconds).unwrap());
        let target = |name: &str| TargetName::parse(name).unwrap();
        let lag = |t, of: &str| {
            let text = metrics.text(at(t));
            text.lines().find_map(|line| line.strip_prefix(&format!("provost_leaver_lag_seconds{{{of}}} "))?.parse::<i64>().ok())
        };
        let (dir, app) = (r#"namespace="acme",target="dir""#, r#"namespace="acme",target="app""#);
        assert_eq!(lag(1000, dir), None);
        metrics.open_since("acme", BTreeMap::from([(target("dir"), Some(at(1000))), (target("app"), None)]));
        metrics.open_since("globex", BTreeMap::new());
        assert_eq!((lag(1000, dir), lag(4600, dir), lag(4600, app)), (Some(0), Some(3600), Some(0)));
        metrics.open_since("acme", BTreeMap::from([(target("dir"), None)]));
        assert_eq!((lag(4600, dir), lag(4600, app)), (Some(0), None));
    }
}
