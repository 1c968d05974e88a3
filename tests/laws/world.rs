//! Small realms that are made up: people whose days are drawn at random, two targets, and what is in them from before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::subsequence;
use provost::apply::run::{carry_out, plan};
use provost::connector::memory::Memory;
use provost::ledger::LedgerStore;
use provost::ledger::memory::MemoryLedgers;
use provost::model::account::{Account, AccountState};
use provost::model::entitlement::How;
use provost::model::ids::{AccountId, OwnerKey, PersonId, TargetName};
use provost::model::ledger::{Fact, Link, Window};
use provost::plan::lookups::questions;
use provost::realm::index::Realm;
use serde_json::{Value, json};

use crate::cases::format::Given;
use crate::cases::{realm, world};
use crate::common::runs::{LetsGo, Pass, open, pass, pass_under, planned};

/// The days of a story.
pub const DAYS: [&str; 4] = ["2026-06-01T08:00:00Z", "2026-06-02T08:00:00Z", "2026-06-04T08:00:00Z", "2026-06-20T08:00:00Z"];

pub const TARGETS: [&str; 2] = ["app", "dir"];

const GROUPS: [&str; 4] = ["group/a", "group/b", "group/t", "role/x"];

fn asks() -> Vec<Value> {
    let until = |key: &str, until: &str| json!({"key": key, "until": until});
    vec![
        json!("dir"),
        json!("app"),
        json!("dir/group/a"),
        json!("dir/group/b"),
        json!("app/role/x"),
        until("dir/group/t", "2026-06-03T12:00:00Z"),
    ]
}

/// One person on one day.
#[derive(Debug, Clone)]
pub struct PersonDay {
    pub declared: bool,
    pub employments: Value,
    pub suspended: bool,
    pub locked: bool,
    pub error: bool,
    pub revoked: bool,
    pub asks: Vec<Value>,
}

/// How the targets are set up.
#[derive(Debug, Clone)]
pub struct Settings {
    adopt: bool,
    deletes: bool,
    preboards: bool,
    authoritative: bool,
    grace: bool,
    holds: bool,
    tight: bool,
    protected: bool,
}

/// People by number, each with their days.
#[derive(Debug, Clone)]
pub struct Story {
    pub people: Vec<Vec<PersonDay>>,
    pub settings: Settings,
}

prop_compose! {
    fn person_day()(
        declared in prop::bool::weighted(0.9),
        employments in prop_oneof![
            5 => Just(json!([{"startDate": "2020-01-01"}])),
            2 => Just(json!([{"startDate": "2020-01-01", "endDate": "2026-05-20"}])),
            2 => Just(json!([{"startDate": "2020-01-01", "endDate": "2026-06-03"}])),
            1 => Just(json!([{"startDate": "2026-06-04"}])),
            1 => Just(json!([{"startDate": "2020-01-01", "leaves": [{"from": "2026-06-02", "to": "2026-06-05"}]}])),
            1 => Just(json!([{"startDate": "2020-01-01", "endDate": "2026-06-01"}, {"startDate": "2026-06-10"}])),
        ],
        suspended in prop::bool::weighted(0.1),
        locked in prop::bool::weighted(0.07),
        error in prop::bool::weighted(0.07),
        revoked in prop::bool::weighted(0.1),
        asks in subsequence(asks(), 0..=6),
    ) -> PersonDay {
        PersonDay { declared, employments, suspended, locked, error, revoked, asks }
    }
}

prop_compose! {
    fn settings()(adopt: bool, deletes: bool, preboards: bool, authoritative in prop::bool::weighted(0.3), grace in prop::bool::weighted(0.3),
        holds in prop::bool::weighted(0.2), tight in prop::bool::weighted(0.2), protected in prop::bool::weighted(0.3)) -> Settings {
        Settings { adopt, deletes, preboards, authoritative, grace, holds, tight, protected }
    }
}

prop_compose! {
    /// A story of all days. Most people are the same on most days.
    pub fn story()(people in prop::collection::vec(prop::collection::vec((person_day(), prop::bool::weighted(0.5)), DAYS.len()), 3..=6), settings in settings()) -> Story {
        let people = people.into_iter().map(|days| {
            let mut last: Option<PersonDay> = None;
            days.into_iter().map(|(day, changes)| {
                let day = last.clone().filter(|_| !changes).unwrap_or(day);
                last = Some(day.clone());
                day
            }).collect()
        });
        Story { people: people.collect(), settings }
    }
}

pub fn name(number: usize) -> String {
    format!("p{number}")
}

pub fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

pub fn moment(day: usize) -> Timestamp {
    world::moment(DAYS[day])
}

impl Story {
    /// The manifests of a day.
    pub fn given(&self, day: usize) -> Given {
        let settings = &self.settings;
        let mut given = Given { targets: Some(BTreeMap::new()), ..Given::default() };
        for (number, days) in self.people.iter().enumerate() {
            let (name, person) = (name(number), &days[day]);
            if person.declared {
                given.people.insert(name.clone(), json!({"employments": person.employments, "suspended": person.suspended}));
            }
            if person.locked {
                given.lockouts.insert(name.clone(), json!({"person": name, "reason": "a law"}));
            }
            if person.error {
                given.errors.insert(name.clone(), "a rule fails".to_owned());
            }
            if person.revoked {
                given.violations.insert(
                    name.clone(),
                    vec![json!({"rule": "apart", "message": "not both", "enforcement": "revoke", "entitlements": ["dir/group/a"]})],
                );
            }
            given.asks.insert(name, person.asks.clone());
        }
        let mut lifecycle = json!({});
        if settings.deletes {
            lifecycle["terminated"] = json!([{"do": "Disable", "entitlements": "Remove"}, {"after": "10d", "do": "Delete"}]);
        }
        if settings.preboards {
            lifecycle["preboarding"] = json!([{"before": "2d", "do": "Create"}]);
        }
        for name in TARGETS {
            let mut spec = json!({"lifecycle": lifecycle, "correlation": {"adopt": if settings.adopt { "Unique" } else { "Never" }}});
            if name == "app" && settings.holds {
                spec["removals"] = json!("Hold");
            }
            if name == "dir" {
                let mut group = json!({});
                if settings.authoritative {
                    group = json!({"mode": "Authoritative", "scope": {"names": ["a"]}});
                }
                if settings.grace {
                    group["grace"] = json!("3d");
                }
                spec["entitlements"] = json!({"group": group});
                let mut safety = json!({});
                if settings.tight {
                    safety = json!({"revocations": {"count": 1, "percent": 0}, "leavers": {"count": 1, "percent": 0}, "suspensions": {"count": 1, "percent": 0}});
                }
                if settings.protected && day > 0 {
                    safety["protected"] = json!({"names": ["p1"]});
                }
                spec["safety"] = safety;
            }
            given.targets.as_mut().unwrap().insert(name.to_owned(), spec);
        }
        given
    }
}

/// Targets and ledgers.
pub struct Place {
    pub memories: BTreeMap<TargetName, Memory>,
    pub ledgers: MemoryLedgers,
}

fn account(id: &str, name: &str, owner: Option<OwnerKey>) -> Account {
    Account {
        id: AccountId::parse(id).unwrap(),
        name: name.to_owned(),
        owner,
        state: AccountState::Enabled,
        version: None,
        attributes: BTreeMap::new(),
        partial: BTreeSet::new(),
        entitlements: [(world::entitlement(&target("dir"), "group/b"), How::Direct)].into(),
        entitlements_complete: true,
        own_login: false,
    }
}

impl Place {
    /// Before the first day: groups, an account of somebody's name, and one that is nobody's.
    pub fn new() -> Self {
        let memories: BTreeMap<_, _> = TARGETS.map(|name| (target(name), Memory::new(Memory::plain_schema()))).into();
        for (name, memory) in &memories {
            GROUPS.iter().for_each(|group| memory.provide(&world::entitlement(name, group)));
        }
        memories[&target("dir")].put(account("900", "p0", None));
        memories[&target("dir")].put(account("901", "stranger", None));
        Self { memories, ledgers: MemoryLedgers::default() }
    }

    /// After the first day another realm comes into the directory as well.
    pub fn let_others_in(&self) {
        self.memories[&target("dir")].put(account("950", "zed", OwnerKey::read("elsewhere/zed")));
    }

    pub fn copy(&self) -> Self {
        let ledgers = self.memories.keys().filter_map(|target| self.ledgers.kept(target));
        Self {
            memories: self.memories.iter().map(|(name, memory)| (name.clone(), memory.copy())).collect(),
            ledgers: MemoryLedgers::new(ledgers),
        }
    }

    fn opened(&self, realm: &Realm, batch: Option<usize>) -> provost::apply::run::Targets {
        open(realm, &|name, _| Ok(self.memories.get(name).map_or_else(|| Memory::new(Memory::plain_schema()).open(), Memory::open)), batch)
    }

    pub fn ledger_store(&self) -> Box<dyn LedgerStore> {
        Box::new(self.ledgers.another())
    }

    pub async fn plan(&self, given: &Given, now: Timestamp) -> Pass {
        self.plan_of(realm(given), now).await
    }

    pub async fn plan_of(&self, mut realm: Realm, now: Timestamp) -> Pass {
        let targets = self.opened(&realm, None);
        planned(&mut realm, &targets, &*self.ledger_store(), now).await
    }

    pub async fn run(&self, given: &Given, now: Timestamp, batch: Option<usize>) -> Pass {
        let mut realm = realm(given);
        let targets = self.opened(&realm, batch);
        let pass = pass(&mut realm, &targets, &*self.ledger_store(), now).await;
        for report in pass.reports.values() {
            assert_eq!(report.as_ref().unwrap().failed(), 0, "{report:?}");
        }
        pass
    }

    /// A run that looks some people up, as the operator does when something of theirs changes.
    pub async fn run_for(&self, given: &Given, people: &[&str], now: Timestamp) -> Pass {
        let mut realm = realm(given);
        let (targets, store) = (self.opened(&realm, None), self.ledger_store());
        let mut pass = planned(&mut realm, &targets, &*store, now).await;
        let people = people.iter().map(|person| PersonId::parse(*person).unwrap()).collect();
        for (name, look) in &mut pass.seen.looks {
            let asked = questions(&look.rules, &pass.round.targets[name].desired, &look.ledger, &people);
            let target = targets[name].as_ref().unwrap();
            look.observed = target.find(&look.rules, &asked.people, &asked.entitlements, now).await;
        }
        pass.round = plan(&realm, &pass.seen, None, now);
        pass.reports = carry_out(&pass.round, &mut pass.seen, &targets, &*store, now, &|_: &TargetName, _: usize| {}).await;
        for report in pass.reports.values() {
            assert_eq!(report.as_ref().unwrap().failed(), 0, "{report:?}");
        }
        pass
    }

    /// An account there.
    pub fn account(&self, at: &str, name: &str) -> Option<Account> {
        self.memories[&target(at)].accounts().into_iter().find(|account| account.name == name)
    }

    /// Somebody deletes an account there.
    pub fn lose(&self, at: &str, name: &str) {
        self.memories[&target(at)].remove(&self.account(at, name).unwrap().id);
    }

    /// What the guard has charged in a target.
    pub async fn window(&self, name: &str) -> Window {
        self.ledger_store().load(&target(name)).await.unwrap().window
    }

    /// A run that ends after so many changes.
    pub async fn cut(&self, given: &Given, now: Timestamp, changes: usize) -> Pass {
        let mut realm = realm(given);
        let targets = self.opened(&realm, Some(1));
        pass_under(&mut realm, &targets, &*self.ledger_store(), now, &LetsGo::only(changes)).await
    }

    /// What was charged stands in the guard's window alone, as after a death between two writes.
    pub async fn forget_charges(&self, target: &str) {
        let target = TargetName::parse(target).unwrap();
        let store = self.ledger_store();
        let ledger = store.load(&target).await.unwrap();
        let facts = ledger.links.into_iter().map(|(key, link)| Fact::Linked(key, Box::new(Link { charged: BTreeSet::new(), ..link })));
        store.record(&target, &facts.collect::<Vec<_>>()).await.unwrap();
    }

    /// Runs the first days of a story.
    pub async fn live(&self, story: &Story, days: usize) {
        for day in 0..days {
            self.run(&story.given(day), moment(day), None).await;
            if day == 0 {
                self.let_others_in();
            }
        }
    }
}
