//! From a person to the attributes of an account.

use super::*;
use crate::model::account::AccountKey;
use crate::model::value::Value as Attribute;

const ACME: &str = r#"package acme

login := input.person.userName if input.account == ""

login := sprintf("%s-%s", [input.person.userName, input.account]) if input.account != ""

boss := input.managers[0]

initial(name) := lower(substring(name, 0, 1))

address := input.accounts.mail.address
"#;

fn mapped(account: &str, expressions: &[(&str, &str)], input: &Input) -> BTreeMap<String, Mapped> {
    let compiled = realm(account, expressions).unwrap_or_else(|errors| panic!("{errors:?}"));
    let account = AccountKey { person: input.id.clone(), target: target("dir"), account: AccountName::new(account) };
    map(&compiled, &account, input).into_iter().map(|(name, mapped)| (name.as_str().to_owned(), mapped)).collect()
}

fn realm(account: &str, expressions: &[(&str, &str)]) -> Result<Compiled, Vec<PolicyError>> {
    let sources = expressions.iter().map(|(name, expression)| {
        let form = if name.starts_with("candidates") { MappingForm::Candidates } else { MappingForm::Value };
        let place = format!("dir.yaml mapping.{name}");
        (attribute(name), MappingSource { expression: (*expression).to_owned(), form, sensitive: false, place })
    });
    let mappings = Mappings::from([((target("dir"), AccountName::new(account)), sources.collect())]);
    compile(&[policy(&[("acme.rego", ACME), ("d.json", r#"{"domain": "x.example"}"#)])], &json!({}), &mappings)
}

fn text(text: &str) -> Mapped {
    Mapped::Value(Attribute::Text(text.to_owned()))
}

fn many(texts: &[&str]) -> Mapped {
    Mapped::Value(Attribute::Many(texts.iter().map(|text| (*text).to_owned()).collect()))
}

#[test]
fn an_expression_gives_a_value_or_nothing_or_an_error() {
    let mut input = input(json!({
        "userName": "ann", "title": "", "attributes": {"n": 7, "f": 1.0, "no": false, "list": ["b", "a", 3], "object": {"a": 1}, "deep": [["x"]]},
        "emails": [{"value": "a@x"}, {"value": "b@x"}], "name": {"givenName": "Ann"},
    }));
    input.managers = vec![Arc::new(json!({"displayName": "Dia"}))];
    input.accounts = BTreeMap::from([(target("mail"), json!({"address": "ann@mail"}))]);
    let rows: &[(&str, &str, Mapped)] = &[
        ("a field", "input.person.userName", text("ann")),
        ("an empty text", "input.person.title", text("")),
        ("an element", "input.person.emails[0].value", text("a@x")),
        ("a constant", "\"x\"", text("x")),
        ("a number", "input.person.attributes.n", text("7")),
        ("a number with a fraction of nothing", "input.person.attributes.f", text("1")),
        ("a truth value", "input.person.attributes.no", Mapped::Value(Attribute::Bool(false))),
        ("a comparison", "input.person.userName == \"ann\"", Mapped::Value(Attribute::Bool(true))),
        ("a list", "input.person.attributes.list", many(&["3", "a", "b"])),
        ("a set", "{e.value | some e in input.person.emails}", many(&["a@x", "b@x"])),
        ("nothing", "input.person.department", Mapped::Undefined { waits: false }),
        ("null", "object.get(input.person, \"department\", null)", Mapped::Undefined { waits: false }),
        ("a rule of the realm", "data.acme.login", text("ann")),
        (
            "a function of the realm",
            "sprintf(\"%s@%s\", [data.acme.initial(input.person.name.givenName), data.domain])",
            text("a@x.example"),
        ),
        ("the target", "input.target", text("dir")),
        ("a manager", "data.acme.boss.displayName", text("Dia")),
        ("what another target exports", "data.acme.address", text("ann@mail")),
        ("several lines and a comment", "concat(\"\", [ # all of it\n\t\"a\",\n\t\"b\", # b\n]) # end", text("ab")),
    ];
    for (name, expression, expected) in rows {
        assert_eq!(mapped("", &[("x", expression)], &input)["x"], *expected, "{name}");
    }
    assert_eq!(mapped("admin", &[("x", "data.acme.login")], &input)["x"], text("ann-admin"), "a second account");
    assert_eq!(
        mapped("", &[("candidates", "[\"a\", \"b\", \"a1\"]")], &input)["candidates"],
        Mapped::Candidates(vec!["a".into(), "b".into(), "a1".into()])
    );
}

#[test]
fn an_error_is_never_nothing_and_stays_with_its_attribute() {
    let input = input(
        json!({"userName": "ann", "attributes": {"n": 7, "object": {"a": 1}, "deep": [["x"]]}, "emails": [{"value": "a"}, {"value": "b"}]}),
    );
    let rows: &[(&str, &str, &str)] = &[
        ("a builtin", "concat(\"\",\n  [lower(input.person.attributes.n)])", "dir.yaml mapping.x:2:"),
        ("several values", "input.person.emails[_].value", "gives 2 different values"),
        ("an object", "input.person.attributes.object", "gives an object"),
        ("a list of lists", "input.person.attributes.deep", "something else than texts"),
    ];
    for (name, expression, message) in rows {
        let mapped = mapped("", &[("a", "input.person.userName"), ("x", expression), ("z", "input.person.title")], &input);
        let Mapped::Failed(error) = &mapped["x"] else { panic!("{name}: {:?}", mapped["x"]) };
        assert!(error.to_string().contains(message), "{name}: {error}");
        assert_eq!(mapped["a"], text("ann"), "{name}");
        assert_eq!(mapped["z"], Mapped::Undefined { waits: false }, "{name}");
    }
    let Mapped::Failed(error) = &mapped("", &[("candidates", "input.person.userName")], &input)["candidates"] else { panic!() };
    assert!(error.to_string().contains("no array"), "{error}");
}

#[test]
fn a_field_that_is_only_named_is_what_the_engine_finds_there() {
    let mut input = input(json!({
        "userName": "ann", "suspended": false, "attributes": {"n": 7, "0": "zero", "list": ["b", [1, {"a": "x"}]], "empty": {}, "a b": "c"},
    }));
    input.managers = vec![Arc::new(json!({"userName": "dia"}))];
    let paths = [
        "input.person.userName",
        "input.person.suspended",
        "input.person.attributes.n",
        "input.person.attributes[\"a b\"]",
        "input.person.attributes.list",
        "input.person.attributes.list[0]",
        "input.person.attributes.list[\"0\"]",
        "input.person.attributes.list[1][1].a",
        "input.person.attributes.list[2]",
        "input.person.attributes[0]",
        "input.person.attributes[\"0\"]",
        "input.person.attributes.empty",
        "input.person.attributes.n.deeper",
        "input.person.attributes.list[0].x",
        "input.managers[0].userName",
        "input.managers[1].userName",
        "input.account",
        "(input.person.userName)",
    ];
    let expressions: Vec<(String, &str)> = paths.iter().enumerate().map(|(number, path)| (format!("x{number:02}"), *path)).collect();
    let expressions: Vec<(&str, &str)> = expressions.iter().map(|(name, path)| (name.as_str(), *path)).collect();
    let compiled = realm("admin", &expressions).unwrap();
    let account = AccountKey { person: input.id.clone(), target: target("dir"), account: AccountName::new("admin") };
    let of_account = compiled.account(&(target("dir"), AccountName::new("admin"))).unwrap();
    assert_eq!(of_account.values(), None, "no engine is asked");
    let document = document::of_account(Question::new(&compiled, &input, None, moment(NOW)).document(), &account);
    for (number, path) in paths.iter().enumerate() {
        let asked =
            compiled.evaluation(document.clone(), super::super::compiled::Words::Plain).rule(&format!("data.__map.t0.a{number}")).unwrap();
        let found = of_account.attributes[number].plain.as_ref().unwrap().follow(&document);
        let found: BTreeSet<regorus::Value> = found.into_iter().collect();
        assert_eq!(asked, regorus::Value::from(found), "{path}");
    }
}

#[test]
fn what_default_mappings_say_is_what_the_engine_makes_of_it() {
    use crate::model::schema::{ACCOUNT_NAME, PRIMARY_EMAIL};
    let people = [
        json!({}),
        json!({"userName": "ann"}),
        json!({"userName": "ann", "emails": []}),
        json!({"emails": [{"value": "a@x"}, {"value": "b@x", "primary": true}, {"value": "c@x", "primary": true}]}),
        json!({"emails": [{"value": "a@x", "primary": false}, {"value": "b@x"}]}),
        json!({"emails": [{"type": "work", "primary": true}, {"type": "home"}, {"value": "c@x"}]}),
        json!({"emails": [{"type": "work"}]}),
    ];
    for name in ["", "admin"] {
        let compiled = realm(name, &[("email", PRIMARY_EMAIL), ("name", ACCOUNT_NAME)]).unwrap();
        let place = (target("dir"), AccountName::new(name));
        let account = compiled.account(&place).unwrap();
        assert_eq!(account.values(), None, "no engine is asked");
        for person in &people {
            let input = input(person.clone());
            let key = AccountKey { person: input.id.clone(), target: place.0.clone(), account: place.1.clone() };
            let document = document::of_account(Question::new(&compiled, &input, None, moment(NOW)).document(), &key);
            for (number, attribute) in account.attributes.iter().enumerate() {
                let rule = format!("data.__map.t0.a{number}");
                let asked = compiled.evaluation(document.clone(), super::super::compiled::Words::Plain).rule(&rule).unwrap();
                let found: BTreeSet<regorus::Value> = attribute.plain.as_ref().unwrap().follow(&document).into_iter().collect();
                assert_eq!(asked, regorus::Value::from(found), "{} of {person}, account `{name}`", attribute.name);
            }
        }
    }
}

#[test]
fn what_reads_something_unknown_waits() {
    let mut unknown = input(json!({}));
    unknown.managers_unknown = true;
    let known = input(json!({}));
    let rows: &[(&str, &str, &Input, bool)] = &[
        ("an unknown manager", "input.managers[0].displayName", &unknown, true),
        ("no manager", "input.managers[0].displayName", &known, false),
        ("an unknown manager, through a rule", "data.acme.boss.displayName", &unknown, true),
        ("something else", "input.person.title", &unknown, false),
        ("an account to come", "input.accounts.mail.address", &known, true),
        ("an account to come, through a rule", "data.acme.address", &known, true),
    ];
    for (name, expression, input, waits) in rows {
        assert_eq!(mapped("", &[("x", expression)], input)["x"], Mapped::Undefined { waits: *waits }, "{name}");
    }
    let mut there = input(json!({}));
    there.accounts = BTreeMap::from([(target("mail"), json!({"address": "a"}))]);
    assert_eq!(mapped("", &[("x", "object.get({}, input.accounts.mail.address, null)")], &there)["x"], Mapped::Undefined { waits: false });
}

#[test]
fn bad_expressions_are_refused_at_their_place() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("does not parse", "concat(", &["dir.yaml mapping.x:1:7", "not closed"]),
        ("leaves its place", "1)\n\nevil := (2", &["closes nothing"]),
        ("two expressions", "1; 2", &["dir.yaml mapping.x:1:2"]),
        ("nothing", "", &["dir.yaml mapping.x:1:"]),
        ("misspelt field", "\n  input.person.departement", &["dir.yaml mapping.x:2:16", "did you mean `department`?"]),
        ("unknown function", "lowr(\"a\")", &["dir.yaml mapping.x:1:1", "did you mean `lower`?"]),
        ("no such rule", "data.acme.lgoin", &["did you mean `login`?"]),
        ("what is held", "input.observed[0].key", &["a mapping must not depend on what is held"]),
        ("a generated name", "data.__map.t0.a0", &["reserved"]),
        ("input as a whole", "count(input)", &["as a whole"]),
        ("a replacement of input", "data.acme.login with input as {}", &["dir.yaml mapping.x:1:"]),
        ("a variable that nothing binds", "nmae", &["dir.yaml mapping.x:1:1"]),
    ];
    for (name, expression, parts) in rows {
        let errors = realm("", &[("x", expression)]).unwrap_err();
        for part in *parts {
            assert!(errors[0].to_string().contains(part), "{name}: `{part}` is not in {errors:?}");
        }
    }
}
