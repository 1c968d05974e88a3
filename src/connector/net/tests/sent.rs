//! What is sent, byte by byte, and what no value of a user can do to it.

use proptest::prelude::*;
use reqwest::header::{HeaderName, IF_MATCH};
use serde_json::json;

use super::server::{Answer, Server};
use super::*;

#[tokio::test]
async fn a_request_is_sent_as_asked_for() {
    let basic = Auth::Basic { username: "ada".to_owned(), password: Secret::new("pa:ss".to_owned()) };
    let bearer = Auth::Bearer(Secret::new("t0ken".to_owned()));
    let patch = Request {
        query: vec![("filter".to_owned(), "userName eq \"a&b=c#d\"".to_owned()), ("count".to_owned(), "2".to_owned())],
        headers: vec![(IF_MATCH, "W/\"3\"".to_owned())],
        body: Some(json!({"active": false})),
        media_type: "application/scim+json",
        ..Request::new(Method::PATCH, ["Users", "a/b?c#d"])
    };
    type Row<'a> = (&'a str, Auth, Request, &'a str, &'a [&'a str], &'a str);
    let rows: [Row; 3] = [
        ("plain", Auth::None, get(), "GET /scim/v2/Users HTTP/1.1", &["accept: application/json"], ""),
        (
            "basic",
            basic,
            post(),
            "POST /scim/v2/Users HTTP/1.1",
            &["authorization: Basic YWRhOnBhOnNz", "content-type: application/json"],
            r#"{"userName":"ada"}"#,
        ),
        (
            "all at once",
            bearer,
            patch,
            "PATCH /scim/v2/Users/a%2Fb%3Fc%23d?filter=userName+eq+%22a%26b%3Dc%23d%22&count=2 HTTP/1.1",
            &[
                "authorization: Bearer t0ken",
                "accept: application/scim+json",
                "content-type: application/scim+json",
                "if-match: W/\"3\"",
                concat!("user-agent: provost/", env!("CARGO_PKG_VERSION")),
            ],
            r#"{"active":false}"#,
        ),
    ];
    for (name, auth, request, line, headers, body) in rows {
        for slash in ["", "/"] {
            let server = Server::start([Answer::json("{}")]).await;
            let settings = HttpSettings { auth: auth.clone(), ..settings(&format!("{}/scim/v2{slash}", server.url())) };
            http(&settings).write(request.clone()).await.unwrap();
            let text = server.texts().remove(0);
            let (head, sent) = text.split_once("\r\n\r\n").unwrap();
            let lines: Vec<&str> = head.split("\r\n").collect();
            assert_eq!(lines[0], line, "{name}");
            for header in headers {
                assert!(lines.contains(header), "{name}: {header} in {head}");
            }
            assert_eq!(sent, body, "{name}");
        }
    }
}

#[tokio::test]
async fn what_no_path_or_header_can_carry_is_refused_before_it_is_sent() {
    let server = Server::start([Answer::json("{}")]).await;
    let http = http(&settings(&server.url()));
    let path = |segment: &str| Request::new(Method::DELETE, ["Users", segment]);
    let header = |value: &str| Request { headers: vec![(HeaderName::from_static("x-on-behalf"), value.to_owned())], ..get() };
    let in_path = "an id that is empty, `.` or `..`, or holds a control character, cannot stand in an address";
    let in_header = "the header x-on-behalf would hold a character that a header cannot carry";
    let rows = [
        ("empty", path(""), in_path),
        ("dot", path("."), in_path),
        ("dots", path(".."), in_path),
        ("dots, hidden", path(".\t."), in_path),
        ("line break", path("a\nb"), in_path),
        ("NUL", path("a\0b"), in_path),
        ("header, second line", header("ada\r\nx-admin: yes"), in_header),
        ("header, NUL", header("ada\0"), in_header),
    ];
    for (name, request, why) in rows {
        assert_eq!(http.write(request).await.unwrap_err(), Failure::Denied(why.to_owned()), "{name}");
    }
    assert_eq!(server.seen().len(), 0);
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&[*high, *low]).unwrap(), 16).unwrap());
                rest = behind;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn whatever_is_in_an_id_it_stays_one_segment() {
    let http = http(&settings("http://chat.example/scim"));
    let id = prop_oneof![any::<String>(), "[./%25eE\\\\?#;\\n\\t]{0,6}"];
    proptest!(|(ids in prop::collection::vec(id, 1..4))| {
        if let Ok(url) = http.wire.url(&Request::new(Method::GET, ids.clone())) {
            let segments: Vec<String> = url.path_segments().unwrap().map(unescape).collect();
            prop_assert_eq!(segments, ["scim".to_owned()].into_iter().chain(ids).collect::<Vec<_>>());
            prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("chat.example"), None, None));
            // What a server or a proxy makes of it by itself is the same.
            prop_assert_eq!(Url::parse(url.as_str()).unwrap(), url);
        } else {
            prop_assert!(ids.iter().any(|id| matches!(id.as_str(), "" | "." | "..") || id.chars().any(char::is_control)));
        }
    });
}

#[test]
fn a_login_that_no_header_can_carry_is_told_apart() {
    let secret = |text: &str| Secret::new(text.to_owned());
    let broken = |key: &str| format!("`{key}` of the Secret holds a character that a header cannot carry: does it end in a line break?");
    let rows = [
        ("line break", Auth::Bearer(secret("t0ken\n")), broken("token")),
        (
            "colon",
            Auth::Basic { username: "a:b".to_owned(), password: secret("x") },
            "`username` of the Secret holds a colon, which HTTP Basic cannot carry".to_owned(),
        ),
    ];
    for (name, auth, why) in rows {
        let settings = HttpSettings { auth, ..settings("https://chat.example") };
        assert_eq!(Http::new(&settings, gate()).err(), Some(Failure::Config(why)), "{name}");
    }
}
