use super::*;

fn locks(realm: &Realm, person: &str) -> Vec<String> {
    realm.lockouts_of(&id(person), at(NOW)).iter().map(|lockout| lockout.name.to_string()).collect()
}

fn touched(affected: &Affected) -> BTreeSet<PersonId> {
    match &affected.people {
        Scope::People(people) => people.clone(),
        Scope::Whole => panic!("not everybody"),
    }
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
    assert_eq!(locks(&realm, "1001"), ["all", "dir"]);
    assert_eq!(locks(&realm, "gus"), ["gone"], "who is gone stays locked");
    assert_eq!(locks(&realm, "1009"), ["torn"]);
    assert_eq!(locks(&realm, "cho"), Vec::<String>::new(), "the name of nobody is not taken for the id of somebody else");
    let ann = realm.standing(&id("1001"), at(NOW)).unwrap();
    assert_eq!(ann.lifecycle.unwrap().next, Some(at("2026-06-11T00:00:00Z")));
    assert_eq!(ann.next, Some(at("2026-06-10T12:00:00Z")));
    assert_eq!(ann.lockouts[1].targets, BTreeSet::from([target("dir")]));
}

#[test]
fn whom_a_lockout_has_met_it_means_whatever_becomes_of_the_name() {
    let mut realm =
        realm(json!({"people/ann": {"externalId": "1001"}, "people/eve": {"manager": "anna"}, "lockouts/soc": {"person": "ann"}}));
    assert!(realm.meet(|_| false).people.contains(&id("1001")));
    assert!(realm.meet(|_| false).is_nothing(), "once");
    assert_eq!(realm.met(&name("soc")), Some(&id("1001")));
    // Her object goes, and comes back under another name.
    realm.remove(ResourceKind::Person, &name("ann"));
    assert_eq!(locks(&realm, "1001"), ["soc"], "she is gone");
    realm.set(object("people/anna", json!({"externalId": "1001"})));
    assert_eq!((locks(&realm, "1001"), state(&realm, "1001")), (vec!["soc".to_owned()], Some(LifecycleState::Locked)));
    assert!(!realm.problems(at(NOW)).iter().any(|problem| problem.name == name("soc")), "it names somebody");
    // Somebody else gets the name.
    realm.set(object("people/ann", json!({"externalId": "2002"})));
    realm.meet(|_| true);
    assert_eq!((locks(&realm, "2002"), locks(&realm, "1001")), (Vec::new(), vec!["soc".to_owned()]));
    // Whoever says that they are the same are.
    realm.set(object("people/anna", json!({"externalId": "1001-b", "formerIds": ["1001"]})));
    assert_eq!(locks(&realm, "1001-b"), ["soc"]);
    // It is lifted by its own end, for those who report to them too.
    assert_eq!(touched(&realm.remove(ResourceKind::Lockout, &name("soc"))), ids(&["1001", "1001-b", "eve"]));
    assert_eq!((realm.met(&name("soc")), locks(&realm, "1001-b")), (None, Vec::new()));
    realm.set(object("lockouts/soc", json!({"person": "ann"})));
    assert_eq!(locks(&realm, "2002"), ["soc"], "another Lockout of that name begins anew");
}

#[test]
fn what_is_remembered_of_a_lockout_counts_from_the_start() {
    let mut realm = realm(json!({"people/anna": {"externalId": "1001"}, "lockouts/soc": {"person": "ann"}}));
    assert_eq!(locks(&realm, "1001"), Vec::<String>::new());
    assert_eq!(touched(&realm.remember_met(&name("soc"), id("1001"))), ids(&["1001", "ann"]));
    assert_eq!(locks(&realm, "1001"), ["soc"]);
    assert!(realm.remember_met(&name("soc"), id("1001")).is_nothing());
}

#[test]
fn the_external_id_of_one_who_is_gone_is_met_where_they_are_known() {
    let mut realm = realm(json!({"lockouts/soc": {"person": "gus"}}));
    assert!(realm.meet(|_| false).is_nothing());
    assert!(
        realm.lockout_of_nobody(|_| false, at(NOW)).is_some() && realm.lockout_of_nobody(|person| *person == id("gus"), at(NOW)).is_none()
    );
    assert_eq!(touched(&realm.meet(|person| *person == id("gus"))), ids(&["gus"]));
    realm.set(object("people/august", json!({"externalId": "gus"})));
    assert_eq!(locks(&realm, "gus"), ["soc"], "back under another name");
    assert!(realm.lockout_of_nobody(|_| false, at(NOW)).is_none());
}

#[test]
fn a_lockout_means_nobody_only_while_it_stands_and_no_object_has_its_name() {
    let rows = [
        (json!({"lockouts/l": {"person": "ghost"}}), true),
        (json!({"lockouts/l": {"person": "ghost", "until": NOW}}), false),
        (json!({"lockouts/l": {"person": "ann"}, "people/ann": {"externalId": "1001"}}), false),
        (json!({"lockouts/l": {"person": "ann"}, "people/anna": {"externalId": "ann"}}), true),
    ];
    for (specs, nobody) in rows {
        assert_eq!(
            realm(specs.clone()).lockout_of_nobody(|_| true, at(NOW)).is_some(),
            nobody && specs.get("people/anna").is_some(),
            "{specs}, all known"
        );
        assert_eq!(realm(specs.clone()).lockout_of_nobody(|_| false, at(NOW)).is_some(), nobody, "{specs}");
    }
    let mut torn_one = realm(json!({"lockouts/l": {"person": "tom"}}));
    torn_one.mark_unreadable(vec![torn(Some(ResourceKind::Person), "tom")]);
    assert!(torn_one.lockout_of_nobody(|_| false, at(NOW)).is_none(), "it may be he");
}
