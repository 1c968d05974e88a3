//! A realm with an operator at work: a namespace of the shared API server, a folder of SQLite targets, and the real binary in a process of
//! its own, which ends with the test. Where a test fails, it shows what the operator logged and what the cluster says.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use provost::api::{GROUP, VERSION, all_crds};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::accounts::Accounts;
use crate::common::plane::{MANAGER, Shared, plane, soon};

/// Whoever waits longer hangs.
const DEADLINE: Duration = Duration::from_secs(90);

/// Between two looks.
const BEAT: Duration = Duration::from_millis(200);

/// How many objects are written at once.
const AT_ONCE: usize = 16;

/// A namespace, targets, an operator.
pub struct Site {
    plane: Shared,
    client: Client,
    pub namespace: String,
    folder: TempDir,
    operator: Option<Child>,
    starts: u32,
}

impl Site {
    /// A fresh namespace; nobody works there yet.
    pub async fn new(of: &str) -> Self {
        let plane = plane();
        let client = plane.crds().await;
        let namespace = plane.namespace(of).await;
        Self { plane, client, namespace, folder: tempfile::tempdir().unwrap(), operator: None, starts: 0 }
    }

    /// The same, with an operator at work.
    pub async fn at_work(of: &str) -> Self {
        let mut site = Self::new(of).await;
        site.start();
        site
    }

    /// Namespaces end from now on.
    pub fn controllers(&self) {
        self.plane.controllers();
    }

    /// Starts an operator of this namespace.
    pub fn start(&mut self) {
        assert!(self.operator.is_none(), "one is at work");
        self.starts += 1;
        let log = File::create(self.log()).unwrap();
        // The kernel ends it with the test, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(assert_cmd::cargo::cargo_bin("provost"));
        let child = command
            .args(["controller", "--namespace", &self.namespace, "--listen", "none", "--log", "provost=debug"])
            .arg("--kubeconfig")
            .arg(self.plane.kubeconfig())
            .arg("--data")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.operator = Some(child);
    }

    /// Ends the operator at once, wherever it is.
    pub fn kill(&mut self) {
        let mut operator = self.operator.take().expect("an operator is at work");
        operator.kill().unwrap();
        operator.wait().unwrap();
    }

    /// Asks the operator to end, and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut operator = self.operator.take().expect("an operator is at work");
        let said = Command::new("kill").args(["-TERM", &operator.id().to_string()]).status().unwrap();
        assert!(said.success());
        let began = Instant::now();
        loop {
            if let Some(status) = operator.try_wait().unwrap() {
                return status;
            }
            if began.elapsed() > DEADLINE {
                operator.kill().unwrap();
                panic!("the operator does not end");
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Ends it in order and starts another.
    pub async fn restart(&mut self) {
        let status = self.terminate().await;
        assert_eq!(status.code(), Some(0), "{status:?}, signal {:?}", status.signal());
        self.start();
    }

    /// The accounts of a target in the folder.
    pub fn accounts(&self, target: &str) -> Accounts {
        Accounts::new(self.folder.path().join(format!("{target}.db")))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes objects by server-side apply, one after the other.
    pub async fn apply(&self, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            self.write(object).await;
        }
    }

    /// As [`Self::apply`], many at once.
    pub async fn apply_many(&self, objects: impl IntoIterator<Item = Value>) {
        let writes = objects.into_iter().map(|object| self.write(object));
        stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    async fn write(&self, object: Value) {
        let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        let params = PatchParams::apply(MANAGER).force().validation_strict();
        soon(self.api(kind).patch(name, &params, &Patch::Apply(&object))).await.unwrap_or_else(|error| panic!("{kind}/{name}: {error}"));
    }

    /// Changes parts of an object.
    pub async fn merge(&self, kind: &str, name: &str, change: Value) {
        soon(self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(&change)))
            .await
            .unwrap_or_else(|error| panic!("{kind}/{name}: {error}"));
    }

    pub async fn delete(&self, kind: &str, name: &str) {
        soon(self.api(kind).delete(name, &DeleteParams::default())).await.unwrap_or_else(|error| panic!("{kind}/{name}: {error}"));
    }

    /// Deletes many at once.
    pub async fn delete_many(&self, kind: &str, names: impl IntoIterator<Item = String>) {
        let deletes = names.into_iter().map(Ok::<_, std::convert::Infallible>);
        deletes_of(self, kind, deletes.collect()).await;
    }

    pub async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let object = soon(self.api(kind).get_opt(name)).await.unwrap_or_else(|error| panic!("{kind}/{name}: {error}"));
        object.map(|object| serde_json::to_value(object).unwrap())
    }

    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let all = soon(self.api(kind).list(&ListParams::default())).await.unwrap();
        all.items.into_iter().map(|object| serde_json::to_value(object).unwrap()).collect()
    }

    /// `Kind/name` → `resourceVersion`, of all that is ours here.
    pub async fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        for crd in all_crds() {
            let kind = crd.spec.names.kind;
            for object in soon(self.api(&kind).list(&ListParams::default())).await.unwrap() {
                versions.insert(format!("{kind}/{}", object.name_any()), object.resource_version().unwrap());
            }
        }
        versions
    }

    /// Waits until it holds.
    pub async fn until(&mut self, what: &str, mut holds: impl AsyncFnMut(&Site) -> bool) {
        let began = Instant::now();
        while !holds(self).await {
            if let Some(status) = self.operator.as_mut().and_then(|operator| operator.try_wait().unwrap()) {
                panic!("the operator ended by itself ({status}) while this was awaited: {what}");
            }
            assert!(began.elapsed() < DEADLINE, "this does not come: {what}");
            tokio::time::sleep(BEAT).await;
        }
    }

    /// As [`Self::until`], without a pause between two looks.
    pub async fn until_at_once(&mut self, what: &str, mut holds: impl FnMut(&Site) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < DEADLINE, "this does not come: {what}");
            tokio::task::yield_now().await;
        }
    }

    /// Looks on for some seconds, in which it must hold.
    pub async fn throughout(&mut self, seconds: u64, what: &str, mut holds: impl AsyncFnMut(&Site) -> bool) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            assert!(holds(self).await, "no longer after {:?}: {what}", began.elapsed());
            tokio::time::sleep(BEAT).await;
        }
    }

    /// What the operator that was started last has logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap()
    }

    /// Waits until a condition says this of the object as it is now.
    pub async fn until_said(&mut self, kind: &str, name: &str, condition: &str, status: &str) {
        let mut last = Value::Null;
        let what = format!("{kind}/{name}: {condition}={status}");
        self.until(&what, async |site| {
            last = site.get(kind, name).await.unwrap_or_default();
            let said = said(&last, condition);
            said["status"] == status && said["observedGeneration"] == last["metadata"]["generation"]
        })
        .await;
    }

    /// Waits until every person and every target is as it should be, as the objects are now.
    pub async fn until_all_ready(&mut self) {
        self.until("everybody and every target Ready", async |site| {
            for kind in ["Person", "TargetSystem"] {
                for object in site.list(kind).await {
                    let ready = said(&object, "Ready");
                    if ready["status"] != "True" || ready["observedGeneration"] != object["metadata"]["generation"] {
                        return false;
                    }
                }
            }
            true
        })
        .await;
    }

    /// Waits until every target has been read as a whole again, at a time after this call. Each needs a short `sweepInterval`.
    pub async fn until_asked_anew(&mut self) {
        self.starts += 1;
        let asked = format!("{}-{}", self.namespace, self.starts);
        for target in self.list("TargetSystem").await {
            let name = target["metadata"]["name"].as_str().unwrap();
            self.merge("TargetSystem", name, json!({"metadata": {"annotations": {"provost.dev/reconcile-requested-at": asked}}})).await;
        }
        self.until("every target answers the annotation", async |site| {
            site.list("TargetSystem").await.iter().all(|target| target["status"]["lastHandledReconcileAt"] == asked.as_str())
        })
        .await;
    }

    /// Waits until no version moved for a while: what was under way has been written.
    pub async fn until_quiet(&mut self) {
        let (mut last, mut since) = (BTreeMap::new(), Instant::now());
        self.until("the operator is quiet", async |site| {
            let versions = site.versions().await;
            if versions != last {
                (last, since) = (versions, Instant::now());
            }
            since.elapsed() > Duration::from_secs(3)
        })
        .await;
    }

    /// Waits until the operator that was started last has read every target as a whole: it says so in its log.
    pub async fn until_read_since_start(&mut self) {
        let count = self.list("TargetSystem").await.len();
        self.until("every target is read", async |site| {
            site.logged().lines().filter(|line| line.contains("a sweep is planned")).count() > 2 * count
        })
        .await;
    }

    /// Runs kubectl in this namespace; it must succeed.
    pub fn kubectl(&self, words: &[&str]) -> String {
        self.plane.said(&[&["--namespace", &self.namespace], words].concat())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("operator.log")
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let resource = match all_crds().into_iter().find(|crd| crd.spec.names.kind == kind) {
            Some(crd) => ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), &crd.spec.names.plural),
            None => ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind)),
        };
        if kind == "Namespace" {
            return Api::all_with(self.client.clone(), &resource);
        }
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }
}

async fn deletes_of(site: &Site, kind: &str, names: Vec<Result<String, std::convert::Infallible>>) {
    stream::iter(names)
        .try_for_each_concurrent(AT_ONCE, async |name| {
            site.delete(kind, &name).await;
            Ok(())
        })
        .await
        .unwrap();
}

impl Drop for Site {
    #[expect(clippy::print_stderr, reason = "it is shown where the test fails")]
    fn drop(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            operator.kill().ok();
            operator.wait().ok();
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the operator of {}:\n{}", self.namespace, lines[lines.len().saturating_sub(60)..].join("\n"));
            let there = self.plane.kubectl(&["get", "provost", "--namespace", &self.namespace, "--output", "wide"], "");
            eprintln!("{}", String::from_utf8_lossy(&there.stdout));
        }
    }
}

/// A condition of an object.
pub fn said<'a>(object: &'a Value, condition: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|said| said["type"] == condition).unwrap_or(&Value::Null)
}
