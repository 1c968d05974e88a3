//! HTTP against real sockets: a server that answers as told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use reqwest::dns::{Name, Resolving};

use self::server::Answer;
use super::*;
use crate::api::target::LimitsSpec;
use crate::connector::gate::{Defaults, Trouble};

mod answers;
mod places;
mod secrets;
mod sent;
mod server;
mod tls;

fn settings(base: &str) -> HttpSettings {
    let settings = HttpSettings::new(Url::parse(base).unwrap(), AddressRules::local());
    HttpSettings { body_cap: 1024, ..settings }
}

/// For a server that will stop in the middle: there is no use in a long wait.
fn impatient(settings: HttpSettings, answer: &Answer) -> HttpSettings {
    let read_timeout = if matches!(answer, Answer::Stall(_)) { Duration::from_millis(500) } else { settings.read_timeout };
    HttpSettings { read_timeout, ..settings }
}

fn gate() -> Arc<Gate> {
    Arc::new(Gate::new(&LimitsSpec::default(), Defaults::default()))
}

fn http(settings: &HttpSettings) -> Http {
    Http::new(settings, gate()).unwrap()
}

fn get() -> Request {
    Request::new(Method::GET, ["Users"])
}

fn post() -> Request {
    Request { body: Some(serde_json::json!({"userName": "ada"})), ..Request::new(Method::POST, ["Users"]) }
}

/// Answers each question about a name with the next of these; the last one again and again.
struct Names(Mutex<Vec<Vec<IpAddr>>>);

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().rev().map(parse).collect())))
    }
}

impl Resolve for Names {
    fn resolve(&self, _: Name) -> Resolving {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() };
        let found = answer.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
        Box::pin(async move { Ok(address::addresses(found)) })
    }
}

/// What the wire says, without the gate's repeats.
async fn trouble(http: &Http, request: &Request) -> Trouble {
    http.wire.send(request).await.unwrap_err()
}
