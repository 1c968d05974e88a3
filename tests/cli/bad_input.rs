//! Bad input, one row each: a clear message at its place, the right exit code, everybody else goes on, and nobody loses anything.

use super::Folder;
use super::codes::ZOE;

/// Who goes on beside the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Everybody else: a new person gets their account.
    GoOn,
    /// Nobody is given anything: the realm is frozen. Leavers still leave.
    Wait,
}

/// One mistake.
struct Row {
    name: &'static str,
    make: fn(&Folder),
    /// What stderr, or the top of the plan, says.
    says: &'static [&'static str],
    code: u8,
    /// `check` finds it, offline.
    checked: bool,
    others: Others,
}

fn person(name: &str, fields: &str) -> String {
    format!("apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {{name: {name}}}\nspec:\n{fields}")
}

fn rego(folder: &Folder, rule: &str) {
    folder.edit("policy.yaml", "      accounts contains", &format!("{rule}\n\n      accounts contains"));
}

fn role(folder: &Folder, name: &str, spec: &str) {
    folder.write(
        &format!("role-{name}.yaml"),
        &format!("apiVersion: provost.dev/v1alpha1\nkind: BusinessRole\nmetadata: {{name: {name}}}\nspec: {spec}\n"),
    );
}

fn lockout(spec: &str) -> String {
    format!("apiVersion: provost.dev/v1alpha1\nkind: Lockout\nmetadata: {{name: now}}\nspec: {spec}\n")
}

fn binding(folder: &Folder, name: &str, spec: &str) {
    folder.write(
        &format!("binding-{name}.yaml"),
        &format!("apiVersion: provost.dev/v1alpha1\nkind: RoleBinding\nmetadata: {{name: {name}}}\nspec: {spec}\n"),
    );
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "an unknown field", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.edit("people/bob.yaml", "department:", "departement:"); },
        says: &["unknown field `departement`", "people/bob.yaml:9:3", "departement: Finance", "did you mean `department`?"] },
    Row { name: "a wrong type", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.edit("people/bob.yaml", "department: Finance", "department: [Finance]"); },
        says: &["people/bob.yaml:9:15", "department"] },
    Row { name: "an impossible date", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.edit("people/bob.yaml", "2021-01-01", "2021-02-30"); },
        says: &["people/bob.yaml:11", "2021-02-30"] },
    Row { name: "a time in a date field", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.edit("people/bob.yaml", "2021-01-01", "2021-01-01T08:00:00Z"); },
        says: &["people/bob.yaml:11", "2021-01-01T08:00:00Z"] },
    Row { name: "notAfter before notBefore", code: 4, checked: true, others: Others::GoOn,
        make: |f| binding(f, "late", "{role: clerk, subjects: [{name: lee}], notBefore: \"2027-01-01T00:00:00Z\", notAfter: \"2026-12-01T00:00:00Z\"}"),
        says: &["binding-late.yaml", "notBefore"] },
    Row { name: "an unknown manager", code: 4, checked: false, others: Others::GoOn,
        make: |f| { f.edit("people/bob.yaml", "manager: ann", "manager: nan"); },
        says: &["the manager `nan` is no Person", "people/bob.yaml:10"] },
    Row { name: "a cycle of managers", code: 2, checked: false, others: Others::GoOn,
        make: |f| { f.edit("people/ann.yaml", "department: Finance", "department: Finance\n  manager: bob"); },
        says: &["the managers go round in a circle: ann → bob → ann", "people/ann.yaml"] },
    Row { name: "their own manager", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.edit("people/bob.yaml", "manager: ann", "manager: bob"); },
        says: &["error: Person/bob: `manager: bob` is this very person", "people/bob.yaml:10:3", "bob: Frozen"] },
    Row { name: "a binding to nobody", code: 2, checked: false, others: Others::GoOn,
        make: |f| binding(f, "lost", "{role: clerk, subjects: [{name: nobody}]}"),
        says: &["the subject `nobody` is no Person", "binding-lost.yaml:4"] },
    Row { name: "a Lockout by externalId", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.write("lock.yaml", &lockout("{person: \"1002\"}")); },
        says: &["`1002` is no Person, and nobody is shut out: did you mean the Person `bob`?", "lock.yaml:4", "Lockout/now: "] },
    Row { name: "a Lockout of an unknown target", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.write("lock.yaml", &lockout("{person: nobody-yet, targets: [tt]}")); },
        says: &["the target `tt` is no TargetSystem", "lock.yaml:4"] },
    Row { name: "an unknown role", code: 4, checked: true, others: Others::GoOn,
        make: |f| binding(f, "odd", "{role: clrk, subjects: [{name: bob}]}"),
        says: &["clrk", "binding-odd.yaml:4"] },
    Row { name: "parameters that do not fit", code: 4, checked: true, others: Others::GoOn,
        make: |f| binding(f, "odd", "{role: member, parameters: {project: gemini}, subjects: [{name: lee}]}"),
        says: &["project", "gemini", "binding-odd.yaml:4", "apollo"] },
    Row { name: "a cycle of includes", code: 4, checked: true, others: Others::GoOn,
        make: |f| { role(f, "a", "{includes: [b]}"); role(f, "b", "{includes: [a]}"); binding(f, "odd", "{role: a, subjects: [{name: bob}]}"); },
        says: &["`includes` goes round in a circle: a", "role-a.yaml"] },
    Row { name: "two people with one userName", code: 4, checked: false, others: Others::GoOn,
        make: |f| { f.write("people/ned.yaml", &person("ned", "  externalId: \"1077\"\n  type: employee\n  userName: bob\n")); },
        says: &["the userName `bob` is also that of", "people/ned.yaml:7", "Ambiguous"] },
    Row { name: "two people with one externalId", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.write("people/ned.yaml", &person("ned", "  externalId: \"1002\"\n  type: employee\n  userName: ned\n")); },
        says: &["declares the same externalId `1002`", "people/ned.yaml"] },
    Row { name: "two objects of one name", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.write("people/ned.yaml", &person("bob", "  externalId: \"1077\"\n  userName: ned\n")); },
        says: &["there are two objects Person bob", "the first stands at people/bob.yaml:1"] },
    Row { name: "an unknown target", code: 4, checked: true, others: Others::GoOn,
        make: |f| { role(f, "odd", "{entitlements: [{target: crm, kind: group, name: all}]}"); binding(f, "odd", "{role: odd, subjects: [{name: bob}]}"); },
        says: &["the target `crm` is no TargetSystem", "role-odd.yaml:4", "TargetSystem/crm: Refused"] },
    Row { name: "an undeclared second account", code: 4, checked: true, others: Others::GoOn,
        make: |f| { role(f, "odd", "{entitlements: [{target: directory, kind: group, name: staff, account: admin}]}"); binding(f, "odd", "{role: odd, subjects: [{name: bob}]}"); },
        says: &["does not declare the second account `admin`", "role-odd.yaml:4", "Refused"] },
    Row { name: "a missing group in an entitlement", code: 4, checked: false, others: Others::GoOn,
        make: |f| { rego(f, "      entitlements contains {\"target\": \"directory\", \"kind\": \"group\", \"name\": \"nowhere\"} if input.person.title"); },
        says: &["ann in directory: Incomplete: directory/group/nowhere does not exist"] },
    Row { name: "a missing Secret", code: 4, checked: false, others: Others::GoOn,
        make: |f| { f.edit("targets/billing.yaml", "type: sqlite", "type: sqlite\n  secretRef: {name: login}"); },
        says: &["TargetSystem/billing", "there is no Secret login", ".provost/secrets/login/KEY"] },
    Row { name: "an unreachable target", code: 4, checked: false, others: Others::GoOn,
        make: |f| { f.edit("targets/billing.yaml", "billing.db, create: true", "elsewhere.db"); },
        says: &["TargetSystem/billing", "not read", "elsewhere.db"] },
    Row { name: "a target of a type that is not built yet", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.edit("targets/billing.yaml", "  type: sqlite\n  sqlite: {path: .provost/targets/billing.db, create: true}", "  type: ldap\n  ldap: {url: \"ldaps://crm.example\", baseDN: \"dc=crm\"}"); },
        says: &["billing", "ldap is not supported"] },
    Row { name: "Rego that does not parse", code: 4, checked: true, others: Others::Wait,
        make: |f| rego(f, "      roles contains if {"),
        says: &["access/birthright.rego:5"] },
    Row { name: "Rego that calls an unknown function", code: 4, checked: true, others: Others::Wait,
        make: |f| rego(f, "      roles contains {\"name\": \"clerk\"} if startwith(input.person.title, \"Head\")"),
        says: &["access/birthright.rego:5:", "startwith", "startswith"] },
    Row { name: "Rego that misspells a path", code: 4, checked: true, others: Others::Wait,
        make: |f| rego(f, "      roles contains {\"name\": \"clerk\"} if input.person.departement == \"Finance\""),
        says: &["access/birthright.rego:5:", "departement", "department"] },
    Row { name: "Rego that fails for one person", code: 4, checked: false, others: Others::GoOn,
        make: |f| rego(f, "      accounts contains {\"target\": \"directory\", \"reason\": sprintf(\"%d\", [to_number(input.person.title)])} if input.person.title"),
        says: &["ann: Frozen", "access/birthright.rego:5"] },
    Row { name: "Rego that conflicts", code: 4, checked: false, others: Others::GoOn,
        make: |f| rego(f, "      which := \"a\" if input.person.title\n\n      which := \"b\" if input.person.title\n\n      roles contains {\"name\": which}"),
        says: &["ann: Frozen", "access/birthright.rego"] },
    Row { name: "Rego that asks for a role that there is not", code: 4, checked: false, others: Others::GoOn,
        make: |f| rego(f, "      roles contains {\"name\": \"chief\"} if input.person.title"),
        says: &["ann: Frozen", "there is no BusinessRole `chief`", "access/birthright.rego:5"] },
    Row { name: "Rego that never ends", code: 4, checked: false, others: Others::GoOn,
        make: |f| rego(f, "      roles contains {\"name\": \"clerk\"} if {\n      \tinput.person.title\n      \tsome x in numbers.range(1, 100000)\n      \tsome y in numbers.range(1, 100000)\n      \tx * y == -1\n      }"),
        says: &["ann: Frozen", "longer than"] },
    Row { name: "Rego that recurses", code: 4, checked: true, others: Others::Wait,
        make: |f| rego(f, "      turn(x) := turn(x)\n\n      roles contains {\"name\": turn(\"a\")}"),
        says: &["access/birthright.rego:5", "turn"] },
    Row { name: "Rego that nests forty brackets", code: 4, checked: true, others: Others::Wait,
        make: |f| rego(f, &format!("      deep := {}1{}", "[".repeat(40), "]".repeat(40))),
        says: &["access/birthright.rego:5", "deep"] },
    Row { name: "Rego that reads what is held where it may not", code: 4, checked: true, others: Others::Wait,
        make: |f| rego(f, "      roles contains {\"name\": \"clerk\"} if count(input.observed) > 0"),
        says: &["access/birthright.rego:5", "input.observed"] },
    Row { name: "a mapping that does not parse", code: 4, checked: true, others: Others::Wait,
        make: |f| { f.edit("targets/directory.yaml", "email: {value: 'sprintf(", "email: {value: 'sprintf(("); },
        says: &["directory", "email"] },
    Row { name: "a deleted Policy", code: 4, checked: false, others: Others::Wait,
        make: |f| { f.remove("policy.yaml"); },
        says: &["there was a Policy and now there is none"] },
    Row { name: "a missing ConfigMap", code: 4, checked: true, others: Others::Wait,
        make: |f| { f.edit("policy.yaml", "spec:", "spec:\n  from: [more]"); },
        says: &["more", "policy.yaml:1"] },
    Row { name: "an unreadable file among thirty good ones", code: 4, checked: true, others: Others::GoOn,
        make: |f| {
            for n in 0..30 {
                f.write(&format!("people/p{n}.yaml"), &person(&format!("p{n}"), &format!("  externalId: \"3{n:03}\"\n  userName: p{n}\n  type: partner\n")));
            }
            f.write("people/p17.yaml", "kind: Person\n  metadata: {name: p17}\n");
        },
        says: &["people/p17.yaml:2"] },
    Row { name: "a file that is no text", code: 4, checked: true, others: Others::GoOn,
        make: |f| { std::fs::write(f.path("people/bob.yaml"), [0xff, 0xfe, 0x00]).unwrap(); },
        says: &["people/bob.yaml", "cannot be read"] },
    Row { name: "a kind that is unknown", code: 4, checked: true, others: Others::GoOn,
        make: |f| { f.write("odd.yaml", "apiVersion: provost.dev/v1alpha1\nkind: Persn\nmetadata: {name: x}\nspec: {}\n"); },
        says: &["odd.yaml:2", "Persn", "Person"] },
];

#[test]
fn each_mistake_gets_its_message_its_code_and_hurts_nobody() {
    let mut wrong = Vec::new();
    for row in ROWS {
        if let Err(why) = std::panic::catch_unwind(|| try_row(row)) {
            let why = why.downcast_ref::<String>().cloned().or_else(|| why.downcast_ref::<&str>().map(|why| (*why).to_owned()));
            wrong.push(format!("=== {}\n{}", row.name, why.unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

fn try_row(row: &Row) {
    let folder = Folder::applied();
    let before = folder.access();
    (row.make)(&folder);
    folder.write("people/zoe.yaml", ZOE);
    let plan = folder.plan();
    let all = format!("{}\n{}", plan.err, plan.out);
    for text in row.says {
        assert!(all.contains(text), "nothing says `{text}`\n{all}");
    }
    let plan = plan.expect(row.code);
    assert!(!plan.out.contains("  - "), "something is taken away\n{}", plan.out);
    let check = folder.run(&["check"]);
    assert_eq!(check.code, u8::from(row.checked), "check\n{}{}", check.err, check.out);
    let apply = folder.apply().expect(if row.code == 2 { 0 } else { row.code });
    let after = folder.access();
    for (target, (enabled, grants)) in &before {
        let (enabled_now, grants_now) = &after[target];
        assert!(enabled.is_subset(enabled_now), "{target} lost accounts\n{}", apply.out);
        assert!(grants.is_subset(grants_now), "{target} lost grants\n{}", apply.out);
    }
    let goes_on = after["directory"].0.contains("zoe");
    assert_eq!(goes_on, row.others == Others::GoOn, "zoe's account\n{}\n{}", apply.err, apply.out);
    // Whatever is wrong, a leaver leaves.
    folder.edit("people/lee.yaml", "startDate: \"2022-01-01\"", "startDate: \"2022-01-01\", endDate: \"2026-11-20\"");
    folder.apply();
    assert!(!folder.enabled("directory").contains("lee"), "the leaver is still in");
}
