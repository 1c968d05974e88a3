//! What comes back: statuses, bodies, silence.

use reqwest::header::HeaderValue;
use serde_json::json;

use super::server::{Answer, Server};
use super::*;

fn partly(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn a_status_that_says_something_is_an_answer() {
    let page = "<html>no</html>";
    let rows = [
        ("200", Answer::json(r#"{"id": "7"}"#), 200, Some(json!({"id": "7"}))),
        ("204", Answer::Bytes("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned()), 204, None),
        ("empty", Answer::of(200, &[], ""), 200, None),
        ("blank", Answer::of(201, &[], " \n"), 201, None),
        ("304", Answer::of(304, &["etag: \"3\""], ""), 304, None),
        ("404 with JSON", Answer::of(404, &[], r#"{"status": "404"}"#), 404, Some(json!({"status": "404"}))),
        ("404 with HTML", Answer::of(404, &[], page), 404, None),
        ("401 with HTML", Answer::of(401, &["www-authenticate: Basic"], page), 401, None),
        ("409 too large", Answer::of(409, &[], &"x".repeat(2000)), 409, None),
        ("501", Answer::of(501, &[], page), 501, None),
        ("nested as deep as may be", Answer::json(&format!("{}{}", "[".repeat(64), "]".repeat(64))), 200, Some(nested(64))),
        ("brackets in a text", Answer::json(&format!(r#"["\"{}"]"#, "[".repeat(99))), 200, Some(json!([format!("\"{}", "[".repeat(99))]))),
    ];
    for (name, answer, status, body) in rows {
        let server = Server::start([answer]).await;
        let response = http(&settings(&server.url())).write(post()).await.unwrap();
        assert_eq!((response.status, response.body.clone()), (status, body), "{name}");
        assert_eq!(response.is_success(), status < 300, "{name}");
    }
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!([]), |inner, _| json!([inner]))
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_a_trouble() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let large = "its answer is larger than 1024 bytes";
    let broke = "the connection broke before the answer was whole";
    let nothing = "no answer in time";
    let lost = |why: &str| Trouble::Lost(why.to_owned());
    let unreadable = |why: &str| Trouble::Unreadable(why.to_owned());
    let rows = [
        ("larger than the cap", Answer::json(&format!("\"{}\"", "x".repeat(1024))), unreadable(large)),
        (
            "larger, piece by piece",
            Answer::Bytes(format!(
                "{chunked}{}",
                "200\r\n".to_owned() + &"x".repeat(512) + "\r\n200\r\n" + &"x".repeat(512) + "\r\n1\r\nx\r\n0\r\n\r\n"
            )),
            unreadable(large),
        ),
        ("larger, without an end", Answer::Stall(format!("{chunked}800\r\n{}", "x".repeat(2048))), unreadable(large)),
        ("too deep", Answer::json(&format!("{}{}", "[".repeat(65), "]".repeat(65))), unreadable("its answer is nested deeper than 64")),
        ("deep without an end", Answer::json(&"{\"a\":".repeat(65)), unreadable("its answer is nested deeper than 64")),
        ("garbage", Answer::json("\u{0}\u{1}{]"), unreadable("its answer is no JSON; is the address right?")),
        (
            "a page",
            Answer::of(200, &["content-type: text/html; charset=utf-8"], "<html>login</html>"),
            unreadable("its answer is a web page; is the address right?"),
        ),
        ("two values", Answer::json("{} {}"), unreadable("its answer is no JSON; is the address right?")),
        ("cut off", Answer::Bytes(partly("{\"id\":")), lost(broke)),
        ("cut off, piece by piece", Answer::Bytes(format!("{chunked}5\r\n{{\"id\"")), lost(broke)),
        ("cut off where it could end", Answer::Bytes(partly("{}")), lost(broke)),
        ("slow", Answer::Stall(partly("{\"id\":")), lost(nothing)),
        ("silent", Answer::Stall(String::new()), lost(nothing)),
        ("no HTTP", Answer::Bytes("220 mail.example ESMTP\r\n".to_owned()), lost(broke)),
        ("reset", Answer::Reset, lost(broke)),
        ("closed", Answer::Bytes(String::new()), lost(broke)),
        ("500", Answer::of(500, &[], "{}"), lost("it answers 500 Internal Server Error")),
        ("502", Answer::of(502, &[], ""), lost("it answers 502 Bad Gateway")),
        ("504", Answer::of(504, &[], ""), lost("it answers 504 Gateway Timeout")),
    ];
    for (name, answer, expected) in rows {
        let server = Server::start([answer.clone()]).await;
        let http = http(&impatient(settings(&server.url()), &answer));
        let named = |why: String| format!("{}: {why}", server.url());
        let expected = match expected {
            Trouble::Lost(why) => Trouble::Lost(named(why)),
            Trouble::Unreadable(why) => Trouble::Unreadable(named(why)),
            other @ (Trouble::Down { .. } | Trouble::Busy { .. } | Trouble::Final(_) | Trouble::Unsent(_)) => other,
        };
        assert_eq!(trouble(&http, &get()).await, expected, "{name}");
        assert_eq!(http.write(post()).await.unwrap_err(), Failure::Unknown, "{name}: a write");
        assert_eq!(server.seen().len(), 2, "{name}: the write was sent once");
    }
}

#[tokio::test]
async fn what_was_not_done_is_no_riddle() {
    let rows: [(&str, u16, &[&str], Option<u64>); 8] = [
        ("429", 429, &[], None),
        ("429 with seconds", 429, &["retry-after: 7"], Some(7)),
        ("429 with a date", 429, &["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:50:07 GMT"], Some(30)),
        (
            "429 with a date that has passed",
            429,
            &["date: Sun, 06 Nov 1994 08:49:37 GMT", "retry-after: Sun, 06 Nov 1994 08:49:07 GMT"],
            Some(0),
        ),
        ("429 with a date and no clock", 429, &["retry-after: Sun, 06 Nov 1994 08:50:07 GMT"], None),
        ("429 with nonsense", 429, &["retry-after: soon"], None),
        ("429 with less than nothing", 429, &["retry-after: -1"], None),
        ("503 with seconds", 503, &["retry-after: 9"], Some(9)),
    ];
    for (name, status, headers, after) in rows {
        let server = Server::start([Answer::of(status, headers, "{}")]).await;
        let reason = if status == 429 { "Too Many Requests" } else { "Service Unavailable" };
        let why = format!("{}: it answers {status} {reason}", server.url());
        let failure = http(&settings(&server.url())).write(post()).await.unwrap_err();
        assert_eq!(failure, Failure::Retry { after, why }, "{name}");
    }
}

#[tokio::test]
async fn a_read_is_repeated_where_the_target_may_recover() {
    for (name, first) in [("reset", Answer::Reset), ("502", Answer::of(502, &[], "")), ("silent", Answer::Stall(String::new()))] {
        let server = Server::start([first.clone(), Answer::json("{}")]).await;
        assert_eq!(http(&impatient(settings(&server.url()), &first)).read(get()).await.unwrap().status, 200, "{name}");
        assert_eq!(server.seen().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn an_answer_holds_only_so_many_values() {
    for (name, count, passes) in [("as many as may be", 999_999, true), ("one more", 1_000_000, false)] {
        let server = Server::start([Answer::json(&format!("[{}0]", "0,".repeat(count - 1)))]).await;
        let http = http(&HttpSettings { body_cap: 4_000_000, ..settings(&server.url()) });
        let said = http.wire.send(&get()).await.map(|response| response.status);
        let why = format!("{}: its answer holds more than 1000000 values", server.url());
        assert_eq!(said, if passes { Ok(200) } else { Err(Trouble::Unreadable(why)) }, "{name}");
    }
}

#[tokio::test]
async fn headers_of_an_answer_are_kept() {
    let server = Server::start([Answer::of(200, &["etag: W/\"3\"", "location: /v2/Users/7"], "{}")]).await;
    let headers = http(&settings(&server.url())).read(get()).await.unwrap().headers;
    assert_eq!((&headers["etag"], &headers["location"]), (&HeaderValue::from_static("W/\"3\""), &HeaderValue::from_static("/v2/Users/7")));
}

/// The sockets are real; the clock moves only where this test moves it, as it does not run ahead while a blocking task is at work.
#[tokio::test(start_paused = true)]
async fn after_429_the_servers_own_log_shows_the_wait() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let _held = tokio::task::spawn_blocking(move || held.recv());
    let server = Server::start([Answer::of(429, &["retry-after: 20"], ""), Answer::json("{}")]).await;
    // So patient that time alone never ends a request here.
    let patient = Duration::from_secs(3600);
    let gate = Gate::new(&LimitsSpec::default(), Defaults { timeout: patient, ..Defaults::default() });
    let http = Http::new(&HttpSettings { read_timeout: patient, ..settings(&server.url()) }, Arc::new(gate)).unwrap();
    let read = http.read(get());
    tokio::pin!(read);
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut read => break answer,
            () = tokio::time::advance(Duration::from_millis(10)) => {}
        }
    };
    drop(release);
    assert_eq!(answer.unwrap().status, 200);
    let came: Vec<_> = server.seen().iter().map(|seen| seen.when).collect();
    assert_eq!(came.len(), 2);
    assert!(came[1] - came[0] >= Duration::from_secs(20), "{:?}", came[1] - came[0]);
}
