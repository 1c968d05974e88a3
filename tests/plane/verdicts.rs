//! Manifests good and bad get the same verdict from the API server, through kubectl, as from the folder's own reader; where the two
//! differ, the row says why.

use std::collections::{BTreeMap, BTreeSet};

use provost::realm::load::load_files;

use crate::common::plane::plane;

/// What becomes of a manifest.
enum Verdict {
    /// Both take it.
    Taken,
    /// Both refuse it.
    Refused,
    /// The folder refuses what kubectl and the API server take, and why it does.
    Stricter(&'static str),
}

use Verdict::{Refused, Stricter, Taken};

/// A row's name, the kind, the spec, and what becomes of it.
type Row = (&'static str, &'static str, String, Verdict);

fn people() -> Vec<Row> {
    let long = |length: usize| format!("title: {}", "ž".repeat(length));
    let leave = |from: &str, to: &str| format!("employments:\n- leaves: [{{from: {from}, to: {to}}}]");
    let began = |what: &str| format!("employments: [{{startDate: {what}}}]");
    vec![
        ("an empty person", "Person", "{}".into(), Taken),
        (
            "an employee",
            "Person",
            "externalId: \"1001\"\nuserName: ada\ntype: employee\nname: {givenName: Ada, familyName: Berg}\n\
             emails: [{value: ada@acme.example}]\ndepartment: Engineering\nemployments: [{startDate: \"2020-03-01\"}]"
                .into(),
            Taken,
        ),
        (
            "a mover known in advance",
            "Person",
            "externalId: \"1003\"\nmanager: dia\nemployments:\n- {startDate: \"2023-05-01\", endDate: \"2026-12-31\", department: Engineering}\n\
             - {startDate: \"2027-01-01\", department: Finance, title: Clerk}"
                .into(),
            Taken,
        ),
        ("an unquoted date", "Person", began("2027-03-31"), Taken),
        ("a midnight for a date", "Person", began("2027-03-31T00:00:00Z"), Taken),
        ("one day of work", "Person", "employments: [{startDate: 2027-02-20, endDate: 2027-02-20}]".into(), Taken),
        ("attributes of every shape", "Person", "attributes: {a: {b: [1, {c: 1.5}]}, d: 2027-03-31, e: true, f: 0042}".into(), Taken),
        ("a truth value in other words", "Person", "suspended: on".into(), Taken),
        ("two accounts at one target", "Person", "accounts: [{target: a, id: b}, {target: a, account: admin, id: b}]".into(), Taken),
        ("a text of full length", "Person", long(256), Taken),
        ("an anchor", "Person", "emails: &e\n- {value: a}\nphoneNumbers: *e".into(), Taken),
        ("a merge", "Person", "attributes: {base: &b {x: 1}, over: {<<: *b, y: 2}}".into(), Taken),
        ("an unknown field", "Person", "departement: Sales".into(), Refused),
        ("an unknown field deep down", "Person", "employments:\n- startdate: 2027-01-01".into(), Refused),
        ("a number where a text is needed", "Person", "userName: 0042".into(), Refused),
        ("the name No", "Person", "name: {familyName: No}".into(), Refused),
        ("the name Null", "Person", "name: {familyName: Null}".into(), Refused),
        ("a list of which nothing is left", "Person", "emails:\nuserName: ann".into(), Refused),
        ("a quoted truth value", "Person", "suspended: \"no\"".into(), Refused),
        ("a list where a map is needed", "Person", "name: [a]".into(), Refused),
        ("an impossible date", "Person", began("2027-02-30"), Refused),
        ("29 February of a common year", "Person", began("2027-02-29"), Refused),
        ("29 February of a leap year", "Person", began("2028-02-29"), Taken),
        ("a time in a date field", "Person", "employments: [{endDate: \"2027-02-20T22:00:00Z\"}]".into(), Refused),
        ("an end before the start", "Person", "employments:\n- startDate: 2027-02-20\n  endDate: 2027-02-19".into(), Refused),
        (
            "a moment of end before the start",
            "Person",
            "employments:\n- {startDate: 2027-02-20, endAt: \"2027-02-19T00:00:00Z\"}".into(),
            Refused,
        ),
        (
            "a moment of end within the day's earliest zone",
            "Person",
            "employments:\n- {startDate: 2027-02-20, endAt: \"2027-02-19T10:00:00Z\"}".into(),
            Taken,
        ),
        ("a leave", "Person", leave("2027-02-10", "2027-02-20"), Taken),
        ("a leave that ends before it begins", "Person", leave("2027-02-20", "2027-02-10"), Refused),
        (
            "an account that is linked twice",
            "Person",
            "accounts: [{target: a, id: b}, {target: a, account: admin, id: b}, {target: a, id: c}]".into(),
            Refused,
        ),
        ("an address that comes twice", "Person", "emails: [{value: a}, {value: a}]".into(), Refused),
        ("a former id that comes twice", "Person", "formerIds: [a, a]".into(), Refused),
        ("a text that is too long", "Person", long(257), Refused),
        ("an empty externalId", "Person", "externalId: \"\"".into(), Refused),
        ("an unknown word of a choice", "Person", "deletionPolicy: Keep".into(), Refused),
        (
            "a key that comes twice",
            "Person",
            "userName: a\nuserName: b".into(),
            Stricter("kubectl keeps the last before it sends anything; which one was meant nobody knows"),
        ),
        ("a tab", "Person", "userName: a\n\ttitle: b".into(), Refused),
        ("an open quote", "Person", "userName: \"a".into(), Refused),
        ("an alias of nothing", "Person", "userName: *a".into(), Refused),
        ("a tag", "Person", "userName: !foo a".into(), Stricter("kubectl drops the tag; whoever wrote it expected something of it")),
        ("no number at all", "Person", "attributes: {a: .inf}".into(), Refused),
        ("an unknown kind", "Persn", "userName: a".into(), Refused),
    ]
}

fn roles_and_bindings() -> Vec<Row> {
    let binding = |rest: &str| format!("role: r\nsubjects: [{{name: ann}}]\n{rest}");
    let moment = "2026-01-01T00:00:00Z";
    vec![
        (
            "a role",
            "BusinessRole",
            "description: Works on one project\nowners: [ada]\nrisk: high\nparameters: {project: {type: string, required: true}}\n\
             entitlements: [{target: directory, kind: group, name: \"project-${project}\"}]"
                .into(),
            Taken,
        ),
        ("an unknown risk", "BusinessRole", "risk: huge".into(), Refused),
        ("a kind with a slash", "BusinessRole", "entitlements: [{target: a, kind: a/b, name: c}]".into(), Refused),
        ("an entitlement without a name", "BusinessRole", "entitlements: [{target: a, kind: b}]".into(), Refused),
        ("a binding", "RoleBinding", binding("justification: accounts payable\nticket: FIN-88"), Taken),
        ("a binding by match", "RoleBinding", "role: r\nsubjectMatch: {department: [Finance], title: [Head of Finance]}".into(), Taken),
        ("parameters", "RoleBinding", binding("parameters: {project: apollo, size: 3}"), Taken),
        ("a window", "RoleBinding", binding("notBefore: \"2026-11-24T02:10:00Z\"\nnotAfter: \"2026-11-24T04:10:00Z\""), Taken),
        ("notAfter before notBefore", "RoleBinding", binding(&format!("notBefore: 2027-01-01T00:00:00Z\nnotAfter: {moment}")), Refused),
        ("notAfter at notBefore", "RoleBinding", binding(&format!("notBefore: {moment}\nnotAfter: {moment}")), Refused),
        ("no moment", "RoleBinding", binding("notAfter: 2026-01-01 00:00"), Refused),
        ("a binding to nobody", "RoleBinding", "role: r".into(), Refused),
        ("a binding to an empty list", "RoleBinding", "role: r\nsubjects: []".into(), Refused),
        ("a binding without a role", "RoleBinding", "subjects: [{name: ann}]".into(), Refused),
        ("an empty match", "RoleBinding", "role: r\nsubjectMatch: {}".into(), Refused),
        ("a match of no values", "RoleBinding", "role: r\nsubjectMatch: {title: []}".into(), Refused),
        ("a match of no field", "RoleBinding", "role: r\nsubjectMatch: {departement: [a]}".into(), Refused),
        ("one person twice", "RoleBinding", "role: r\nsubjects: [{name: a}, {name: a}]".into(), Refused),
    ]
}

fn targets() -> Vec<Row> {
    let sqlite = |rest: &str| format!("type: sqlite\nsqlite: {{path: a}}\n{rest}");
    let steps = |steps: &str| sqlite(&format!("lifecycle: {{{steps}}}"));
    vec![
        ("a file", "TargetSystem", sqlite("mode: Observe"), Taken),
        (
            "a directory",
            "TargetSystem",
            "type: ldap\nldap: {url: \"ldaps://ldap.acme.example\", baseDN: \"dc=acme,dc=example\"}\nsecretRef: {name: directory}\n\
             mapping: {uid: {value: data.acme.login}}\naccounts: {admin: {}}\n\
             lifecycle: {terminated: [{do: Disable, entitlements: Remove}, {after: 30d, do: Delete}]}"
                .into(),
            Taken,
        ),
        ("a service", "TargetSystem", "type: scim\nscim: {url: \"https://chat.example/scim/v2\"}\nsecretRef: {name: chat}".into(), Taken),
        (
            "a database",
            "TargetSystem",
            "type: postgres\npostgres: {host: billing-db.acme.example, database: billing}\nsecretRef: {name: billing}\n\
             credentials: {deliver: Secret, ttl: 24h}\n\
             entitlements: {role: {mode: Authoritative, scope: {names: [payments_rw, prod_rw]}, privileged: [prod_rw]}}"
                .into(),
            Taken,
        ),
        ("the block of another type", "TargetSystem", "type: sqlite\nscim: {url: \"https://a\"}".into(), Refused),
        ("an unknown type", "TargetSystem", "type: sqlit\nsqlite: {path: a}".into(), Refused),
        ("no type", "TargetSystem", "sqlite: {path: a}".into(), Refused),
        ("a mapping of the owner key", "TargetSystem", sqlite("mapping: {ownerKey: {value: \"1\"}}"), Refused),
        ("an attribute that is unmapped", "TargetSystem", sqlite("mapping: {title: null}"), Taken),
        ("a mapping without a value", "TargetSystem", sqlite("mapping: {mail: {}}"), Refused),
        ("numbers that run backwards", "TargetSystem", sqlite("mapping: {uid: {numbers: {from: 5, to: 2}}}"), Refused),
        ("a scope that is missing", "TargetSystem", sqlite("entitlements: {group: {mode: Authoritative}}"), Refused),
        (
            "disable, then delete",
            "TargetSystem",
            steps("terminated: [{do: Disable, entitlements: Remove}, {after: 30d, do: Delete}]"),
            Taken,
        ),
        ("created a week ahead", "TargetSystem", steps("preboarding: [{before: 7d, do: Create}]"), Taken),
        ("keep, disable, delete", "TargetSystem", steps("leave: [{do: Keep}, {do: Disable}, {do: Delete, after: 2h}]"), Taken),
        ("a leaver who is kept", "TargetSystem", steps("terminated: [{do: Keep}]"), Refused),
        ("a lock that deletes", "TargetSystem", steps("locked: [{do: Delete}]"), Refused),
        ("created on leave", "TargetSystem", steps("leave: [{do: Create}]"), Refused),
        ("enabled while suspended", "TargetSystem", steps("suspended: [{do: Enable}]"), Refused),
        ("before, with no Create", "TargetSystem", steps("active: [{do: Enable, before: 3d}]"), Refused),
        ("before, in hours", "TargetSystem", steps("preboarding: [{do: Create, before: 3h}]"), Refused),
        ("after nothing", "TargetSystem", steps("unasked: [{do: Delete, after: 3d}]"), Refused),
        ("no steps", "TargetSystem", steps("leave: []"), Refused),
        (
            "a second account that is kept when its person leaves",
            "TargetSystem",
            sqlite("accounts: {admin: {lifecycle: {terminated: [{do: Keep}]}}}"),
            Refused,
        ),
    ]
}

fn realms_policies_and_answers() -> Vec<Row> {
    let approval = "decision: Approve\nchanges: [Disable dir e1 leavers]\ndigest: abc";
    vec![
        ("a realm", "Realm", "id: acme\ntimezone: Europe/Prague\nsettle: 5m\nsafety: {absence: {percent: 5}}".into(), Taken),
        ("no duration", "Realm", "settle: 5 minutes".into(), Refused),
        ("no per cent", "Realm", "safety: {absence: {percent: 200}}".into(), Refused),
        ("no limit", "Realm", "safety: {deletes: {}}".into(), Refused),
        ("declared attributes", "Realm", "attributes: {badge: {type: string}}".into(), Taken),
        ("an attribute of no type", "Realm", "attributes: {badge: {type: text}}".into(), Refused),
        ("a policy", "Policy", "use: [sod/v1]\nfrom: [access]".into(), Taken),
        ("a library without its version", "Policy", "use: [sod]".into(), Refused),
        ("an answer", "Approval", approval.into(), Taken),
        ("an answer to nothing", "Approval", "decision: Approve\nchanges: []\ndigest: abc".into(), Refused),
        ("neither yes nor no", "Approval", approval.replace("Approve", "Maybe"), Refused),
        ("a lockout", "Lockout", "person: cho\nreason: INC-4712\nrequestedBy: \"oidc:soc-eve\"".into(), Taken),
        ("a lockout of nobody", "Lockout", "reason: INC-4712".into(), Refused),
    ]
}

fn manifest(number: usize, kind: &str, spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: provost.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: row-{number}}}\nspec:\n{spec}")
}

#[tokio::test]
async fn the_api_server_and_the_folder_agree() {
    let plane = plane();
    plane.crds().await;
    let namespace = plane.namespace("verdicts").await;
    let rows: Vec<Row> = [people(), roles_and_bindings(), targets(), realms_policies_and_answers()].into_iter().flatten().collect();

    // All in one call: kubectl goes on behind a file that is refused.
    let folder = tempfile::tempdir().unwrap();
    for (number, (_, kind, spec, _)) in rows.iter().enumerate() {
        std::fs::write(folder.path().join(format!("row-{number}.yaml")), manifest(number, kind, spec)).unwrap();
    }
    let path = folder.path().to_string_lossy().into_owned();
    let words = ["apply", "--namespace", &namespace, "--server-side", "--dry-run=server", "--validate=strict", "--filename", &path];
    let output = plane.kubectl(&words, "");
    let told = String::from_utf8(output.stdout).unwrap();
    let taken: BTreeSet<&str> = told.lines().filter_map(|line| line.split_once('/')?.1.split_once(' ')).map(|(name, _)| name).collect();
    let refusals = String::from_utf8(output.stderr).unwrap();

    let mut wrong = Vec::new();
    for (number, (name, kind, spec, verdict)) in rows.iter().enumerate() {
        let text = manifest(number, kind, spec);
        let offline = load_files(BTreeMap::from([("a.yaml".to_owned(), text)]));
        let both = (offline.problems.is_empty() && offline.objects.len() == 1, taken.contains(format!("row-{number}").as_str()));
        let wanted = match verdict {
            Taken => (true, true),
            Refused => (false, false),
            Stricter(why) => {
                assert!(!why.is_empty(), "{name}");
                (false, true)
            }
        };
        if both != wanted {
            let said: Vec<&String> = offline.problems.iter().map(|problem| &problem.message).collect();
            wrong.push(format!("row-{number}, {name}: (folder, server) took it: {both:?}, not {wanted:?} {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{refusals}", wrong.join("\n"));
    // A refusal is one of this very object, never of the call.
    assert!(rows.len() > 90 && taken.len() > 30, "{refusals}");
}
