//! Counters and gauges for Prometheus. No person, account or address is ever a label.

use std::collections::BTreeMap;
use std::sync::Mutex;

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
        let people = Family::default();
        registry.register("people", "People by state", people.clone());
        let policy_errors = Family::default();
        registry.register("policy_errors", "Compilations of a realm's policies that failed", policy_errors.clone());
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "The version that runs", build);
        Self { registry: Mutex::new(registry), changes, up, held, unmatched, drift, people, policy_errors }
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

    /// How many people are in which state.
    pub fn people(&self, namespace: &str, people: &BTreeMap<&'static str, i64>) {
        for state in ["active", "leave", "preboarding", "suspended", "locked", "terminated", "unknown"] {
            let labels = StateLabels { namespace: namespace.to_owned(), state: state.to_owned() };
            self.people.get_or_create(&labels).set(people.get(state).copied().unwrap_or_default());
        }
    }

    /// The policies do not compile.
    pub fn policy_errors(&self, namespace: &str) {
        self.policy_errors.get_or_create(&RealmLabels { namespace: namespace.to_owned() }).inc();
    }

    /// All of it, as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Writing into a text does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

fn labels(namespace: &str, target: &TargetName) -> TargetLabels {
    TargetLabels { namespace: namespace.to_owned(), target: target.to_string() }
}
