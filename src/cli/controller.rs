//! `provost controller`: the operator.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::cluster::Cluster;
use super::{Exit, World};
use crate::connector::AddressRules;
use crate::operator::{Scope, Settings, run as operate};

/// Arguments of `provost controller`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A namespace that is a realm; may be given several times. Default: all namespaces
    #[arg(short, long = "namespace", value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    #[command(flatten)]
    cluster: Cluster,
    /// Where relative paths of TargetSystems (SQLite files) start
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    data: PathBuf,
    /// Addresses that targets may have beside public and private ones: loopback, or the API server's own; may be given several times
    #[arg(long = "allow-address", value_name = "CIDR")]
    allowed: Vec<ipnet::IpNet>,
    /// Where /metrics, /healthz and /readyz are served; `none`: nowhere
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: String,
    /// How the log is written
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or directives as of RUST_LOG
    #[arg(long, env = "PROVOST_LOG", default_value = "info")]
    log: String,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For programs, a line an event
    Json,
}

/// Runs until it is told to stop (SIGTERM, SIGINT); then finishes what it is sending.
pub async fn run(args: &Args, world: &mut World) -> anyhow::Result<Exit> {
    let filter = EnvFilter::try_new(&args.log).with_context(|| format!("--log {}", args.log))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(world.colour_messages);
    // Only a second one in this process is refused, and then the first one writes.
    let _ = match args.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    let (client, api_server) = args.cluster.client_and_addresses().await?;
    let version = client.apiserver_version().await.context("the API server cannot be reached")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), api_server = %version.git_version, "provost begins");
    let listener = match args.listen.as_str() {
        "none" => None,
        address => {
            let address: SocketAddr = address.parse().with_context(|| format!("--listen {address}"))?;
            let listener = TcpListener::bind(address).await.with_context(|| format!("--listen {address}"))?;
            tracing::info!(address = %listener.local_addr()?, "serving /metrics, /healthz and /readyz");
            Some(listener)
        }
    };
    let scope = if args.namespaces.is_empty() { Scope::Cluster } else { Scope::Namespaces(args.namespaces.clone()) };
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let addresses = args.allowed.iter().fold(AddressRules::strict(api_server), |rules, range| rules.allow(*range));
    let settings = Settings { scope, base: args.data.clone(), addresses };
    let operator = operate(client, settings, listener, stopped);
    tokio::pin!(operator);
    tokio::select! {
        ended = &mut operator => return ended.map(|()| Exit::Done).map_err(Into::into),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: what is being sent is finished first");
    let _ = stop.send(true);
    operator.await?;
    Ok(Exit::Done)
}
