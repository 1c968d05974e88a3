//! From an answer's status, headers and body to a [`Response`] or a [`Trouble`].

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::connector::gate::Trouble;

/// How deep an answer may be nested.
const DEPTH: usize = 64;
/// How many values an answer may hold: each takes far more memory than bytes on its way.
const VALUES: usize = 1_000_000;

/// An answer that says something: of any status but 429 and those that speak of the target's own trouble.
#[derive(Clone)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body; none where it is empty, and where an answer that is no success holds no JSON.
    pub(crate) body: Option<Value>,
}

impl Response {
    /// Whether the status is 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The status alone: the rest may hold what nobody should read in a log.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What a status says about the target itself, where it does.
pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, origin: &str) -> Result<(), Trouble> {
    let why = format!("{origin}: it answers {status}");
    let after = retry_after(headers);
    match status {
        StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Busy { why, after }),
        StatusCode::SERVICE_UNAVAILABLE => Err(Trouble::Down { why, after }),
        // It cannot, and says so: an answer like any other.
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Ok(()),
        // How far it came, nobody knows.
        status if status.is_server_error() => Err(Trouble::Lost(why)),
        _ => Ok(()),
    }
}

/// Seconds, or a date; a date is measured by the answer's own clock, its `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let now = date(headers.get(DATE)?.to_str().ok()?.trim())?;
    // One that has passed: at once.
    Some(Duration::try_from(date(text)?.duration_since(now)).unwrap_or_default())
}

/// Reads a body; the text itself never gets into an error.
pub(super) fn json(body: &[u8], headers: &HeaderMap, origin: &str) -> Result<Option<Value>, Trouble> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let (depth, values) = shape(body);
    if depth > DEPTH {
        return Err(Trouble::Unreadable(format!("{origin}: its answer is nested deeper than {DEPTH}")));
    }
    if values > VALUES {
        return Err(Trouble::Unreadable(format!("{origin}: its answer holds more than {VALUES} values")));
    }
    serde_json::from_slice(body).map(Some).map_err(|_| {
        let html = headers.get(CONTENT_TYPE).is_some_and(|type_| type_.as_bytes().starts_with(b"text/html"));
        let what = if html { "a web page" } else { "no JSON" };
        Trouble::Unreadable(format!("{origin}: its answer is {what}; is the address right?"))
    })
}

/// How deep JSON is nested and about how many values it holds, told before it is parsed.
fn shape(body: &[u8]) -> (usize, usize) {
    let (mut depth, mut deepest, mut values) = (0_usize, 0, 1);
    let (mut in_string, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
    }
    (deepest, values)
}
