//! The manifest's and the Secret's part: what is wrong with them, offline, and the HTTP client that they make.

use std::sync::Arc;

use url::{Host, Url};

use super::path::Path;
use super::service::{OWN, is_own};
use crate::api::target::{CorrelationSpec, Deliver, TargetSystemSpec};
use crate::connector::gate::{Defaults, Gate};
use crate::connector::net::{AddressRules, Auth, ClientIdentity, Http, HttpSettings};
use crate::model::failure::Failure;
use crate::model::secret::{Secret, SecretData};

/// The largest answer, in bytes: a page of groups with tens of thousands of members.
const BODY_CAP: usize = 64 * 1024 * 1024;

/// What is wrong with the settings, offline.
pub(in super::super) fn check(target: &TargetSystemSpec) -> Vec<String> {
    let mut problems = Vec::new();
    match &target.scim {
        None => problems.push("spec.scim: type scim needs this block; write `scim: {url: https://HOST/scim/v2}`".to_owned()),
        Some(block) => problems.extend(base(&block.url).err().map(|why| format!("spec.scim.url: {why}"))),
    }
    if target.secret_ref.is_none() {
        let needs = "spec.secretRef: type scim needs a login; write `secretRef: {name: SECRET}`";
        problems.push(format!("{needs}, the Secret with `token`, or `username` and `password`"));
    }
    let others = [("sqlite", target.sqlite.is_some()), ("ldap", target.ldap.is_some()), ("postgres", target.postgres.is_some())];
    for (block, _) in others.into_iter().filter(|(_, there)| *there) {
        problems.push(format!("spec.{block}: the type is scim; remove this block, or set `type: {block}`"));
    }
    let mut named: Vec<(String, &String)> = target.mapping.keys().map(|attribute| ("spec.mapping".to_owned(), attribute)).collect();
    let correlated = |spec: Option<&CorrelationSpec>| spec.and_then(|spec| spec.attributes.clone()).unwrap_or_default();
    let mut looked_up: Vec<(String, String)> = correlated(target.correlation.as_ref())
        .into_iter()
        .map(|attribute| ("spec.correlation.attributes".to_owned(), attribute))
        .collect();
    for (account, second) in &target.accounts {
        named.extend(second.mapping.keys().map(|attribute| (format!("spec.accounts.{account}.mapping"), attribute)));
        let place = format!("spec.accounts.{account}.correlation.attributes");
        looked_up.extend(correlated(second.correlation.as_ref()).into_iter().map(|attribute| (place.clone(), attribute)));
    }
    for (place, attribute) in named {
        if OWN.iter().any(|own| is_own(attribute, own)) {
            problems.push(format!(
                "{place}.{attribute}: it is no attribute that a mapping writes but what provost or the service keeps there; remove it"
            ));
        } else if let Err(error) = Path::parse(attribute) {
            problems.push(format!("{place}: {error}"));
        }
    }
    for (place, attribute) in looked_up {
        problems.extend(Path::parse(&attribute).err().map(|error| format!("{place}: {error}")));
    }
    for kind in target.entitlements.keys().filter(|kind| kind.as_str() != super::service::KIND) {
        problems.push(format!("spec.entitlements.{kind}: type scim knows entitlements of kind group only"));
    }
    if target.safety.as_ref().and_then(|safety| safety.protected.as_ref()).is_some_and(|protected| protected.filter.is_some()) {
        problems.push("spec.safety.protected.filter: type scim has no protection by filter yet; name the accounts in `names`".to_owned());
    }
    if target.credentials.as_ref().is_some_and(|credentials| credentials.deliver == Some(Deliver::Secret)) {
        problems.push("spec.credentials.deliver: first passwords are not supported for type scim yet".to_owned());
    }
    problems
}

/// The client, and the user name of a login by password.
pub(super) fn http(target: &TargetSystemSpec, secret: &SecretData, addresses: &AddressRules) -> Result<(Http, Option<String>), Failure> {
    let url = target.scim.as_ref().map(|block| block.url.as_str()).unwrap_or_default();
    let base = base(url).map_err(|why| Failure::Config(format!("spec.scim.url: {why}")))?;
    let name = target.secret_ref.as_ref().map(|reference| reference.name.as_str()).unwrap_or_default();
    let (auth, login) = login(name, secret)?;
    let mut settings = HttpSettings::new(base, addresses.clone());
    settings.auth = auth;
    settings.body_cap = BODY_CAP;
    settings.ca = secret.get("ca.crt").map(|pem| pem.expose().as_bytes().to_vec());
    settings.identity = match (secret.get("tls.crt"), secret.get("tls.key")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(ClientIdentity { certificate: certificate.expose().as_bytes().to_vec(), key: key.clone() }),
        (Some(_), None) => return Err(Failure::Config(format!("Secret {name} has `tls.crt` without `tls.key`: add it, or remove both"))),
        (None, Some(_)) => return Err(Failure::Config(format!("Secret {name} has `tls.key` without `tls.crt`: add it, or remove both"))),
    };
    let limits = target.limits.clone().unwrap_or_default();
    let gate = Arc::new(Gate::new(&limits, Defaults::default()));
    Ok((Http::new(&settings, gate)?, login))
}

fn login(name: &str, secret: &SecretData) -> Result<(Auth, Option<String>), Failure> {
    let key = |key: &str| secret.get(key).filter(|value| !value.expose().is_empty());
    let only = |has: &str, lacks: &str| Err(Failure::Config(format!("Secret {name} has `{has}` and no `{lacks}`: add it")));
    match (key("token"), key("username"), key("password")) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            Err(Failure::Config(format!("Secret {name} has `token` beside `username` or `password`: keep the one that the service takes")))
        }
        // A file ends with a line break that is no part of a token.
        (Some(token), None, None) => Ok((Auth::Bearer(Secret::new(token.expose().trim().to_owned())), None)),
        (None, Some(username), Some(password)) => {
            let username = username.expose().trim().to_owned();
            let password = Secret::new(password.expose().trim_end_matches(['\r', '\n']).to_owned());
            Ok((Auth::Basic { username: username.clone(), password }, Some(username)))
        }
        (None, Some(_), None) => only("username", "password"),
        (None, None, Some(_)) => only("password", "username"),
        (None, None, None) => {
            let hint = if secret.contains_key("clientId") { " (`clientId` and `clientSecret` are not supported yet)" } else { "" };
            Err(Failure::Config(format!("Secret {name} has no login: write `token`, or `username` and `password`{hint}")))
        }
    }
}

/// The base of the service.
fn base(url: &str) -> Result<Url, String> {
    let parsed = Url::parse(url).map_err(|error| format!("it is no address ({error}); write `https://HOST/scim/v2`"))?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("it has a query or a fragment; write the base alone, such as `https://HOST/scim/v2`".to_owned());
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("it holds a login; put that into the Secret".to_owned());
    }
    let loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if loopback => Ok(parsed),
        "http" => Err("http would carry the login in the clear; write https (http is for this machine alone)".to_owned()),
        other => Err(format!("{other} is no scheme of SCIM; write https")),
    }
}
