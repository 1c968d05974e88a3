//! Interpreter, RVM and OPA hold each other: the same policy, unchanged, gives the same for the same people in all three, and where one
//! of them fails, nothing is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use provost::model::ids::{ObjectName, PersonId};
use provost::policy::{Compiled, EngineKind, Mappings, PolicySource, Question, Remembered, compile};
use provost::realm::input::Input;
use serde_json::{Value, json};

use crate::common::opa::Opa;

/// What each row's rules are for: names of groups. Rows give `names`, a set of texts.
const HEAD: &str = "package provost\n\nentitlements contains {\"target\": \"d\", \"kind\": \"g\", \"name\": n} if some n in names\n\n";

/// Name and rules. People have `attributes` that some lack, so that heads are undefined, builtins fail and rules conflict for some.
const ROWS: &[(&str, &str)] = &[
    ("a head undefined in one iteration", "names contains e.key if some e in input.person.attributes.list"),
    ("the same without a body", "names contains input.person.attributes.list[_].key"),
    ("a part of a head undefined", "os contains {\"k\": e.key} if some e in input.person.attributes.list\nnames := {o.k | some o in os}"),
    ("partial object", "o[e.key] := i if some i, e in input.person.attributes.list\nnames := {k | some k, _ in o}"),
    ("partial object, value undefined", "o[i] := e.key if some i, e in input.person.attributes.list\nnames := {v | some _, v in o}"),
    ("one value out of several iterations", "v := e.key if some e in input.person.attributes.list\nnames := {v}"),
    ("assignment of something undefined", "names := {k | some e in input.person.attributes.list; k := e.key}"),
    ("head of a comprehension undefined", "names := {e.key | some e in input.person.attributes.list}"),
    ("array comprehension", "names := {sprintf(\"n%d\", [count([e.key | some e in input.person.attributes.list])])}"),
    (
        "object comprehension",
        "o := {i: e.key | some i, e in input.person.attributes.list}\nnames := {sprintf(\"%d-%s\", [i, k]) | some i, k in o}",
    ),
    ("function of something undefined", "f(x) := lower(x.key)\nnames := {f(e) | some e in input.person.attributes.list}"),
    ("function over a list", "f(x) := e.key if some e in x\nnames := {f(input.person.attributes.list)}"),
    (
        "several bodies",
        "names contains \"a\" if input.person.attributes.n > 3\nnames contains \"b\" if input.person.attributes.n < 3\nnames contains \"c\"",
    ),
    ("not", "away if input.person.location == \"Home\"\nnames := {\"office\" | not away}"),
    ("not of something undefined", "names := {\"x\" | not input.person.attributes.n}"),
    ("every", "names := {\"all\" | every e in input.person.attributes.list { e.key }}"),
    ("every of nothing", "names := {\"all\" | every e in object.get(input.person.attributes, \"list\", []) { e.key == \"b\" }}"),
    ("else", "v := \"a\" if input.person.attributes.n > 5 else := \"b\" if input.person.attributes.n > 2 else := \"c\"\nnames := {v}"),
    ("else over a list", "v := \"a\" if false else := e.key if some e in input.person.attributes.list\nnames := {v}"),
    ("else of a function", "f(x) := \"big\" if x > 5 else := \"small\"\nnames := {f(input.person.attributes.n)}"),
    ("default", "default v := \"none\"\nv := \"some\" if input.person.attributes.n\nnames := {v}"),
    ("sprintf", "names := {sprintf(\"%s:%d:%v:%%\", [input.person.userName, 7, true])}"),
    ("regular expressions", "names := {\"lead\" | regex.match(`(?i)\\b(lead|head)\\b`, input.person.title)}"),
    ("regular expression with letters", "names := {x | some x in split(input.person.title, \" \"); regex.match(`^\\p{L}+$`, x)}"),
    (
        "texts",
        "names := {concat(\"-\", [lower(input.person.title), upper(\"x\"), trim(\" y \", \" \"), replace(\"abc\", \"b\", \"\"), substring(\"hello\", 1, 3)])}",
    ),
    ("sets", "s := {\"a\", \"b\", input.person.userName}\nnames := (s - {\"a\"}) & (s | {\"c\"})"),
    ("objects", "o := object.union({\"a\": 1}, input.person.attributes)\nnames := {k | some k, _ in object.remove(o, [\"list\"])}"),
    ("object.get", "names := {sprintf(\"%v\", [object.get(input.person, [\"attributes\", \"n\"], \"none\")])}"),
    ("numbers", "names := {sprintf(\"%v\", [x]) | x := (input.person.attributes.n * 3) % 5}"),
    (
        "aggregates",
        "ns := [n | some e in input.person.attributes.list; n := count(e.key)]\nnames := {sprintf(\"%d-%d\", [sum(ns), count(ns)])}",
    ),
    ("time", "names := {sprintf(\"%v %s\", [time.date(ns), time.weekday(ns)]) | ns := time.parse_rfc3339_ns(\"2026-11-24T00:00:00Z\")}"),
    ("json and base64", "names := {json.marshal({\"a\": [1, input.person.userName]}), base64.encode(input.person.userName)}"),
    ("semver and units", "names := {\"new\" | semver.compare(\"1.10.0\", \"1.9.0\") == 1}"),
    ("graph", "g := {\"a\": [\"b\"], \"b\": [\"c\"], \"c\": [\"a\"], \"d\": []}\nnames := graph.reachable(g, {\"a\"})"),
    ("unification", "names := {v | some i; {\"key\": v} = input.person.attributes.list[i]}"),
    ("a false value stands", "v := 1 == 2\nnames := {\"b\" | v == false}"),
    ("nested rule names", "o.p.q := input.person.userName\nnames := {o.p.q}"),
    ("a rule of roles", "names := {r.name | some r in held}"),
    ("a builtin fails", "names := {\"a\" | startswith(input.person.attributes.n, \"x\")}"),
    ("no number", "names := {\"a\" | to_number(input.person.title) > 1}"),
    ("division by zero", "names := {\"a\" | 1 / (input.person.attributes.n - 7) > 0}"),
    ("two values", "v := 1\nv := 2 if input.person.attributes.n > 5\nnames := {\"a\" | v == 1}"),
    ("two values of a function", "f(x) := 1 if x > 0\nf(x) := 2 if x > 5\nnames := {\"a\" | f(input.person.attributes.n) == 1}"),
];

/// What the RVM cannot compile: decided by the interpreter alone, with a note.
const ALONE: &[(&str, &str)] = &[
    ("two values of an object", "o[\"k\"] := n if some n in [1, input.person.attributes.n]\nnames := {\"a\" | o.k == 1}"),
    ("walk", "names := {v | walk(input.person.attributes, [_, v]); v == \"b\"}"),
];

/// What OPA decides and our engine fails at: it freezes, and never decides otherwise.
const FROZEN: &[(&str, &str)] = &[
    (
        "a failing builtin behind not, which OPA takes for false",
        "d if startswith(input.person.attributes.n, \"x\")\nnames := {\"a\" | not d}",
    ),
    ("a width in sprintf", "names := {sprintf(\"%5.2f\", [1.5])}"),
];

fn input(number: usize) -> Input {
    let lists =
        [json!([{"key": "b"}, {}]), json!([{}, {"key": "b"}]), json!([{"key": "b"}]), json!([{"key": "b"}, {"key": "b"}]), json!([])];
    let mut attributes = serde_json::Map::new();
    if let Some(list) = lists.get(number % 6) {
        attributes.insert("list".to_owned(), list.clone());
    }
    if number % 4 != 3 {
        attributes.insert("n".to_owned(), json!([7, 1, 4][number % 4]));
    }
    let title = ["Team Lead", "clerk", "Účetní", "42"][number % 4];
    let location = if number.is_multiple_of(2) { "Home" } else { "Oslo" };
    let person = json!({"userName": format!("user{number}"), "title": title, "location": location, "attributes": attributes});
    Input {
        id: PersonId::parse(format!("{number}")).unwrap(),
        person,
        managers: Vec::new(),
        managers_unknown: false,
        roles: Vec::new(),
        targets: Arc::new(BTreeMap::new()),
        observed: BTreeSet::new(),
        unread: BTreeSet::new(),
        accounts: BTreeMap::new(),
        today: "2026-11-24".to_owned(),
        midnight: None,
        holdings_next: None,
    }
}

fn compiled(rules: &str) -> Compiled {
    let source = PolicySource {
        policy: ObjectName::parse("p").unwrap(),
        modules: BTreeMap::from([("a.rego".to_owned(), format!("{HEAD}{rules}\n"))]),
        data: Vec::new(),
        libraries: Vec::new(),
    };
    compile(&[source], &json!({}), &Mappings::new()).unwrap_or_else(|errors| panic!("{rules}: {errors:?}"))
}

fn modules(rules: &str) -> BTreeMap<String, String> {
    let own = [
        ("stub.rego", include_str!("../../policies/stub.rego").to_owned()),
        ("catalogue.rego", include_str!("../../policies/catalogue.rego").to_owned()),
        ("a.rego", format!("{HEAD}{rules}\n")),
    ];
    own.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn names(answer: &Value) -> BTreeSet<String> {
    answer["entitlements"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect()
}

/// Whether the RVM runs the rules, and whether Provost may fail where OPA does not.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Same,
    Alone,
    Frozen,
}

#[test]
fn interpreter_rvm_and_opa_decide_the_same() {
    let mut opa = Opa::start().expect("OPA's Go library is not built: run `make opa` (it needs Go)");
    let people: Vec<Input> = (0..12).map(input).collect();
    let mut differences = Vec::new();
    let tables = [(ROWS, Expected::Same), (ALONE, Expected::Alone), (FROZEN, Expected::Frozen)];
    for (row, rules, expected) in tables.iter().flat_map(|(rows, expected)| rows.iter().map(|(row, rules)| (row, rules, *expected))) {
        let compiled = compiled(rules);
        let mut differ = |what: String| differences.push(format!("{row}: {what}"));
        if compiled.notes().is_empty() == (expected == Expected::Alone) {
            differ(format!("what is noted is {:?}", compiled.notes()));
        }
        if let Err(why) = opa.prepare(&modules(rules), &json!({"realm": {"roles": {}}}), &people) {
            differ(format!("not in OPA: {why}"));
            continue;
        }
        let mut frozen = 0;
        for (person, theirs) in people.iter().zip(opa.answers()) {
            let ours = provost::policy::on_threads(vec![()], &|()| decided(&compiled, person, None).0).pop().unwrap().unwrap();
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) if ours == names(&theirs) => {}
                (Err(_), Err(_)) => {}
                (Err(error), Ok(_)) if expected == Expected::Frozen && error.starts_with("p/a.rego:5:") => frozen += 1,
                (ours, theirs) => differ(format!("{}: Provost {ours:?}, OPA {theirs:?}", person.person)),
            }
        }
        if (frozen > 0) != (expected == Expected::Frozen) {
            differ(format!("{frozen} are frozen"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The decision, and what is remembered of it.
fn decided(compiled: &Compiled, input: &Input, last: Option<&Remembered>) -> (Result<BTreeSet<String>, String>, Remembered) {
    let mut question = Question::new(compiled, input, last, now());
    let decision = question.decide().map_err(|error| error.to_string());
    (decision.map(|decision| decision.entitlements.keys().map(|(_, key)| key.name.to_string()).collect()), question.remembered())
}

#[test]
fn an_error_that_the_rvm_does_not_see_changes_nothing_and_is_seen_where_the_answer_changes() {
    let rules = "names contains \"base\"\n\nnames contains \"extra\" if startswith(input.person.attributes.x, \"e\")";
    let compiled = compiled(rules);
    let with = |x: Value| {
        let mut input = input(0);
        input.person["attributes"]["x"] = x;
        input
    };
    let set = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    let (first, base) = decided(&compiled, &with(json!("no")), None);
    assert_eq!(first, set(&["base"]));
    // The rule fails for a number. The RVM takes that for "does not hold", which is what was decided before.
    assert_eq!(
        Question::new(&compiled, &with(json!(7)), None, now()).by(EngineKind::Rvm).unwrap().map(|answer| names(&answer)).ok(),
        set(&["base"]).ok()
    );
    assert_eq!(decided(&compiled, &with(json!(7)), Some(&base)).0, set(&["base"]));
    // Where something else was decided before, it would take away: the interpreter is asked, and its error freezes.
    let (second, extra) = decided(&compiled, &with(json!("e")), Some(&base));
    assert_eq!(second, set(&["base", "extra"]));
    let (third, _) = decided(&compiled, &with(json!(7)), Some(&extra));
    assert!(third.as_ref().is_err_and(|error| error.contains("p/a.rego:7:")), "{third:?}");
    // What other policies were remembered by counts for nothing.
    let other = self::compiled(&format!("{rules}\n\nunused := 1"));
    assert!(decided(&other, &with(json!(7)), Some(&base)).0.is_err());
}
