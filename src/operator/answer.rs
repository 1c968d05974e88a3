//! What the API server answers, within a time, and its errors for people.

use std::time::Duration;

use tokio::time::timeout;

/// How long a call about a single object may take.
pub const SOON: Duration = Duration::from_secs(15);

/// The answer of a call: `kube` itself waits for ever.
///
/// # Errors
/// For people: what the API server says, or that it says nothing.
pub async fn answered<T>(within: Duration, call: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    match timeout(within, call).await {
        Ok(answer) => answer.map_err(|error| said(&error)),
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// What is said of an API server that says nothing.
pub const SILENT: &str = "the API server does not answer";

/// An error of the API server, for people.
#[must_use]
pub fn said(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error { status.message.clone() } else { error.to_string() }
}
