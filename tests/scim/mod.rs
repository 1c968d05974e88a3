//! The SCIM connector against a real server, directly and through a proxy that lies.

mod contract;
mod proxy;
mod realm;
mod reading;
mod server;
mod settings;
mod tls;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Once;

use provost::api::target::{ScimSpec, SecretRef, TargetSystemSpec, TargetType};
use provost::connector::{Batch, Done, Reader, Remembered, Wanted, Write, Writer, open};
use provost::model::account::{AccountKey, AccountState};
use provost::model::change::{Act, Cause, Change};
use provost::model::entitlement::EntitlementKey;
use provost::model::failure::Failure;
use provost::model::ids::{AccountId, AccountName, AttributeName, OwnerKey, PersonId, RealmId, TargetName};
use provost::model::observed::{Lookup, Observed};
use provost::model::secret::{Secret, SecretData};
use provost::model::value::{Attributes, Value};
use serde_json::{Value as Json, json};

use self::server::TOKEN;

/// An HTTP client beside the connector's own: the administrator's curl.
pub fn client() -> reqwest::Client {
    static RING: Once = Once::new();
    RING.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().ok();
    });
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asks the service as its administrator does; the answer's body, of a success.
async fn curl(method: &str, url: &str, body: Option<Json>) -> Json {
    let mut request = client().request(method.parse().unwrap(), url).bearer_auth(TOKEN);
    if let Some(body) = body {
        request = request.header("content-type", "application/scim+json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{method} {url}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Json::Null)
}

/// Makes a group, and says its id.
async fn make_group(base: &str, name: &str, members: Json) -> String {
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members});
    curl("POST", &format!("{base}/Groups"), Some(group)).await["id"].as_str().unwrap().to_owned()
}

/// Makes a user, and says its id.
async fn make_user(base: &str, name: &str, more: Json) -> String {
    let mut user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    curl("POST", &format!("{base}/Users"), Some(user)).await["id"].as_str().unwrap().to_owned()
}

fn target() -> TargetName {
    TargetName::parse("chat").unwrap()
}

fn spec(base: &str) -> TargetSystemSpec {
    TargetSystemSpec {
        type_: TargetType::Scim,
        scim: Some(ScimSpec { url: base.to_owned() }),
        secret_ref: Some(SecretRef { name: "chat".to_owned() }),
        ..TargetSystemSpec::default()
    }
}

fn secret(keys: &[(&str, &str)]) -> SecretData {
    keys.iter().map(|(key, value)| ((*key).to_owned(), Secret::new((*value).to_owned()))).collect()
}

fn name(text: &str) -> AttributeName {
    AttributeName::parse(text).unwrap()
}

fn wanted(attributes: &[&str]) -> Wanted {
    Wanted { attributes: attributes.iter().map(|attribute| name(attribute)).collect(), ..Wanted::default() }
}

fn key(person: &str) -> AccountKey {
    AccountKey { person: PersonId::parse(person).unwrap(), target: target(), account: AccountName::ordinary() }
}

fn owner(person: &str) -> OwnerKey {
    OwnerKey { realm: RealmId::parse("acme").unwrap(), person: PersonId::parse(person).unwrap(), account: AccountName::ordinary() }
}

fn group(name: &str) -> EntitlementKey {
    EntitlementKey::parse(&format!("chat/group/{name}")).unwrap()
}

fn by_name(value: &str) -> Lookup {
    Lookup::Attribute(name("userName"), value.to_owned())
}

/// An open target.
struct Trial {
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
}

impl Trial {
    fn open(base: &str) -> Self {
        Self::with(&spec(base), &secret(&[("token", TOKEN)])).unwrap()
    }

    fn with(spec: &TargetSystemSpec, secret: &SecretData) -> Result<Self, Failure> {
        let (reader, writer) = open(&target(), spec, Path::new("."), secret, Remembered::Nothing)?;
        Ok(Self { reader, writer })
    }

    async fn find(&self, by: Vec<Lookup>, attributes: &[&str]) -> Observed {
        let people = BTreeMap::from([(PersonId::parse("somebody").unwrap(), by)]);
        self.reader.find(&people, &BTreeSet::new(), &wanted(attributes)).await.unwrap()
    }

    async fn write(&self, writes: Vec<Write>) -> Vec<Result<Done, Failure>> {
        let mut batch = Batch { writes: writes.into_iter().map(|write| (write, None)).collect() };
        self.writer.write(&mut batch).await;
        batch.writes.into_iter().map(|(_, answer)| answer.expect("an answer")).collect()
    }

    fn cost(&self, writes: Vec<Write>) -> (u32, Vec<Write>) {
        let batch = Batch { writes: writes.into_iter().map(|write| (write, None)).collect() };
        let cost = self.writer.cost(&batch);
        (cost, batch.writes.into_iter().map(|(write, _)| write).collect())
    }

    async fn create(&self, person: &str, attributes: &[(&str, Value)]) -> Result<Done, Failure> {
        self.write(vec![self.creation(person, attributes).await]).await.remove(0)
    }

    async fn creation(&self, person: &str, attributes: &[(&str, Value)]) -> Write {
        let by = vec![Lookup::Id(AccountId::parse("nobody-has-this-id").unwrap())];
        let missing = self.find(by.clone(), &[]).await.missing(&by).expect("an answer");
        let attributes: Attributes = attributes.iter().map(|(attribute, value)| (name(attribute), value.clone())).collect();
        let change = Change::create(key(person), missing, person.to_owned(), AccountState::Enabled, attributes.clone(), Vec::new());
        Write { change, id: None, owner: owner(person), attributes, password: None }
    }

    /// A write to an account that is there.
    async fn writing(&self, person: &str, id: &str, act: Act) -> Write {
        let id = AccountId::parse(id).unwrap();
        let observed = self.find(vec![Lookup::Id(id.clone())], &[]).await;
        let change = Change::of(key(person), observed.seen(&id).expect("the account is found"), act, Cause::Policy, Vec::new());
        Write { change, id: Some(id), owner: owner(person), attributes: Attributes::new(), password: None }
    }

    async fn act(&self, person: &str, id: &str, act: Act) -> Result<Done, Failure> {
        self.write(vec![self.writing(person, id, act).await]).await.remove(0)
    }
}
