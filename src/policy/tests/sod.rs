//! Segregation of duties as data.

use super::*;
use crate::policy::decision::Enforcement;

/// Name; what is asked for, what is held, which targets were never read; what the rule says, what follows.
type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str], &'a str, &'a [Enforcement]);

fn realm(enforcement: &str) -> Compiled {
    let data = json!({"sod": [{
        "rule": "four-eyes", "enforcement": enforcement, "yields": "pay/role/approve", "between": ["pay/role/enter", "pay/role/approve"],
    }]});
    let source = PolicySource { libraries: vec!["sod/v1".to_owned()], ..policy(&[("sod.json", &data.to_string())]) };
    compile_with(&[source], &json!({}))
}

#[test]
fn both_sides_asked_or_held_are_a_violation_that_names_the_side_that_yields() {
    let (enter, approve) = ("pay/role/enter", "pay/role/approve");
    let rows: &[Row<'_>] = &[
        ("one side", &[approve], &[], &[], "withhold", &[]),
        ("both asked", &[enter, approve], &[], &[], "withhold", &[Enforcement::Withhold]),
        ("one asked, one held", &[approve], &[enter], &[], "revoke", &[Enforcement::Revoke]),
        ("both held", &[], &[enter, approve], &[], "report", &[Enforcement::Report]),
        ("asked, the other side is not known yet", &[approve], &[], &["pay"], "revoke", &[Enforcement::Withhold]),
        ("not known yet, but only reported", &[approve], &[], &["pay"], "report", &[]),
        ("the side that yields is not asked for", &[enter], &[], &["pay"], "withhold", &[]),
        ("another target is not known yet", &[approve], &[], &["git"], "withhold", &[]),
    ];
    for (name, asked, observed, unread, enforcement, expected) in rows {
        let mut input = input(json!({}));
        input.roles = vec![holding("r", asked, None)];
        input.observed = observed.iter().map(|key| held(key)).collect();
        input.unread = unread.iter().map(|name| target(name)).collect();
        let decision = decided(&realm(enforcement), &input);
        let found: Vec<_> = decision.violations.iter().map(|violation| violation.enforcement).collect();
        assert_eq!(found, *expected, "{name}: {:?}", decision.violations);
        for violation in &decision.violations {
            assert_eq!(violation.entitlements, BTreeSet::from([key(approve)]), "{name}");
            assert!(!violation.message.is_empty(), "{name}");
        }
    }
}

#[test]
fn what_rules_ask_for_counts_too_by_its_key() {
    let data = json!({"sod": [{"rule": "r", "yields": "d/g/a%3Ab:write", "between": ["d/g/a%3Ab:write", "d/g/c"]}]});
    let rego = r#"package provost
entitlements contains {"target": "d", "kind": "g", "name": "a:b", "right": "write"}
entitlements contains {"target": "d", "kind": "g", "name": "c"}
"#;
    let source = PolicySource { libraries: vec!["sod/v1".to_owned()], ..policy(&[("sod.json", &data.to_string()), ("a.rego", rego)]) };
    let decision = decided(&compile_with(&[source], &json!({})), &input(json!({})));
    assert_eq!(decision.violations.len(), 1, "{:?}", decision.entitlements);
    assert_eq!(decision.violations[0].entitlements, BTreeSet::from([key("d/g/a%3Ab:write")]));
}

#[test]
fn its_data_is_checked() {
    let rows: &[(&str, Value, &str)] = &[
        ("none", json!({}), "needs data"),
        ("misspelt", json!({"sod": [{"rule": "r", "yeilds": "a/b/c", "between": []}]}), "unknown field `yeilds`"),
        (
            "yields elsewhere",
            json!({"sod": [{"rule": "r", "yields": "a/b/c", "between": ["a/b/d", "a/b/e"]}]}),
            "`yields` is none of `between`",
        ),
        ("one side", json!({"sod": [{"rule": "r", "yields": "a/b/c", "between": ["a/b/c"]}]}), "needs two"),
        ("no key", json!({"sod": [{"rule": "r", "yields": "c", "between": ["c", "d"]}]}), "data.sod[0]"),
    ];
    for (name, data, message) in rows {
        let source = PolicySource { libraries: vec!["sod/v1".to_owned()], ..policy(&[("sod.json", &data.to_string())]) };
        let errors = check(&[source], &json!({}), &Mappings::new());
        assert!(errors.iter().any(|error| error.to_string().contains(message)), "{name}: {errors:?}");
    }
}
