//! A proxy in front of a service: it counts, and it does to requests and answers what a test tells it to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    /// Path and query, percent-encoded as they came.
    pub uri: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    /// Whether it lists or searches this kind, `Users` or `Groups`.
    pub fn lists(&self, kind: &str) -> bool {
        self.method == Method::GET && self.uri.split('?').next().unwrap().ends_with(&format!("/{kind}"))
    }

    /// The value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://proxy{}", self.uri)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// What the proxy does with one request.
pub enum Deed {
    /// Hands it on, and the answer back.
    Pass,
    /// Hands it on with another query in place of its own.
    Ask(String),
    /// Hands it on, and changes the answer's body.
    Change(Box<dyn FnOnce(&mut Json) + Send>),
    /// Hands it on, and gives this answer in place of the real one.
    Answer(u16, &'static str),
    /// Answers this; the service never sees it.
    Refuse(u16, &'static str),
    /// Hands it on with this Authorization.
    As(String),
}

type Plan = Arc<dyn Fn(&Asked) -> Deed + Send + Sync>;

#[derive(Clone)]
struct Inside {
    to: String,
    plan: Plan,
    asked: Arc<Mutex<Vec<Asked>>>,
    client: reqwest::Client,
}

/// A running proxy.
pub struct Proxy {
    /// In place of the service's.
    pub base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _server: JoinSet<()>,
}

impl Proxy {
    /// Puts a proxy in front of a service.
    pub async fn before(base: &str, plan: impl Fn(&Asked) -> Deed + Send + Sync + 'static) -> Self {
        let url = url::Url::parse(base).unwrap();
        let to = format!("http://{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let inside = Inside { to, plan: Arc::new(plan), asked: Arc::clone(&asked), client: super::client() };
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let base = format!("http://{}{}", listener.local_addr().unwrap(), url.path());
        let app = Router::new().fallback(serve).with_state(inside);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base, asked, _server: server }
    }

    /// A proxy that only counts.
    pub async fn counting(base: &str) -> Self {
        Self::before(base, |_| Deed::Pass).await
    }

    /// What was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn serve(State(inside): State<Inside>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let asked = Asked { method: parts.method, uri: parts.uri.to_string(), headers: parts.headers, body };
    inside.asked.lock().unwrap().push(asked.clone());
    match (inside.plan)(&asked) {
        Deed::Pass => hand_on(&inside, &asked, None, None).await,
        Deed::As(login) => hand_on(&inside, &asked, None, Some(login)).await,
        Deed::Ask(query) => hand_on(&inside, &asked, Some(query), None).await,
        Deed::Change(change) => {
            let (mut parts, body) = hand_on(&inside, &asked, None, None).await.into_parts();
            let mut body: Json = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
            change(&mut body);
            parts.headers.remove("content-length");
            Response::from_parts(parts, Body::from(body.to_string()))
        }
        Deed::Answer(status, body) => {
            hand_on(&inside, &asked, None, None).await;
            plain(status, body)
        }
        Deed::Refuse(status, body) => plain(status, body),
    }
}

async fn hand_on(inside: &Inside, asked: &Asked, query: Option<String>, login: Option<String>) -> Response {
    let uri = match query {
        Some(query) => format!("{}?{query}", asked.uri.split('?').next().unwrap()),
        None => asked.uri.clone(),
    };
    let mut headers = asked.headers.clone();
    headers.remove("host");
    if let Some(login) = login {
        headers.insert("authorization", login.parse().unwrap());
    }
    let request = inside.client.request(asked.method.clone(), format!("{}{uri}", inside.to)).headers(headers).body(asked.body.clone());
    let answer = request.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for name in ["content-type", "etag", "location"] {
        if let Some(value) = answer.headers().get(name) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

fn plain(status: u16, body: &'static str) -> Response {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}
