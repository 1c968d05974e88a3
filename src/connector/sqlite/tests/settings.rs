//! Settings and the default mapping, offline.

use super::*;

#[test]
fn settings_are_checked_offline() {
    let sqlite = || spec("crm.db", true);
    let null_rule = |name: &str| BTreeMap::from([(name.to_owned(), None)]);
    let mut second = sqlite();
    second
        .accounts
        .insert("admin".to_owned(), crate::api::target::SecondAccountSpec { mapping: null_rule("active"), ..Default::default() });
    let filter = Some(ProtectedSpec { filter: Some("id < 3".to_owned()), ..Default::default() });
    let rows = [
        ("fine", sqlite(), None),
        ("no block", TargetSystemSpec::default(), Some("spec.sqlite:")),
        ("no path", spec("", true), Some("spec.sqlite.path:")),
        ("another block", TargetSystemSpec { scim: Some(Default::default()), ..sqlite() }, Some("spec.scim:")),
        ("owner key mapped", TargetSystemSpec { mapping: null_rule("ownerKey"), ..sqlite() }, Some("spec.mapping.ownerKey:")),
        ("of a second account", second, Some("spec.accounts.admin.mapping.active:")),
        (
            "filter",
            TargetSystemSpec { safety: Some(SafetySpec { protected: filter, ..Default::default() }), ..sqlite() },
            Some("spec.safety.protected.filter:"),
        ),
        (
            "passwords",
            TargetSystemSpec { credentials: Some(CredentialsSpec { deliver: Some(Deliver::Secret), ttl: None }), ..sqlite() },
            Some("spec.credentials.deliver:"),
        ),
        ("another type", TargetSystemSpec { type_: TargetType::Ldap, ..sqlite() }, Some("spec.type: type ldap is not supported")),
    ];
    for (name, spec, problem) in rows {
        let found = check(&spec);
        assert_eq!(found.len(), usize::from(problem.is_some()), "{name}: {found:?}");
        assert!(found.iter().all(|text| text.starts_with(problem.unwrap_or_default())), "{name}: {found:?}");
        let opened = open(&target(), &spec, &PathBuf::from("/nowhere"), &Default::default(), Remembered::Nothing);
        assert_eq!(opened.err(), found.into_iter().next().map(Failure::Config), "{name}");
    }
}

#[test]
fn the_default_mapping_gives_what_its_names_say() {
    let ann = serde_json::json!({
        "userName": "ann", "displayName": "Ann Smith", "name": {"givenName": "Ann", "familyName": "Smith"}, "title": "Clerk",
        "department": "Finance", "emails": [{"value": "ann@home.example"}, {"value": "ann@acme.example", "primary": true}]
    });
    let full =
        |account: &str| serde_json::json!({"person": ann, "managers": [{"userName": "bob"}, {"userName": "cid"}], "account": account});
    let poor =
        serde_json::json!({"person": {"emails": [{"value": "a@x"}, {"value": "b@x", "primary": false}]}, "managers": [], "account": ""});
    let bare = serde_json::json!({"person": {}, "managers": [], "account": "admin"});
    let rows = [
        ("userName", full(""), Some("ann")),
        ("userName", full("admin"), Some("ann-admin")),
        ("userName", bare.clone(), None),
        ("displayName", full(""), Some("Ann Smith")),
        ("givenName", full(""), Some("Ann")),
        ("familyName", full(""), Some("Smith")),
        ("email", full(""), Some("ann@acme.example")),
        ("email", poor.clone(), Some("a@x")),
        ("email", bare.clone(), None),
        ("title", full(""), Some("Clerk")),
        ("department", full(""), Some("Finance")),
        ("manager", full(""), Some("bob")),
        ("manager", poor, None),
        ("title", bare, None),
    ];
    for (name, input, value) in rows {
        let rego = &table::profile().default_mapping[&attribute(name)];
        let mut engine = regorus::Engine::new();
        engine.add_policy("m.rego".to_owned(), format!("package m\nimport rego.v1\nvalue := {rego}\n")).unwrap();
        engine.set_input(regorus::Value::from_json_str(&input.to_string()).unwrap());
        let found = engine.eval_rule("data.m.value".to_owned()).unwrap();
        let expected = value.map_or(regorus::Value::Undefined, regorus::Value::from);
        assert_eq!(found, expected, "{name} of {input}");
    }
}
