//! The HTTP client of one origin, behind the gate: builds and sends a request, follows redirects of reads within the origin, reads the
//! answer up to a cap. It repeats nothing and waits for nobody.

use std::net::IpAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Identity, Method, redirect, retry};
use url::{Host, Url};

use super::address::Checked;
use super::{Auth, HttpSettings, Request, Response, answer, cause};
use crate::connector::gate::Trouble;
use crate::model::failure::Failure;

/// How many redirects of one read are followed.
const REDIRECTS: usize = 3;
const BAD_PEM: &str = "`ca.crt`, `tls.crt` or `tls.key` of the Secret cannot be used; check them";

/// The client.
pub(super) struct Wire {
    client: Client,
    base: Url,
    origin: String,
    body_cap: usize,
}

impl Wire {
    /// Nothing is connected yet; `names` resolves names.
    pub(super) fn new(settings: &HttpSettings, names: Arc<dyn Resolve>, deadline: Duration) -> Result<Self, Failure> {
        let base = settings.base.clone();
        let origin = base.origin().ascii_serialization();
        check_base(&base).map_err(Failure::Config)?;
        // The resolver is not asked about an address.
        let literal = match base.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(address) = literal {
            settings.addresses.check(address).map_err(|refused| Failure::Config(format!("{origin}: {refused}")))?;
        }
        install_ring();
        let mut headers = HeaderMap::new();
        if let Some(login) = authorization(&settings.auth)? {
            headers.insert(AUTHORIZATION, login);
        }
        let mut client = Client::builder()
            .user_agent(concat!("provost/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .no_proxy()
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .referer(false)
            // Both other clocks run while it connects. This one ends first, so that a connection that was never made is told from an
            // answer that never came.
            .connect_timeout(settings.connect_timeout.min(settings.read_timeout / 2).min(deadline / 2))
            .read_timeout(settings.read_timeout)
            // Most servers close an idle connection later than this, so that hardly a write meets one that is just being closed.
            .pool_idle_timeout(Duration::from_secs(20))
            .dns_resolver(Checked { rules: settings.addresses.clone(), names });
        if base.scheme() == "http" {
            // Nothing is asked of the authorities, and they are not read.
            client = client.tls_certs_only([]);
        } else if let Some(pem) = &settings.ca {
            let problem = || Failure::Config("`ca.crt` of the Secret holds no certificate in PEM form".to_owned());
            let authorities = Certificate::from_pem_bundle(pem).map_err(|_| problem())?;
            if authorities.is_empty() {
                return Err(problem());
            }
            // Whoever names an authority trusts that one and no other.
            client = client.tls_certs_only(authorities);
        }
        if let Some(identity) = &settings.identity {
            let pem = [identity.certificate.as_slice(), b"\n", identity.key.expose().as_bytes()].concat();
            let identity = Identity::from_pem(&pem)
                .map_err(|_| Failure::Config("`tls.crt` and `tls.key` of the Secret are no certificate and key in PEM form".to_owned()))?;
            client = client.identity(identity);
        }
        let client = client.build().map_err(|_| {
            let none = "this machine may know no authorities; put those to trust into the key `ca.crt` of the Secret";
            let hint = if settings.ca.is_none() && settings.identity.is_none() { none } else { BAD_PEM };
            Failure::Config(format!("{origin}: no TLS: {hint}"))
        })?;
        Ok(Self { client, base, origin, body_cap: settings.body_cap })
    }

    /// Sends one request and reads its answer.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Trouble> {
        let mut url = self.url(request)?;
        let headers = headers(request)?;
        let mut redirects = 0;
        loop {
            let answer = self.send_to(url.clone(), request, headers.clone()).await?;
            let Some(location) = answer.headers().get(LOCATION).filter(|_| is_redirect(answer.status().as_u16())) else {
                return self.read(answer).await;
            };
            redirects += 1;
            url = self.follow(&url, location, request, redirects).map_err(|why| Trouble::Final(Failure::Config(why)))?;
        }
    }

    async fn send_to(&self, url: Url, request: &Request, headers: HeaderMap) -> Result<reqwest::Response, Trouble> {
        let mut sending = self.client.request(request.method.clone(), url).headers(headers);
        if let Some(body) = &request.body {
            sending = sending.body(body.to_string());
        }
        sending.send().await.map_err(|error| cause::trouble(&error.without_url(), &self.origin))
    }

    /// Where a redirect leads. The texts name an origin and nothing behind it.
    fn follow(&self, from: &Url, location: &HeaderValue, request: &Request, redirects: usize) -> Result<Url, String> {
        let origin = &self.origin;
        let to = location.to_str().ok().and_then(|location| from.join(location).ok());
        let to = to.ok_or_else(|| format!("{origin}: it redirects to something that is no address"))?;
        if to.origin() != self.base.origin() {
            let other = to.origin().ascii_serialization();
            return Err(format!(
                "{origin}: it redirects to another place, {other}, which is refused; if that is right, write it as the address"
            ));
        }
        if !to.username().is_empty() || to.password().is_some() {
            return Err(format!("{origin}: it redirects to an address that holds a login, which is refused"));
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return Err(format!("{origin}: it redirects a {} to another path; write that one as the address", request.method));
        }
        if redirects > REDIRECTS {
            return Err(format!("{origin}: it redirects more than {REDIRECTS} times"));
        }
        Ok(to)
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<Response, Trouble> {
        let status = answer.status();
        let headers = std::mem::take(answer.headers_mut());
        answer::of_status(status, &headers, &self.origin)?;
        let body = match self.body(answer).await.and_then(|body| answer::json(&body, &headers, &self.origin)) {
            // What went wrong is said by the status; proxies and gateways say it in HTML.
            Err(_) if status.is_client_error() || status.is_server_error() => None,
            body => body?,
        };
        Ok(Response { status: status.as_u16(), headers, body })
    }

    async fn body(&self, mut answer: reqwest::Response) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| cause::trouble(&error.without_url(), &self.origin))? {
            if body.len() + chunk.len() > self.body_cap {
                let (origin, cap) = (&self.origin, self.body_cap);
                return Err(Trouble::Unreadable(format!("{origin}: its answer is larger than {cap} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The address of a request: each part of the path is one segment, whatever is in it.
    pub(super) fn url(&self, request: &Request) -> Result<Url, Trouble> {
        let mut url = self.base.clone();
        {
            let bug = |()| Trouble::Unsent(Failure::Bug(format!("{} has no path", self.origin)));
            let mut segments = url.path_segments_mut().map_err(bug)?;
            segments.pop_if_empty();
            for segment in &request.path {
                // These would be dropped from the path, or mean another one, instead of being encoded.
                if segment.is_empty() || segment == "." || segment == ".." || segment.chars().any(char::is_control) {
                    let problem = "an id that is empty, `.` or `..`, or holds a control character, cannot stand in an address";
                    return Err(Trouble::Unsent(Failure::Denied(problem.to_owned())));
                }
                segments.push(segment);
            }
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }
}

fn headers(request: &Request) -> Result<HeaderMap, Trouble> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(request.media_type));
    if request.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.media_type));
    }
    for (name, value) in &request.headers {
        let value = HeaderValue::from_str(value).map_err(|_| {
            Trouble::Unsent(Failure::Denied(format!("the header {name} would hold a character that a header cannot carry")))
        })?;
        headers.insert(name.clone(), value);
    }
    Ok(headers)
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn check_base(base: &Url) -> Result<(), String> {
    let origin = base.origin().ascii_serialization();
    if !matches!(base.scheme(), "http" | "https") {
        return Err(format!("the address begins with {}:, not with https://", base.scheme()));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(format!("the address of {origin} holds a login; put that into the Secret"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(format!("the address of {origin} holds a query or a fragment; remove it"));
    }
    Ok(())
}

fn authorization(auth: &Auth) -> Result<Option<HeaderValue>, Failure> {
    use base64::Engine as _;
    let (text, key) = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { username, password } if username.contains(':') => {
            let _ = password;
            return Err(Failure::Config("`username` of the Secret holds a colon, which HTTP Basic cannot carry".to_owned()));
        }
        Auth::Basic { username, password } => {
            let pair = zeroize::Zeroizing::new(format!("{username}:{}", password.expose()));
            (format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair.as_bytes())), "password")
        }
        Auth::Bearer(token) => (format!("Bearer {}", token.expose()), "token"),
    };
    let text = zeroize::Zeroizing::new(text);
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Failure::Config(format!("`{key}` of the Secret holds a character that a header cannot carry: does it end in a line break?"))
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The one TLS provider of the process. An error only says that it is there already.
fn install_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}
