//! HTTP to one origin, safely: TLS verified, addresses checked at each connect, redirects kept within the origin, answers limited in
//! size and depth, and no secret, query, header or body in any error.
//!
//! A [`Request`] goes in; a [`Response`] with JSON or nothing comes out, or a [`Failure`]. There is no way out but through the
//! [`Gate`]: [`Http::read`] repeats, [`Http::write`] does not.
//!
//! ```text
//! Http (read, write) ─► gate ─► wire (client, redirects, body) ─► address (at each connect)
//!                                 └─► answer (status, Retry-After, JSON) | cause (errors)
//! ```

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::dns::Resolve;
use reqwest::header::HeaderName;
use serde_json::Value;
use url::Url;

use self::address::System;
use self::wire::Wire;
use super::gate::Gate;
use crate::model::failure::Failure;
use crate::model::secret::Secret;

mod address;
mod answer;
mod cause;
#[cfg(test)]
mod tests;
mod wire;

pub use self::address::{AddressRefused, AddressRules};
pub(crate) use self::answer::Response;

/// Where to, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    /// The address below which everything is: scheme, host, port and the path's beginning.
    pub(crate) base: Url,
    /// The login.
    pub(crate) auth: Auth,
    /// The only authorities that are trusted, in PEM form; none: those of the machine.
    pub(crate) ca: Option<Vec<u8>>,
    /// Our own certificate.
    pub(crate) identity: Option<ClientIdentity>,
    /// How long a connection may take to come up, its name's resolution and TLS included. At most half of the other two.
    pub(crate) connect_timeout: Duration,
    /// How long the target may be silent while it answers. The whole request has the gate's deadline.
    pub(crate) read_timeout: Duration,
    /// Which addresses may be connected to.
    pub(crate) addresses: AddressRules,
    /// The largest answer, in bytes.
    pub(crate) body_cap: usize,
}

impl HttpSettings {
    /// The usual ones, without a login.
    pub(crate) fn new(base: Url, addresses: AddressRules) -> Self {
        Self {
            base,
            auth: Auth::None,
            ca: None,
            identity: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            addresses,
            body_cap: 16 * 1024 * 1024,
        }
    }
}

/// A login.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    /// None.
    None,
    /// HTTP Basic.
    Basic {
        /// Who.
        username: String,
        /// The proof.
        password: Secret,
    },
    /// A token.
    Bearer(Secret),
}

/// A client certificate and its key, in PEM form.
#[derive(Debug, Clone)]
pub(crate) struct ClientIdentity {
    /// With the authorities between, if there are any.
    pub(crate) certificate: Vec<u8>,
    /// The key.
    pub(crate) key: Secret,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    /// Reads that are redirected are followed only for GET and HEAD.
    pub(crate) method: Method,
    /// Segments behind the base; each stays one, whatever is in it.
    pub(crate) path: Vec<String>,
    /// Names and values.
    pub(crate) query: Vec<(String, String)>,
    /// Further headers.
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// JSON.
    pub(crate) body: Option<Value>,
    /// Of the body, and of the answer that is asked for.
    pub(crate) media_type: &'static str,
}

impl Request {
    /// A request without query, further headers and body.
    pub(crate) fn new<S: Into<String>>(method: Method, path: impl IntoIterator<Item = S>) -> Self {
        let path = path.into_iter().map(Into::into).collect();
        Self { method, path, query: Vec::new(), headers: Vec::new(), body: None, media_type: "application/json" }
    }
}

/// The method alone: the rest may hold what nobody should read in a log.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// One origin, behind its gate. A clone shares the connections and the gate.
#[derive(Clone)]
pub(crate) struct Http {
    wire: Arc<Wire>,
    gate: Arc<Gate>,
}

impl Http {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`Failure::Config`] where address, login or certificates cannot be used.
    pub(crate) fn new(settings: &HttpSettings, gate: Arc<Gate>) -> Result<Self, Failure> {
        Self::with_names(settings, gate, Arc::new(System))
    }

    fn with_names(settings: &HttpSettings, gate: Arc<Gate>, names: Arc<dyn Resolve>) -> Result<Self, Failure> {
        let wire = Arc::new(Wire::new(settings, names, gate.deadline())?);
        Ok(Self { wire, gate })
    }

    /// Sends a request that changes nothing there; it may be sent more than once.
    ///
    /// # Errors
    /// No answer, or none that says anything: 429, most of 5xx, a body that is no JSON. Every other status is a [`Response`].
    pub(crate) async fn read(&self, request: Request) -> Result<Response, Failure> {
        self.gate.read(|| self.wire.send(&request)).await
    }

    /// Sends a request that may change something there, once.
    ///
    /// # Errors
    /// As for [`Http::read`]; [`Failure::Unknown`] where nobody knows whether it was done.
    pub(crate) async fn write(&self, request: Request) -> Result<Response, Failure> {
        self.gate.write(self.wire.send(&request)).await
    }
}
