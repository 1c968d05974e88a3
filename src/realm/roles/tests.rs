use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn roles(specs: Value) -> Roles {
    let specs: BTreeMap<ObjectName, BusinessRoleSpec> = serde_json::from_value::<BTreeMap<String, _>>(specs)
        .unwrap()
        .into_iter()
        .map(|(n, s)| (ObjectName::parse(n).unwrap(), s))
        .collect();
    Roles::resolve(&specs, &BTreeSet::from([RoleName::parse("torn").unwrap()]))
}

fn hold(roles: &Roles, spec: Value) -> Result<Vec<Holding>, RoleError> {
    roles.hold(&ObjectName::parse("b").unwrap(), &serde_json::from_value(spec).unwrap())
}

fn group(name: &str) -> Value {
    json!({"target": "dir", "kind": "group", "name": name})
}

#[test]
fn a_binding_gives_the_role_and_all_that_it_includes() {
    let roles = roles(json!({
        "lead": {"includes": ["dev", "ops"], "parameters": {"team": {}, "note": {}}, "entitlements": [group("leads")]},
        "dev": {"includes": ["base"], "parameters": {"team": {"required": true}}, "entitlements": [group("dev-${team}-${team}")]},
        "ops": {"includes": ["base"], "entitlements": [{"target": "git", "kind": "repository", "name": "ops", "right": "write", "account": "admin"}]},
        "base": {"entitlements": [group("all")]},
    }));
    let held = hold(
        &roles,
        json!({"role": "lead", "parameters": {"team": "x", "note": "${team}"}, "justification": "FIN-1",
               "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"}),
    )
    .unwrap();
    let until: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let seen: Vec<(String, String, String)> = held
        .iter()
        .flat_map(|holding| {
            holding.grants.iter().map(move |grant| (grant.key.to_string(), grant.account.to_string(), grant.reason.clone()))
        })
        .collect();
    let want = [
        ("dir/group/leads", "", "role lead (binding b)"),
        ("dir/group/dev-x-x", "", "role dev through lead (binding b)"),
        ("git/repository/ops:write", "admin", "role ops through lead (binding b)"),
        ("dir/group/all", "", "role base through lead, dev (binding b)"),
    ];
    assert_eq!(seen, want.map(|(key, account, reason)| (key.to_owned(), account.to_owned(), reason.to_owned())));
    assert!(held.iter().all(|h| h.until == Some(until) && h.grants.iter().all(|g| g.until == Some(until))));
    assert_eq!(held[1].parameters, Parameters::from([("team".to_owned(), "x".to_owned())]));
    assert_eq!(held[3].path.iter().map(RoleName::as_str).collect::<Vec<_>>(), ["lead", "dev"]);
    assert_eq!(held[3].parameters, Parameters::new());
}

#[test]
fn the_data_for_roles_by_rule_has_the_whole_closure_and_no_broken_role() {
    let roles = roles(json!({
        "lead": {"includes": ["dev"], "parameters": {"team": {"type": "string", "enum": ["x", "y"]}}},
        "dev": {"parameters": {"team": {}}, "entitlements": [group("dev-${team}")]},
        "sick": {"includes": ["nobody"]},
    }));
    assert_eq!(
        roles.data(),
        json!({
            "lead": {
                "parameters": {"team": {"type": "string", "enum": ["x", "y"], "required": true}},
                "grants": [{"target": "dir", "kind": "group", "name": "dev-${team}", "account": "", "role": "dev"}],
                "closure": ["dev"],
            },
            "dev": {
                "parameters": {"team": {"type": "string", "enum": [], "required": true}},
                "grants": [{"target": "dir", "kind": "group", "name": "dev-${team}", "account": "", "role": "dev"}],
                "closure": [],
            },
        })
    );
}

#[test]
fn what_is_wrong_with_a_role_is_said_of_that_role() {
    let roles = roles(json!({
        "a": {"includes": ["b"]}, "b": {"includes": ["c"]}, "c": {"includes": ["a"]},
        "self": {"includes": ["self"]},
        "outside": {"includes": ["a"]},
        "ghostly": {"includes": ["ghost"]},
        "over": {"includes": ["ghostly"]},
        "unread": {"includes": ["torn"]},
        "misspelt": {"parameters": {"team": {}}, "entitlements": [group("dev-${taem}")]},
        "inner": {"parameters": {"team": {}}, "entitlements": [group("dev-${team}")]},
        "outer": {"includes": ["inner"]},
        "fine": {},
    }));
    let errors: BTreeMap<&str, String> = roles.errors().map(|(name, error)| (name.as_str(), error.to_string())).collect();
    let rows = [
        ("a", "a → b → c → a"),
        ("b", "b → c → a → b"),
        ("self", "self → self"),
        ("outside", "a role that it includes includes itself"),
        ("ghostly", "no BusinessRole is called `ghost`"),
        ("over", "the BusinessRole `ghostly` has an error"),
        ("unread", "the BusinessRole `torn` cannot be read"),
        ("misspelt", "`dir/group/dev-${taem}` uses `${taem}`"),
        ("outer", "the included role `inner` needs the parameter `team`"),
    ];
    for (role, text) in rows {
        assert!(errors[role].contains(text), "{role}: {}", errors[role]);
        assert!(hold(&roles, json!({"role": role})).is_err(), "{role}");
    }
    assert!(!errors.contains_key("fine") && !errors.contains_key("inner"));
}

#[test]
fn parameters_must_fit() {
    let roles = roles(json!({
        "r": {"parameters": {"team": {"required": true}, "level": {"type": "integer"}, "on": {"type": "boolean"}, "size": {"enum": ["s", "l"]}}},
        "outer": {"includes": ["strict"], "parameters": {"size": {}}},
        "strict": {"parameters": {"size": {"enum": ["s"], "required": true}}},
    }));
    let rows = [
        ("all fit", "r", json!({"team": "x", "level": 3, "on": true, "size": "l"}), None),
        ("texts of the right shape", "r", json!({"team": "x", "level": "3", "on": "false"}), None),
        ("a required one is missing", "r", json!({}), Some("the parameter `team` of the role is missing")),
        ("an unknown one", "r", json!({"team": "x", "tema": "x"}), Some("`tema` is no parameter of the role")),
        ("a number as a text", "r", json!({"team": 42}), Some("the parameter `team` cannot be 42: it is a text; write it in quotes")),
        ("no whole number", "r", json!({"team": "x", "level": 1.5}), Some("it is a whole number")),
        ("a word as a number", "r", json!({"team": "x", "level": "three"}), Some("it is a whole number")),
        ("a list", "r", json!({"team": ["x"]}), Some("it is a text")),
        ("null", "r", json!({"team": null}), Some("it is a text")),
        ("no truth value", "r", json!({"team": "x", "on": "yes"}), Some("it is true or false")),
        ("not in the list", "r", json!({"team": "x", "size": "m"}), Some("it is one of s, l")),
        ("fits the outer role, not the inner one", "outer", json!({"size": "l"}), Some("it is one of s")),
        ("the inner role needs it", "outer", json!({}), Some("the parameter `size` of the role is missing")),
        ("unknown role", "ghost", json!({}), Some("no BusinessRole is called `ghost`")),
        ("no role", "", json!({}), Some("the role name is empty")),
        ("a role that cannot be read", "torn", json!({}), Some("the BusinessRole `torn` cannot be read")),
    ];
    for (name, role, parameters, error) in rows {
        let found = hold(&roles, json!({"role": role, "parameters": parameters})).err().map(|error| error.to_string());
        match error {
            Some(text) => assert!(found.as_ref().is_some_and(|found| found.contains(text)), "{name}: {found:?}"),
            None => assert_eq!(found, None, "{name}"),
        }
    }
}

#[test]
fn a_long_chain_of_roles_is_resolved_without_recursion() {
    let chain: Free = (0..500)
        .map(|n| {
            (format!("r{n}"), json!({"includes": if n < 499 { vec![format!("r{}", n + 1)] } else { vec![] }, "entitlements": [group("g")]}))
        })
        .collect();
    assert_eq!(hold(&roles(Value::Object(chain)), json!({"role": "r0"})).unwrap().len(), 500);
}

proptest! {
    /// The closure is what one can walk to, and a role is an error exactly where a walk can come back to a role.
    #[test]
    fn the_closure_is_what_can_be_reached(edges in proptest::collection::btree_set((0..6usize, 0..6usize), 0..12)) {
        let reach = |from: usize| {
            let mut met = BTreeSet::new();
            let mut next = vec![from];
            while let Some(role) = next.pop() {
                next.extend(edges.iter().filter(|(a, b)| *a == role && met.insert(*b)).map(|(_, b)| *b));
            }
            met
        };
        let specs: Free = (0..6)
            .map(|n| {
                let includes: Vec<_> = edges.iter().filter(|(a, _)| *a == n).map(|(_, b)| format!("r{b}")).collect();
                (format!("r{n}"), json!({"includes": includes}))
            })
            .collect();
        let roles = roles(Value::Object(specs));
        for n in 0..6 {
            let sick = reach(n).contains(&n) || reach(n).iter().any(|m| reach(*m).contains(m));
            match hold(&roles, json!({"role": format!("r{n}")})) {
                Ok(held) => {
                    prop_assert!(!sick);
                    let names: BTreeSet<String> = held.iter().skip(1).map(|h| h.name.to_string()).collect();
                    prop_assert_eq!(names, reach(n).into_iter().map(|m| format!("r{m}")).collect::<BTreeSet<_>>());
                }
                Err(_) => prop_assert!(sick),
            }
        }
    }
}
