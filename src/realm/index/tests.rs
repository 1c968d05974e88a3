use super::*;
use crate::model::change::LifecycleState;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::AccountName;
use crate::realm::object::Place;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

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

fn grants(realm: &Realm, person: &str, t: &str) -> Vec<String> {
    let input = realm.input(&id(person), at(t)).unwrap();
    input.roles.iter().flat_map(|holding| holding.grants.iter().map(|grant| grant.key.inside())).collect()
}

// ── cases: what cannot be read ──

#[test]
fn a_manifest_that_cannot_be_read_and_a_binding_to_no_role_freeze_their_people_alone() {
    let mut realm = realm(json!({
        "people/cid": {}, "people/fay": {},
        "people/dee": {"employments": [{"startDate": "2020-01-01", "endDate": "2026-06-09"}]},
        "bindings/nowhere": {"role": "ghost", "subjects": [{"name": "fay"}]},
    }));
    realm.mark_unreadable(vec![torn(Some(ResourceKind::Person), "ann")]);
    assert_eq!(realm.people(), ids(&["ann", "cid", "dee", "fay"]), "who cannot be read is not gone");
    assert_eq!(frozen(&realm, "ann").unwrap(), "the Person cannot be read: bad date (torn.yaml:7)");
    let ann = realm.standing(&id("ann"), at(NOW)).unwrap();
    assert_eq!((ann.lifecycle, ann.place.as_str()), (None, "torn.yaml:7"));
    assert_eq!(
        frozen(&realm, "fay").unwrap(),
        "the RoleBinding `nowhere` does not fit: no BusinessRole is called `ghost` (bindings/nowhere.yaml:1)"
    );
    assert_eq!((frozen(&realm, "cid"), frozen(&realm, "dee")), (None, None));
    assert_eq!(state(&realm, "dee"), Some(LifecycleState::Terminated));
    assert!(!realm.absence_judged());
    assert_eq!(realm.removals_kept_back(), None);
}

#[test]
fn what_cannot_be_read_keeps_back_what_it_might_decide() {
    // name, what is torn; absence judged, removals kept back, realm frozen
    let rows = [
        ("nothing", None, true, false, false),
        ("a Person", Some(Some(ResourceKind::Person)), false, false, false),
        ("a RoleBinding", Some(Some(ResourceKind::RoleBinding)), false, true, false),
        ("a BusinessRole", Some(Some(ResourceKind::BusinessRole)), false, true, false),
        ("a file of no kind", Some(None), false, true, false),
        ("a Policy", Some(Some(ResourceKind::Policy)), false, false, true),
        ("the ConfigMap of `from`", Some(Some(ResourceKind::ConfigMap)), false, false, true),
        ("a TargetSystem", Some(Some(ResourceKind::TargetSystem)), false, false, false),
        ("a Lockout", Some(Some(ResourceKind::Lockout)), false, false, false),
        ("an Approval", Some(Some(ResourceKind::Approval)), false, false, false),
    ];
    for (case, what, absence, removals, all) in rows {
        let mut realm = realm(json!({"people/ann": {}, "policies/access": {"from": ["x"]}, "files/x": {}}));
        realm.mark_unreadable(what.into_iter().map(|kind| torn(kind, "x")).collect());
        assert_eq!(realm.absence_judged(), absence, "{case}: absence");
        assert_eq!(realm.removals_kept_back().is_some(), removals, "{case}: removals");
        assert_eq!(realm.frozen(true).is_some(), all, "{case}: frozen");
        assert_eq!(realm.realm_unreadable(), None, "{case}");
        assert_eq!(frozen(&realm, "ann"), None, "{case}: nobody is frozen by name");
        let targets: Vec<String> = realm.unreadable_targets().keys().map(ToString::to_string).collect();
        assert_eq!(targets == ["x"], case == "a TargetSystem", "{case}");
        realm.mark_unreadable(Vec::new());
        assert!(realm.absence_judged() && realm.removals_kept_back().is_none() && realm.frozen(true).is_none(), "{case}: mended");
    }
}

#[test]
fn a_missing_config_map_freezes_the_realm_and_leaves_the_states_as_they_are() {
    let realm = realm(json!({
        "policies/access": {"from": ["access"]},
        "people/ann": {}, "people/dee": {}, "people/eve": {},
        "people/cid": {"employments": [{"startDate": "2020-01-01", "endDate": "2026-06-09"}]},
        "lockouts/eve-soc": {"person": "eve", "reason": "INC-1"},
    }));
    let rows = [("ann", "active"), ("cid", "terminated"), ("dee", "active"), ("eve", "locked")];
    for (person, want) in rows {
        assert_eq!(state(&realm, person).unwrap().as_str(), want, "{person}");
    }
    let why = realm.frozen(true).unwrap().to_string();
    assert!(why.contains("the ConfigMap `access`, which is not there") && why.contains("policies/access.yaml:1"), "{why}");
    assert!(!realm.absence_judged());
}

#[test]
fn no_policy_left_is_frozen_and_an_empty_one_is_not() {
    let none = realm(json!({}));
    assert!(none.frozen(true).is_some() && none.frozen(false).is_none());
    assert_eq!(realm(json!({"policies/none": {}})).frozen(true), None);
    assert!(realm(json!({"realm/a": {}, "realm/b": {}})).frozen(false).is_some(), "two Realms");
}

#[test]
fn who_could_be_read_before_keeps_their_end_and_one_who_was_renamed_is_known_by_id() {
    let mut realm = realm(json!({"people/ann": {"externalId": "1001", "employments": [{"endDate": "2026-06-09"}]}}));
    realm.cannot_read(torn(Some(ResourceKind::Person), "ann"));
    assert_eq!(realm.people(), ids(&["1001"]));
    assert_eq!(state(&realm, "1001"), Some(LifecycleState::Terminated));
    assert!(frozen(&realm, "1001").is_some());
    realm.set(object("people/ann", json!({"externalId": "1001"})));
    assert!(frozen(&realm, "1001").is_none() && realm.absence_judged(), "it can be read again");
    let other = Unreadable { external_id: Some("1001".to_owned()), ..torn(Some(ResourceKind::Person), "zoe") };
    realm.set(object("people/ann", json!({"externalId": "1001", "employments": [{"endDate": "2026-06-09"}]})));
    realm.cannot_read(other);
    assert_eq!(state(&realm, "1001"), None, "another object may say that they go on");
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

#[test]
fn a_lockout_reaches_whom_its_name_meets() {
    let mut realm = realm(json!({
        "people/ann": {"externalId": "1001"}, "people/bob": {"externalId": "cho"},
        "lockouts/all": {"person": "ann", "until": "2026-06-11T00:00:00Z"},
        "lockouts/dir": {"person": "ann", "targets": ["dir"], "until": "2026-06-10T12:00:00Z"},
        "lockouts/over": {"person": "ann", "until": "2026-06-10T08:00:00Z"},
        "lockouts/gone": {"person": "gus"},
        "lockouts/torn": {"person": "tom"},
        "lockouts/else": {"person": "cho"},
    }));
    realm.mark_unreadable(vec![Unreadable { external_id: Some("1009".to_owned()), ..torn(Some(ResourceKind::Person), "tom") }]);
    let locks =
        |person: &str| -> Vec<String> { realm.lockouts_of(&id(person), at(NOW)).iter().map(|lockout| lockout.name.to_string()).collect() };
    assert_eq!(locks("1001"), ["all", "dir"]);
    assert_eq!(locks("gus"), ["gone"], "who is gone stays locked");
    assert_eq!(locks("1009"), ["torn"]);
    assert_eq!(locks("cho"), Vec::<String>::new(), "the name of nobody is not taken for the id of somebody else");
    let ann = realm.standing(&id("1001"), at(NOW)).unwrap();
    assert_eq!(ann.lifecycle.unwrap().next, Some(at("2026-06-11T00:00:00Z")));
    assert_eq!(ann.next, Some(at("2026-06-10T12:00:00Z")));
    assert_eq!(ann.lockouts[1].targets, BTreeSet::from([target("dir")]));
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
                "grants": [{"key": "dir/role/pay", "account": "", "reason": "role clerk (binding fin)", "until": "2026-07-01T00:00:00Z"}],
            }],
            "targets": {"dir": {"type": "ldap", "labels": {}}, "chat": {"type": "scim", "labels": {}}, "mail": {"type": "sqlite", "labels": {}}},
            "observed": [{"key": "dir/role/pay", "account": ""}],
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

// ── what targets hold ──

fn whole(held: &[(&str, Held)]) -> Reading {
    let mut by_person: BTreeMap<PersonId, BTreeSet<Held>> = BTreeMap::new();
    for (person, held) in held {
        by_person.entry(id(person)).or_default().insert(held.clone());
    }
    Reading { scope: Scope::Whole, complete: true, held: by_person, exports: BTreeMap::new() }
}

#[test]
fn a_partial_reading_takes_nothing_out() {
    let held = |text: &str| Held { key: EntitlementKey::parse(text).unwrap(), account: AccountName::ordinary() };
    let (eng, ops) = (held("dir/group/eng"), held("dir/group/ops"));
    let mut realm = realm(json!({"people/ann": {}, "people/bob": {}, "targets/dir": {"type": "scim"}}));
    let observed = |realm: &Realm, person: &str| realm.input(&id(person), at(NOW)).unwrap().observed;
    let unread = |realm: &Realm, person: &str| !realm.input(&id(person), at(NOW)).unwrap().unread.is_empty();

    let affected = realm.learn(&target("dir"), Reading { complete: false, ..whole(&[("ann", eng.clone())]) });
    assert_eq!(affected.people, Scope::People(ids(&["ann"])));
    assert!(unread(&realm, "ann"), "the rest of it may be anything");

    let some = Reading { scope: Scope::People(ids(&["bob"])), ..whole(&[]) };
    assert_eq!(realm.learn(&target("dir"), some).people, Scope::People(ids(&["bob"])));
    assert!(unread(&realm, "ann") && !unread(&realm, "bob"));

    assert_eq!(realm.learn(&target("dir"), whole(&[("ann", eng.clone())])).people, Scope::Whole, "it is read for everybody now");
    assert!(realm.learn(&target("dir"), whole(&[("ann", eng.clone())])).is_nothing());

    realm.learn(&target("dir"), Reading { complete: false, ..whole(&[("ann", ops.clone())]) });
    assert_eq!(observed(&realm, "ann"), BTreeSet::from([eng, ops.clone()]));
    assert_eq!(realm.learn(&target("dir"), whole(&[("bob", ops.clone())])).people, Scope::People(ids(&["ann", "bob"])));
    assert_eq!((observed(&realm, "ann"), observed(&realm, "bob")), (BTreeSet::new(), BTreeSet::from([ops])));
}

// ── policies ──

#[test]
fn the_files_of_config_maps_are_modules_and_data() {
    let mut realm = realm(json!({
        "policies/access": {"use": ["sod/v1"], "modules": {"own.rego": "package a"}, "from": ["files"], "data": {"a": 1}},
        "files/files": {"x.rego": "package x", "x_test.rego": "package x_test", "d.yaml": "sod:\n- rule: r", "e.json": "{\"e\": 2}", "README.md": "#"},
        "files/unused": {"y.rego": "package y"},
    }));
    let [parts] = realm.policies() else { panic!("one Policy") };
    assert_eq!(parts.use_, ["sod/v1"]);
    assert_eq!(parts.modules.keys().collect::<Vec<_>>(), ["own.rego", "x.rego"]);
    assert_eq!(parts.tests.keys().collect::<Vec<_>>(), ["x_test.rego"]);
    let data = [
        ("policies/access.yaml:1".to_owned(), json!({"a": 1})),
        ("d.yaml".to_owned(), json!({"sod": [{"rule": "r"}]})),
        ("e.json".to_owned(), json!({"e": 2})),
    ];
    assert_eq!(parts.data, data);
    assert_eq!(realm.frozen(true), None);
    let rows = [
        (json!({"own.rego": "package b"}), "two files `own.rego`"),
        (json!({"d.yaml": "a: [1"}), "the data file `d.yaml` cannot be read"),
        (json!({"d.json": "[1]"}), "the data file `d.json` is no map"),
    ];
    for (files, want) in rows {
        realm.set(object("files/files", files));
        let why = realm.frozen(true).unwrap().to_string();
        assert!(why.contains(want) && why.contains("files/files.yaml:1"), "{why}");
    }
}

// ── whom a change touches ──

#[test]
fn a_change_touches_those_who_may_be_decided_otherwise() {
    let start = json!({
        "people/ada": {}, "people/dia": {"manager": "ada"}, "people/cho": {"externalId": "3", "manager": "dia", "formerIds": ["c-3"]},
        "people/bob": {"department": "Sales", "employments": [{}, {"startDate": "2030-01-01", "department": "Finance", "manager": "ada"}]},
        "roles/r": {}, "targets/dir": {"type": "scim"}, "targets/chat": {"type": "scim"},
        "policies/p": {"from": ["used"]}, "files/used": {}, "files/unused": {},
    });
    struct Row(&'static str, &'static str, Value, Option<&'static [&'static str]>, &'static [&'static str], bool);
    let rows = [
        Row("nothing new", "people/ada", json!({}), Some(&[]), &[], false),
        Row("a manager, in any employment", "people/ada", json!({"title": "x"}), Some(&["ada", "dia", "3", "bob"]), &[], false),
        Row("old, new and former ids", "people/cho", json!({"externalId": "4", "formerIds": ["3"]}), Some(&["3", "4", "c-3"]), &[], false),
        Row(
            "a binding by field",
            "bindings/b",
            json!({"role": "r", "subjectMatch": {"department": ["Finance"]}}),
            Some(&["bob"]),
            &[],
            false,
        ),
        Row("a binding by name", "bindings/b", json!({"role": "r", "subjects": [{"name": "cho"}]}), Some(&["3"]), &[], false),
        Row("a role", "roles/r", json!({"risk": "low"}), None, &[], true),
        Row("a policy", "policies/p", json!({}), None, &[], true),
        Row("a file of a policy", "files/used", json!({"a.rego": ""}), None, &[], true),
        Row("a file of none", "files/unused", json!({"a.rego": ""}), Some(&[]), &[], false),
        Row("a target's limits", "targets/dir", json!({"type": "scim", "mode": "Observe"}), Some(&[]), &["dir"], false),
        Row("a target's mapping", "targets/dir", json!({"type": "scim", "mapping": {"a": {"value": "1"}}}), Some(&[]), &["dir"], true),
        Row("a new target", "targets/new", json!({"type": "scim"}), None, &["new"], true),
        Row("the realm", "realm/acme", json!({"freeze": true}), None, &["dir", "chat"], false),
        Row("a lockout", "lockouts/l", json!({"person": "cho"}), Some(&["3"]), &[], false),
        Row(
            "an approval",
            "approvals/a",
            json!({"target": "dir", "decision": "Approve", "changes": [], "digest": ""}),
            Some(&[]),
            &["dir"],
            false,
        ),
        Row(
            "an approval of all",
            "approvals/a",
            json!({"decision": "Approve", "changes": [], "digest": ""}),
            Some(&[]),
            &["dir", "chat"],
            false,
        ),
    ];
    for Row(case, path, spec, people, targets, recompile) in rows {
        let mut realm = realm(start.clone());
        let affected = realm.set(object(path, spec));
        let want = Affected {
            people: people.map_or(Scope::Whole, |people| Scope::People(ids(people))),
            targets: targets.iter().map(|name| target(name)).collect(),
            recompile,
        };
        assert_eq!(affected, want, "{case}");
        assert_eq!(affected.is_nothing(), case == "nothing new" || case == "a file of none", "{case}");
    }
}

#[test]
fn a_replaced_kind_touches_what_differs() {
    let mut realm = realm(json!({"people/ann": {}, "people/bob": {}, "people/cid": {}}));
    let new = objects(json!({"people/ann": {}, "people/bob": {"title": "x"}, "people/dee": {}}));
    let affected = realm.replace(ResourceKind::Person, new.clone());
    assert_eq!(affected.people, Scope::People(ids(&["bob", "cid", "dee"])));
    assert_eq!(realm.people(), ids(&["ann", "bob", "dee"]));
    assert!(realm.replace(ResourceKind::Person, new).is_nothing());
    assert!(realm.remove(ResourceKind::Person, &name("zoe")).is_nothing());
}

// ── problems ──

#[test]
fn what_names_somebody_unknown_is_a_problem_of_the_object_that_names_them() {
    let mut realm = realm(json!({
        "realm/acme": {"timezone": "Europe/Prag"},
        "targets/dir": {"type": "scim", "accounts": {"admin": {}}},
        "people/ann": {"manager": "ghost", "owners": ["ghost", "tom"], "timezone": "Mars/Base", "userName": "a.b"},
        "people/bob": {"userName": "A.B", "manager": "cid", "formerIds": ["ann"]},
        "people/cid": {"manager": "bob", "accounts": [{"target": "nowhere", "id": "1"}]},
        "people/dee": {"manager": "bob"},
        "roles/r": {"owners": ["ghost"], "entitlements": [
            {"target": "nowhere", "kind": "group", "name": "x"}, {"target": "dir", "kind": "group", "name": "x", "account": "root"},
            {"target": "dir", "kind": "group", "name": "y", "account": "admin"}, {"target": "torn", "kind": "group", "name": "x", "account": "root"}]},
        "roles/loop": {"includes": ["loop"]},
        "bindings/nobody": {"role": "r", "subjects": [{"name": "ghost"}, {"name": "ann"}]},
        "bindings/bad": {"role": "ghost", "subjects": [{"name": "ann"}]},
        "bindings/over": {"role": "ghost", "subjects": [{"name": "ann"}], "notAfter": "2026-01-01T00:00:00Z"},
        "bindings/later": {"role": "ghost", "notBefore": "2026-07-01T00:00:00Z"},
        "bindings/field": {"role": "r", "subjectMatch": {"dept": ["x"], "attributes.x": ["y"]}},
        "lockouts/l": {"person": "ghost", "targets": ["nowhere"]},
        "approvals/a": {"target": "nowhere", "decision": "Reject", "changes": [], "digest": ""},
    }));
    realm.mark_unreadable(vec![torn(Some(ResourceKind::Person), "tom"), torn(Some(ResourceKind::TargetSystem), "torn")]);
    let found: Vec<String> = realm
        .problems(at(NOW))
        .iter()
        .map(|problem| {
            assert!(!problem.hint.is_empty() && problem.place.line == 1, "{problem:?}");
            format!("{}{}/{}: {}", if problem.freezes { "! " } else { "" }, problem.kind, problem.name, problem.message)
        })
        .collect();
    let want = [
        "Realm/acme: there is no time zone `Europe/Prag`; UTC counts",
        "Person/ann: the manager `ghost` is no Person",
        "Person/ann: the owner `ghost` is no Person",
        "Person/ann: the userName `a.b` is also that of bob",
        "Person/ann: there is no time zone `Mars/Base`; the realm's counts",
        "Person/bob: the former id `ann` is not this person's alone: the Person `ann` declares it now",
        "Person/bob: the managers go round in a circle: bob → cid → bob",
        "Person/bob: the userName `A.B` is also that of ann",
        "Person/cid: the managers go round in a circle: bob → cid → bob",
        "Person/cid: the target `nowhere` is no TargetSystem",
        "! BusinessRole/loop: `includes` goes round in a circle: loop → loop; take one of these inclusions out",
        "BusinessRole/r: the TargetSystem `dir` does not declare the second account `root`",
        "BusinessRole/r: the owner `ghost` is no Person",
        "BusinessRole/r: the target `nowhere` is no TargetSystem",
        "! RoleBinding/bad: no BusinessRole is called `ghost`",
        "RoleBinding/field: `dept` in `subjectMatch` is no field of a Person",
        "RoleBinding/later: no BusinessRole is called `ghost`",
        "RoleBinding/nobody: the subject `ghost` is no Person",
        "Approval/a: the target `nowhere` is no TargetSystem",
        "Lockout/l: `ghost` is no Person",
        "Lockout/l: the target `nowhere` is no TargetSystem",
    ];
    assert_eq!(found, want);
    assert_eq!(realm.zone(), &TimeZone::UTC);
    let binding = name("nobody");
    assert!(realm.set(object("people/ghost", json!({}))).people.contains(&id("ann")), "the unknown manager is somebody now");
    assert!(!realm.problems(at(NOW)).iter().any(|problem| problem.name == binding));
}

#[test]
fn every_field_of_a_person_is_one_that_a_binding_may_match() {
    let full: crate::api::person::PersonSpec = serde_json::from_value(json!({
        "externalId": "x", "formerIds": ["x"], "userName": "x", "type": "x", "name": {"givenName": "x"}, "displayName": "x",
        "emails": [{"value": "x"}], "phoneNumbers": [{"value": "x"}], "owners": ["x"], "manager": "x", "title": "x", "employeeNumber": "x",
        "department": "x", "division": "x", "organization": "x", "costCenter": "x", "location": "x", "timezone": "x", "employments": [],
        "suspended": true, "attributes": {"x": "x"}, "accounts": [{"target": "x", "id": "x"}], "deletionPolicy": "Retain",
    }))
    .unwrap();
    let fields: BTreeSet<String> = serde_json::to_value(full).unwrap().as_object().unwrap().keys().cloned().collect();
    let known: BTreeSet<String> = bindings::FIELDS.iter().map(ToString::to_string).chain(["employments".to_owned()]).collect();
    assert_eq!(fields, known);
}

// ── order ──

/// A small world with most kinds of ties in it, and a few objects that replace others on the way.
fn steps() -> Vec<Object> {
    objects(json!({
        "realm/acme": {"timezone": "Pacific/Auckland"},
        "people/ada": {"externalId": "1"}, "people/bob": {"externalId": "1", "manager": "ada"},
        "people/cid": {"manager": "bob", "formerIds": ["bob"], "employments": [{"endDate": "2026-06-10", "department": "Finance"}]},
        "people/dee": {"manager": "cid", "department": "Finance"},
        "people/eve": {"manager": "dee"},
        "roles/outer": {"includes": ["inner"], "parameters": {"p": {}}},
        "roles/inner": {"parameters": {"p": {"enum": ["x"]}}, "entitlements": [{"target": "dir", "kind": "group", "name": "g-${p}"}]},
        "bindings/b": {"role": "outer", "parameters": {"p": "x"}, "subjectMatch": {"department": ["Finance"]}},
        "bindings/c": {"role": "ghost", "subjects": [{"name": "eve"}]},
        "targets/dir": {"type": "ldap"}, "targets/chat": {"type": "scim"},
        "policies/p": {"from": ["f"]}, "files/f": {"a.rego": "package a"},
        "lockouts/l": {"person": "dee", "until": "2026-07-01T00:00:00Z"},
    }))
}

type Seen = (Vec<(PersonId, Option<Standing>, Result<crate::realm::input::Input, Frozen>)>, Vec<RealmProblem>, Vec<PolicyParts>, Value);

fn seen(realm: &Realm) -> Seen {
    let people = realm.people().into_iter().map(|person| {
        let (standing, input) = (realm.standing(&person, at(NOW)), realm.input(&person, at(NOW)));
        (person, standing, input)
    });
    (people.collect(), realm.problems(at(NOW)), realm.policies().to_vec(), realm.roles_data())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the objects come in, and whatever was there in between, the same is said of everybody.
    #[test]
    fn the_order_of_changes_makes_no_difference(
        order in Just(steps()).prop_shuffle(), detours in proptest::collection::vec((0..14usize, any::<bool>()), 0..6), look: bool,
    ) {
        let mut straight = Realm::new(RealmId::parse("acme").unwrap());
        for kind in [
            ResourceKind::Realm, ResourceKind::Person, ResourceKind::BusinessRole, ResourceKind::RoleBinding, ResourceKind::Policy,
            ResourceKind::TargetSystem, ResourceKind::Lockout, ResourceKind::ConfigMap,
        ] {
            straight.replace(kind, steps().into_iter().filter(|object| object.body.kind() == kind).collect());
        }
        let held = Held { key: EntitlementKey::parse("dir/group/g-x").unwrap(), account: AccountName::ordinary() };
        straight.learn(&target("dir"), whole(&[("dee", held.clone())]));
        straight.mark_unreadable(vec![torn(Some(ResourceKind::Person), "tom")]);

        let mut winding = Realm::new(RealmId::parse("acme").unwrap());
        winding.mark_unreadable(vec![torn(Some(ResourceKind::Person), "tom")]);
        winding.learn(&target("dir"), whole(&[("dee", held)]));
        for (at, object) in order.iter().enumerate() {
            winding.set(object.clone());
            if look {
                seen(&winding);
            }
            for (_, unreadable) in detours.iter().filter(|(step, _)| *step == at) {
                let (kind, name) = (object.body.kind(), object.meta.name.clone());
                if *unreadable {
                    winding.cannot_read(torn(Some(kind), name.as_str()));
                } else {
                    winding.remove(kind, &name);
                }
                seen(&winding);
                winding.set(object.clone());
            }
        }
        prop_assert_eq!(seen(&winding), seen(&straight));
    }

    /// Whoever is not among those affected is decided from the same input as before.
    #[test]
    fn who_is_not_affected_has_the_same_input(order in Just(steps()).prop_shuffle(), again in 0..14usize) {
        let mut realm = Realm::new(RealmId::parse("acme").unwrap());
        let mut changes: Vec<Option<Object>> = order.iter().cloned().map(Some).collect();
        changes.push(None);
        for change in changes {
            let before = seen(&realm).0;
            let affected = match change {
                Some(object) => realm.set(object),
                None => realm.remove(order[again].body.kind(), &order[again].meta.name),
            };
            let after: BTreeMap<PersonId, _> = seen(&realm).0.into_iter().map(|(id, standing, input)| (id, (standing, input))).collect();
            for (person, standing, input) in before {
                if !affected.people.contains(&person) {
                    prop_assert_eq!(Some(&(standing, input)), after.get(&person), "{}", person);
                }
            }
        }
    }
}
