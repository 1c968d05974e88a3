use super::*;
use crate::model::change::LifecycleState;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::AccountName;
use crate::realm::object::Place;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

mod change;
mod lockouts;
mod problems;
mod unreadable;

const NOW: &str = "2026-06-10T08:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

fn id(text: &str) -> PersonId {
    PersonId::parse(text).unwrap()
}

fn target(text: &str) -> TargetName {
    TargetName::parse(text).unwrap()
}

fn ids(texts: &[&str]) -> BTreeSet<PersonId> {
    texts.iter().map(|text| id(text)).collect()
}

/// `people/ann` and its spec, as an object.
fn object(path: &str, spec: Value) -> Object {
    fn read<T: serde::de::DeserializeOwned>(spec: Value) -> T {
        serde_json::from_value(spec).unwrap()
    }
    let (kind, object) = path.split_once('/').unwrap();
    let body = match kind {
        "realm" => Body::Realm(read(spec)),
        "people" => Body::Person(read(spec)),
        "roles" => Body::BusinessRole(read(spec)),
        "bindings" => Body::RoleBinding(read(spec)),
        "policies" => Body::Policy(read(spec)),
        "targets" => Body::TargetSystem(read(spec)),
        "approvals" => Body::Approval(read(spec)),
        "lockouts" => Body::Lockout(read(spec)),
        "files" => Body::ConfigMap(read(spec)),
        other => panic!("no kind {other}"),
    };
    let place = Place { file: format!("{path}.yaml"), line: 1 };
    Object { meta: Meta { name: name(object), labels: BTreeMap::new(), annotations: BTreeMap::new(), created: None, place }, body }
}

fn objects(specs: Value) -> Vec<Object> {
    serde_json::from_value::<BTreeMap<String, Value>>(specs).unwrap().into_iter().map(|(path, spec)| object(&path, spec)).collect()
}

fn realm(specs: Value) -> Realm {
    let mut realm = Realm::new(RealmId::parse("acme").unwrap());
    for object in objects(specs) {
        realm.set(object);
    }
    realm
}

fn torn(kind: Option<ResourceKind>, object: &str) -> Unreadable {
    let name = Some(object).filter(|object| !object.is_empty()).map(name);
    Unreadable { kind, name, external_id: None, place: Place { file: "torn.yaml".to_owned(), line: 7 }, why: "bad date".to_owned() }
}

fn state(realm: &Realm, person: &str) -> Option<LifecycleState> {
    realm.standing(&id(person), at(NOW)).and_then(|standing| standing.lifecycle).map(|lifecycle| lifecycle.state)
}

fn frozen(realm: &Realm, person: &str) -> Option<String> {
    realm.input(&id(person), at(NOW)).err().map(|frozen| frozen.to_string())
}

fn whole(held: &[(&str, Held)]) -> Reading {
    let mut by_person: BTreeMap<PersonId, BTreeSet<Held>> = BTreeMap::new();
    for (person, held) in held {
        by_person.entry(id(person)).or_default().insert(held.clone());
    }
    Reading { scope: Scope::Whole, complete: true, held: by_person, exports: BTreeMap::new() }
}

// ── several objects of one person ──

#[test]
fn several_persons_of_one_id_are_frozen_and_leave_when_all_have_left() {
    let ended = json!({"externalId": "1", "employments": [{"endDate": "2026-06-09"}]});
    let ends = json!({"externalId": "1", "employments": [{"endDate": "2026-06-30"}]});
    let open = json!({"externalId": "1"});
    let suspended = json!({"externalId": "1", "suspended": true});
    let rows = [
        ("both here", &open, &open, "active", None),
        ("one has ended", &ended, &open, "active", None),
        ("one will end", &ended, &ends, "active", Some("2026-07-01T00:00:00Z")),
        ("both have ended", &ended, &ended, "terminated", Some("2026-06-10T00:00:00Z")),
        ("one is suspended", &open, &suspended, "suspended", None),
        ("one has ended, one is suspended", &ended, &suspended, "suspended", None),
    ];
    for (case, one, two, want, end) in rows {
        let realm = realm(json!({"people/a": one, "people/b": two}));
        let standing = realm.standing(&id("1"), at(NOW)).unwrap();
        let lifecycle = standing.lifecycle.unwrap();
        assert_eq!((lifecycle.state.as_str(), lifecycle.end), (want, end.map(at)), "{case}");
        let why = standing.frozen.unwrap().to_string();
        assert!(why.contains("more than once, also in people/b.yaml:1"), "{case}: {why}");
        assert_eq!(realm.problems(at(NOW)).iter().filter(|problem| problem.freezes).count(), 2, "{case}");
    }
}

// ── what a person's object says ──

#[test]
fn the_standing_says_what_the_object_says_of_accounts() {
    let mut ann = object(
        "people/ann",
        json!({"externalId": "1001", "formerIds": ["c-1"], "userName": "ann", "deletionPolicy": "Retain", "accounts": [{"target": "dir", "id": "17"}]}),
    );
    ann.meta.annotations.insert("provost.dev/paused".to_owned(), "true".to_owned());
    ann.meta.created = Some(at("2026-01-01T00:00:00Z"));
    let mut realm = realm(json!({"people/bob": {}}));
    realm.set(ann);
    let standing = realm.standing(&id("1001"), at(NOW)).unwrap();
    assert!(standing.retain && standing.paused && standing.frozen.is_none());
    assert_eq!(standing.user_name.as_deref(), Some("ann"));
    assert_eq!(standing.former_ids, ids(&["c-1"]));
    assert_eq!(standing.links[0].id, "17");
    assert_eq!(standing.place, "people/ann.yaml:1");
    assert_eq!(standing.created, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(realm.heirs(&id("c-1")), ids(&["1001"]));
    assert!(realm.standing(&id("c-1"), at(NOW)).is_none() && !realm.is_declared(&id("c-1")));
    let bob = realm.standing(&id("bob"), at(NOW)).unwrap();
    assert!(!bob.retain && !bob.paused);
}

// ── the input ──

#[test]
fn the_input_is_the_person_as_of_now_with_managers_roles_and_targets() {
    let mut realm = realm(json!({
        "realm/acme": {"timezone": "Europe/Prague"},
        "targets/dir": {"type": "ldap"}, "targets/chat": {"type": "scim"}, "targets/mail": {"type": "sqlite"},
        "people/dia": {"externalId": "1", "type": "partner", "manager": "ada"},
        "people/ada": {"externalId": "0", "suspended": true},
        "people/cho": {
            "externalId": "3", "userName": "cho", "manager": "ada", "attributes": {"badge": "7", "site": null, "tags": ["a", null]},
            "employments": [
                {"startDate": "2023-05-01", "endDate": "2026-06-10", "department": "Engineering"},
                {"startDate": "2026-06-11", "department": "Finance", "manager": "dia"},
            ],
        },
        "roles/clerk": {"entitlements": [{"target": "dir", "kind": "role", "name": "pay"}]},
        "bindings/fin": {"role": "clerk", "subjectMatch": {"department": ["Finance"]}, "notAfter": "2026-07-01T00:00:00Z", "justification": "FIN-1"},
        "bindings/later": {"role": "clerk", "subjects": [{"name": "cho"}], "notBefore": "2026-06-20T00:00:00Z"},
    }));
    let held = Held { key: EntitlementKey::parse("dir/role/pay").unwrap(), account: AccountName::ordinary() };
    realm.learn(&target("dir"), whole(&[("3", held.clone())]));
    let exports = BTreeMap::from([(id("3"), json!({"mail": "cho@acme.example"}))]);
    realm.learn(&target("mail"), Reading { exports, complete: false, ..whole(&[]) });
    let employments = json!([
        {"startDate": "2023-05-01", "endDate": "2026-06-10", "department": "Engineering"},
        {"startDate": "2026-06-11", "department": "Finance", "manager": "dia"},
    ]);
    // Midnight in Prague has passed, in UTC it has not.
    let input = realm.input(&id("3"), at("2026-06-10T22:30:00Z")).unwrap();
    assert_eq!(
        serde_json::to_value(&input).unwrap(),
        json!({
            "person": {
                "externalId": "3", "userName": "cho", "type": "employee", "manager": "dia", "department": "Finance",
                "attributes": {"badge": "7", "tags": ["a"]}, "employments": employments,
                "metadata": {"name": "cho", "labels": {}}, "lifecycle": {"state": "active"},
            },
            "managers": [
                {"externalId": "1", "type": "partner", "manager": "ada", "metadata": {"name": "dia", "labels": {}}, "lifecycle": {"state": "active"}},
                {"externalId": "0", "type": "employee", "suspended": true, "metadata": {"name": "ada", "labels": {}}, "lifecycle": {"state": "suspended"}},
            ],
            "roles": [{
                "name": "clerk", "parameters": {}, "binding": "fin", "path": [], "until": "2026-07-01T00:00:00Z", "justification": "FIN-1",
                "grants": [{"key": "dir/role/pay", "target": "dir", "kind": "role", "name": "pay", "account": "", "reason": "role clerk (binding fin)", "until": "2026-07-01T00:00:00Z"}],
            }],
            "targets": {"dir": {"type": "ldap", "labels": {}}, "chat": {"type": "scim", "labels": {}}, "mail": {"type": "sqlite", "labels": {}}},
            "observed": [{"key": "dir/role/pay", "target": "dir", "kind": "role", "name": "pay", "account": ""}],
            "unread": ["chat", "mail"],
            "accounts": {"mail": {"mail": "cho@acme.example"}},
            "today": "2026-06-11",
        })
    );
    assert_eq!(input.midnight, Some(at("2026-06-11T22:00:00Z")));
    assert_eq!(input.holdings_next, Some(at("2026-06-20T00:00:00Z")));
    assert!(!input.managers_unknown);
    let before = realm.input(&id("3"), at(NOW)).unwrap();
    assert_eq!((before.roles.len(), before.managers.len(), before.today.as_str()), (0, 1, "2026-06-10"));
}

#[test]
fn the_chain_of_managers_ends_at_nobody_and_in_a_circle() {
    let realm = realm(json!({
        "people/ann": {"manager": "bob"}, "people/bob": {"manager": "cid"}, "people/cid": {"manager": "bob"},
        "people/dee": {"manager": "ghost"}, "people/eve": {},
        "people/fay": {"manager": "gus"}, "people/gus": {"employments": [{"endDate": "2026-06-30"}]},
    }));
    let rows = [("ann", 2, true), ("bob", 1, true), ("dee", 0, true), ("eve", 0, false), ("fay", 1, false)];
    for (person, chain, unknown) in rows {
        let input = realm.input(&id(person), at(NOW)).unwrap();
        assert_eq!((input.managers.len(), input.managers_unknown), (chain, unknown), "{person}");
    }
    let own =
        self::realm(json!({"people/ann": {"employments": [{"startDate": "2026-01-01"}, {"startDate": "2027-01-01", "manager": "ann"}]}}));
    assert_eq!(own.input(&id("ann"), at(NOW)).unwrap_err().to_string(), "`manager: ann` is this very person (people/ann.yaml:1)");
    assert_eq!(realm.input(&id("fay"), at(NOW)).unwrap().holdings_next, Some(at("2026-07-01T00:00:00Z")), "the manager leaves then");
}

#[test]
fn a_binding_means_people_by_name_and_by_what_is_said_of_them() {
    let people = json!({
        "people/ann": {"department": "Finance", "title": "Clerk", "attributes": {"site": {"code": "PRG"}, "skills": ["sql", "rust"], "a.b": 3}},
        "people/bob": {"department": "Sales", "type": "contractor", "suspended": true, "emails": [{"value": "bob@x"}]},
        "people/cid": {"department": "Sales", "employments": [{"department": "Finance"}]},
    });
    let rows = [
        ("by name", json!({"subjects": [{"name": "bob"}]}), vec!["bob"]),
        ("by one field, laid over", json!({"subjectMatch": {"department": ["Finance"]}}), vec!["ann", "cid"]),
        ("any of its values", json!({"subjectMatch": {"department": ["Finance", "Sales"]}}), vec!["ann", "bob", "cid"]),
        ("every field", json!({"subjectMatch": {"department": ["Finance"], "title": ["Clerk"]}}), vec!["ann"]),
        ("by name or by field", json!({"subjects": [{"name": "bob"}], "subjectMatch": {"title": ["Clerk"]}}), vec!["ann", "bob"]),
        ("the default type", json!({"subjectMatch": {"type": ["employee"]}}), vec!["ann", "cid"]),
        ("nested", json!({"subjectMatch": {"attributes.site.code": ["PRG"]}}), vec!["ann"]),
        ("one of a list", json!({"subjectMatch": {"attributes.skills": ["rust"]}}), vec!["ann"]),
        ("a key with a dot, a number", json!({"subjectMatch": {"attributes.a.b": ["3"]}}), vec!["ann"]),
        ("a truth value", json!({"subjectMatch": {"suspended": ["true"]}}), vec!["bob"]),
        ("in a list of maps", json!({"subjectMatch": {"emails.value": ["bob@x"]}}), vec!["bob"]),
        ("an empty match is nobody", json!({"subjectMatch": {}}), vec![]),
        ("a field without values is nobody", json!({"subjectMatch": {"department": []}}), vec![]),
        ("a field that is not there", json!({"subjectMatch": {"dept": ["Finance"]}}), vec![]),
    ];
    for (case, mut binding, want) in rows {
        let mut realm = realm(people.clone());
        realm.set(object("roles/r", json!({})));
        binding["role"] = json!("r");
        let affected = realm.set(object("bindings/b", binding));
        let held: BTreeSet<PersonId> = realm.people().into_iter().filter(|person| !realm.holdings(person, at(NOW)).is_empty()).collect();
        assert_eq!(held, ids(&want), "{case}");
        let Scope::People(affected) = affected.people else { panic!("{case}: everybody") };
        assert!(affected.is_superset(&held), "{case}");
        assert_eq!(realm.remove(ResourceKind::RoleBinding, &name("b")).people, Scope::People(affected), "{case}: taken out again");
        assert!(realm.people().iter().all(|person| realm.holdings(person, at(NOW)).is_empty()), "{case}");
    }
}

#[test]
fn a_binding_holds_inside_its_window_and_freezes_there_only() {
    let window = json!({"notBefore": "2026-06-01T00:00:00Z", "notAfter": "2026-07-01T00:00:00Z"});
    let rows = [
        ("before", "2026-05-31T23:59:59Z", 0, Some("2026-06-01T00:00:00Z")),
        ("from the first moment", "2026-06-01T00:00:00Z", 1, Some("2026-07-01T00:00:00Z")),
        ("to the last", "2026-06-30T23:59:59Z", 1, Some("2026-07-01T00:00:00Z")),
        ("over", "2026-07-01T00:00:00Z", 0, None),
    ];
    for (case, t, held, next) in rows {
        let mut binding = window.clone();
        binding["role"] = json!("r");
        binding["subjects"] = json!([{"name": "ann"}]);
        let mut realm = realm(json!({"people/ann": {}, "people/bob": {}, "roles/r": {}, "bindings/b": binding}));
        let input = realm.input(&id("ann"), at(t)).unwrap();
        assert_eq!((input.roles.len(), input.holdings_next), (held, next.map(at)), "{case}");
        realm.remove(ResourceKind::BusinessRole, &name("r"));
        let standing = realm.standing(&id("ann"), at(t)).unwrap();
        assert_eq!(standing.frozen.is_some(), held == 1, "{case}");
        assert_eq!(standing.next, next.map(at).filter(|_| held == 1), "{case}: it thaws by itself");
        assert!(realm.input(&id("bob"), at(t)).is_ok(), "{case}");
    }
}

#[test]
fn an_attribute_that_the_realm_does_not_declare_freezes() {
    let attributes = json!({"badge": {"type": "integer"}, "tags": {"type": "string", "many": true}});
    let rows = [
        ("as declared", json!({"attributes": {"badge": 7, "tags": ["a"]}}), None),
        ("misspelt", json!({"attributes": {"bagde": 7}}), Some("`bagde` is not among those of the Realm")),
        ("another type", json!({"attributes": {"badge": "7"}}), Some("not what the Realm says of it: integer")),
        ("one in place of many", json!({"attributes": {"tags": "a"}}), Some("a list, each string")),
        ("in an employment", json!({"employments": [{"attributes": {"bagde": 7}}]}), Some("`bagde`")),
    ];
    for (case, spec, want) in rows {
        let realm = realm(json!({"realm/acme": {"attributes": attributes}, "people/ann": spec}));
        let found = frozen(&realm, "ann");
        assert_eq!(found.is_some(), want.is_some(), "{case}: {found:?}");
        assert!(want.is_none_or(|text| found.unwrap().contains(text)), "{case}");
    }
}
