//! From the watch loops to the realms: every event goes to the task of its namespace. A namespace is a realm as soon as anything of ours
//! is declared in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::api::DynamicObject;
use kube::core::PartialObjectMeta;
use kube::{Api, Client};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::barrier::Positions;
use super::object::{self, Entry, Watched};
use super::realm::RealmTask;
use super::watch::{Event, follow};
use super::{Context, OperatorError, Scope};
use crate::model::ids::RealmId;
use crate::realm::object::ResourceKind;

/// Which namespaces a loop follows: one, or all of them.
type Reach = Option<String>;

struct Hub {
    context: Arc<Context>,
    realms: BTreeMap<String, mpsc::UnboundedSender<Event>>,
    tasks: JoinSet<Result<(), OperatorError>>,
    loops: JoinSet<()>,
    nudges: BTreeMap<Reach, Vec<Arc<Notify>>>,
    /// What has been listed so far, by reach: a realm that begins later is told.
    listed: BTreeMap<(Reach, Watched), u64>,
    /// What cannot be read at present.
    failing: BTreeMap<(Reach, Watched), String>,
}

/// Runs until told to stop; then lets every realm finish what it is sending.
///
/// # Errors
/// [`OperatorError`] where a realm cannot go on.
pub async fn run(context: Arc<Context>, mut stop: tokio::sync::watch::Receiver<bool>) -> Result<(), OperatorError> {
    let (events, mut inbox) = mpsc::unbounded_channel();
    let mut hub = Hub {
        context,
        realms: BTreeMap::new(),
        tasks: JoinSet::new(),
        loops: JoinSet::new(),
        nudges: BTreeMap::new(),
        listed: BTreeMap::new(),
        failing: BTreeMap::new(),
    };
    hub.start_loops(&events);
    let ended = loop {
        tokio::select! {
            event = inbox.recv() => match event {
                Some((reach, event)) => hub.take(reach, event),
                None => break Ok(()),
            },
            Some(ended) = hub.tasks.join_next() => break ended.map_err(OperatorError::from).flatten(),
            _ = stop.wait_for(|stop| *stop) => break Ok(()),
        }
    };
    hub.loops.shutdown().await;
    hub.realms.clear();
    while hub.tasks.join_next().await.is_some() {}
    ended
}

impl Hub {
    fn start_loops(&mut self, events: &mpsc::UnboundedSender<(Reach, Event)>) {
        let reaches: Vec<Reach> = match &self.context.settings.scope {
            Scope::Cluster => vec![None],
            Scope::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        };
        for reach in reaches {
            // ConfigMaps and Secrets are followed for each realm alone.
            let kinds = ResourceKind::OURS.into_iter().map(|kind| (Watched::Input(kind), object::resource(kind)));
            for (of, resource) in kinds.chain([(Watched::Departure, object::departures())]) {
                let client = self.context.client.clone();
                let api: Api<DynamicObject> = match &reach {
                    None => Api::all_with(client, &resource),
                    Some(namespace) => Api::namespaced_with(client, namespace, &resource),
                };
                self.context.health.awaits(reach.clone(), of);
                let nudge = Arc::new(Notify::new());
                self.nudges.entry(reach.clone()).or_default().push(Arc::clone(&nudge));
                let (tell, mut told) = mpsc::unbounded_channel();
                self.loops.spawn(follow(api, of, object::reader(of), tell, nudge));
                let (events, reach) = (events.clone(), reach.clone());
                self.loops.spawn(async move {
                    while let Some(event) = told.recv().await {
                        if events.send((reach.clone(), event)).is_err() {
                            return;
                        }
                    }
                });
            }
        }
    }

    fn take(&mut self, reach: Reach, event: Event) {
        match event {
            Event::Listed { of, entries, version } => {
                self.failing.remove(&(reach.clone(), of));
                self.context.health.listed(reach.clone(), of);
                let mut by_namespace: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
                for entry in entries {
                    by_namespace.entry(entry.namespace.clone()).or_default().push(entry);
                }
                for namespace in by_namespace.keys() {
                    self.realm(&reach, namespace);
                }
                for namespace in self.within(&reach) {
                    let entries = by_namespace.remove(&namespace).unwrap_or_default();
                    self.tell(&namespace, Event::Listed { of, entries, version });
                }
                // Last: a realm that begins by this very list is told of it above.
                self.listed.insert((reach, of), version);
            }
            Event::Applied(entry) => {
                let namespace = entry.namespace.clone();
                self.realm(&reach, &namespace);
                self.tell(&namespace, Event::Applied(entry));
            }
            Event::Deleted(entry) => {
                let namespace = entry.namespace.clone();
                self.tell(&namespace, Event::Deleted(entry));
            }
            Event::Reached { of, version } => {
                for namespace in self.within(&reach) {
                    self.tell(&namespace, Event::Reached { of, version });
                }
            }
            Event::Failing { of, why } => {
                tracing::warn!(kind = %of, %why, "cannot be read");
                self.failing.insert((reach.clone(), of), why.clone());
                self.context.health.fails(reach.clone(), of, why.clone());
                for namespace in self.within(&reach) {
                    self.tell(&namespace, Event::Failing { of, why: why.clone() });
                }
            }
        }
    }

    /// The realms that a loop of this reach speaks to.
    fn within(&self, reach: &Reach) -> Vec<String> {
        match reach {
            None => self.realms.keys().cloned().collect(),
            Some(namespace) => self.realms.keys().filter(|name| *name == namespace).cloned().collect(),
        }
    }

    /// Begins a realm, unless it is there.
    fn realm(&mut self, reach: &Reach, namespace: &str) {
        if self.realms.contains_key(namespace) {
            return;
        }
        let Ok(id) = RealmId::parse(namespace) else { return };
        let (tell, events) = mpsc::unbounded_channel();
        let (config_maps, secrets) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let kinds = ResourceKind::all().map(Watched::Input);
        let nudges = self.nudges.get(reach).cloned().unwrap_or_default().into_iter().chain([Arc::clone(&config_maps)]).collect();
        let positions = Arc::new(Positions::new(kinds, nudges));
        let client: Client = self.context.client.clone();
        let maps = Api::namespaced_with(client.clone(), namespace, &object::resource(ResourceKind::ConfigMap));
        let metas: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, namespace);
        let of = Watched::Input(ResourceKind::ConfigMap);
        self.loops.spawn(follow(maps, of, object::reader(of), tell.clone(), config_maps));
        self.loops.spawn(follow(metas, Watched::Secret, object::secret, tell.clone(), secrets));
        let task = RealmTask::new(Arc::clone(&self.context), namespace.to_owned(), id, positions);
        self.tasks.spawn(task.run(events));
        self.realms.insert(namespace.to_owned(), tell);
        tracing::info!(namespace, "a realm begins");
        for ((_, of), version) in self.listed.clone().into_iter().filter(|((of, _), _)| of == reach) {
            // Nothing of this kind was in this namespace when it was listed, or the realm would have begun then.
            self.tell(namespace, Event::Listed { of, entries: Vec::new(), version });
        }
        for ((_, of), why) in self.failing.clone().into_iter().filter(|((of, _), _)| of == reach) {
            self.tell(namespace, Event::Failing { of, why });
        }
    }

    fn tell(&mut self, namespace: &str, event: Event) {
        if let Some(realm) = self.realms.get(namespace)
            && realm.send(event).is_err()
        {
            self.realms.remove(namespace);
        }
    }
}
