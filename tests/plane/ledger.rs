//! The ledgers of a cluster on a real API server: what a second session reads, the fence, people who go and come back, and no write where
//! nothing is new.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use provost::api::{GROUP, VERSION, all_crds};
use provost::ledger::{LedgerStore, StoreError};
use provost::model::account::{AccountKey, AccountState};
use provost::model::change::Brake;
use provost::model::entitlement::EntitlementKey;
use provost::model::ids::{AccountId, AccountName, ObjectName, PersonId, TargetName};
use provost::model::ledger::{Fact, Grant, Ledger, Link, Window};
use provost::operator::status::{FINALIZER, LastError, Said, Shown, StatusLedgers, Statuses, Truth, conditions};
use provost::realm::object::ResourceKind;
use serde_json::{Value, json};

use crate::common::plane::{MANAGER, Shared, plane, soon};

/// A namespace of its own.
struct Place {
    plane: Shared,
    client: Client,
    namespace: String,
}

impl Place {
    /// With the target `dir` and Persons of these names.
    async fn new(of: &str, people: &[&str]) -> Self {
        let plane = plane();
        let client = plane.crds().await;
        let namespace = plane.namespace(of).await;
        let place = Self { plane, client, namespace };
        place.apply("TargetSystem", "dir", json!({"type": "sqlite", "sqlite": {"path": "a"}})).await;
        for name in people {
            place.apply("Person", name, json!({"externalId": format!("e-{name}")})).await;
        }
        place
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let plural = all_crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap().spec.names.plural;
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), &plural);
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    async fn apply(&self, kind: &str, name: &str, spec: Value) {
        let object = json!({"apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": {"name": name}, "spec": spec});
        soon(self.api(kind).patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object))).await.unwrap();
    }

    async fn label(&self, kind: &str, name: &str, value: &str) {
        let label = json!({"metadata": {"labels": {"seen": value}}});
        soon(self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(&label))).await.unwrap();
    }

    async fn get(&self, kind: &str, name: &str) -> Option<DynamicObject> {
        soon(self.api(kind).get_opt(name)).await.unwrap()
    }

    async fn status(&self, kind: &str, name: &str) -> Value {
        self.get(kind, name).await.unwrap().data["status"].take()
    }

    async fn ledgers(&self) -> StatusLedgers {
        soon(StatusLedgers::open(self.client.clone(), self.namespace.as_str())).await.unwrap()
    }

    async fn statuses(&self) -> Statuses {
        soon(Statuses::open(self.client.clone(), self.namespace.as_str())).await.unwrap()
    }

    /// What a session reads that opens now.
    async fn reread(&self) -> Ledger {
        self.ledgers().await.load(&dir()).await.unwrap()
    }

    /// The version of every object.
    async fn versions(&self) -> BTreeMap<(&'static str, String), Option<String>> {
        let mut versions = BTreeMap::new();
        for kind in ["Person", "TargetSystem", "Departure"] {
            for object in soon(self.api(kind).list(&ListParams::default())).await.unwrap() {
                versions.insert((kind, object.metadata.name.unwrap()), object.metadata.resource_version);
            }
        }
        versions
    }
}

fn dir() -> TargetName {
    TargetName::parse("dir").unwrap()
}

fn id(person: &str) -> PersonId {
    PersonId::parse(format!("e-{person}")).unwrap()
}

fn name(object: &str) -> ObjectName {
    ObjectName::parse(object).unwrap()
}

fn key(person: &str, account: &str) -> AccountKey {
    AccountKey { person: id(person), target: dir(), account: AccountName::new(account) }
}

fn linked(person: &str, account: &str) -> Fact {
    let at = Timestamp::new(1_900_000_000, 123_456_789).unwrap();
    let staff = EntitlementKey::parse("dir/group/a:b%3A\u{e9}").unwrap();
    let link = Link {
        id: AccountId::parse(format!("id of {person}")).ok(),
        name: format!("{person}\u{0}{account}"),
        state: AccountState::Enabled,
        asked: true,
        disabled: Some(at),
        held: BTreeMap::from([(Brake::Leavers, at)]),
        grants: BTreeMap::from([(staff, Grant { since: at, until: Some(at), lapsed: Some(at) })]),
        ..Link::default()
    };
    Fact::Linked(key(person, account), Box::new(link))
}

#[tokio::test]
async fn a_second_session_reads_all_of_it() {
    let place = Place::new("ledger-read", &["ann", "bob"]).await;
    let store = place.ledgers().await;
    let window = Window {
        charged: BTreeMap::from([((Timestamp::UNIX_EPOCH, Brake::Absence), 3)]),
        people: BTreeMap::from([((Timestamp::UNIX_EPOCH, Brake::Absence), BTreeSet::from([id("ann")]))]),
        last_complete: Some(u32::MAX),
    };
    let pieces = [
        vec![linked("ann", ""), linked("ann", "admin"), linked("bob", ""), Fact::Window(window)],
        vec![linked("nobody", ""), Fact::HadPolicy, Fact::Scope("group/a".into()), Fact::Unlinked(key("bob", ""))],
        vec![Fact::Unlinked(key("ann", "admin"))],
        // Too much for one write.
        (0..40).map(|number| linked(&format!("p{number}-{}", "x".repeat(3000)), "")).collect(),
    ];
    let mut ledger = Ledger::new(dir());
    for facts in pieces {
        store.record(&dir(), &facts).await.unwrap();
        facts.iter().for_each(|fact| ledger.record(fact));
        assert_eq!(store.load(&dir()).await.unwrap(), ledger);
        assert_eq!(place.reread().await, ledger);
    }
    // No entry is anybody's but its target's, and nothing is left of those that went.
    let ann = place.status("Person", "ann").await;
    assert_eq!(ann["accounts"].as_array().unwrap().len(), 1, "{ann}");
    assert_eq!(ann["observedGeneration"], -1, "what is said of a person is said elsewhere: {ann}");
    let target = place.status("TargetSystem", "dir").await;
    assert!(target["ledger"]["journal"].is_null() && target.to_string().len() < 2_000, "{target}");
    let managers: BTreeSet<String> =
        place.get("Person", "ann").await.unwrap().metadata.managed_fields.unwrap().into_iter().filter_map(|entry| entry.manager).collect();
    assert!(managers.contains("provost-dir"), "{managers:?}");
}

#[tokio::test]
async fn the_second_of_two_sessions_is_fenced_and_a_label_is_no_conflict() {
    let place = Place::new("ledger-fence", &["ann", "bob"]).await;
    let (first, second) = (place.ledgers().await, place.ledgers().await);
    first.record(&dir(), &[linked("ann", "")]).await.unwrap();
    for _ in 0..2 {
        let refused = second.record(&dir(), &[linked("bob", "")]).await;
        assert!(matches!(&refused, Err(StoreError::Conflict(of)) if *of == dir()), "{refused:?}");
    }
    for value in ["a", "b"] {
        place.label("TargetSystem", "dir", value).await;
        first.record(&dir(), &[Fact::Scope(value.into())]).await.unwrap();
    }
    let read = place.reread().await;
    assert_eq!((read.links.len(), read.scopes.len()), (1, 2));
    assert_eq!(place.get("TargetSystem", "dir").await.unwrap().metadata.labels.unwrap()["seen"], "b");

    soon(place.api("TargetSystem").delete("dir", &DeleteParams::default())).await.unwrap();
    let refused = first.record(&dir(), &[Fact::HadPolicy]).await.unwrap_err();
    assert_eq!(refused.to_string(), "TargetSystem/dir: is not there");
    assert_eq!(place.ledgers().await.targets().await.unwrap(), [dir()]);
    // One that is made anew gets what is remembered.
    place.apply("TargetSystem", "dir", json!({"type": "sqlite", "sqlite": {"path": "b"}})).await;
    first.record(&dir(), &[Fact::HadPolicy]).await.unwrap();
    assert_eq!(place.reread().await, first.load(&dir()).await.unwrap());
}

#[tokio::test]
async fn nothing_new_is_no_write() {
    let place = Place::new("ledger-idle", &["ann"]).await;
    let store = place.ledgers().await;
    store.record(&dir(), &[linked("ann", ""), linked("gone", "")]).await.unwrap();
    let error = LastError { code: "Denied".into(), message: "not allowed".into() };
    let held = BTreeSet::from([EntitlementKey::parse("dir/group/others").unwrap()]);
    let shown = BTreeMap::from([(key("ann", ""), Shown { last_error: Some(error), held, ..Shown::default() })]);
    store.show(&dir(), shown.clone()).await.unwrap();
    let statuses = place.statuses().await;
    let say = async |statuses: &Statuses, t: i64, status: Truth| {
        for (kind, object) in [(ResourceKind::Person, name("ann")), (ResourceKind::TargetSystem, name("dir"))] {
            let said = vec![Said::new("Ready", status, "Succeeded", "")];
            let conditions = conditions(&statuses.conditions(kind, &object), said, 1, Timestamp::from_second(t).unwrap());
            statuses.say(kind, &object, json!({"observedGeneration": 1, "conditions": conditions})).await.unwrap();
        }
    };
    say(&statuses, 10, Truth::True).await;
    let before = place.versions().await;

    let (again, statuses_again) = (place.ledgers().await, place.statuses().await);
    for store in [&store, &again] {
        store.show(&dir(), shown.clone()).await.unwrap();
        store.record(&dir(), &[]).await.unwrap();
        store.record(&dir(), &[linked("ann", ""), Fact::Done]).await.unwrap();
        store.flush(&dir()).await.unwrap();
        store.declare(&name("ann"), &id("ann"));
        store.take_back(&id("ann")).await.unwrap();
        store.finished(&id("gone")).await.unwrap();
    }
    say(&statuses, 20, Truth::True).await;
    say(&statuses_again, 30, Truth::True).await;
    assert_eq!(place.versions().await, before);

    // All of them stand on one object, side by side.
    let ann = place.status("Person", "ann").await;
    assert_eq!(ann["accounts"][0]["lastError"]["code"], "Denied");
    assert_eq!(ann["accounts"][0]["entitlements"].as_array().unwrap().len(), 2);
    assert_eq!(ann["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:10Z");
    say(&statuses_again, 40, Truth::False).await;
    store.record(&dir(), &[Fact::Unlinked(key("ann", ""))]).await.unwrap();
    let ann = place.status("Person", "ann").await;
    assert_eq!(ann["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:40Z");
    assert!(ann["accounts"].as_array().is_none_or(Vec::is_empty), "{ann}");
    assert_eq!(place.reread().await, store.load(&dir()).await.unwrap());
}

#[tokio::test]
async fn who_goes_and_comes_back_keeps_everything() {
    let place = Place::new("ledger-move", &["ann"]).await;
    let other = json!({"metadata": {"finalizers": ["acme.example/other"]}});
    soon(place.api("Person").patch("ann", &PatchParams::default(), &Patch::Merge(&other))).await.unwrap();
    let store = place.ledgers().await;
    store.record(&dir(), &[linked("ann", ""), linked("ann", "admin")]).await.unwrap();
    let kept = store.load(&dir()).await.unwrap();
    let finalizers = async || place.get("Person", "ann").await.unwrap().metadata.finalizers.unwrap_or_default();
    assert_eq!(finalizers().await, ["acme.example/other", FINALIZER]);

    soon(place.api("Person").delete("ann", &DeleteParams::default())).await.unwrap();
    for _ in 0..2 {
        store.depart(&name("ann"), &id("ann")).await.unwrap();
        assert_eq!(finalizers().await, ["acme.example/other"]);
        assert_eq!(place.reread().await, kept);
    }
    let departures = soon(place.api("Departure").list(&ListParams::default())).await.unwrap().items;
    let departure = name(departures[0].metadata.name.as_deref().unwrap());
    let status = &departures[0].data["status"];
    assert_eq!((&status["externalId"], &status["names"]), (&json!("e-ann"), &json!(["ann"])));
    assert_eq!(store.departed(&departure), Some(id("ann")));
    // While somebody else still holds the object, what happens is kept on the Departure.
    store.record(&dir(), &[Fact::Unlinked(key("ann", "admin"))]).await.unwrap();
    assert_eq!(place.reread().await.links.len(), 1);
    let none = json!({"metadata": {"finalizers": null}});
    soon(place.api("Person").patch("ann", &PatchParams::default(), &Patch::Merge(&none))).await.unwrap();
    assert!(place.get("Person", "ann").await.is_none());

    // Under another name.
    place.apply("Person", "ann-again", json!({"externalId": "e-ann"})).await;
    store.declare(&name("ann-again"), &id("ann"));
    store.take_back(&id("ann")).await.unwrap();
    assert!(place.get("Departure", departure.as_str()).await.is_none());
    assert_eq!(place.reread().await, store.load(&dir()).await.unwrap());
    let again = place.get("Person", "ann-again").await.unwrap();
    assert_eq!(again.metadata.finalizers.unwrap(), [FINALIZER]);

    // And the end of it: the object goes at once, the Departure with its last link.
    soon(place.api("Person").delete("ann-again", &DeleteParams::default())).await.unwrap();
    store.depart(&name("ann-again"), &id("ann")).await.unwrap();
    assert!(place.get("Person", "ann-again").await.is_none());
    assert!(place.get("Departure", departure.as_str()).await.is_some());
    store.record(&dir(), &[Fact::Unlinked(key("ann", ""))]).await.unwrap();
    store.finished(&id("ann")).await.unwrap();
    assert!(place.get("Departure", departure.as_str()).await.is_none());
}

#[tokio::test]
async fn a_person_that_is_going_takes_no_finalizer() {
    let place = Place::new("ledger-going", &["ann", "bob"]).await;
    let other = json!({"metadata": {"finalizers": ["acme.example/other"]}});
    soon(place.api("Person").patch("ann", &PatchParams::default(), &Patch::Merge(&other))).await.unwrap();
    let store = place.ledgers().await;
    for person in ["ann", "bob"] {
        soon(place.api("Person").delete(person, &DeleteParams::default())).await.unwrap();
    }
    store.record(&dir(), &[linked("ann", ""), linked("bob", "")]).await.unwrap();
    let departures = soon(place.api("Departure").list(&ListParams::default())).await.unwrap().items;
    assert_eq!(departures.len(), 2);
    assert_eq!(place.reread().await, store.load(&dir()).await.unwrap());
    let none = json!({"metadata": {"finalizers": null}});
    soon(place.api("Person").patch("ann", &PatchParams::default(), &Patch::Merge(&none))).await.unwrap();
}

#[tokio::test]
async fn what_is_made_anew_by_the_same_name_for_somebody_else_gets_nothing_of_the_first() {
    let place = Place::new("ledger-anew", &["ann"]).await;
    let store = place.ledgers().await;
    store.record(&dir(), &[linked("ann", "")]).await.unwrap();
    // The finalizer is taken off by force, and nobody has told the store.
    let none = json!({"metadata": {"finalizers": null}});
    soon(place.api("Person").patch("ann", &PatchParams::default(), &Patch::Merge(&none))).await.unwrap();
    soon(place.api("Person").delete("ann", &DeleteParams::default())).await.unwrap();
    place.apply("Person", "ann", json!({"externalId": "e-other"})).await;
    let Fact::Linked(key, link) = linked("ann", "") else { unreachable!() };
    store.record(&dir(), &[Fact::Linked(key, Box::new(Link { asked: false, ..*link }))]).await.unwrap();
    assert!(place.status("Person", "ann").await["accounts"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(place.reread().await, store.load(&dir()).await.unwrap());
}

#[tokio::test]
async fn kubectl_shows_what_is_there() {
    let place = Place::new("ledger-shown", &["ann"]).await;
    place.ledgers().await.record(&dir(), &[linked("ann", ""), linked("gone", "")]).await.unwrap();
    let status = json!({
        "observedGeneration": 1,
        "accounts": {"managed": 12, "unmatched": 3, "orphaned": 0, "protected": 1},
        "pending": 2, "held": 1,
        "lastSweep": {"started": "2026-11-24T08:00:00Z", "finished": "2026-11-24T08:01:00Z", "complete": true, "read": 16, "drift": 0},
        "guard": {"heldSince": "2026-11-24T08:01:00Z", "digest": "sha256:1", "sample": ["Disable dir e1 leavers"]},
        "lastHandledReconcileAt": "now",
        "conditions": conditions(&[], vec![Said::new("Ready", Truth::True, "Succeeded", "")], 1, Timestamp::UNIX_EPOCH),
    });
    place.statuses().await.say(ResourceKind::TargetSystem, &name("dir"), status.clone()).await.unwrap();
    let read = place.status("TargetSystem", "dir").await;
    for (field, value) in status.as_object().unwrap() {
        assert_eq!(&read[field], value, "{field}: nothing is pruned");
    }
    let get = |what: &str| place.plane.said(&["get", "--namespace", &place.namespace, what]);
    let lines = |text: &str| {
        text.lines()
            .map(|line| line.split("  ").filter(|word| !word.trim().is_empty()).map(|word| word.trim().to_owned()).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let targets = lines(&get("ptarget"));
    assert_eq!(targets[0], ["NAME", "TYPE", "MODE", "CONNECTED", "INSYNC", "HELD", "ACCOUNTS", "READY", "AGE"]);
    assert_eq!(targets[1][..3], ["dir", "sqlite", "12"]);
    let departures = lines(&get("pdep"));
    assert_eq!(departures[0], ["NAME", "EXTERNALID", "ACCOUNTS", "NEXT", "READY", "AGE"]);
    assert_eq!(departures[1][1], "e-gone");
}
