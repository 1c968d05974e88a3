//! What is wrong with a manifest or a Secret is said before anything is asked.

use provost::api::target::{CredentialsSpec, Deliver, KindSpec, MappingRule, SqliteSpec};
use provost::connector::check;

use super::*;

#[test]
fn a_manifest_that_cannot_work_says_why() {
    let base = || spec("https://chat.example/scim/v2");
    let url = |url: &str| spec(url);
    let mapped = |attribute: &str| TargetSystemSpec {
        mapping: BTreeMap::from([(attribute.to_owned(), Some(MappingRule { value: Some("1".to_owned()), ..MappingRule::default() }))]),
        ..base()
    };
    let rows: Vec<(&str, TargetSystemSpec, Option<&str>)> = vec![
        ("a whole one", base(), None),
        ("this machine, in the clear", url("http://127.0.0.1:8080/scim/v2"), None),
        ("this machine by name", url("http://localhost/scim"), None),
        ("this machine, IPv6", url("http://[::1]:8080"), None),
        (
            "another machine, in the clear",
            url("http://chat.example/scim/v2"),
            Some("spec.scim.url: http would carry the login in the clear"),
        ),
        ("no address", url("chat.example"), Some("spec.scim.url: it is no address")),
        ("another scheme", url("ftp://chat.example"), Some("spec.scim.url: ftp is no scheme of SCIM")),
        ("a query", url("https://chat.example/scim?x=1"), Some("spec.scim.url: it has a query")),
        ("a login", url("https://u:p@chat.example/scim"), Some("spec.scim.url: it holds a login")),
        ("no block", TargetSystemSpec { scim: None, ..base() }, Some("spec.scim: type scim needs this block")),
        ("no Secret", TargetSystemSpec { secret_ref: None, ..base() }, Some("spec.secretRef: type scim needs a login")),
        ("another block", TargetSystemSpec { sqlite: Some(SqliteSpec::default()), ..base() }, Some("spec.sqlite: the type is scim")),
        ("an attribute", mapped(r#"addresses[type eq "work"].locality"#), None),
        ("an attribute of an extension", mapped("urn:example:2.0:User:badge"), None),
        ("the owner key", mapped("externalId"), Some("spec.mapping.externalId: it is no attribute that a mapping writes")),
        ("the state", mapped("active"), Some("spec.mapping.active:")),
        ("a password", mapped("password"), Some("spec.mapping.password:")),
        ("no attribute", mapped("emails.work.value"), Some("spec.mapping: `emails.work.value` is no SCIM attribute; write it as")),
        (
            "another kind",
            TargetSystemSpec { entitlements: BTreeMap::from([("role".to_owned(), KindSpec::default())]), ..base() },
            Some("spec.entitlements.role:"),
        ),
        (
            "first passwords",
            TargetSystemSpec { credentials: Some(CredentialsSpec { deliver: Some(Deliver::Secret), ttl: None }), ..base() },
            Some("spec.credentials.deliver:"),
        ),
    ];
    for (row, target, expected) in rows {
        let problems = check(&target);
        match expected {
            None => assert_eq!(problems, Vec::<String>::new(), "{row}"),
            Some(text) => assert!(problems.len() == 1 && problems[0].starts_with(text), "{row}: {problems:?}"),
        }
    }
}

#[tokio::test]
async fn a_secret_that_cannot_work_names_the_key() {
    type Row = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let rows: [Row; 8] = [
        ("nothing", &[], "Secret chat has no login: write `token`, or `username` and `password`"),
        ("an empty token", &[("token", "")], "Secret chat has no login"),
        ("no password", &[("username", "u")], "Secret chat has `username` and no `password`: add it"),
        ("no user name", &[("password", "p")], "Secret chat has `password` and no `username`: add it"),
        ("both", &[("token", "t"), ("username", "u"), ("password", "p")], "Secret chat has `token` beside"),
        ("a client", &[("clientId", "c"), ("clientSecret", "s")], "`clientId` and `clientSecret` are not supported yet"),
        ("a certificate without its key", &[("token", "t"), ("tls.crt", "x")], "Secret chat has `tls.crt` without `tls.key`"),
        ("no authority", &[("token", "t"), ("ca.crt", "x")], "`ca.crt` of the Secret holds no certificate"),
    ];
    for (row, keys, expected) in rows {
        match Trial::with(&spec("https://chat.example/scim/v2"), &secret(keys)) {
            Err(Failure::Config(why)) => assert!(why.contains(expected), "{row}: {why}"),
            Err(other) => panic!("{row}: {other}"),
            Ok(_) => panic!("{row}: it was opened"),
        }
    }
}
