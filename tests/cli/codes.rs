//! Exit codes, and that `plan` writes nothing.

use super::Folder;

#[test]
fn plan_writes_nothing_at_all() {
    let folder = Folder::small();
    let before = folder.bytes();
    folder.plan().expect(2);
    assert!(!folder.path(".provost").exists(), "neither a ledger nor a target is made");
    assert_eq!(folder.bytes(), before);
    folder.apply().expect(0);
    folder.edit("people/bob.yaml", "department: Finance", "department: Engineering");
    let before = folder.bytes();
    folder.plan().expect(2);
    assert_eq!(folder.bytes(), before, "with a ledger and targets");
}

#[test]
fn what_is_applied_is_done_and_the_second_time_nothing_is_left() {
    let folder = Folder::small();
    folder.plan().expect(2);
    folder.apply().expect(0);
    assert_eq!(folder.enabled("directory").into_iter().collect::<Vec<_>>(), ["ann", "bob", "eve", "lee"]);
    assert_eq!(folder.grants("billing").into_iter().collect::<Vec<_>>(), ["bob role/invoices_ro", "bob role/payments_rw"]);
    folder.plan().expect(0).prints(&["Plan: nothing to do."]);
    let before = folder.bytes();
    folder.apply().expect(0).prints(&["nothing was to be changed"]);
    assert_eq!(folder.bytes(), before, "the second apply writes nothing");
}

#[test]
fn a_ledger_that_is_lost_is_said_before_anything_else() {
    let folder = Folder::applied();
    let lost = "accounts carry this realm's key, and the ledger knows none of them";
    assert!(!folder.plan().err.contains(lost));
    folder.remove(".provost/ledger.db");
    folder.plan().expect(0).says(&["TargetSystem/directory: 4", lost, "removals may be missing"]);
    folder.run(&["plan", "--quiet"]).expect(0).says(&["warning: TargetSystem/directory: 4", lost]);
    folder.run(&["plan", "-o", "markdown"]).expect(0).prints(&["**TargetSystem/directory**: 4", "the ledger knows none of them"]);
    let json = |ran: super::Ran| serde_json::from_str::<serde_json::Value>(&ran.out).unwrap();
    let warnings = json(folder.run(&["plan", "-o", "json", "--quiet"]).expect(0))["warnings"].clone();
    assert_eq!(warnings[1]["kind"], "LedgerLost", "{warnings}");
    assert_eq!(warnings[1]["target"], "directory", "{warnings}");
    // Who is still declared is found by the key, and is known again from then on.
    let applied = folder.run(&["apply", "-y", "-q", "-o", "json"]).expect(0).says(&[lost]);
    assert_eq!(json(applied)["plan"]["warnings"].as_array().map(Vec::len), Some(2));
    let plan = folder.run(&["plan", "-o", "json"]);
    assert!(!plan.err.contains(lost) && !plan.out.contains("LedgerLost"), "{plan:?}");
}

#[test]
fn another_realms_ledger_is_said_as_well() {
    let folder = Folder::applied();
    let other = Folder::small();
    other.edit("realm.yaml", "id: small", "id: other");
    for person in ["ann", "bob", "eve", "lee"] {
        other.edit(&format!("people/{person}.yaml"), "externalId: \"", "externalId: \"x");
    }
    other.apply().expect(0);
    let ledger = other.path(".provost/ledger.db");
    let ledger = ledger.to_str().unwrap();
    folder.run(&["plan", "-q", "--ledger", ledger]).says(&["TargetSystem/directory: 4 accounts carry this realm's key"]);
    assert!(!other.run(&["plan", "--ledger", ledger]).expect(0).err.contains("carry this realm's key"), "it is the right one there");
}

#[test]
fn what_two_new_people_would_both_have_is_planned_for_neither() {
    let folder = Folder::applied();
    folder.write("people/zoe.yaml", ZOE).write("people/zoi.yaml", &ZOE.replace("name: zoe", "name: zoi").replace("1009", "1010"));
    let said = "would have userName \"zoe\" as well";
    let plan = folder.plan().expect(4).prints(&[": Ambiguous: 1010", ": Ambiguous: 1009", said]);
    assert!(!plan.out.contains("+ create"), "{}", plan.out);
    folder.apply().expect(4).prints(&[said]);
    assert!(!folder.enabled("directory").contains("zoe"));
    folder.edit("people/zoi.yaml", "userName: zoe", "userName: zoi");
    folder.plan().expect(2);
    folder.apply().expect(0);
    // Nor what somebody else's account has already, whatever accounts are found by.
    folder.edit("targets/directory.yaml", "  entitlements:", "  correlation: {attributes: [title]}\n  entitlements:");
    folder.write("people/max.yaml", &ZOE.replace("name: zoe", "name: max").replace("1009", "1011"));
    folder.plan().expect(4).prints(&[": Ambiguous", "has userName \"zoe\" already"]);
    folder.apply().expect(4);
}

#[test]
fn what_is_mapped_to_no_column_is_said_when_it_is_planned() {
    let folder = Folder::small();
    folder.edit("targets/directory.yaml", "    displayName:", "    displayNam: {value: input.person.userName}\n    displayName:");
    let said = [
        "TargetSystem/directory: Frozen: mapping of `displayNam`: accounts of this target have no such attribute (did you mean `displayName`?)",
    ];
    folder.plan().expect(4).prints(&said);
    folder.apply().expect(4).prints(&said);
    assert!(!folder.path(".provost/targets/directory.db").exists(), "nothing is made there");
    let folder = Folder::applied();
    folder.edit("targets/directory.yaml", "    displayName:", "    badge: {value: input.person.userName}\n    displayName:");
    folder.plan().expect(4).prints(&["mapping of `badge`", "TargetSystem/directory"]);
    folder.open("directory").execute_batch("ALTER TABLE accounts ADD COLUMN badge").unwrap();
    folder.plan().expect(2).prints(&["badge: nothing -> \"lee\""]);
}

#[test]
fn a_scope_has_names_and_a_pattern_is_refused() {
    for (file, good) in [("scope: {names: [\"st*\"]}", "scope: {names: [staff]}"), ("privileged: [\"*\"]", "privileged: [heads]")] {
        let folder = Folder::applied();
        let mode = if file.starts_with("scope") { "mode: Authoritative, " } else { "" };
        folder.edit("targets/directory.yaml", "createMissing: true", &format!("createMissing: true, {mode}{good}"));
        folder.run(&["check"]).expect(0);
        folder.edit("targets/directory.yaml", good, file);
        folder.run(&["check"]).expect(1).says(&["targets/directory.yaml:", "*\" does not have the form"]);
        folder.plan().expect(4).says(&["targets/directory.yaml:"]);
    }
}

#[test]
fn one_when_nothing_can_be_planned() {
    let none = Folder::small();
    for file in ["realm.yaml", "policy.yaml", "roles.yaml", "bindings.yaml", "targets/billing.yaml", "targets/directory.yaml"] {
        none.remove(file);
    }
    let named = |namespace: &str| {
        format!("apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {{name: {namespace}, namespace: {namespace}}}\nspec: {{}}\n")
    };
    none.run(&["plan"]).expect(1).says(&["no realm id", "--realm"]);
    none.run(&["plan", "--realm", "x"]).expect(0);
    none.write("people/a.yaml", &named("a"));
    none.run(&["plan"]).expect(0);
    none.run(&["plan", "-n", "other"]).expect(1).says(&["namespace a, not of other"]);
    none.write("people/b.yaml", &named("b"));
    none.run(&["plan"]).expect(1).says(&["2 namespaces (a, b)"]);
    let folder = Folder::applied();
    folder.edit("realm.yaml", "timezone: UTC", "timzone: UTC");
    let before = folder.bytes();
    folder.apply().expect(1).says(&["realm.yaml:4", "timzone", "the Realm cannot be read"]);
    assert_eq!(folder.bytes(), before, "nothing is written");
    folder.run(&["plan", "--nonsense"]).expect(1).says(&["--nonsense"]);
    folder.run(&["why", "nobody"]).expect(1);
}

#[test]
fn three_when_the_guard_holds_and_apply_carries_the_rest_out() {
    let folder = Folder::applied();
    for person in ["bob", "eve", "lee"] {
        folder.remove(&format!("people/{person}.yaml"));
    }
    folder.write("people/zoe.yaml", ZOE);
    let before = folder.access();
    let plan = folder.plan().expect(3);
    let position = |text: &str| plan.out.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{}", plan.out));
    assert!(position("! directory") < position("create"), "what is held comes first");
    assert!(plan.out.contains("absence: 3 within 24 h, the limit is 2"), "{}", plan.out);
    assert!(plan.out.contains("provost approve directory --digest sha256:"), "{}", plan.out);
    folder.apply().expect(3).prints(&["Held in directory"]);
    let after = folder.access();
    assert!(before["directory"].0.is_subset(&after["directory"].0), "nobody is shut out");
    assert!(after["directory"].0.contains("zoe"), "the rest is done");
}

#[test]
fn leavers_within_the_limit_are_shut_out_at_their_end() {
    let folder = Folder::applied();
    folder.edit("people/bob.yaml", "startDate: \"2021-01-01\"", "startDate: \"2021-01-01\", endDate: \"2026-11-23\"");
    folder.plan().expect(2).prints(&["- disable", "employment ended", "people/bob.yaml"]);
    folder.apply().expect(0);
    assert!(!folder.enabled("directory").contains("bob"));
    assert!(!folder.enabled("billing").contains("bob"));
    assert!(!folder.grants("billing").iter().any(|grant| grant.starts_with("bob ")));
    folder.plan().expect(0);
}

#[test]
fn four_goes_before_three_and_a_failed_write_is_four() {
    let folder = Folder::applied();
    for person in ["bob", "eve", "lee"] {
        folder.remove(&format!("people/{person}.yaml"));
    }
    folder.edit("targets/billing.yaml", ".provost/targets/billing.db, create: true", ".provost/targets/gone.db");
    folder.plan().expect(4).prints(&["! TargetSystem/billing", "HELD"]);
    let folder = Folder::applied();
    folder
        .open("directory")
        .execute_batch("CREATE TRIGGER no BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'no more seats'); END")
        .unwrap();
    folder.write("people/zoe.yaml", ZOE);
    folder.plan().expect(2);
    folder.apply().expect(4).prints(&["Not done", "Create directory 1009", "no more seats"]);
}

#[test]
fn violations_change_no_code() {
    let folder = Folder::applied();
    folder.edit(
        "policy.yaml",
        "      accounts contains",
        "      violations contains {\"rule\": \"r\", \"message\": \"too much\"} if input.person.metadata.name == \"ann\"\n\n      accounts contains",
    );
    folder.plan().expect(0).prints(&["Violations", "ann", "too much"]);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_is_done() {
    let folder = Folder::small();
    let before = folder.bytes();
    folder.run(&["apply"]).expect(1).says(&["no terminal", "--auto-approve"]);
    assert_eq!(folder.bytes(), before);
    folder.run_with(&["apply"], Some("y\n")).expect(1).says(&["Only \"yes\" is accepted", "nothing was done"]);
    assert_eq!(folder.bytes(), before);
    folder.run_with(&["apply"], Some("yes\n")).expect(0).prints(&["Done: 18 changes"]);
}

#[test]
fn one_target_alone() {
    let folder = Folder::small();
    folder.run(&["apply", "-y", "--target", "billing"]).expect(0);
    assert!(folder.path(".provost/targets/billing.db").exists());
    assert!(!folder.path(".provost/targets/directory.db").exists());
    folder.run(&["plan", "--target", "billing"]).expect(0);
    folder.run(&["plan", "--target", "crm"]).expect(1).says(&["no TargetSystem `crm`", "billing, directory"]);
}

#[test]
fn another_moment_can_be_planned_for() {
    let folder = Folder::applied();
    folder.run(&["plan", "--at", "2027-03-31T23:59:59Z"]).expect(0);
    folder.run(&["plan", "--at", "2027-04-01"]).expect(2).prints(&["- disable", "eve"]);
    folder.run(&["plan", "--at", "soon"]).expect(1).says(&["`soon` is no time"]);
}

#[test]
fn observed_and_suspended_targets_are_not_written() {
    let folder = Folder::small();
    folder.edit("targets/billing.yaml", "type: sqlite", "type: sqlite\n  mode: Observe").edit(
        "targets/directory.yaml",
        "type: sqlite",
        "type: sqlite\n  suspend: true",
    );
    folder.plan().expect(0).prints(&["[observed]"]);
    folder.apply().expect(0);
    assert!(!folder.path(".provost/targets").exists());
}

#[test]
fn sensitive_values_are_shown_nowhere() {
    let folder = Folder::applied();
    folder.edit("people/lee.yaml", "userName: lee", "userName: leeroy");
    for output in ["text", "json", "markdown"] {
        let plan = folder.run(&["plan", "-o", output]).expect(2);
        assert!(!plan.out.contains("@example.com"), "{}", plan.out);
        assert!(plan.out.contains("(sensitive)") || plan.out.contains("\\(sensitive\\)"), "{}", plan.out);
    }
}

pub(super) const ZOE: &str = "\
apiVersion: provost.dev/v1alpha1
kind: Person
metadata: {name: zoe}
spec:
  externalId: \"1009\"
  userName: zoe
  name: {givenName: Zoe, familyName: Zeman}
  employments: [{startDate: \"2026-01-01\"}]
  type: employee
";
