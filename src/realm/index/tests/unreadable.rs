//! What cannot be read: whom it freezes and what it keeps back.

use super::*;

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
