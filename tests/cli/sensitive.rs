//! What is sensitive is shown nowhere: each secret is looked for in all that is written.

use super::{Folder, Ran};

const SECRET: &str = "s3cr3t-4711";
const OLD: &str = "0ld-4711";

/// The small realm with a sensitive attribute on a person, and a directory that gets it.
fn realm() -> Folder {
    let folder = Folder::small();
    folder.edit("realm.yaml", "timezone: UTC", "timezone: UTC, attributes: {ssn: {type: string, sensitive: true}, desk: {type: string}}");
    folder.edit("people/lee.yaml", "  manager: ann", &format!("  manager: ann\n  attributes: {{ssn: {SECRET}, desk: d-12}}"));
    folder.edit("targets/directory.yaml", "  mapping:\n", "  mapping:\n    title: {value: input.person.attributes.ssn}\n");
    folder
}

/// Fails where any of these texts has a secret in it.
#[track_caller]
fn hides(ran: &Ran) {
    for (name, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        for secret in [SECRET, OLD, "4711"] {
            assert!(!text.to_lowercase().contains(secret), "{name} shows `{secret}`:\n{text}");
        }
    }
}

/// All that can be asked of a folder, with the exit code of its plan.
#[track_caller]
fn all_hide(folder: &Folder, code: u8) -> String {
    let mut all = String::new();
    for output in ["text", "json", "markdown"] {
        let plan = folder.run(&["plan", "-o", output]).expect(code);
        hides(&plan);
        all.push_str(&plan.out);
        all.push_str(&plan.err);
    }
    for question in [&["why", "lee"][..], &["why", "lee", "-o", "json"], &["check"], &["who-has", "directory/group/staff"]] {
        let answer = folder.run(question);
        hides(&answer);
        all.push_str(&answer.out);
        all.push_str(&answer.err);
    }
    all
}

#[test]
fn what_is_mapped_from_a_sensitive_attribute_is_sensitive_too() {
    let folder = realm();
    all_hide(&folder, 2);
    let applied = folder.apply().expect(0);
    hides(&applied);
    assert_eq!(super::texts(&folder.open("directory"), "SELECT title FROM accounts WHERE userName = 'lee'"), [SECRET.to_owned()].into());
    folder.plan().expect(0);
    folder.open("directory").execute_batch(&format!("UPDATE accounts SET title = '{OLD}' WHERE userName = 'lee'")).unwrap();
    let said = all_hide(&folder, 2);
    assert!(said.contains("title: (sensitive) -> (sensitive)"), "{said}");
    for (way, expression) in [
        ("a rule", "data.lib.badge"),
        ("a function that is given the person", "data.lib.of(input.person)"),
        ("all attributes", "[x | some x in input.person.attributes][1]"),
        ("what is made of it", "upper(input.person.attributes.ssn)"),
    ] {
        folder.write(
            "lib.yaml",
            "apiVersion: provost.dev/v1alpha1\nkind: Policy\nmetadata: {name: lib}\nspec:\n  modules:\n    lib.rego: |\n      package lib\n\n      \
             badge := input.person.attributes.ssn\n\n      of(person) := person.attributes.ssn\n",
        );
        let target = std::fs::read_to_string(folder.path("targets/directory.yaml")).unwrap();
        let line = target.lines().find(|line| line.contains("title: {")).unwrap().to_owned();
        folder.edit("targets/directory.yaml", &line, &format!("    title: {{value: '{expression}'}}"));
        let said = all_hide(&folder, 2);
        assert!(said.contains("title: (sensitive) -> (sensitive)"), "{way}: {said}");
    }
    folder.edit("people/lee.yaml", &format!("ssn: {SECRET}"), "ssn: null");
    hides(&folder.plan());
}

#[test]
fn what_is_about_to_be_sent_is_remembered_without_it() {
    let folder = realm();
    folder.edit("people/lee.yaml", SECRET, OLD);
    folder.apply().expect(0);
    let ledger = rusqlite::Connection::open(folder.path(".provost/ledger.db")).unwrap();
    let spy = "CREATE TABLE spy (change); CREATE TRIGGER spy AFTER INSERT ON intents BEGIN INSERT INTO spy VALUES (NEW.change); END";
    ledger.execute_batch(spy).unwrap();
    folder.edit("people/lee.yaml", OLD, SECRET);
    folder.write("people/zoe.yaml", &format!("{}  attributes: {{ssn: {SECRET}}}\n", super::codes::ZOE));
    folder.apply().expect(0);
    let sent = super::texts(&ledger, "SELECT change FROM spy");
    for word in ["Set", "Create"] {
        assert!(sent.iter().any(|change| change.contains(word)), "{sent:?}");
    }
    assert!(sent.iter().all(|change| !change.contains(SECRET) && !change.contains(OLD)), "{sent:?}");
}

#[test]
fn another_attribute_is_shown() {
    let folder = realm();
    folder.edit("targets/directory.yaml", "input.person.attributes.ssn", "input.person.attributes.desk");
    folder.apply().expect(0);
    folder.edit("people/lee.yaml", "d-12", "d-13");
    assert!(all_hide(&folder, 2).contains(r#"title: "d-12" -> "d-13""#));
}

#[test]
fn an_error_of_the_attribute_does_not_say_its_value() {
    let folder = realm();
    folder.edit("people/lee.yaml", &format!("ssn: {SECRET}"), "ssn: 4711");
    let said = all_hide(&folder, 4);
    assert!(said.contains("the attribute `ssn` is not what the Realm says of it: string"), "{said}");
    assert!(said.contains("people/lee.yaml:11"), "it still has its place: {said}");
    // Of many lines, and where something else is wrong in the same line.
    folder.edit("people/lee.yaml", "  attributes: {ssn: 4711, desk: d-12}", "  attributes:\n    ssn:\n    - 4711\n    desk: d-12");
    all_hide(&folder, 4);
    folder.edit("people/lee.yaml", "    ssn:\n    - 4711\n    desk: d-12", "    {desc: 1, ssn: s3cr3t-4711}");
    all_hide(&folder, 4);
    folder.edit("people/lee.yaml", "desc: 1", "desk: d, desk: e");
    all_hide(&folder, 4);
    // Which attributes are sensitive is not known where the Realm cannot be read.
    folder.edit("realm.yaml", "timezone", "timzone");
    hides(&folder.plan().expect(1));
}

#[test]
fn an_error_of_a_policy_or_a_mapping_does_not_say_it() {
    let folder = realm();
    folder.edit("targets/directory.yaml", "input.person.attributes.ssn", "to_number(input.person.attributes.ssn)");
    let said = all_hide(&folder, 4);
    assert!(said.contains("mapping.title:1"), "it still has its place: {said}");
    folder.edit("targets/directory.yaml", "to_number(input.person.attributes.ssn)", "input.person.attributes.desk");
    folder.edit(
        "policy.yaml",
        "      accounts contains",
        "      entitlements contains {\"target\": \"directory\", \"kind\": to_number(input.person.attributes.ssn), \"name\": \"x\"}\n\n      accounts contains",
    );
    let said = all_hide(&folder, 4);
    assert!(said.contains("birthright.rego:5"), "it still has its place: {said}");
    folder.edit("policy.yaml", "to_number(input.person.attributes.ssn)", "[input.person.attributes.ssn]");
    let said = all_hide(&folder, 4);
    assert!(said.contains("birthright.rego:5"), "it still has its place: {said}");
    // A mapping may be sensitive by itself.
    let folder = Folder::small();
    folder.edit("targets/directory.yaml", r#"sprintf("%s@example.com", [input.person.userName])"#, r#"to_number("4711-x")"#);
    all_hide(&folder, 4);
}

#[test]
fn what_finds_an_account_is_not_said_either() {
    let folder = realm();
    folder.edit("targets/directory.yaml", "  entitlements:", "  correlation: {attributes: [title]}\n  entitlements:");
    folder.apply().expect(0);
    folder.remove(".provost/ledger.db");
    let directory = folder.open("directory");
    directory
        .execute_batch(&format!(
            "UPDATE accounts SET ownerKey = NULL, title = NULL; UPDATE accounts SET title = '{SECRET}' WHERE userName = 'lee'"
        ))
        .unwrap();
    let said = all_hide(&folder, 4);
    assert!(said.contains("has title (sensitive): set correlation.adopt"), "{said}");
}

#[test]
fn every_candidate_is_taken_and_none_is_said() {
    let folder = realm();
    folder.edit("targets/directory.yaml", "value: input.person.attributes.ssn", "candidates: '[input.person.attributes.ssn]'");
    folder.edit("people/bob.yaml", "employments:", &format!("attributes: {{ssn: {SECRET}}}\n  employments:"));
    let said = all_hide(&folder, 4);
    assert!(said.contains("every candidate is taken: (sensitive)"), "{said}");
}

#[test]
fn an_accounts_name_cannot_be_sensitive() {
    let folder = realm();
    folder.edit(
        "targets/directory.yaml",
        "title: {value: input.person.attributes.ssn}",
        "userName: {value: input.person.userName, sensitive: true}",
    );
    folder.run(&["check"]).expect(1).says(&["mapping of `userName`", "shown everywhere"]);
    folder.edit("targets/directory.yaml", "input.person.userName, sensitive: true", "input.person.attributes.ssn");
    let said = all_hide(&folder, 4);
    assert!(said.contains("made of a sensitive attribute"), "{said}");
}
