//! Bad policies, and what is said of them.

use super::*;

/// Name, files, and for each error what it contains: place, message, hint.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a [&'a str]]);

#[test]
fn each_mistake_is_told_at_its_place() {
    let rows: &[Row<'_>] = &[
        ("does not parse", &[("a.rego", "package provost\n\nx := := 1\n")], &[&["p/a.rego:3:6"]]),
        ("the old dialect", &[("a.rego", "package provost\n\nx { true }\n")], &[&["p/a.rego:3:", "if"]]),
        (
            "unknown function",
            &[("a.rego", "package provost\nx if {\n\tstartwith(\"a\", \"b\")\n}\n")],
            &[&["p/a.rego:3:2", "unknown function `startwith`", "did you mean `startswith`?"]],
        ),
        (
            "unknown function of a package",
            &[("a.rego", "package a\nimport data.b\nx := b.lgoin(1)\n"), ("b.rego", "package b\nlogin(x) := x\n")],
            &[&["p/a.rego:3:6", "`b.lgoin`", "did you mean `b.login`?"]],
        ),
        ("a builtin that is not there", &[("a.rego", "package a\nx := io.jwt.decode(\"\")\n")], &[&["unknown function `io.jwt.decode`"]]),
        (
            "wrong number of arguments",
            &[("a.rego", "package a\nf(x) := x\ny := f(1, 2)\nz := upper()\n")],
            &[&["p/a.rego:3:6", "takes 1"], &["p/a.rego:4:6", "`upper` takes 1"]],
        ),
        (
            "misspelt field",
            &[("a.rego", "package provost\nx if input.person.departement == \"a\"\n")],
            &[&["p/a.rego:2:19", "`input.person.departement`", "did you mean `department`?"]],
        ),
        (
            "misspelt part of input",
            &[("a.rego", "package provost\nx if input.persn.title\n")],
            &[&["p/a.rego:2:12", "did you mean `person`?"]],
        ),
        (
            "a variable follows",
            &[("a.rego", "package a\nx if {\n\tp := input.person\n\tp.departement\n}\n")],
            &[&["p/a.rego:4:4", "did you mean `department`?"]],
        ),
        (
            "an import follows",
            &[("a.rego", "package a\nimport input.person as p\nx := p.departement\n")],
            &[&["p/a.rego:3:8", "did you mean `department`?"]],
        ),
        (
            "a helper rule follows",
            &[("a.rego", "package a\np := input.person\nx := p.departement\n")],
            &[&["p/a.rego:3:8", "did you mean"]],
        ),
        (
            "a helper of another package follows",
            &[("a.rego", "package a\nx := data.b.p.departement\n"), ("b.rego", "package b\np := input.person\n")],
            &[&["p/a.rego:2:15", "did you mean"]],
        ),
        (
            "an argument follows",
            &[("a.rego", "package a\nf(p) := p.departement\nx := f(input.person)\n")],
            &[&["p/a.rego:2:11", "did you mean"]],
        ),
        (
            "elements follow",
            &[("a.rego", "package a\nx if {\n\tsome m in input.managers\n\tm.departement\n}\n")],
            &[&["p/a.rego:4:4", "`input.managers[_].departement`"]],
        ),
        ("elements by variable follow", &[("a.rego", "package a\nx if input.managers[i].departement\n")], &[&["p/a.rego:2:24"]]),
        (
            "members of a set rule follow",
            &[("a.rego", "package a\nms contains m if some m in input.managers\nx if {\n\tsome m in ms\n\tm.departement\n}\n")],
            &[&["p/a.rego:5:4"]],
        ),
        (
            "every follows",
            &[("a.rego", "package a\nx if every r in input.roles { r.nmae == \"a\" }\n")],
            &[&["p/a.rego:2:33", "did you mean `name`?"]],
        ),
        (
            "object.get is a path",
            &[("a.rego", "package a\nx := object.get(input.person, \"departement\", \"\")\n")],
            &[&["did you mean `department`?"]],
        ),
        (
            "a list is no object",
            &[("a.rego", "package a\nx := input.person.emails.value\n")],
            &[&["p/a.rego:2:26", "this is a list", "[0]"]],
        ),
        ("nothing is inside a text", &[("a.rego", "package a\nx := input.person.title.de\n")], &[&["nothing is inside"]]),
        (
            "no such rule",
            &[("a.rego", "package a\nx := data.acme.lgoin\n"), ("b.rego", "package acme\nlogin := 1\n")],
            &[&["p/a.rego:2:6", "`data.acme.lgoin`", "did you mean `login`?"]],
        ),
        (
            "no such data",
            &[("a.rego", "package a\nx := data.rolez\n"), ("d.json", r#"{"roles": [1]}"#)],
            &[&["`data.rolez`", "did you mean `roles`?"]],
        ),
        (
            "no such data, deeper",
            &[("a.rego", "package a\nx := data.limits.maxx\n"), ("d.json", r#"{"limits": {"max": 1}}"#)],
            &[&["`data.limits.maxx`", "did you mean `max`?"]],
        ),
        ("a variable that nothing binds", &[("a.rego", "package provost\nx if nmae == 1\n")], &[&["p/a.rego:2:", "nmae"]]),
        ("a rule that depends on itself", &[("a.rego", "package a\nx if y\ny if x\n")], &[&["p/a.rego:3:6", "a.x → a.y → a.x"]]),
        (
            "a function that calls itself",
            &[("a.rego", "package a\nf(x) := y if y := f(x)\n")],
            &[&["p/a.rego:2:19", "a.f → a.f", "graph.reachable"]],
        ),
        (
            "roles that judge what is held",
            &[("a.rego", "package provost\nroles contains {\"name\": \"x\"} if some h in held\n")],
            &[&["depend on themselves", "provost.roles"]],
        ),
        (
            "forty brackets",
            &[("a.rego", "package a\nx := [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n")],
            &[&["p/a.rego:2:14", "nest more than 8 deep"]],
        ),
        ("the clock", &[("a.rego", "package a\nx := time.now_ns()\n")], &[&["p/a.rego:2:6", "`time.now_ns` may not", "input.today"]]),
        ("chance", &[("a.rego", "package a\nx := rand.intn(\"a\", 2)\n")], &[&["`rand.intn` may not"]]),
        ("the network", &[("a.rego", "package a\nx := http.send({})\n")], &[&["`http.send` may not"]]),
        ("a billion numbers", &[("a.rego", "package a\nx := count(numbers.range(1, 1000000000))\n")], &[&["more than 1000000 numbers"]]),
        ("a gigabyte of zeros", &[("a.rego", "package a\nx := sprintf(\"%0999999999d\", [1])\n")], &[&["pads to more than"]]),
        (
            "entitlements that depend on what is held",
            &[("a.rego", "package provost\nentitlements contains e if some e in input.observed\n")],
            &[&["p/a.rego:2:38", "must not depend on what is held"]],
        ),
        (
            "through a helper",
            &[
                ("a.rego", "package provost\naccounts contains {\"target\": \"x\"} if data.b.has\n"),
                ("b.rego", "package b\nhas if count(input.observed) > 0\n"),
            ],
            &[&["p/b.rego:2:14", "must not depend"]],
        ),
        (
            "through effective",
            &[("a.rego", "package provost\naccounts contains {\"target\": \"x\"} if \"a/b/c\" in data.provost.effective\n")],
            &[&["p/a.rego:2:49", "must not depend"]],
        ),
        (
            "through an import",
            &[("a.rego", "package provost\nimport input.observed as o\nroles contains {\"name\": \"x\"} if count(o) > 0\n")],
            &[&["p/a.rego:3:", "must not depend"]],
        ),
        (
            "unread too",
            &[("a.rego", "package provost\naccounts contains {\"target\": \"x\"} if \"x\" in input.unread\n")],
            &[&["`input.unread`"]],
        ),
        (
            "input as a whole",
            &[("a.rego", "package provost\naccounts contains {\"target\": \"x\"} if f(input)\nf(i) if i.person.title\n")],
            &[&["p/a.rego:2:40", "pass `input.person`"]],
        ),
        (
            "input by a variable",
            &[("a.rego", "package provost\naccounts contains {\"target\": \"x\"} if input[k].title == \"x\"\n")],
            &[&["as a whole"]],
        ),
        (
            "what only a mapping has",
            &[("a.rego", "package provost\naccounts contains {\"target\": \"x\"} if input.account == \"\"\n")],
            &[&["there for mappings alone"]],
        ),
        (
            "a function with a default",
            &[("a.rego", "package a\ndefault f(_) := 9\nf(x) := x if x > 1\n")],
            &[&["p/a.rego:2:1", "a function has no default"]],
        ),
        (
            "generated names",
            &[("a.rego", "package provost\n__x := 1\ny := __z if __z := 2\n")],
            &[&["`__x` is a reserved"], &["`__z` is a reserved"]],
        ),
        ("a generated package", &[("a.rego", "package __map\nx := 1\n")], &[&["reserved"]]),
        ("a name of ours", &[("a.rego", "package provost\nheld contains 1\n")], &[&["`held` is Provost's own"]]),
        (
            "entitlements as one value",
            &[("a.rego", "package provost\nentitlements := {1}\n")],
            &[&["`entitlements` is a set", "contains"], &["defined in two ways"]],
        ),
        ("a rule in two ways", &[("a.rego", "package a\nx := 1\nx contains 2\n")], &[&["p/a.rego:3:1", "defined in two ways"]]),
        (
            "a rule where a package is",
            &[("a.rego", "package a\nb := 1\n"), ("b.rego", "package a.b\nc := 1\n")],
            &[&["p/a.rego:2:1", "stands where package `a.b` is"]],
        ),
        ("with", &[("a.rego", "package a\nx if y with input as {}\ny if true\n")], &[&["p/a.rego:2:6", "`with`"]]),
        (
            "data over rules",
            &[("a.rego", "package provost\n"), ("d.json", r#"{"provost": {"accounts": []}}"#)],
            &[&["p/d.json", "data at `provost.accounts`"]],
        ),
        ("data above a package", &[("a.rego", "package acme.hr\nx := 1\n"), ("d.json", r#"{"acme": 1}"#)], &[&["data at `acme`"]]),
        ("data of ours", &[("d.json", r#"{"realm": {"roles": {}}}"#)], &[&["may not stand at `realm`"]]),
        ("data that is no object", &[("d.json", "[1]")], &[&["data must be an object"]]),
        (
            "data in two ways, one above the other",
            &[("d.json", r#"{"a": {"b": 1}}"#), ("e.json", r#"{"a": 2}"#)],
            &[&["p/e.json", "`data.a` is also set in p/d.json"]],
        ),
        (
            "data in two ways, one below the other",
            &[("d.json", r#"{"a": 2}"#), ("e.json", r#"{"a": {"b": {"c": 1}}}"#)],
            &[&["p/e.json", "`data.a` is also set in p/d.json"]],
        ),
        (
            "data in two ways",
            &[("d.json", r#"{"a": {"b": 1}}"#), ("e.json", r#"{"a": {"b": 2}}"#)],
            &[&["p/e.json", "`data.a.b` is also set in p/d.json"]],
        ),
    ];
    for (name, files, expected) in rows {
        let found = errors(files);
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        for (found, parts) in found.iter().zip(*expected) {
            for part in *parts {
                assert!(found.contains(part), "{name}: `{part}` is not in `{found}`");
            }
        }
    }
}

#[test]
fn sound_policies_raise_no_alarm() {
    let rows: &[(&str, &[(&str, &str)])] = &[
        (
            "free attributes",
            &[("a.rego", "package a\nx if input.person.attributes.anything.goes == 1\ny if input.person.metadata.labels.team\n")],
        ),
        (
            "all of a person",
            &[(
                "a.rego",
                "package a\nx := [input.person.name.familyName, input.person.emails[0].value, input.person.employments[0].leaves[_].from, input.person.lifecycle.state]\n",
            )],
        ),
        ("helpers that take several shapes", &[("a.rego", "package a\nf(o) := o.right\nx := f({\"right\": 1})\ny := f(input.person)\n")]),
        (
            "data by variable",
            &[("a.rego", "package a\nx := data.groups[input.person.department]\n"), ("d.json", r#"{"groups": {"Sales": ["a"]}}"#)],
        ),
        (
            "optional fields of data items",
            &[("a.rego", "package a\nx := [i.note | some i in data.items]\n"), ("d.json", r#"{"items": [{"a": 1}]}"#)],
        ),
        (
            "violations read what is held",
            &[(
                "a.rego",
                "package provost\nviolations contains {\"rule\": \"r\"} if some o in input.observed\nviolations contains {\"rule\": \"s\"} if count(input) > 0\n",
            )],
        ),
        ("mappings' part of input in helpers", &[("a.rego", "package acme\nlogin := input.person.userName if input.account == \"\"\n")]),
        ("walk, with an output argument", &[("a.rego", "package a\nx contains p if walk(input.person.attributes, [p, v])\n")]),
        ("the same data twice", &[("d.json", r#"{"a": {"b": 1}, "l": [1]}"#), ("e.json", r#"{"a": {"b": 1, "c": 2}, "l": [1]}"#)]),
        ("data beside a package", &[("a.rego", "package acme.hr\nx := data.acme.it\n"), ("d.json", r#"{"acme": {"it": 1}}"#)]),
        (
            "the same name local and as a rule",
            &[("a.rego", "package a\np := 1\nx if {\n\tsome p in input.managers\n\tp.title == \"a\"\n}\n")],
        ),
        ("tests are left out", &[("a_test.rego", "package a\ntest_x if { nonsense(1) with input as {} }\n")]),
        (
            "BusinessRoles",
            &[("a.rego", "package a\nx contains r if some r, _ in data.realm.roles\ny if data.realm.roles[\"not-yet\"].closure\n")],
        ),
        ("import of all input", &[("a.rego", "package a\nimport input\nimport input as i\nx := i.person.title\n")]),
    ];
    for (name, files) in rows {
        assert_eq!(errors(files), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn all_errors_come_at_once_and_read_well() {
    let files: &[(&str, &str)] = &[
        ("a.rego", "package provost\n\naccounts contains {\"target\": \"chat\"} if {\n\tstartwith(input.person.departement, \"x\")\n}\n"),
        ("b.rego", "package b\n\nx := data.nothing\n"),
    ];
    let errors = check(&[policy(files)], &json!({}), &Mappings::new());
    let text: Vec<String> = errors.iter().map(PolicyError::render).collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
error: unknown function `startwith`
 --> p/a.rego:4:2
  |
4 | 	startwith(input.person.departement, "x")
  | 	^
  = hint: did you mean `startswith`?

error: `input.person.departement`: there is no `departement` here
 --> p/a.rego:4:25
  |
4 | 	startwith(input.person.departement, "x")
  | 	                       ^
  = hint: did you mean `department`?

error: `data.nothing` is neither a rule nor data
 --> p/b.rego:3:6
  |
3 | x := data.nothing
  |      ^
"#);
}

#[test]
fn an_unknown_library_is_told() {
    let source = PolicySource { libraries: vec!["sod/v9".to_owned()], ..policy(&[]) };
    let errors = check(&[source], &json!({}), &Mappings::new());
    assert_eq!(errors[0].to_string(), "p: there is no library `sod/v9` (there are sod/v1)");
}

#[test]
fn a_policy_that_never_ends_is_ended() {
    let compiled = compiled(&[(
        "a.rego",
        r#"package provost

accounts contains {"target": "chat"} if {
	xs := numbers.range(1, 1000)
	count([1 | some x in xs; some y in xs; some z in xs; x + y == z * 2]) > 0
}
"#,
    )]);
    let error = decide(&compiled, &input(json!({})), moment(NOW)).unwrap_err();
    let DecideError::Limit(error) = error else { panic!("{error:?}") };
    assert!(error.message.contains("took longer than 500 ms"), "{error}");
}

#[test]
fn a_chain_that_is_too_long_for_the_stack_is_refused_and_a_long_one_runs() {
    let chain = |length: usize| {
        let mut text = "package provost\n\naccounts contains {\"target\": \"chat\"} if f0(1)\n\n".to_owned();
        for n in 0..length {
            text.push_str(&format!("f{n}(x) if f{}(x)\n\n", n + 1));
        }
        text.push_str(&format!("f{length}(x) if x == 1\n"));
        text
    };
    assert!(errors(&[("a.rego", &chain(2000))])[0].contains("in a row"));
    let compiled = compiled(&[("a.rego", &chain(90))]);
    let results = on_threads(vec![input(json!({}))], &|input| decided(&compiled, &input).accounts.len());
    assert_eq!(results, [Ok(1)]);
}

#[test]
fn the_digest_knows_every_word_and_no_order() {
    let one = policy(&[("a.rego", "package a"), ("d.json", r#"{"x": 1, "y": 2}"#)]);
    let other = PolicySource { policy: ObjectName::parse("q").unwrap(), ..policy(&[("b.rego", "package b")]) };
    assert_eq!(policies_digest(&[one.clone(), other.clone()]), policies_digest(&[other.clone(), one.clone()]));
    let changed = policy(&[("a.rego", "package a "), ("d.json", r#"{"x": 1, "y": 2}"#)]);
    assert_ne!(policies_digest(std::slice::from_ref(&one)), policies_digest(&[changed]));
    assert_ne!(policies_digest(std::slice::from_ref(&one)), policies_digest(&[one, other]));
}
