//! The cluster shell: objects of the API server in, accounts in the targets and statuses out.
//!
//! ```text
//! watch (a loop a kind) ─► hub ─► realm (a task a namespace) ─┬─► worker (one a target) ─► status: the ledger
//!                                                             └─► scribe ─► status: conditions, events
//! ```
//!
//! Nothing is decided here: the same core as a folder's decides, plans and guards. What is added is time: what is wanted must last,
//! and what was read must still be declared, before anything is taken away.

pub mod recorded;
pub mod status;

mod answer;
mod backoff;
mod barrier;
mod clearance;
mod clock;
mod due;
mod fresh;
mod health;
mod hub;
mod metrics;
mod object;
mod one_realm;
mod realm;
mod scribe;
mod serve;
mod vault;
mod watch;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::connector::AddressRules;
use crate::ledger::StoreError;

/// Which namespaces are realms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that have anything of ours.
    Cluster,
    /// These.
    Namespaces(Vec<String>),
}

/// How the operator is to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which namespaces.
    pub scope: Scope,
    /// Relative paths in manifests start here.
    pub base: PathBuf,
    /// Which addresses targets may have.
    pub addresses: AddressRules,
}

/// What all tasks share.
pub struct Context {
    client: Client,
    settings: Settings,
    metrics: metrics::Metrics,
    health: health::Health,
}

/// Why the operator ended by itself: what starts it starts it anew.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// Another operator has written a ledger that this one held.
    #[error("realm {namespace}: {error}: only one operator may work on a realm")]
    Fenced {
        /// Which realm.
        namespace: String,
        /// Which ledger.
        error: StoreError,
    },
    /// A defect of ours.
    #[error("a realm's task broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Runs until told to stop; then what is being sent is finished.
///
/// # Errors
/// [`OperatorError`] where it cannot go on.
pub async fn run(
    client: Client,
    settings: Settings,
    listener: Option<TcpListener>,
    stop: tokio::sync::watch::Receiver<bool>,
) -> Result<(), OperatorError> {
    let context = Arc::new(Context { client, settings, metrics: metrics::Metrics::new(), health: health::Health::default() });
    let mut served = JoinSet::new();
    if let Some(listener) = listener {
        served.spawn(serve::serve(listener, Arc::clone(&context), stop.clone()));
    }
    let ended = hub::run(context, stop).await;
    served.shutdown().await;
    ended
}
