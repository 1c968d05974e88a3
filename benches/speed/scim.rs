//! New accounts and their group in a SCIM service, by a whole run of Provost and by a client that only sends what has to be sent, on the
//! same server. Nearly all of the time is the server's, so it is taken from the wall.

use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use provost::apply::run::{Targets, carry_out, look};
use provost::apply::target::Target;
use provost::connector::{self, Remembered};
use provost::ledger::memory::MemoryLedgers;
use provost::model::ids::TargetName;
use provost::model::secret::{Secret, SecretData};
use provost::plan::decided::decide_all;
use provost::plan::round::plan_round;
use provost::plan::rules::TargetRules;
use serde_json::{Value, json};

use crate::company;
use crate::server::{TOKEN, is_installed, tenant};

/// Requests at once, of both.
const AT_ONCE: usize = 4;
/// Members that one request adds to a group, of both.
const MEMBERS: usize = 100;

const ADMINISTRATOR: &str = "administrator";

/// Milliseconds an account.
pub struct Times {
    pub provost: f64,
    pub bare: f64,
}

/// Measures both for so many new accounts, in alternating rounds; none where the server is not installed.
pub fn measure(people: usize, rounds: usize, t: Timestamp) -> Option<Times> {
    if !is_installed() {
        return None;
    }
    // The bare client's TLS, which it does not use; no matter who has set it before.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut times = Times { provost: f64::INFINITY, bare: f64::INFINITY };
    let each = |began: Instant| began.elapsed().as_secs_f64() * 1e3 / people as f64;
    for _ in 0..rounds {
        let service = tenant();
        runtime.block_on(administrator(&service.base));
        let began = Instant::now();
        let bodies = runtime.block_on(provost(people, &service.base, t));
        times.provost = times.provost.min(each(began));
        let service = tenant();
        runtime.block_on(administrator(&service.base));
        let began = Instant::now();
        runtime.block_on(bare(&service.base, &bodies));
        times.bare = times.bare.min(each(began));
    }
    Some(times)
}

/// No service is empty: somebody has set it up.
async fn administrator(base: &str) {
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": ADMINISTRATOR});
    let client = reqwest::Client::new();
    let sent =
        client.post(format!("{base}/Users")).bearer_auth(TOKEN).header("content-type", "application/scim+json").body(body.to_string());
    sent.send().await.unwrap().error_for_status().unwrap();
}

/// From manifests to accounts. Gives what the accounts are then.
async fn provost(people: usize, base: &str, t: Timestamp) -> Vec<Value> {
    let name = TargetName::parse(company::CHAT).unwrap();
    let mut realm = company::newcomers(people, base, AT_ONCE);
    let secret: SecretData = [("token".to_owned(), Secret::new(TOKEN.to_owned()))].into_iter().collect();
    let (reader, writer) =
        connector::open(&name, &realm.target(&name).unwrap().spec, std::path::Path::new("."), &secret, Remembered::Nothing).unwrap();
    let targets = Targets::from([(name.clone(), Ok(Arc::new(Target::new(name.clone(), reader, Some(writer)))))]);
    let store = MemoryLedgers::default();
    let mut seen = look(&mut realm, &targets, &store, t).await.unwrap();
    let rules =
        seen.looks.iter().map(|(name, look)| (name.clone(), look.rules.clone())).collect::<std::collections::BTreeMap<_, TargetRules>>();
    let compiled = seen.compiled.as_ref().map_err(|_| panic!("the policies compile"));
    let decided = decide_all(&realm, compiled, &rules, &Default::default(), t);
    let round = plan_round(&realm, decided, &seen.looks, &Default::default(), None, t);
    let reports = carry_out(&round, &mut seen, &targets, &store, t, &|_: &TargetName, _: usize| {}).await;
    assert!(reports.values().all(|report| report.as_ref().is_ok_and(|report| report.failed() == 0)), "all is carried out");
    let client = reqwest::Client::new();
    let list = |path: String| {
        let client = client.clone();
        async move { client.get(format!("{base}/{path}")).bearer_auth(TOKEN).send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let groups = list("Groups".to_owned()).await;
    assert_eq!(groups["Resources"][0]["members"].as_array().unwrap().len(), people, "everybody is in the group");
    let mut bodies: Vec<Value> = Vec::new();
    while bodies.len() <= people {
        let page = list(format!("Users?startIndex={}&count=100", bodies.len() + 1)).await;
        bodies.extend(page["Resources"].as_array().unwrap().iter().cloned());
    }
    bodies.retain(|body| body["userName"] != ADMINISTRATOR);
    for body in &mut bodies {
        let fields = body.as_object_mut().unwrap();
        fields.retain(|field, _| !matches!(field.as_str(), "id" | "meta" | "groups"));
    }
    bodies
}

/// The same accounts and the same group by requests that are written here.
async fn bare(base: &str, bodies: &[Value]) {
    let client = reqwest::Client::new();
    let send = |method: reqwest::Method, path: String, body: Value| {
        let request = client.request(method, format!("{base}/{path}")).bearer_auth(TOKEN).header("content-type", "application/scim+json");
        async move { request.body(body.to_string()).send().await?.error_for_status()?.text().await }
    };
    let id = |text: String| serde_json::from_str::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned();
    let creates = bodies.iter().map(|body| send(reqwest::Method::POST, "Users".to_owned(), body.clone()));
    let ids: Vec<String> = stream::iter(creates).buffer_unordered(AT_ONCE).map_ok(id).try_collect().await.unwrap();
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "all"});
    let group = id(send(reqwest::Method::POST, "Groups".to_owned(), group).await.unwrap());
    for members in ids.chunks(MEMBERS) {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": members}],
        });
        send(reqwest::Method::PATCH, format!("Groups/{group}"), patch).await.unwrap();
    }
}
