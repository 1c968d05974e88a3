//! `provost controller`: the operator.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::{Exit, World};
use crate::operator::{Scope, Settings, run as operate};

/// Arguments of `provost controller`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A namespace that is a realm; may be given several times. Default: all namespaces
    #[arg(short, long = "namespace", value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Where the cluster is. Default: KUBECONFIG, ~/.kube/config, or the pod's own
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Which context of the kubeconfig
    #[arg(long)]
    context: Option<String>,
    /// Where relative paths of TargetSystems (SQLite files) start
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    data: PathBuf,
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
    let client = client(args).await?;
    let version = client.apiserver_version().await.context("the API server cannot be reached")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), api_server = %version.git_version, "provost begins");
    let listener = match args.listen.as_str() {
        "none" => None,
        address => {
            let address: SocketAddr = address.parse().with_context(|| format!("--listen {address}"))?;
            Some(TcpListener::bind(address).await.with_context(|| format!("--listen {address}"))?)
        }
    };
    let scope = if args.namespaces.is_empty() { Scope::Cluster } else { Scope::Namespaces(args.namespaces.clone()) };
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let settings = Settings { scope, base: args.data.clone() };
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

async fn client(args: &Args) -> anyhow::Result<Client> {
    // A second call finds the provider there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    let mut config = match &args.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).with_context(|| format!("--kubeconfig {}", path.display()))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await?
        }
        None if args.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer().await.context("no cluster: set KUBECONFIG, or give --kubeconfig")?,
    };
    // What is tried again is decided in one place, ours.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(10));
    Client::try_from(config).context("the cluster's settings cannot be used")
}
