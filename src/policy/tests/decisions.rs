//! What a decision says.

use super::*;
use crate::policy::decision::Enforcement;

fn document(input: &Input) -> regorus::Value {
    Question::new(&compiled(&[]), input, None, moment(NOW)).document().clone()
}

#[test]
fn input_is_what_the_type_serializes_to() {
    let mut input = input(json!({"userName": "ann", "attributes": {"deep": [1, 2.5, {"a": true}]}}));
    input.managers = vec![Arc::new(json!({"userName": "boss"}))];
    input.roles = vec![holding("clerk", &["dir/group/a:write", "dir/group/b%3A"], Some("2027-01-01T00:00:00Z"))];
    input.observed = BTreeSet::from([held("dir/group/x")]);
    input.unread = BTreeSet::from([target("git")]);
    input.accounts = BTreeMap::from([(target("mail"), json!({"address": "a@x"}))]);
    let serialized = regorus::Value::from(serde_json::to_value(&input).unwrap());
    assert_eq!(document(&input), serialized);
    assert_eq!(serialized["roles"][0]["grants"][0]["right"], regorus::Value::from("write"));
}

#[test]
fn a_null_is_a_field_that_is_not_there() {
    assert_eq!(document(&input(json!({"title": null})))["person"], regorus::Value::new_object());
}

#[test]
fn a_realm_without_rego_gives_what_roles_give() {
    let compiled = compile_with(&[], &json!({}));
    let mut input = input(json!({}));
    input.roles = vec![
        holding("clerk", &["dir/group/pay", "git/repository/acme/api:write"], Some("2027-01-01T00:00:00Z")),
        holding("temp", &["dir/group/pay"], Some("2027-06-01T00:00:00Z")),
    ];
    let decision = decided(&compiled, &input);
    assert_eq!(entitlements(&decision), ["dir/group/pay", "git/repository/acme/api:write"]);
    let pay = &decision.entitlements[&(AccountName::ordinary(), key("dir/group/pay"))];
    assert_eq!(pay.until, Some(moment("2027-06-01T00:00:00Z")), "the latest end holds");
    let reasons: Vec<&str> = pay.reasons.iter().map(|reason| &*reason.text).collect();
    assert_eq!(reasons, ["role clerk (binding b)", "role temp (binding b)"]);
    let accounts: Vec<&str> = decision.accounts.keys().map(|(target, _)| target.as_str()).collect();
    assert_eq!(accounts, ["dir", "git"], "an entitlement implies its account");
    assert_eq!(decision.due, Some(moment("2027-01-01T00:00:00Z")));
}

#[test]
fn an_end_that_is_open_beats_all() {
    let compiled = compile_with(&[], &json!({}));
    let mut input = input(json!({}));
    input.roles = vec![holding("a", &["dir/group/x"], Some("2027-01-01T00:00:00Z")), holding("b", &["dir/group/x"], None)];
    let decision = decided(&compiled, &input);
    assert_eq!(decision.entitlements[&(AccountName::ordinary(), key("dir/group/x"))].until, None);
    assert_eq!(decision.due, None);
}

#[test]
fn rules_ask_for_accounts_entitlements_and_violations() {
    let compiled = compiled(&[(
        "a.rego",
        r#"package provost

entitlements contains {"target": "dir", "kind": "group", "name": "staff", "reason": "on the payroll"} if {
	input.person.type in {"employee", "contractor"}
}

accounts contains {"target": "chat", "account": "admin"} if input.person.attributes.admin

violations contains {
	"rule": "no-staff", "enforcement": "withhold", "message": "m", "entitlements": [e],
	"waived": {"until": "2027-01-31T00:00:00Z", "by": "eve"},
} if some e in entitlements
"#,
    )]);
    let decision = decided(&compiled, &input(json!({"type": "employee", "attributes": {"admin": true}})));
    assert_eq!(entitlements(&decision), ["dir/group/staff"]);
    let accounts: Vec<_> = decision.accounts.keys().map(|(target, account)| (target.as_str(), account.as_str())).collect();
    assert_eq!(accounts, [("chat", "admin"), ("dir", "")]);
    let [violation] = decision.violations.as_slice() else { panic!("{:?}", decision.violations) };
    assert_eq!((violation.rule.as_str(), violation.enforcement), ("no-staff", Enforcement::Withhold));
    assert_eq!(violation.entitlements, BTreeSet::from([key("dir/group/staff")]));
    assert_eq!(decision.due, Some(moment("2027-01-31T00:00:00Z")), "the end of the waiver");
    assert!(decided(&compiled, &input(json!({"type": "service"}))).entitlements.is_empty());
}

#[test]
fn due_is_the_next_midnight_only_where_the_date_is_read() {
    let reads = r#"package provost
entitlements contains {"target": "dir", "kind": "group", "name": "x"} if data.dates.late"#;
    let helper = "package dates\nlate if input.today > \"2026-01-01\"";
    let midnight = Some(moment("2026-11-25T00:00:00Z"));
    assert_eq!(decided(&compiled(&[("a.rego", reads), ("b.rego", helper)]), &input(json!({}))).due, midnight);
    let unread = "package dates\nlate if true\nother if input.today == \"\"";
    assert_eq!(decided(&compiled(&[("a.rego", reads), ("b.rego", unread)]), &input(json!({}))).due, None);
}

fn roles() -> Value {
    json!({
        "project": {
            "parameters": {"project": {"enum": ["apollo", "intranet"], "required": true}, "level": {"type": "integer"}},
            "grants": [
                {"target": "git", "kind": "repository", "name": "${project}-web", "right": "write"},
                {"target": "chat", "kind": "channel", "name": "dev", "role": "staff", "account": "x"},
            ],
            "closure": ["staff"],
        },
        "staff": {"parameters": {"project": {}}, "grants": [{"target": "chat", "kind": "channel", "name": "dev", "account": "x"}]},
    })
}

#[test]
fn roles_by_rule_give_what_they_include_with_parameters_filled_in() {
    let text = r#"package provost
roles contains {"name": "project", "parameters": {"project": "apollo", "level": 3}} if input.person.department == "Engineering"
accounts contains {"target": "wiki"} if "staff" in {role.name | some role in held}
"#;
    let compiled = compile_with(&[policy(&[("a.rego", text)])], &roles());
    let decision = decided(&compiled, &input(json!({"department": "Engineering"})));
    assert_eq!(entitlements(&decision), ["git/repository/apollo-web:write", "chat/channel/dev#x"]);
    let roles: Vec<_> = decision.roles.iter().map(|((name, parameters), _)| (name.as_str(), json!(parameters))).collect();
    assert_eq!(roles, [("project", json!({"project": "apollo", "level": "3"})), ("staff", json!({"project": "apollo"}))]);
    assert!(decision.accounts.contains_key(&(target("wiki"), AccountName::ordinary())), "rules may judge what is held");
    let reasons: Vec<String> = decision.entitlements.values().flat_map(|asked| &asked.reasons).map(ToString::to_string).collect();
    assert_eq!(reasons, ["role project (by rule)", "role project → staff (by rule)"]);
    let other = json!({"project": {"parameters": {"project": {}, "level": {}}, "grants": []}});
    assert!(decided(&compiled.with_roles(&other).unwrap(), &input(json!({"department": "Engineering"}))).entitlements.is_empty());
}

#[test]
fn what_cannot_be_asked_for_is_an_error_at_its_line() {
    let rows: &[(&str, &str, &str)] = &[
        ("unknown role", r#"roles contains {"name": "projekt"}"#, "there is no BusinessRole `projekt`"),
        ("missing parameter", r#"roles contains {"name": "project"}"#, "it needs the parameter `project`"),
        ("value not allowed", r#"roles contains {"name": "project", "parameters": {"project": "x"}}"#, "can be apollo, intranet, not `x`"),
        ("unknown parameter", r#"roles contains {"name": "staff", "parameters": {"p": "x"}}"#, "it has no parameter `p`"),
        ("wrong type", r#"roles contains {"name": "project", "parameters": {"project": "apollo", "level": "a"}}"#, "`level` cannot be `a`"),
        ("a text as a role", r#"roles contains "project""#, "a role is an object"),
        ("parameters as a text", r#"roles contains {"name": "staff", "parameters": "x"}"#, "`parameters` of a role must be an object"),
        ("misspelt field", r#"entitlements contains {"target": "a", "kind": "b", "nmae": "c"}"#, "did you mean `name`?"),
        ("no target", r#"entitlements contains {"kind": "b", "name": "c"}"#, "an entitlement needs `target`"),
        (
            "a number as a name",
            r#"entitlements contains {"target": "a", "kind": "b", "name": 7}"#,
            "`name` of an entitlement must be a text",
        ),
        (
            "a date as a moment",
            r#"entitlements contains {"target": "a", "kind": "b", "name": "c", "until": "2027-01-01"}"#,
            "must be a moment",
        ),
        ("a text as an entitlement", r#"entitlements contains "dir/group/x""#, "an entitlement is an object"),
        ("a text as an account", r#"accounts contains "dir""#, "an account is an object"),
        ("unknown enforcement", r#"violations contains {"rule": "r", "enforcement": "block"}"#, "must be report, withhold or revoke"),
        ("waiver without end", r#"violations contains {"rule": "r", "waived": {"by": "x"}}"#, "a waiver has an end"),
        ("a text that is no key", r#"violations contains {"rule": "r", "entitlements": ["staff"]}"#, "`staff` is no entitlement"),
    ];
    for (name, rule, message) in rows {
        let compiled = compile_with(&[policy(&[("a.rego", &format!("package provost\n\n{rule}\n"))])], &roles());
        let error = decide(&compiled, &input(json!({})), moment(NOW)).unwrap_err();
        let DecideError::Unfit(error) = error else { panic!("{name}: {error:?}") };
        assert!(error.to_string().contains(message), "{name}: {error}");
        assert!(error.place().starts_with("p/a.rego:3:"), "{name}: {error}");
    }
}

#[test]
fn a_rule_that_fails_freezes_that_person_with_its_place() {
    let compiled = compiled(&[(
        "a.rego",
        r#"package provost

entitlements contains {"target": "dir", "kind": "group", "name": "x"} if {
	startswith(input.person.attributes.code, "a")
}
"#,
    )]);
    assert_eq!(entitlements(&decided(&compiled, &input(json!({"attributes": {"code": "ab"}})))), ["dir/group/x"]);
    assert!(decided(&compiled, &input(json!({}))).entitlements.is_empty());
    let error = decide(&compiled, &input(json!({"attributes": {"code": 7}})), moment(NOW)).unwrap_err();
    let DecideError::Failed(error) = error else { panic!("{error:?}") };
    assert_eq!((error.file.as_str(), error.line), ("p/a.rego", 4), "{error}");
    assert!(error.text.as_deref().unwrap().contains("startswith"));
    assert_eq!(
        entitlements(&decided(&compiled, &input(json!({"attributes": {"code": "ab"}})))),
        ["dir/group/x"],
        "the engine is sound again"
    );
}

#[test]
fn twins_say_every_line() {
    let compiled = compiled(&[
        (
            "a.rego",
            r#"package provost

import data.acme

entitlements contains {"target": "dir", "kind": "group", "name": "x", "reason": "one"} if input.person.type == "employee"

entitlements contains {"target": "dir", "kind": "group", "name": n} if {
	some n in acme.groups
}

accounts contains {"target": "chat"} if true

roles contains {"name": "r"} if false
"#,
        ),
        ("b.rego", "package acme\n\ngroups := [\"x\", \"y\"]\n"),
    ]);
    let mut input = input(json!({"type": "employee"}));
    input.roles = vec![holding("clerk", &["dir/group/z"], None)];
    let places = twins(&compiled, &input).unwrap();
    let entitlement = |text: &str| Asking::Entitlement(AccountName::ordinary(), key(text));
    assert_eq!(places[&entitlement("dir/group/x")], ["p/a.rego:5", "p/a.rego:7"]);
    assert_eq!(places[&entitlement("dir/group/y")], ["p/a.rego:7"]);
    assert_eq!(places[&Asking::Account(target("chat"), AccountName::ordinary())], ["p/a.rego:11"]);
    assert_eq!(places.len(), 3, "nothing of the catalogue: {places:?}");
}

#[test]
fn what_is_asked_the_same_again_is_decided_the_same_but_for_what_ended_meanwhile() {
    let rule = r#"entitlements contains {"target": "dir", "kind": "group", "name": "vpn", "until": "2026-12-01T00:00:00Z"}"#;
    let compiled = compiled(&[("a.rego", &format!("package provost\n\n{rule}\n"))]);
    let input = input(json!({"userName": "ann"}));
    let (before, after) = (moment(NOW), moment("2026-12-02T00:00:00Z"));
    for (then, now) in [(before, before), (before, after), (after, before), (after, after)] {
        let mut question = Question::new(&compiled, &input, None, then);
        let last = Arc::new(question.decide().unwrap());
        let remembered = question.remembered();
        let mut again = Question::new(&compiled, &input, Some(&remembered), now);
        assert_eq!(*again.decide_again(Some(&last)).unwrap(), decide(&compiled, &input, now).unwrap(), "from {then} to {now}");
    }
}

#[test]
fn who_is_the_same_in_what_is_read_is_decided_the_same_and_nobody_else() {
    // Each reads a part of the input in a way of its own.
    let rules = [
        "names contains input.person.title",
        "names contains upper(p.title)",
        "names contains n if { some k, n in input.person.attributes; k == \"a\" }",
        "names contains object.get(input.person, \"title\", \"none\")",
        "names contains object.get(input.person, [\"attributes\", \"a\"], \"none\")",
        "names contains f(input.person)\nf(x) := x.title",
        "names contains f([input.person])\nf(xs) := x if some x in [y.title | some y in xs]",
        "names contains input.person[k] if some k in [\"title\", \"userName\"]",
        "names contains input.managers[0].title",
        "names contains m.title if some m in input.managers",
        "names contains n if { count([m | some m in input.managers; m.title == \"Head\"]) > 0; n := \"led\" }",
        "names contains r.grants[_].name if some r in input.roles",
        "names contains \"none\" if not input.person.title",
        "names contains input.today",
        "names contains \"anybody\"",
        "names contains h.n if h := {\"n\": input.person.emails[0].value}",
        "names contains n if { {\"title\": n} = {\"title\": input.person.title} }",
        "names contains n if { every e in input.person.emails { e.type == \"work\" }; n := \"work\" }",
    ];
    let mut people = Vec::new();
    for n in 0..128_u32 {
        let bit = |place: u32| n >> place & 1 == 1;
        let mut person = json!({"userName": format!("u{}", n % 2), "attributes": {"a": format!("a{}", n >> 1 & 1)}, "emails": [{"value": format!("e{}", n >> 2 & 1), "type": if bit(3) { "work" } else { "home" }}]});
        if bit(4) {
            person["title"] = json!("Clerk");
        }
        let mut input = input(person);
        if bit(5) {
            input.managers = vec![Arc::new(json!({"title": if bit(0) { "Head" } else { "Lead" }}))];
        }
        if bit(6) {
            input.roles = vec![holding("clerk", &["dir/group/z"], None)];
        }
        people.push(input);
    }
    for rule in rules {
        let head = "package provost\n\nimport input.person as p\n\nentitlements contains {\"target\": \"d\", \"kind\": \"g\", \"name\": n} if some n in names\n\n";
        let compiled = compiled(&[("a.rego", &format!("{head}{rule}\n"))]);
        let shared = Shared::default();
        for (n, input) in people.iter().enumerate() {
            let together =
                Question::among(&shared, &compiled, input, None, moment(NOW)).decide_again(None).map_err(|error| error.to_string());
            let alone = decide(&compiled, input, moment(NOW)).map_err(|error| error.to_string());
            assert_eq!(together.map(|decision| Decision::clone(&decision)), alone, "{rule}: person {n}");
        }
    }
}

#[test]
fn what_only_the_faster_engine_found_is_nobody_elses_answer() {
    // The RVM takes a rule that fails for one that does not hold.
    let rules =
        "entitlements contains {\"target\": \"d\", \"kind\": \"g\", \"name\": \"x\"} if startswith(input.person.attributes.n, \"e\")";
    let compiled = compiled(&[("a.rego", &format!("package provost\n\n{rules}\n"))]);
    let with = |n: Value| input(json!({"attributes": {"n": n}}));
    let (nothing, fails) = (with(json!("no")), with(json!(7)));
    let mut before = Question::new(&compiled, &nothing, None, moment(NOW));
    before.decide().unwrap();
    let remembered = before.remembered();
    let shared = Shared::default();
    assert!(Question::among(&shared, &compiled, &fails, Some(&remembered), moment(NOW)).decide_again(None).is_ok());
    assert!(Question::among(&shared, &compiled, &fails, None, moment(NOW)).decide_again(None).is_err());
}

#[test]
fn rules_that_read_nothing_of_the_input_are_found_once_and_hold_as_before() {
    let head = "package provost\n\nentitlements contains {\"target\": \"d\", \"kind\": \"g\", \"name\": n} if { input.person.title == \"Clerk\"; some n in names }\n\nentitlements contains {\"target\": \"d\", \"kind\": \"g\", \"name\": \"all\"}\n\n";
    let rows: [(&str, Result<&[&str], &str>); 7] = [
        ("names contains k if some k, _ in data.realm.roles", Ok(&["all", "clerk"])),
        ("o[k] := 1 if some k, _ in data.realm.roles\nnames := {k | some k, _ in o}", Ok(&["all", "clerk"])),
        ("names := data.acme.far", Ok(&["all", "b", "c"])),
        ("default names := {\"d\"}\nnames := {\"e\"} if 1 > 2", Ok(&["all", "d"])),
        ("names contains \"x\" if 1 > 2", Ok(&["all"])),
        ("names := x if { x := {\"a\"}; 1 > 2 }", Ok(&["all"])),
        ("names contains to_number(x) if some x in [\"1\", \"y\"]", Err("p/a.rego:7:")),
    ];
    for (rule, expected) in rows {
        let far = ("far.rego", "package acme\n\nfar contains x if some x in [\"b\", \"c\"]\n");
        let compiled = compile_with(&[policy(&[("a.rego", &format!("{head}{rule}\n")), far])], &json!({"clerk": {"grants": []}}));
        let names = |compiled: &Compiled, title: &str| {
            let decision = decide(compiled, &input(json!({"title": title})), moment(NOW)).map_err(|error| error.to_string())?;
            Ok::<_, String>(decision.entitlements.keys().map(|(_, key)| key.name.to_string()).collect::<Vec<_>>())
        };
        match (names(&compiled, "Clerk"), expected) {
            (Ok(names), Ok(expected)) => assert_eq!(names, expected, "{rule}"),
            (Err(error), Err(place)) => assert!(error.contains(place), "{rule}: {error}"),
            (got, _) => panic!("{rule}: {got:?}"),
        }
        assert_eq!(names(&compiled, "Lead"), Ok(vec!["all".to_owned()]), "{rule}: who does not reach it is not concerned");
        // Other roles are other data.
        if rule.contains("roles") {
            let other = compiled.with_roles(&json!({"lead": {"grants": []}, "smith": {"grants": []}})).unwrap();
            assert_eq!(names(&other, "Clerk"), Ok(["all", "lead", "smith"].map(str::to_owned).to_vec()), "{rule}");
        }
    }
}
