//! Whom a change touches, and that the order of changes makes no difference.

use super::*;

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
fn an_answer_that_is_over_touches_what_it_answered() {
    let realm = realm(json!({
        "targets/dir": {"type": "ldap"}, "targets/chat": {"type": "scim"},
        "approvals/one": {"target": "dir", "decision": "Reject", "changes": [], "digest": ""},
        "approvals/all": {"decision": "Approve", "changes": [], "digest": ""},
    }));
    for (approval, targets) in [("one", vec![target("dir")]), ("all", vec![target("chat"), target("dir")]), ("none", Vec::new())] {
        let affected = realm.answer_over(&name(approval));
        assert_eq!(affected.targets.into_iter().collect::<Vec<_>>(), targets, "{approval}");
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
