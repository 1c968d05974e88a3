//! Paths, and that PATCH and PUT come to the same.

use serde_json::json;

use super::*;

fn resource(value: &Json) -> Resource {
    value.as_object().unwrap().clone()
}

#[test]
fn names_are_read_as_scim_writes_them() {
    let rows = [
        ("userName", Some("userName"), "username"),
        ("name.givenName", Some("name.givenName"), "name.givenname"),
        (r#"emails[type eq "work"].value"#, Some(r#"emails[type eq "work"].value"#), "emails.value"),
        (r#"emails[ type  eq "work" ]"#, Some(r#"emails[type eq "work"]"#), "emails.value"),
        (r#"emails[type eq "a]\"b"].display"#, Some(r#"emails[type eq "a]\"b"].display"#), "emails.display"),
        ("emails[primary eq true].value", Some("emails[primary eq true].value"), "emails.value"),
        ("urn:x:2.0:User:manager.value", Some("urn:x:2.0:User:manager.value"), "urn:x:2.0:user:manager.value"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:title", Some("title"), "title"),
        ("", None, ""),
        ("1st", None, ""),
        ("a b", None, ""),
        ("a.b.c", None, ""),
        ("a..b", None, ""),
        ("x:title", None, ""),
        ("urn:a b:title", None, ""),
        ("emails[", None, ""),
        ("emails[type]", None, ""),
        (r#"emails[type co "work"]"#, None, ""),
        (r#"emails[type eq work]"#, None, ""),
        (r#"emails[type eq "work"]value"#, None, ""),
        (r#"emails.value[type eq "work"]"#, None, ""),
        (r#"emails[type eq "work" or type eq "home"]"#, None, ""),
    ];
    for (text, expected, field) in rows {
        let path = Path::parse(text).ok();
        assert_eq!(path.as_ref().map(Path::to_string).as_deref(), expected, "{text}");
        assert_eq!(path.map(|path| path.field()).unwrap_or_default(), field, "{text}");
    }
}

#[test]
fn a_filter_on_one_of_many_values_stays_inside_the_brackets() {
    let condition = |text: &str| Path::parse(text).unwrap().condition(&json!("x\"y"));
    assert_eq!(condition("userName"), r#"userName eq "x\"y""#);
    assert_eq!(condition(r#"emails[type eq "work"].value"#), r#"emails[type eq "work" and value eq "x\"y"]"#);
}

#[test]
fn what_is_put_is_what_patch_is_told() {
    let one = |text: &str| Content::One(json!(text));
    let many = |texts: &[&str]| Content::Many(texts.iter().map(|text| json!(text)).collect());
    // The resource, where, what; then the resource that was put, and the operations.
    let rows = [
        (json!({}), "title", one("x"), json!({"title": "x"}), json!([{"op": "add", "path": "title", "value": "x"}])),
        (json!({"Title": "y"}), "title", one("x"), json!({"Title": "x"}), json!([{"op": "replace", "path": "title", "value": "x"}])),
        (json!({"title": "y"}), "title", Content::Nothing, json!({}), json!([{"op": "remove", "path": "title"}])),
        (json!({}), "title", Content::Nothing, json!({}), json!([])),
        (
            json!({}),
            "name.givenName",
            one("x"),
            json!({"name": {"givenName": "x"}}),
            json!([{"op": "add", "path": "name.givenName", "value": "x"}]),
        ),
        (
            json!({"name": {"givenName": "x", "familyName": "y"}}),
            "name.givenName",
            Content::Nothing,
            json!({"name": {"familyName": "y"}}),
            json!([{"op": "remove", "path": "name.givenName"}]),
        ),
        (
            json!({"schemas": ["c"]}),
            "urn:x:User:dep",
            one("x"),
            json!({"schemas": ["c", "urn:x:User"], "urn:x:User": {"dep": "x"}}),
            json!([{"op": "add", "path": "urn:x:User:dep", "value": "x"}]),
        ),
        (
            json!({"emails": [{"type": "home", "value": "h"}]}),
            r#"emails[type eq "work"].value"#,
            one("w"),
            json!({"emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}]}),
            json!([{"op": "add", "path": "emails", "value": [{"type": "work", "value": "w"}]}]),
        ),
        (
            json!({"emails": [{"type": "Work", "value": "v", "primary": true}]}),
            r#"emails[type eq "work"].value"#,
            one("w"),
            json!({"emails": [{"type": "Work", "value": "w", "primary": true}]}),
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w"}]),
        ),
        (
            json!({"emails": [{"type": "work", "value": "v"}]}),
            r#"emails[type eq "work"].value"#,
            Content::Nothing,
            json!({}),
            json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]),
        ),
        (
            json!({"addresses": [{"type": "work", "locality": "l", "country": "c"}]}),
            r#"addresses[type eq "work"].locality"#,
            Content::Nothing,
            json!({"addresses": [{"type": "work", "country": "c"}]}),
            json!([{"op": "remove", "path": "addresses[type eq \"work\"].locality"}]),
        ),
        (
            json!({"emails": [{"value": "a", "type": "work"}, {"value": "b"}]}),
            "emails",
            many(&["a", "c\""]),
            json!({"emails": [{"value": "a", "type": "work"}, {"value": "c\""}]}),
            json!([{"op": "remove", "path": "emails[value eq \"b\"]"}, {"op": "add", "path": "emails", "value": [{"value": "c\""}]}]),
        ),
    ];
    for (before, path, content, after, operations) in rows {
        let path = Path::parse(path).unwrap();
        let before = resource(&before);
        assert_eq!(Json::Array(path.operations(&before, &content)), operations, "{path} in {before:?}");
        let mut put = before.clone();
        path.put(&mut put, &content);
        assert_eq!(Json::Object(put), after, "{path} in {before:?}");
    }
}
