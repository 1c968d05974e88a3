//! Nothing that is secret or personal gets into a failure, or into what is printed of a request, an answer or the settings.

use reqwest::header::HeaderName;
use serde_json::json;

use super::server::{Answer, Server};
use super::*;

const CANARY: &str = "canary-7f3a";

fn request(method: Method) -> Request {
    Request {
        query: vec![("filter".to_owned(), format!("userName eq \"{CANARY}\""))],
        headers: vec![(HeaderName::from_static("x-note"), CANARY.to_owned())],
        body: Some(json!({"password": CANARY})),
        ..Request::new(method, ["Users", CANARY])
    }
}

fn assert_silent(name: &str, texts: &[String]) {
    for text in texts {
        assert!(!text.contains(CANARY), "{name}: {text}");
    }
}

#[tokio::test]
async fn no_failure_tells() {
    let page = format!("<html>{CANARY}</html>");
    let location = format!("location: http://{CANARY}@127.0.0.1:1/{CANARY}?t={CANARY}");
    let within = format!("location: /{CANARY}?t={CANARY}");
    let bytes = |head: &str| Answer::Bytes(format!("HTTP/1.1 200 OK\r\nx: {CANARY}\r\n{head}\r\n\r\n{CANARY}"));
    let answers = [
        ("page", Answer::of(200, &["content-type: text/html"], &page)),
        ("garbage", Answer::json(&format!("{{\"{CANARY}"))),
        ("wrong type", Answer::json(&format!("[\"{CANARY}\", {CANARY}]"))),
        ("deep", Answer::json(&format!("{}\"{CANARY}\"", "[".repeat(99)))),
        ("large", Answer::json(&CANARY.repeat(999))),
        ("cut off", bytes("content-length: 999")),
        ("bad length", bytes(&format!("content-length: {CANARY}"))),
        ("bad chunk", bytes("transfer-encoding: chunked")),
        ("bad status line", Answer::Bytes(format!("{CANARY} {CANARY}\r\n\r\n"))),
        ("bad header", Answer::Bytes(format!("HTTP/1.1 200 OK\r\n{CANARY}\r\n\r\n"))),
        ("silent", Answer::Stall(String::new())),
        ("reset", Answer::Reset),
        ("429", Answer::of(429, &[&format!("retry-after: {CANARY}")], &page)),
        ("500", Answer::of(500, &[], &page)),
        ("503", Answer::of(503, &[&format!("retry-after: {CANARY}")], &page)),
        ("away", Answer::of(302, &[&location], &page)),
        ("within", Answer::of(302, &[&within], &page)),
        ("nowhere", Answer::of(302, &[&format!("location: http://[{CANARY}")], &page)),
    ];
    for (name, answer) in answers {
        let server = Server::start([answer.clone()]).await;
        let auth = Auth::Basic { username: CANARY.to_owned(), password: Secret::new(CANARY.to_owned()) };
        let http = http(&impatient(HttpSettings { auth, ..settings(&server.url()) }, &answer));
        let trouble = trouble(&http, &request(Method::GET)).await;
        let write = http.write(request(Method::POST)).await.unwrap_err();
        assert!(server.texts()[0].contains(CANARY), "{name}: it was sent");
        assert_silent(name, &[format!("{trouble:?}"), format!("{write:?}"), write.to_string()]);
    }
}

#[tokio::test]
async fn no_failure_before_sending_tells() {
    let secret = || Secret::new(format!("{CANARY}\n"));
    let logins = [("token", Auth::Bearer(secret())), ("password", Auth::Basic { username: format!("{CANARY}:"), password: secret() })];
    for (name, auth) in logins {
        let failure = Http::new(&HttpSettings { auth, ..settings("https://chat.example") }, gate()).err().unwrap();
        assert_silent(name, &[format!("{failure:?}"), failure.to_string()]);
    }
    for base in [
        format!("https://{CANARY}:{CANARY}@chat.example"),
        format!("https://chat.example/?{CANARY}"),
        format!("https://chat.example/#{CANARY}"),
    ] {
        let failure = Http::new(&settings(&base), gate()).err().unwrap();
        assert_silent(&base.replace(CANARY, "_"), &[format!("{failure:?}"), failure.to_string()]);
    }
    let pem = ClientIdentity { certificate: CANARY.as_bytes().to_vec(), key: Secret::new(CANARY.to_owned()) };
    let failure = Http::new(&HttpSettings { identity: Some(pem), ..settings("https://chat.example") }, gate()).err().unwrap();
    assert_silent("identity", &[format!("{failure:?}"), failure.to_string()]);

    let http = http(&settings("http://127.0.0.1:1"));
    let bad = [
        ("path", Request::new(Method::GET, [format!("{CANARY}\n")])),
        ("header", Request { headers: vec![(HeaderName::from_static("x-note"), format!("{CANARY}\n"))], ..get() }),
        ("no connection", request(Method::POST)),
    ];
    for (name, request) in bad {
        let failure = http.write(request).await.unwrap_err();
        assert_silent(name, &[format!("{failure:?}"), failure.to_string()]);
    }
}

#[tokio::test]
async fn nothing_printed_tells() {
    let server = Server::start([Answer::of(200, &[&format!("x-note: {CANARY}")], &format!("\"{CANARY}\""))]).await;
    let settings = HttpSettings { auth: Auth::Bearer(Secret::new(CANARY.to_owned())), ..settings(&server.url()) };
    let response = http(&settings).write(request(Method::POST)).await.unwrap();
    assert_eq!(response.body, Some(json!(CANARY)));
    assert_silent("printed", &[format!("{response:?}"), format!("{settings:?}"), format!("{:?}", request(Method::POST))]);
}
