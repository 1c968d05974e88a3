//! What the engine would do otherwise: each row is a trap of this version, and what holds with us.

use super::*;

/// The names of the groups that a policy grants.
fn granted(rules: &str, person: Value) -> Result<Vec<String>, String> {
    let text = format!(
        "package provost\n\nentitlements contains {{\"target\": \"d\", \"kind\": \"g\", \"name\": n}} if some n in names\n\n{rules}\n"
    );
    let compiled = compiled(&[("a.rego", &text)]);
    let decision = decide(&compiled, &input(person), moment(NOW)).map_err(|error| error.to_string())?;
    Ok(decision.entitlements.keys().map(|(_, key)| key.name.to_string()).collect())
}

#[test]
fn no_value_is_lost_where_a_head_is_undefined_for_one_of_several_iterations() {
    let list = json!({"attributes": {"list": [{"key": "b"}, {}]}});
    let reversed = json!({"attributes": {"list": [{}, {"key": "b"}]}});
    let rows: &[(&str, &str, &[&str])] = &[
        ("set", "names contains e.key if some e in input.person.attributes.list", &["b"]),
        ("set without body", "names contains input.person.attributes.list[_].key", &["b"]),
        ("object", "o[e.key] := 1 if some e in input.person.attributes.list\nnames := {k | some k, _ in o}", &["b"]),
        ("object's value", "o[i] := e.key if some i, e in input.person.attributes.list\nnames := {v | some _, v in o}", &["b"]),
        ("one value", "v := e.key if some e in input.person.attributes.list\nnames := {v}", &["b"]),
        ("function", "f(x) := e.key if some e in x\nnames := {f(input.person.attributes.list)}", &["b"]),
        ("else", "v := 1 if false else := e.key if some e in input.person.attributes.list\nnames := {v}", &["b"]),
        ("else without body", "v := \"a\" if input.person.title == \"x\" else := concat(\"\", [\"b\"])\nnames := {v}", &["b"]),
        ("set of objects", "os contains {\"n\": e.key} if some e in input.person.attributes.list\nnames := {o.n | some o in os}", &["b"]),
        ("a false value stands", "v := 1 == 2 if true\nnames := {\"b\" | v == false}", &["b"]),
    ];
    for (name, rules, expected) in rows {
        for person in [&list, &reversed] {
            assert_eq!(
                granted(rules, person.clone()).as_deref(),
                Ok(*expected).map(|e| e.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).as_deref(),
                "{name}"
            );
        }
    }
}

#[test]
fn an_error_at_run_time_is_never_undefined() {
    let rows: &[(&str, &str, &str)] = &[
        ("builtin", "names := {\"a\" | startswith(input.person.attributes.n, \"x\")}", "p/a.rego:5:"),
        ("behind not", "d if startswith(input.person.attributes.n, \"x\")\nnames := {\"a\" | not d}", "p/a.rego:5:"),
        ("two values", "v := 1 if true\nv := 2 if input.person.attributes.n == 7\nnames := {\"a\" | v == 1}", "p/a.rego:"),
        (
            "two values of a function",
            "f(x) := 1 if x > 0\nf(x) := 2 if x > 1\nnames := {\"a\" | f(input.person.attributes.n) == 1}",
            "p/a.rego:",
        ),
        ("division by zero", "names := {\"a\" | input.person.attributes.n / (input.person.attributes.n - 7) == 1}", "p/a.rego:5:"),
        ("a bad regular expression", "names := {\"a\" | regex.match(concat(\"\", [\"(\"]), \"a\")}", "p/a.rego:5:"),
        ("two values of an object", "o[\"k\"] := v if some v in [1, input.person.attributes.n]\nnames := {\"a\" | o.k == 1}", "p/a.rego:"),
    ];
    for (name, rules, place) in rows {
        let result = granted(rules, json!({"attributes": {"n": 7}}));
        assert!(result.as_ref().is_err_and(|error| error.contains(place)), "{name}: {result:?}");
    }
}

#[test]
fn regular_expressions_know_letters_of_all_alphabets() {
    for pattern in ["(?i)^ÉVA$", r"^\\p{L}+$", r"\\b", r"^\\w+$", r"^[^\\d]+$", r"^\\S+$"] {
        let rule = format!("names := {{\"a\" | regex.match(\"{pattern}\", input.person.userName)}}");
        assert_eq!(granted(&rule, json!({"userName": "éva"})), Ok(vec!["a".to_owned()]), "{pattern}");
    }
}

#[test]
fn what_is_written_is_what_is_evaluated() {
    // Every construct of the language goes through our tree and out again.
    let rows: &[(&str, &str)] = &[
        (
            "operators",
            "names := {\"b\" | 1 + 2 * 3 == 7; (1 + 2) * 3 == 9; 7 % 4 == 3; 8 / 2 == 4; -1 < 0; 5 - 2 - 1 == 2; 1 <= 1; 2 >= 1; 1 != 2}",
        ),
        ("sets", "names := ({\"a\", \"b\"} & {\"b\"}) | set()"),
        ("set difference", "names := {\"a\", \"b\"} - {\"a\"}"),
        ("raw texts", "names := {\"b\" | `a\\d\"` == \"a\\\\d\\\"\"}"),
        ("escapes", "names := {\"b\" | \"a\\\"\\n\\t\\u00e9\" == sprintf(\"a%s\\n\\té\", [`\"`])}"),
        ("comprehensions", "names := {k | some k, v in {x: y | some x in [\"b\"]; y := [z | some z in [1]][0]}; v == 1}"),
        ("membership", "names := {\"b\" | 0, \"x\" in [\"x\"]; \"x\" in {\"x\"}; not \"y\" in [\"x\"]}"),
        ("some and unification", "names := {v | some i, k; {\"k\": [v]} = {\"k\": [\"b\"]}; [1, 2][i] == 2; {\"q\": 1}[k] == 1}"),
        ("every", "names := {\"b\" | every i, x in [1, 2] { x == i + 1 }}"),
        ("bracket references", "names := {x | x := {\"a-b\": {\"c\": [\"b\"]}}[\"a-b\"].c[0]}"),
        ("default", "default v := \"b\"\nv := \"c\" if false\nnames := {v}"),
        ("several bodies", "v := x if { x := \"b\" } { x := \"b\" }\nnames := {v}"),
        ("nested rule names", "o.p.q := \"b\"\nnames := {o.p.q}"),
        ("nested sets", "o.p contains \"b\"\nnames := o.p"),
        ("function patterns", "f([x, {\"y\": y}]) := concat(x, [y])\nnames := {f([\"\", {\"y\": \"b\"}])}"),
        ("large numbers", "names := {\"b\" | 123456789012345678901234567890 - 123456789012345678901234567889 == 1; 1.5e3 == 1500}"),
        ("a call on the result of a path", "names := {[lower(x) | some x in [\"B\"]][0]}"),
        ("truth values", "v := true\nw := null\nnames := {\"b\" | v; w == null; not false}"),
        ("a variable named like a rule", "p := 1\nv := p\nnames := {p | some p in [\"b\"]; every v in [2] { v > 1 }}"),
        ("rules without values", "yes if true\nnames := {\"b\" | yes == true}"),
    ];
    for (name, rules) in rows {
        assert_eq!(granted(rules, json!({})), Ok(vec!["b".to_owned()]), "{name}");
    }
}

#[test]
fn helper_packages_imports_and_data_are_found() {
    let compiled = compiled(&[
        (
            "a.rego",
            "package provost\n\nimport data.acme.hr as h\nimport data.acme.teams\nimport input.person as p\n\nentitlements contains {\"target\": \"d\", \"kind\": \"g\", \"name\": n} if some n in h.groups(teams[p.department])\n",
        ),
        (
            "hr.rego",
            "package acme.hr\n\ngroups(team) := [prefix(t) | some t in team]\n\nprefix(t) := sprintf(\"%s-%s\", [data.acme.settings.prefix, t])\n",
        ),
        ("d.json", r#"{"acme": {"teams": {"Sales": ["x", "y"]}, "settings": {"prefix": "g"}}}"#),
    ]);
    assert_eq!(entitlements(&decided(&compiled, &input(json!({"department": "Sales"})))), ["d/g/g-x", "d/g/g-y"]);
}

#[test]
fn eight_brackets_are_parsed_in_no_time_and_a_long_line_is_fine() {
    let long = format!("x := \"{}\"", "a".repeat(20_000));
    let text = format!("package provost\n\n{long}\n\naccounts contains {{\"target\": [[[[[[[\"chat\"]]]]]]][0][0][0][0][0][0][0]}} if x\n");
    let compiled = compiled(&[("a.rego", &text)]);
    assert_eq!(decided(&compiled, &input(json!({}))).accounts.len(), 1);
}

#[test]
fn threads_share_what_is_compiled() {
    let compiled = compiled(&[("a.rego", "package provost\naccounts contains {\"target\": t} if t := input.person.userName")]);
    let people: Vec<Input> = (0..200).map(|n| input(json!({"userName": format!("t{n}")}))).collect();
    let results = on_threads(people, &|input| decided(&compiled, &input).accounts.into_keys().next().unwrap().0);
    for (n, result) in results.into_iter().enumerate() {
        assert_eq!(result.unwrap().as_str(), format!("t{n}"));
    }
}
