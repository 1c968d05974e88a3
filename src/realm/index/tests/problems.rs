//! What is wrong between the objects.

use super::*;

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
        "! BusinessRole/r: the TargetSystem `dir` does not declare the second account `root`",
        "BusinessRole/r: the owner `ghost` is no Person",
        "! BusinessRole/r: the target `nowhere` is no TargetSystem",
        "! RoleBinding/bad: no BusinessRole is called `ghost`",
        "RoleBinding/field: `dept` in `subjectMatch` is no field of a Person",
        "RoleBinding/later: no BusinessRole is called `ghost`",
        "RoleBinding/nobody: the subject `ghost` is no Person",
        "! Approval/a: the digest does not fit the changes: the answer is refused",
        "! Approval/a: the target `nowhere` is no TargetSystem: the answer counts nowhere",
        "! Lockout/l: `ghost` is no Person",
        "! Lockout/l: the target `nowhere` is no TargetSystem",
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
