//! Requests and what their answers mean. Every one leaves through the gate; reads may be repeated there, writes never are.

use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::Value as Json;

use crate::connector::net::{Http, Request, Response};
use crate::model::failure::Failure;
use crate::model::ids::AttributeName;

/// The media type of SCIM (RFC 7644, 8.1).
const MEDIA_TYPE: &str = "application/scim+json";

/// The service, behind its gate.
pub(super) struct Calls {
    http: Http,
}

impl Calls {
    pub(super) fn new(http: Http) -> Self {
        Self { http }
    }

    /// Reads what is below this path.
    pub(super) async fn get(&self, path: Vec<String>, query: Vec<(&str, String)>) -> Result<Response, Failure> {
        let mut request = Request::new(Method::GET, path);
        request.media_type = MEDIA_TYPE;
        request.query = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.http.read(request).await
    }

    /// Writes, once. `version`: only if it is still the one that was read.
    pub(super) async fn write(
        &self,
        method: Method,
        path: Vec<String>,
        version: Option<&str>,
        body: Option<Json>,
    ) -> Result<Response, Failure> {
        let mut request = Request::new(method, path);
        request.media_type = MEDIA_TYPE;
        request.headers.extend(version.map(|version| (IF_MATCH, version.to_owned())));
        request.body = body;
        self.http.write(request).await
    }
}

/// The version of the resource that an answer is about.
pub(super) fn version(answer: &Response) -> Option<String> {
    let header = answer.headers.get(reqwest::header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    header.or_else(|| Some(answer.body.as_ref()?.get("meta")?.get("version")?.as_str()?.to_owned()))
}

/// What an answer to a read means that is no success. `what` was read.
pub(super) fn unread(answer: &Response, what: &str) -> Failure {
    let status = answer.status;
    match status {
        401 => Failure::Denied(format!("the login is refused (HTTP 401 for {what}): check the Secret")),
        403 => Failure::Denied(format!("the login may not read {what} (HTTP 403)")),
        404 => Failure::Config(format!(
            "there are no {what} at spec.scim.url (HTTP 404): write the base of the SCIM service, such as https://HOST/scim/v2"
        )),
        _ => Failure::Retry { after: None, why: format!("{what}: it answers HTTP {status}") },
    }
}

/// What an answer to a write means that is no success. `attributes`: those that were written, for the one that is to blame.
pub(super) fn refused(answer: &Response, attributes: &[AttributeName]) -> Failure {
    let status = answer.status;
    let type_ = scim_type(answer);
    let said = type_.map_or_else(|| format!("HTTP {status}"), |type_| format!("HTTP {status} {type_}"));
    match (status, type_) {
        (401, _) => Failure::Denied("the login is refused (HTTP 401): check the Secret".to_owned()),
        (403, _) => Failure::Denied("the login may not do that (HTTP 403)".to_owned()),
        (404, _) => Failure::Conflict("it is not there (HTTP 404)".to_owned()),
        (409, _) | (_, Some("uniqueness")) => Failure::Conflict(format!("the target has it already: {said}")),
        (412, _) => Failure::Conflict("it changed since it was read (HTTP 412)".to_owned()),
        (405 | 501, _) => {
            Failure::Config(format!("the service offers no such change ({said}): neither PATCH nor PUT, or not of this resource"))
        }
        (400 | 413 | 422, _) => match blamed(answer, attributes) {
            Some(attribute) => Failure::Invalid { attribute, why: said },
            None => Failure::Conflict(format!("the target refuses it: {said}")),
        },
        (300..=399, _) => {
            Failure::Config(format!("the service redirects a change ({said}): write the address it redirects to into spec.scim.url"))
        }
        _ => Failure::Conflict(format!("the target refuses it: {said}")),
    }
}

/// The words of RFC 7644, table 9; anything else is not repeated to anybody.
fn scim_type(answer: &Response) -> Option<&'static str> {
    let said = answer.body.as_ref()?.get("scimType")?.as_str()?;
    let known = [
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
    ];
    known.into_iter().find(|known| known.eq_ignore_ascii_case(said))
}

/// Of several attributes the one that the error names, else the first.
fn blamed(answer: &Response, attributes: &[AttributeName]) -> Option<AttributeName> {
    let detail = answer.body.as_ref().and_then(|body| body.get("detail")?.as_str()).unwrap_or_default().to_lowercase();
    let named = |attribute: &&AttributeName| {
        let name = attribute.as_str().to_lowercase();
        let last = name.rsplit([':', '.']).next().unwrap_or(&name).to_owned();
        detail.contains(&name) || (attributes.len() > 1 && last != "value" && detail.contains(&last))
    };
    attributes.iter().find(named).or_else(|| attributes.first()).cloned()
}
