//! Where a request may go: addresses, names, redirects.

use std::collections::BTreeSet;

use super::server::{Answer, Server};
use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn strict() -> AddressRules {
    AddressRules::strict(BTreeSet::from([address("10.96.0.1"), address("fd00::1")]))
}

#[test]
fn addresses_are_refused_by_their_kind() {
    const LINK_LOCAL: Option<&str> = Some("link-local");
    const LOOPBACK: Option<&str> = Some("loopback");
    const METADATA: Option<&str> = Some("a cloud's metadata service");
    const UNSPECIFIED: Option<&str> = Some("unspecified");
    const MULTICAST: Option<&str> = Some("multicast");
    const API_SERVER: Option<&str> = Some("the API server");
    // Strict, and local.
    let rows = [
        ("93.184.216.34", None, None),
        ("2606:2800:220:1::1", None, None),
        ("10.0.0.7", None, None),
        ("172.16.0.7", None, None),
        ("192.168.1.7", None, None),
        ("fd12::7", None, None),
        ("169.254.169.254", LINK_LOCAL, LINK_LOCAL),
        ("169.254.0.1", LINK_LOCAL, LINK_LOCAL),
        ("fe80::1", LINK_LOCAL, LINK_LOCAL),
        ("febf::1", LINK_LOCAL, LINK_LOCAL),
        ("fd00:ec2::254", METADATA, METADATA),
        ("100.100.100.200", METADATA, METADATA),
        ("168.63.129.16", METADATA, METADATA),
        ("0.0.0.0", UNSPECIFIED, UNSPECIFIED),
        ("0.0.0.1", UNSPECIFIED, UNSPECIFIED),
        ("::", UNSPECIFIED, UNSPECIFIED),
        ("224.0.0.1", MULTICAST, MULTICAST),
        ("255.255.255.255", MULTICAST, MULTICAST),
        ("ff02::1", MULTICAST, MULTICAST),
        ("127.0.0.1", LOOPBACK, None),
        ("127.8.9.10", LOOPBACK, None),
        ("::1", LOOPBACK, None),
        ("10.96.0.1", API_SERVER, None),
        ("fd00::1", API_SERVER, None),
        // IPv4 in the clothes of IPv6.
        ("::ffff:127.0.0.1", LOOPBACK, None),
        ("::127.0.0.1", LOOPBACK, None),
        ("64:ff9b::127.0.0.1", LOOPBACK, None),
        ("2002:7f00:1::", LOOPBACK, None),
        ("::ffff:10.96.0.1", API_SERVER, None),
        ("::ffff:169.254.169.254", LINK_LOCAL, LINK_LOCAL),
        ("64:ff9b::169.254.169.254", LINK_LOCAL, LINK_LOCAL),
        ("::ffff:0.0.0.0", UNSPECIFIED, UNSPECIFIED),
        ("::ffff:10.0.0.7", None, None),
    ];
    for (text, in_strict, in_local) in rows {
        for (name, rules, expected) in [("strict", strict(), in_strict), ("local", AddressRules::local(), in_local)] {
            let said = rules.check(address(text)).map_err(|refused| refused.to_string());
            let expected = expected.map_or(Ok(()), |kind| Err(format!("address {} is refused: it is {kind}", address(text))));
            assert_eq!(said, expected, "{name}: {text}");
        }
    }
}

#[test]
fn what_is_allowed_is_no_more_than_that() {
    let rows = [
        ("127.0.0.0/8", "127.0.0.1", true),
        ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ("127.0.0.1/32", "127.0.0.2", false),
        ("::1/128", "::1", true),
        ("10.96.0.1/32", "10.96.0.1", true),
        ("0.0.0.0/0", "169.254.169.254", false),
        ("::/0", "fe80::1", false),
        ("::/0", "fd00:ec2::254", false),
        ("0.0.0.0/0", "0.0.0.0", false),
        ("0.0.0.0/0", "224.0.0.1", false),
    ];
    for (range, text, passes) in rows {
        let rules = strict().allow(range.parse().unwrap());
        assert_eq!(rules.check(address(text)).is_ok(), passes, "{range} and {text}");
    }
}

#[test]
fn an_address_in_the_settings_is_checked_however_it_is_written() {
    let rows = [
        ("http://127.0.0.1/scim", "http://127.0.0.1: address 127.0.0.1 is refused: it is loopback"),
        ("http://2130706433/scim", "http://127.0.0.1: address 127.0.0.1 is refused: it is loopback"),
        ("http://0x7f.1/scim", "http://127.0.0.1: address 127.0.0.1 is refused: it is loopback"),
        ("http://[::ffff:7f00:1]/", "http://[::ffff:7f00:1]: address ::ffff:127.0.0.1 is refused: it is loopback"),
        ("https://0251.0376.169.254/", "https://169.254.169.254: address 169.254.169.254 is refused: it is link-local"),
        ("http://10.96.0.1", "http://10.96.0.1: address 10.96.0.1 is refused: it is the API server"),
        ("ftp://chat.example/", "the address begins with ftp:, not with https://"),
        ("https://ada@chat.example/", "the address of https://chat.example holds a login; put that into the Secret"),
        ("https://chat.example/?a=b", "the address of https://chat.example holds a query or a fragment; remove it"),
        ("https://chat.example/#a", "the address of https://chat.example holds a query or a fragment; remove it"),
    ];
    for (url, expected) in rows {
        let settings = HttpSettings::new(Url::parse(url).unwrap(), strict());
        let failure = Http::new(&settings, gate()).err();
        assert_eq!(failure, Some(Failure::Config(expected.to_owned())), "{url}");
    }
}

#[tokio::test]
async fn a_name_is_resolved_and_checked_at_each_connect() {
    let server = Server::start([Answer::json("{}")]).await;
    let base = format!("http://dir.example:{}", server.address.port());
    let rules = strict().allow("127.0.0.1/32".parse().unwrap());
    let settings = HttpSettings::new(Url::parse(&base).unwrap(), rules);
    // The second answer leads to the same server by a way that is not allowed.
    let http = Http::with_names(&settings, gate(), Names::new(&[&["127.0.0.1"], &["127.0.0.2"]])).unwrap();
    assert_eq!(http.read(get()).await.unwrap().status, 200);
    let refused = Failure::Config(format!("{base}: address 127.0.0.2 is refused: it is loopback"));
    assert_eq!(http.read(get()).await.unwrap_err(), refused);
    assert_eq!(http.write(post()).await.unwrap_err(), refused);
    assert_eq!(server.seen().len(), 1, "nothing was sent there");
}

#[tokio::test]
async fn of_several_addresses_only_those_that_passed_are_tried() {
    // All of 127.0.0.0/8 is this machine: the server would answer by each of these ways.
    let server = Server::start_at("0.0.0.0:0", [Answer::json("{}")], None).await;
    let base = format!("http://dir.example:{}", server.address.port());
    let rules = strict().allow("127.0.0.3/32".parse().unwrap());
    let names = Names::new(&[&["169.254.169.254", "127.0.0.2", "127.0.0.3"]]);
    let http = Http::with_names(&HttpSettings::new(Url::parse(&base).unwrap(), rules), gate(), names).unwrap();
    assert_eq!(http.read(get()).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_connection_that_was_never_made_says_why() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = silent.local_addr().unwrap();
    drop(silent);
    let refused = format!("http://{closed}");
    let unknown = "http://dir.invalid".to_owned();
    let rows: [(&String, Arc<dyn Resolve>, &str); 3] = [
        (&refused, Arc::new(System), "connection refused: nothing listens there"),
        (&unknown, Arc::new(System), "its name cannot be resolved"),
        (&unknown, Names::new(&[&[]]), "its name has no address"),
    ];
    for (base, names, why) in rows {
        let http = Http::with_names(&settings(base), gate(), names).unwrap();
        let expected = Failure::Retry { after: None, why: format!("{base}: {why}") };
        assert_eq!(http.read(get()).await.unwrap_err(), expected, "{why}");
        assert_eq!(http.write(post()).await.unwrap_err(), expected, "{why}: a write is not in doubt");
    }
}

/// Resolves never.
struct Never;

impl Resolve for Never {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_up_in_time_leaves_no_doubt() {
    let base = "http://dir.example";
    // Whichever of the other clocks is the shorter, the connection's own ends first.
    for (name, read_timeout, deadline, waited) in [("usual", 30, 30, 10), ("short silence", 4, 30, 2), ("short deadline", 30, 4, 2)] {
        let gate = Gate::new(&LimitsSpec::default(), Defaults { timeout: Duration::from_secs(deadline), ..Defaults::default() });
        let settings = HttpSettings { read_timeout: Duration::from_secs(read_timeout), ..settings(base) };
        let http = Http::with_names(&settings, Arc::new(gate), Arc::new(Never)).unwrap();
        let began = tokio::time::Instant::now();
        let expected = Failure::Retry { after: None, why: format!("{base}: no connection in time") };
        assert_eq!(http.write(post()).await.unwrap_err(), expected, "{name}");
        assert_eq!(began.elapsed().as_secs(), waited, "{name}");
    }
}

fn redirect(to: &str) -> Answer {
    Answer::of(307, &[&format!("location: {to}")], "")
}

#[tokio::test]
async fn a_read_follows_redirects_within_its_origin() {
    let rows =
        [("relative", vec![redirect("/v2/Users?page=1")]), ("three", vec![redirect("/a"), redirect("b"), redirect("/v2/Users?page=1")])];
    for (name, redirects) in rows {
        let count = redirects.len();
        let server = Server::start(redirects.into_iter().chain([Answer::json("{}")])).await;
        let with_login = HttpSettings { auth: Auth::Bearer(Secret::new("t0ken".to_owned())), ..settings(&server.url()) };
        assert_eq!(http(&with_login).read(get()).await.unwrap().status, 200, "{name}");
        let seen = server.texts();
        assert_eq!(seen.len(), count + 1, "{name}");
        assert!(seen[count].starts_with("GET /v2/Users?page=1 HTTP/1.1\r\n"), "{name}: {}", seen[count]);
        assert!(seen.iter().all(|text| text.contains("authorization: Bearer t0ken\r\n")), "{name}");
    }
}

#[tokio::test]
async fn other_redirects_are_refused() {
    let other = Server::start([Answer::Reset]).await;
    let elsewhere =
        |origin: &str| format!("it redirects to another place, {origin}, which is refused; if that is right, write it as the address");
    let (port, tls) = (format!("http://{}", other.address), format!("https://{}", other.address));
    let rows = [
        ("another port", format!("{port}/v2?t=1"), get(), elsewhere(&port)),
        ("another port, a write", format!("{port}/v2?t=1"), post(), elsewhere(&port)),
        ("without a scheme", format!("//{}/v2", other.address), get(), elsewhere(&port)),
        ("another scheme", format!("{tls}/v2"), get(), elsewhere(&tls)),
        ("metadata", "http://169.254.169.254/latest".to_owned(), get(), elsewhere("http://169.254.169.254")),
        ("a file", "file:///etc/passwd".to_owned(), get(), elsewhere("null")),
        ("a write", "/v2".to_owned(), post(), "it redirects a POST to another path; write that one as the address".to_owned()),
        ("round and round", "/v2".to_owned(), get(), "it redirects more than 3 times".to_owned()),
        ("no address", "http://[".to_owned(), get(), "it redirects to something that is no address".to_owned()),
    ];
    for (name, location, request, why) in rows {
        let server = Server::start([redirect(&location)]).await;
        let expected = Failure::Config(format!("{}: {why}", server.url()));
        assert_eq!(http(&settings(&server.url())).read(request.clone()).await.unwrap_err(), expected, "{name}");
        assert_eq!(http(&settings(&server.url())).write(request).await.unwrap_err(), expected, "{name}");
    }
    let server = Server::start([Answer::Reset]).await;
    server.answer(redirect(&format!("http://eve@{}/v2", server.address)));
    let failure = http(&settings(&server.url())).read(get()).await.unwrap_err();
    let why = "it redirects to an address that holds a login, which is refused";
    assert_eq!(failure, Failure::Config(format!("{}: {why}", server.url())), "the same origin as somebody else");
    assert_eq!(other.seen().len(), 0, "nothing was sent there");
}
