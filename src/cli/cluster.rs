//! A realm of a cluster in place of a folder: `-n NAMESPACE` and no `-f`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use super::problems;
use super::source::{Tell, Where, known};
use super::world::World;
use crate::folder::run::{Access, Session};
use crate::model::ids::TargetName;
use crate::model::ledger::Ledger;
use crate::operator::recorded::Recorded;
use crate::plan::why::Known;

/// Which cluster is meant.
#[derive(Debug, Clone, clap::Args)]
pub struct Cluster {
    /// Where the cluster is [default: KUBECONFIG, ~/.kube/config, or the pod's own]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Which context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl Cluster {
    /// A client. It repeats nothing by itself.
    ///
    /// # Errors
    /// Where no cluster is named, or its settings cannot be used.
    pub async fn client(&self) -> anyhow::Result<Client> {
        Client::try_from(self.config().await?).context("the cluster's settings cannot be used")
    }

    /// The same, and the addresses of the API server.
    ///
    /// # Errors
    /// As of [`Self::client`], and where its name cannot be resolved.
    pub async fn client_and_addresses(&self) -> anyhow::Result<(Client, BTreeSet<IpAddr>)> {
        let config = self.config().await?;
        let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = config.cluster_url.port_u16().unwrap_or(443);
        let found = tokio::net::lookup_host((host.as_str(), port)).await.with_context(|| format!("the API server's name {host}"))?;
        let addresses = found.map(|address| address.ip()).collect();
        Ok((Client::try_from(config).context("the cluster's settings cannot be used")?, addresses))
    }

    async fn config(&self) -> anyhow::Result<Config> {
        // A second call finds the provider there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let kubeconfig = Kubeconfig::read_from(path).with_context(|| format!("--kubeconfig {}", path.display()))?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await?
            }
            None if self.context.is_some() => Config::from_kubeconfig(&options).await?,
            None => Config::infer().await.context("no cluster: set KUBECONFIG, or give --kubeconfig")?,
        };
        // What is tried again is decided in one place, ours.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        Ok(config)
    }
}

/// What a cluster has on record of a realm; what is wrong with the policies is said.
///
/// # Errors
/// Where it cannot be read.
pub async fn recorded(client: &Client, namespace: &str, world: &mut World) -> anyhow::Result<Recorded> {
    let recorded = Recorded::read(client, namespace, world.now).await?;
    if let Err(errors) = &recorded.seen.compiled {
        problems::of_policies(errors, world);
    }
    Ok(recorded)
}

/// What a question is put to: a folder that was looked at just now, or a cluster's record.
pub enum Realm {
    /// A folder and its targets.
    Folder(Box<Session>),
    /// What a cluster has on record.
    Cluster(Box<Recorded>),
}

impl Realm {
    /// Reads the one that is meant.
    ///
    /// # Errors
    /// Where it cannot be read, or nothing can be planned.
    pub async fn read(source: &Where, cluster: &Cluster, world: &mut World) -> anyhow::Result<Self> {
        let Some(namespace) = source.of_cluster() else {
            return Ok(Self::Folder(Box::new(source.session(Tell::Errors, Access::Read, None, world).await?)));
        };
        Ok(Self::Cluster(Box::new(recorded(&cluster.client().await?, namespace, world).await?)))
    }

    /// What questions are put to.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        match self {
            Self::Folder(session) => known(session),
            Self::Cluster(recorded) => recorded.known(),
        }
    }

    /// Ledgers of targets that nobody declares.
    #[must_use]
    pub fn others(&self) -> &BTreeMap<TargetName, Ledger> {
        match self {
            Self::Folder(session) => &session.seen.others,
            Self::Cluster(recorded) => &recorded.seen.others,
        }
    }
}
