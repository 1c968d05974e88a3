use super::*;
use crate::api::person::PersonSpec;
use proptest::prelude::*;
use std::path::Path;

fn load(files: &[(&str, &str)]) -> Folder {
    load_files(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

fn shown(folder: &Folder) -> Vec<String> {
    folder
        .problems
        .iter()
        .map(|problem| {
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}:{}:{} {}{hint}", problem.file, problem.line, problem.column, problem.message)
        })
        .collect()
}

/// Kind/name of what could be read.
fn read(folder: &Folder) -> Vec<String> {
    folder.objects.iter().map(|object| format!("{}/{}", object.body.kind(), object.meta.name)).collect()
}

/// Kind/name/externalId of what could not.
fn unread(folder: &Folder) -> Vec<String> {
    let text = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    folder
        .unreadable
        .iter()
        .map(|unreadable| {
            let kind = text(unreadable.kind.map(|kind| kind.to_string()));
            let name = text(unreadable.name.as_ref().map(ToString::to_string));
            format!("{} {kind}/{name}/{}", unreadable.place, text(unreadable.external_id.clone()))
        })
        .collect()
}

/// A manifest whose spec begins in line 5, column 3.
fn manifest(kind: &str, spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: provost.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{spec}")
}

fn person(folder: &Folder, name: &str) -> PersonSpec {
    let object = folder.objects.iter().find(|object| object.meta.name.as_str() == name).unwrap();
    if let Body::Person(spec) = &object.body { (**spec).clone() } else { panic!("{name} is no Person") }
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let days = "write 2027-03-31, or use `endAt` for a moment";
    let lacks = "the binding is to nobody: name people in subjects or say in subjectMatch whom it fits";
    let moment = "2026-01-01T00:00:00Z";
    let sqlite = "type: sqlite\nsqlite: {path: a}";
    let rows: Vec<(&str, &str, String, Vec<String>)> = vec![
        (
            "an unknown field",
            "Person",
            "userName: ann\ndepartement: Sales".into(),
            vec!["6:3 unknown field `departement` in spec (did you mean `department`?)".into()],
        ),
        (
            "an unknown field deep down",
            "Person",
            "employments:\n- startdate: 2027-01-01".into(),
            vec!["6:5 unknown field `startdate` in spec.employments[0] (did you mean `startDate`?)".into()],
        ),
        (
            "a number where a text is needed",
            "Person",
            "userName: 0042".into(),
            vec!["5:13 spec.userName must be a text, and here stands the number 34, written 0042 (quote it, if a text is meant: \"0042\")".into()],
        ),
        (
            "the name No",
            "Person",
            "name: {familyName: No}".into(),
            vec!["5:22 spec.name.familyName must be a text, and here stands the truth value false, written No (quote it, if a text is meant: \"No\")".into()],
        ),
        (
            "the name Null",
            "Person",
            "name: {familyName: Null}".into(),
            vec!["5:22 spec.name.familyName must be a text, and here stands nothing (null), written Null (quote it, if a text is meant: \"Null\")".into()],
        ),
        (
            "a list of which nothing is left",
            "Person",
            "emails:\nuserName: ann".into(),
            vec!["5:9 spec.emails must be a list, and here stands nothing (null) (give it a value, or leave it out)".into()],
        ),
        (
            "a quoted truth value",
            "Person",
            "suspended: \"no\"".into(),
            vec!["5:14 spec.suspended must be true or false, and here stands the text \"no\" (a quoted value is always a text: write true or false without quotes)".into()],
        ),
        ("a list where a map is needed", "Person", "name: [a]".into(), vec!["5:9 spec.name must be a map, and here stands a list".into()]),
        (
            "an impossible date",
            "Person",
            "employments:\n- startDate: 2027-02-30".into(),
            vec!["6:16 spec.employments[0].startDate: `2027-02-30` is no day of the calendar".into()],
        ),
        (
            "a time in a date field",
            "Person",
            "employments: [{endDate: \"2027-02-20T22:00:00Z\"}]".into(),
            vec![format!("5:27 spec.employments[0].endDate: `2027-02-20T22:00:00Z` is a time of day where a date is needed: {days}")],
        ),
        (
            "an end before the start",
            "Person",
            "employments:\n- startDate: 2027-02-20\n  endDate: 2027-02-19".into(),
            vec!["7:14 spec.employments[0].endDate: endDate lies before startDate".into()],
        ),
        (
            "a moment of end before the start",
            "Person",
            "employments:\n- {startDate: 2027-02-20, endAt: \"2027-02-19T00:00:00Z\"}".into(),
            vec!["6:36 spec.employments[0].endAt: endAt lies before startDate".into()],
        ),
        (
            "a leave that ends before it begins",
            "Person",
            "employments:\n- leaves: [{from: 2027-02-20, to: 2027-02-10}]".into(),
            vec!["6:37 spec.employments[0].leaves[0].to: to lies before from".into()],
        ),
        (
            "an account that is linked twice",
            "Person",
            "accounts: [{target: a, id: b}, {target: a, account: admin, id: b}, {target: a, id: c}]".into(),
            vec!["5:13 spec.accounts: accounts links the same account of a target twice".into()],
        ),
        (
            "an address that comes twice",
            "Person",
            "emails: [{value: a}, {value: a}]".into(),
            vec!["5:24 spec.emails[1] repeats the value \"a\"".into()],
        ),
        ("a text that is too long", "Person", format!("title: {}", "ž".repeat(257)), vec!["5:10 spec.title has 257 characters: at most 256 are taken".into()]),
        (
            "notAfter before notBefore",
            "RoleBinding",
            format!("role: r\nsubjects: [{{name: ann}}]\nnotBefore: 2027-01-01T00:00:00Z\nnotAfter: {moment}"),
            vec!["8:13 spec.notAfter: notAfter must lie after notBefore".into()],
        ),
        (
            "notAfter at notBefore",
            "RoleBinding",
            format!("role: r\nsubjects: [{{name: ann}}]\nnotBefore: {moment}\nnotAfter: {moment}"),
            vec!["8:13 spec.notAfter: notAfter must lie after notBefore".into()],
        ),
        ("no moment", "RoleBinding", "role: r\nsubjects: [{name: a}]\nnotAfter: 2026-01-01 00:00".into(), vec![
            "7:13 spec.notAfter: `2026-01-01 00:00` is no moment: write 2027-06-30T22:00:00Z".into(),
        ]),
        ("a binding to nobody", "RoleBinding", "role: r".into(), vec![format!("5:3 spec: {lacks}")]),
        ("a binding to an empty list", "RoleBinding", "role: r\nsubjects: []".into(), vec![format!("5:3 spec: {lacks}")]),
        ("a binding without a role", "RoleBinding", "subjects: [{name: ann}]".into(), vec!["5:3 spec.role is missing".into()]),
        ("an empty match", "RoleBinding", "role: r\nsubjectMatch: {}".into(), vec!["6:17 spec.subjectMatch is empty".into()]),
        ("a match of no values", "RoleBinding", "role: r\nsubjectMatch: {title: []}".into(), vec!["6:25 spec.subjectMatch.title is empty".into()]),
        (
            "a match of no field",
            "RoleBinding",
            "role: r\nsubjectMatch: {departement: [a]}".into(),
            vec![format!(
                "6:17 spec.subjectMatch: subjectMatch names a field that a Person does not have or that cannot be compared; it may name {}",
                crate::api::binding::MATCHABLE.join(", ")
            )],
        ),
        (
            "the block of another type",
            "TargetSystem",
            "type: sqlite\nscim: {url: \"https://a\"}".into(),
            vec![
                "5:3 spec.sqlite: the block sqlite stands exactly where type is sqlite".into(),
                "6:9 spec.scim: the block scim stands exactly where type is scim".into(),
            ],
        ),
        (
            "an unknown type",
            "TargetSystem",
            "type: sqlit\nsqlite: {path: a}".into(),
            vec!["5:9 spec.type cannot be \"sqlit\": it is one of sqlite, scim, ldap, postgres (did you mean `sqlite`?)".into()],
        ),
        (
            "a mapping of the owner key",
            "TargetSystem",
            format!("{sqlite}\nmapping: {{ownerKey: {{value: \"1\"}}}}"),
            vec!["7:12 spec.mapping: mapping sets ownerKey, in which Provost itself keeps whose an account is".into()],
        ),
        (
            "a mapping without a value, beside one that is unmapped",
            "TargetSystem",
            format!("{sqlite}\nmapping: {{mail: {{}}, title: null, manager: {{unmap: true}}}}"),
            vec!["7:19 spec.mapping.mail: a mapping has exactly one of value, candidates, numbers and unmap".into()],
        ),
        (
            "numbers that run backwards, a scope that is missing",
            "TargetSystem",
            format!("{sqlite}\nmapping: {{uid: {{numbers: {{from: 5, to: 2}}}}}}\nentitlements: {{group: {{mode: Authoritative}}}}"),
            vec![
                "7:42 spec.mapping.uid.numbers.to: to lies below from".into(),
                "8:25 spec.entitlements.group.scope: mode Authoritative needs a scope: the names of which Provost decides alone".into(),
            ],
        ),
        ("no duration", "Realm", "settle: 5 minutes".into(), vec![
            "5:11 spec.settle: `5 minutes` is no duration: write 30d, 24h, 15m or 60s".into(),
        ]),
        (
            "no per cent, no limit",
            "Realm",
            "safety: {absence: {percent: 200}, deletes: {}}".into(),
            vec![
                "5:31 spec.safety.absence.percent is 200: it must lie between 0 and 100".into(),
                "5:46 spec.safety.deletes is empty".into(),
            ],
        ),
        ("a library without its version", "Policy", "use: [sod]".into(), vec![
            "5:9 spec.use[0]: \"sod\" does not have the form ^[a-z0-9-]+/v[0-9]+$".into(),
        ]),
        ("a key that comes twice", "Person", "userName: a\nuserName: b".into(), vec![
            "6:3 the key `userName` comes twice (it stands in line 5 already)".into(),
        ]),
        ("a tab", "Person", "userName: a\n\ttitle: b".into(), vec!["6:3 a tab stands in the indentation (YAML takes spaces only)".into()]),
        ("an open quote", "Person", "userName: \"a".into(), vec!["5:13 this is no YAML: unclosed quote".into()]),
        ("an alias of nothing", "Person", "userName: *a".into(), vec!["5:13 this is no YAML: while parsing node, found unknown anchor".into()]),
        ("a tag", "Person", "userName: !foo a".into(), vec!["5:18 the tag !foo means nothing in a manifest (write the value without it)".into()]),
        ("no number at all", "Person", "attributes: {a: .inf}".into(), vec![
            "5:19 no manifest can hold an infinite number or one that is none".into(),
        ]),
        ("an unknown kind", "Persn", "userName: a".into(), vec!["2:7 provost.dev has no kind Persn (did you mean `Person`?)".into()]),
    ];
    for (name, kind, spec, want) in rows {
        let folder = load(&[("a.yaml", &manifest(kind, &spec))]);
        let want: Vec<String> = want.into_iter().map(|line| format!("a.yaml:{line}")).collect();
        assert_eq!(shown(&folder), want, "{name}");
        let there = if kind == "Persn" { "?" } else { kind };
        let id = if kind == "Person" { "x" } else { "?" };
        // Where the text itself breaks off, what may have stood behind it is unread as well.
        let cut = ["a tab", "an open quote", "an alias of nothing"].contains(&name).then(|| "a.yaml:1 ?/?/?".to_owned());
        let unread_there: Vec<String> = cut.into_iter().chain([format!("a.yaml:1 {there}/x/{id}")]).collect();
        assert_eq!(unread(&folder), unread_there, "{name}");
        assert!(folder.objects.is_empty(), "{name}");
    }
}

#[test]
fn steps_stand_where_they_mean_something() {
    let rows = [
        ("terminated: [{do: Disable, entitlements: Remove}, {after: 30d, do: Delete}]", None),
        ("terminated: [{do: Delete}]", None),
        ("preboarding: [{before: 7d, do: Create}]", None),
        ("active: [{do: Enable}]", None),
        ("leave: [{do: Keep}, {do: Disable}, {do: Delete, after: 2h}]", None),
        ("terminated: [{do: Keep}]", Some("terminated: terminated begins with Disable or Delete")),
        ("locked: [{do: Delete}]", Some("locked: locked begins with Disable")),
        ("leave: [{do: Create}]", Some("leave: Create stands only in preboarding, not in leave")),
        ("suspended: [{do: Enable}]", Some("suspended: Enable stands only in active, not in suspended")),
        ("preboarding: [{do: Enable}]", Some("preboarding: Enable stands only in active, not in preboarding")),
        ("active: [{do: Enable, before: 3d}]", Some("active: `before` stands only with Create in preboarding, not in active")),
        ("preboarding: [{do: Disable, before: 3d}]", Some("preboarding: `before` stands only with Create, and counts days: 7d")),
        ("preboarding: [{do: Create, before: 3h}]", Some("preboarding: `before` stands only with Create, and counts days: 7d")),
        ("unasked: [{do: Delete, after: 3d}]", Some("unasked: `after` stands only behind a Disable of the same list, which unasked lacks")),
        (
            "unasked: [{do: Delete, after: 3d}, {do: Disable}]",
            Some("unasked: `after` stands only behind a Disable of the same list, which unasked lacks"),
        ),
        ("leave: []", Some("leave is empty")),
    ];
    for (steps, want) in rows {
        let spec = format!("type: sqlite\nsqlite: {{path: a}}\naccounts: {{admin: {{lifecycle: {{{steps}}}}}}}\nlifecycle: {{{steps}}}");
        let folder = load(&[("a.yaml", &manifest("TargetSystem", &spec))]);
        let messages: Vec<&str> = folder.problems.iter().map(|problem| problem.message.as_str()).collect();
        let want: Vec<String> =
            want.into_iter().flat_map(|want| [format!("spec.accounts.admin.lifecycle.{want}"), format!("spec.lifecycle.{want}")]).collect();
        assert_eq!(messages, want, "{steps}");
    }
}

#[test]
fn documents_that_are_no_manifests() {
    let no_kind = "the document has no kind (data for policies is named by a configMapGenerator of the kustomization.yaml beside it; \
                   other files do not belong here)";
    let rows = [
        ("no kind", "a: 1\n", format!("a.yaml:1:1 {no_kind}"), "?/?/?"),
        ("a list", "- a\n", "a.yaml:1:1 a manifest is a map, and here stands a list".into(), "?/?/?"),
        ("a text", "hello\n", "a.yaml:1:1 a manifest is a map, and here stands the text \"hello\"".into(), "?/?/?"),
        (
            "no apiVersion",
            "kind: Person\nmetadata: {name: ann}\nspec: {externalId: e1}",
            "a.yaml:1:1 the document has no apiVersion (write apiVersion: provost.dev/v1alpha1)".into(),
            "Person/ann/e1",
        ),
        (
            "a misspelt group",
            "apiVersion: provst.dev/v1alpha1\nkind: Person\nmetadata: {name: ann}\nspec: {}",
            "a.yaml:1:13 there is no Person in the group \"provst.dev\" (did you mean provost.dev/v1alpha1?)".into(),
            "Person/ann/ann",
        ),
        (
            "a version in three parts",
            "apiVersion: provost.dev/v1/lpha1\nkind: Person\nmetadata: {name: ann}\nspec: {}",
            "a.yaml:1:13 there is no Person in the group \"provost.dev/v1\" (did you mean provost.dev/v1alpha1?)".into(),
            "Person/ann/ann",
        ),
        (
            "no group",
            "apiVersion: v1\nkind: Lockout\nmetadata: {name: ann}\nspec: {person: ann}",
            "a.yaml:1:13 there is no Lockout in the group \"\" (did you mean provost.dev/v1alpha1?)".into(),
            "Lockout/ann/?",
        ),
        (
            "another version",
            "apiVersion: provost.dev/v1\nkind: Realm\nmetadata: {name: acme}\nspec: {}",
            "a.yaml:1:13 provost.dev has no version v1 (write provost.dev/v1alpha1)".into(),
            "Realm/acme/?",
        ),
        (
            "no spec",
            "apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {name: ann}",
            "a.yaml:1:1 spec is missing (an empty one is written spec: {})".into(),
            "Person/ann/?",
        ),
        (
            "no name",
            "apiVersion: provost.dev/v1alpha1\nkind: Lockout\nmetadata: {generateName: ann-}\nspec: {person: ann}",
            "a.yaml:3:11 metadata.name is missing (in a folder each object has a name of its own)".into(),
            "Lockout/?/?",
        ),
        (
            "a name that cannot be one",
            "apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {name: 007}\nspec: {externalId: 0042}",
            "a.yaml:3:18 metadata.name must be a text, and here stands the number 7, written 007 (a name has at most 253 small letters, digits, `-` and `.`, \
             and begins and ends with a letter or digit; quote a number)\n\
             a.yaml:4:20 spec.externalId must be a text, and here stands the number 34, written 0042 (quote it, if a text is meant: \"0042\")"
                .into(),
            "Person/007/0042",
        ),
    ];
    for (name, text, want, told) in rows {
        let folder = load(&[("a.yaml", text)]);
        assert_eq!(shown(&folder).join("\n"), want, "{name}");
        assert_eq!(unread(&folder), [format!("a.yaml:1 {told}")], "{name}");
    }
}

#[test]
fn one_bad_document_hides_none_of_its_neighbours() {
    let text = "\
# people
---
apiVersion: provost.dev/v1alpha1
kind: Person
metadata: {name: ann}
spec: {}
---
apiVersion: provost.dev/v1alpha1
kind: Person
metadata: {name: bob}
spec:
  externalId: e2
  title: \"open
---
apiVersion: provost.dev/v1alpha1
kind: RoleBinding
metadata: {name: cid}
spec: {role: [}
--- # the last
apiVersion: provost.dev/v1alpha1
kind: Person
metadata: {name: dee}
spec: {externalId: e4}
...
";
    let thirty: Vec<(String, String)> =
        (0..30).map(|n| (format!("p{n:02}.yaml"), manifest("Person", "title: x").replace("name: x", &format!("name: p{n:02}")))).collect();
    let mut files: Vec<(&str, &str)> = thirty.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("people.yaml", text));
    let folder = load(&files);
    assert_eq!(folder.objects.len(), 32);
    assert!(read(&folder).contains(&"Person/ann".into()) && read(&folder).contains(&"Person/dee".into()));
    assert_eq!(unread(&folder), ["people.yaml:8 Person/bob/e2", "people.yaml:15 RoleBinding/cid/?"]);
    assert_eq!(shown(&folder).len(), 2, "{:?}", shown(&folder));
    let dee = folder.objects.iter().find(|object| object.meta.name.as_str() == "dee").unwrap();
    assert_eq!(dee.meta.place.to_string(), "people.yaml:20");
}

#[test]
fn lists_are_read_other_groups_are_counted() {
    let folder = load(&[
        (
            "all.json",
            r#"{"apiVersion": "v1", "kind": "List", "items": [
                {"apiVersion": "provost.dev/v1alpha1", "kind": "Person", "metadata": {"name": "ann", "uid": "1", "labels": {"a": "b"}}, "spec": {"displayName": "\ud83d\ude00 \/"}, "status": {"x": 1}},
                {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "r"}},
                {"apiVersion": "provost.dev/v1alpha1", "kind": "Departure", "metadata": {"name": "d"}, "spec": {}}]}"#,
        ),
        (
            "people.yaml",
            "apiVersion: provost.dev/v1alpha1\nkind: PersonList\nitems:\n- apiVersion: provost.dev/v1alpha1\n  kind: Person\n  metadata: {name: bob}\n  spec: {titel: a}\n",
        ),
        ("deployment.yml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"),
        ("empty.yaml", "# nothing\n---\n---\n"),
        ("notes.txt", "hello"),
    ]);
    assert_eq!(read(&folder), ["Person/ann"]);
    assert_eq!(person(&folder, "ann").display_name.as_deref(), Some("😀 /"));
    assert_eq!(folder.objects[0].meta.labels["a"], "b");
    assert_eq!(folder.ignored, 3);
    assert_eq!(unread(&folder), ["people.yaml:4 Person/bob/bob"]);
    assert_eq!(shown(&folder), ["people.yaml:7:10 unknown field `titel` in spec (did you mean `title`?)"]);
}

#[test]
fn scalars_are_what_kubectl_takes_them_for() {
    let spec = "externalId: \"no\"\nuserName: 'yes'\ntitle: 2027-03-31\nsuspended: on\nattributes: {num: 0042, f: 1.0, e: 1e3, no: NO, y: 1, big: 18446744073709551616, t: \"1\", d: 2027-03-31, s: !!str 12}\n\
                employments: [{startDate: 2027-03-31T00:00:00Z, endDate: 2027-03-31}]";
    let folder = load(&[("a.yaml", &manifest("Person", spec))]);
    assert_eq!(shown(&folder), Vec::<String>::new());
    let spec = person(&folder, "x");
    assert_eq!(
        (spec.external_id.as_deref(), spec.user_name.as_deref(), spec.title.as_deref()),
        (Some("no"), Some("yes"), Some("2027-03-31"))
    );
    assert!(spec.suspended);
    assert_eq!(
        serde_json::to_string(&spec.attributes).unwrap(),
        r#"{"big":1.8446744073709552e+19,"d":"2027-03-31","e":1000,"f":1,"false":false,"num":34,"s":"12","t":"1","true":1}"#
    );
}

#[test]
fn anchors_and_merges_are_followed_within_bounds() {
    let spec = "emails: &e\n- {value: a}\nphoneNumbers: *e\nattributes:\n  base: &b {x: 1, y1: 2}\n  over: {<<: *b, x: 3}";
    let folder = load(&[("a.yaml", &manifest("Person", spec))]);
    assert_eq!(shown(&folder), Vec::<String>::new());
    let spec = person(&folder, "x");
    assert_eq!(spec.phone_numbers[0].value, "a");
    assert_eq!(spec.attributes["over"], serde_json::json!({"x": 3, "y1": 2}));

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let before = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{before}]\n"));
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for spec in [format!("attributes:\n  {}", bomb.replace('\n', "\n  ")), format!("attributes: {{a: {deep}}}")] {
        let folder = load(&[("a.yaml", &manifest("Person", &spec))]);
        assert_eq!(folder.problems.len(), 1, "{:?}", shown(&folder));
        assert!(folder.problems[0].message.contains("too large"), "{:?}", shown(&folder));
        assert_eq!(folder.unreadable.len(), 1);
    }
}

#[test]
fn secrets_are_read_and_never_shown() {
    let text = "\
apiVersion: v1
kind: Secret
metadata: {name: dir}
data: {username: YWRh, password: c2VzYW0=}
stringData: {token: open-sesame}
---
apiVersion: v1
kind: Secret
metadata: {name: bad}
data: {password: open-sesame!}
stringData: {pin: 4711}
---
apiVersion: v1
kind: Secret
metadata: {name: worse}
stringData: {token: \"open-sesame}
---
apiVersion: provost.dev/v1alpha1
kind: Person
metadata: {name: ann}
spec: {titel: a}
";
    let folder = load(&[("a.yaml", text)]);
    let secret = &folder.secrets[&ObjectName::parse("dir").unwrap()];
    let values: Vec<_> = secret.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
    assert_eq!(values, [("password", "sesam"), ("token", "open-sesame"), ("username", "ada")]);
    assert_eq!(
        shown(&folder),
        [
            "a.yaml:7:1 data.password of the Secret must be Base64 of a UTF-8 text",
            "a.yaml:7:1 stringData.pin of the Secret must be a text: quote it",
            "a.yaml:16:21 this is no YAML: unclosed quote",
            "a.yaml:21:8 unknown field `titel` in spec (did you mean `title`?)",
        ]
    );
    let rendered: String =
        folder.problems.iter().map(|problem| render(problem, folder.files.get("a.yaml").map(String::as_str), false)).collect();
    assert!(!rendered.contains("sesam") && !rendered.contains("4711") && rendered.contains("titel: a"), "{rendered}");
}

#[test]
fn a_kustomization_gives_namespace_and_config_maps() {
    let policy = "apiVersion: provost.dev/v1alpha1\nkind: Policy\nmetadata: {name: access}\nspec: {from: [access]}\n";
    let kustomization = "namespace: people\nresources: [policy.yaml]\nconfigurations: [names.yaml]\nconfigMapGenerator:\n\
                         - name: access\n  files: [rego/a.rego, sod.yaml=rego/data.yaml]\n  literals: [greeting=hello=you]\n";
    let files = [
        ("policies/kustomization.yaml", kustomization),
        ("policies/names.yaml", "nameReference: []\n"),
        ("policies/policy.yaml", policy),
        ("policies/rego/a.rego", "package provost\n"),
        ("policies/rego/data.yaml", "sod: []\n"),
    ];
    let folder = load(&files);
    assert_eq!(shown(&folder), Vec::<String>::new());
    assert_eq!(folder.namespaces, BTreeSet::from(["people".to_owned()]));
    let Body::ConfigMap(data) = &folder.objects[0].body else { panic!("{:?}", read(&folder)) };
    let data: Vec<_> = data.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(data, [("a.rego", "package provost\n"), ("greeting", "hello=you"), ("sod.yaml", "sod: []\n")]);
    assert_eq!(folder.objects[0].meta.place.to_string(), "policies/kustomization.yaml:5");

    let missing = load(&files[..4]);
    assert_eq!(shown(&missing), ["policies/kustomization.yaml:6:24 there is no file policies/rego/data.yaml"]);
    assert_eq!(unread(&missing), ["policies/kustomization.yaml:5 ConfigMap/access/?"]);
    assert_eq!(read(&missing), ["Policy/access"]);

    let rows = [
        (
            "namePrefix: a-\n",
            "kustomization.yaml:1:1 `namePrefix` of a kustomization is not honoured here (for all that kustomize can do: kustomize build | provost plan -f -)",
        ),
        (
            "configMapGenerator: [{name: a, files: [../b.rego]}]\n",
            "kustomization.yaml:1:40 the file lies outside the folder that is read (move it into the folder of the manifests)",
        ),
        ("configMapGenerator: [{files: []}]\n", "kustomization.yaml:1:22 the generator has no name"),
    ];
    for (text, want) in rows {
        assert_eq!(shown(&load(&[("kustomization.yaml", text)])), [want]);
    }
    let broken = load(&[("kustomization.yaml", "namespace: [\n")]);
    assert_eq!(unread(&broken), ["kustomization.yaml:1 ?/?/?"]);
}

#[test]
fn two_of_a_name_are_both_unreadable() {
    let ann = |id: &str| format!("apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {{name: ann}}\nspec: {{externalId: {id}}}\n");
    let realm = |name: &str| format!("apiVersion: provost.dev/v1alpha1\nkind: Realm\nmetadata: {{name: {name}}}\nspec: {{}}\n");
    let role = "apiVersion: provost.dev/v1alpha1\nkind: BusinessRole\nmetadata: {name: ann}\nspec: {}\n";
    let folder = load(&[
        ("a.yaml", &ann("e1")),
        ("b.yaml", &ann("e2")),
        ("r.yaml", &format!("{}---\n{}", realm("a"), realm("b"))),
        ("s.yaml", role),
    ]);
    assert_eq!(read(&folder), ["BusinessRole/ann"]);
    assert_eq!(unread(&folder), ["a.yaml:1 Person/ann/e1", "b.yaml:1 Person/ann/e2", "r.yaml:1 Realm/a/?", "r.yaml:6 Realm/b/?"]);
    assert_eq!(
        shown(&folder),
        [
            "b.yaml:1:1 there are two objects Person ann (the first stands at a.yaml:1)",
            "r.yaml:6:1 there are two Realms: a folder has one at most (the first stands at r.yaml:1)",
        ]
    );
}

#[test]
fn maps_and_secrets_of_other_namespaces_are_not_the_realms() {
    let of = |kind: &str, name: &str, namespace: &str| {
        format!("---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n")
    };
    let person = "apiVersion: provost.dev/v1alpha1\nkind: Person\nmetadata: {name: ann, namespace: people}\nspec: {}\n";
    let text =
        [of("ConfigMap", "a", "flux"), of("ConfigMap", "b", "people"), of("Secret", "c", "flux"), of("Secret", "d", "people")].concat();
    let folder = load(&[("a.yaml", &text), ("b.yaml", person)]);
    assert_eq!(read(&folder), ["ConfigMap/b", "Person/ann"]);
    assert_eq!(folder.secrets.keys().map(ObjectName::as_str).collect::<Vec<_>>(), ["d"]);
    assert_eq!(folder.ignored, 2);
    assert_eq!(folder.namespaces, BTreeSet::from(["people".to_owned()]));
}

#[test]
fn a_folder_is_read_without_what_is_hidden_but_with_its_approvals() {
    let top = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &[u8]| {
        let path = top.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let approval = manifest("Approval", "decision: Approve\nchanges: [Disable dir e1 leavers]\ndigest: abc");
    put("people/ann.yaml", manifest("Person", "{}").as_bytes());
    put("people/bad.yaml", &[0xff, 0xfe]);
    put(".git/config.yaml", b"a: 1\n");
    put(".ci.yml", b"a: 1\n");
    put(".provost/approvals/x.yaml", approval.as_bytes());
    put(".provost/other.yaml", b"a: 1\n");
    put("rego/a.rego", b"package a\n");
    put("README.md", b"hello\n");
    put("kustomization.yaml", b"configMapGenerator: [{name: m, files: [rego/a.rego]}]\n");
    let folder = load_folder(top.path()).unwrap();
    assert_eq!(read(&folder), ["Approval/x", "ConfigMap/m", "Person/x"]);
    assert_eq!(unread(&folder), ["people/bad.yaml:0 ?/?/?"]);
    assert_eq!(shown(&folder), ["people/bad.yaml:0:0 the file cannot be read: stream did not contain valid UTF-8"]);

    let alone = load_folder(&top.path().join("people/ann.yaml")).unwrap();
    assert_eq!(read(&alone), ["Person/x"]);
    assert!(matches!(load_folder(&top.path().join("nowhere")), Err(LoadError::Unreachable { .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(load_folder(empty.path()), Err(LoadError::Empty { .. })));
    assert!(load_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).is_ok());
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in "[-a-z:#'\"{}\\[\\],&*!|>%@` \\t\\n.0-9]{0,60}") {
        let documents = yaml::read(&text);
        prop_assert!(documents.iter().all(|document| document.line <= document.end.max(1)));
    }

    #[test]
    fn any_text_in_quotes_reads_back(text in any::<String>()) {
        let quoted = serde_json::to_string(&text).unwrap();
        let documents = yaml::read(&format!("a: {quoted}\n"));
        // YAML takes no control characters but those that are escaped, and JSON leaves some as they are.
        prop_assume!(documents[0].faults.is_empty());
        prop_assert_eq!(documents[0].root.get("a").and_then(node::Node::text), Some(text.as_str()));
    }

    #[test]
    fn one_wrong_letter_never_makes_a_person_vanish(at in 0_usize..100, with in "[-a-zA-Z:#'\"{}\\[\\],&*!|>%@` \\t\\n./0-9]") {
        let text = manifest("Person", "externalId: e1\nuserName: ann");
        let broken: String = text.chars().enumerate().map(|(index, c)| if index == at % text.len() { with.clone() } else { c.to_string() }).collect();
        let folder = load(&[("a.yaml", &broken)]);
        prop_assert!(!folder.objects.is_empty() || !folder.unreadable.is_empty(), "{}", broken);
        prop_assert!(folder.unreadable.is_empty() || !folder.problems.is_empty(), "{}", broken);
    }
}
