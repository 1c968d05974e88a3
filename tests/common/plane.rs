//! A real API server for tests: etcd and kube-apiserver as `tests/control-plane/run` starts them.
//!
//! ```text
//! plane() ─► one for the whole run, started at the first call      Plane::start() ─► one of its own, stopped on drop
//!   ├─ client().await    kube's client, as administrator
//!   ├─ crds().await      the client, once every CRD is there
//!   ├─ namespace("x").await   a fresh namespace
//!   ├─ controllers()     namespaces end and what is owned is collected
//!   └─ kubectl(&[…])     what it printed
//! ```
//!
//! The servers end with the pipe that this process holds, so none outlives it, however it ends.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt};
use tokio::sync::OnceCell;

/// The field manager of what tests apply.
pub const MANAGER: &str = "provost-tests";

/// How long anything may take that the API server does at once.
const SOON: Duration = Duration::from_secs(30);

static SHARED: LazyLock<Plane> = LazyLock::new(Plane::start);

/// The plane that all tests of this run share, for one test: where the test fails, it shows what the servers logged meanwhile.
pub fn plane() -> Shared {
    let plane = &*SHARED;
    Shared { plane, logged: plane.logs().map(|log| (std::fs::metadata(&log).map_or(0, |file| file.len()), log)).collect() }
}

/// See [`plane`].
pub struct Shared {
    plane: &'static Plane,
    logged: Vec<(u64, PathBuf)>,
}

impl Deref for Shared {
    type Target = Plane;

    fn deref(&self) -> &Plane {
        self.plane
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.logged.iter().for_each(|(from, log)| show(log, *from));
        }
    }
}

/// A running control plane.
pub struct Plane {
    /// The script makes it and removes it.
    folder: PathBuf,
    child: Child,
    /// Words to the script, and its answers.
    talk: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    crds: OnceCell<()>,
    names: AtomicU32,
}

impl Plane {
    /// Starts one and waits until it is ready.
    pub fn start() -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("provost-plane-{}-{number}", std::process::id()));
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control-plane/run");
        let mut child = Command::new(run)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An interrupt from the keyboard ends this process, and its end the servers.
            .process_group(0)
            .spawn()
            .unwrap();
        let talk = Mutex::new((child.stdin.take(), BufReader::new(child.stdout.take().unwrap())));
        let plane = Self { folder, child, talk, crds: OnceCell::new(), names: 0.into() };
        plane.hear();
        plane
    }

    /// Where the administrator's kubeconfig lies.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A client with the administrator's rights. It belongs to the runtime that calls, so each test takes its own.
    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        // A test wants to see what a refusal was, and never hangs.
        config.default_retry = false;
        config.connect_timeout = Some(SOON);
        Client::try_from(config).unwrap()
    }

    /// A client, once every CRD of ours is established; they are installed at the first call.
    pub async fn crds(&self) -> Client {
        let client = self.client().await;
        self.crds.get_or_init(|| install(client.clone())).await;
        client
    }

    /// Makes a namespace that no other test has, and says its name.
    pub async fn namespace(&self, of: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let name = format!("{of}-{number}");
        let namespace =
            Namespace { metadata: kube::api::ObjectMeta { name: Some(name.clone()), ..Default::default() }, ..Default::default() };
        let api: Api<Namespace> = Api::all(self.client().await);
        soon(api.create(&PostParams::default(), &namespace)).await.unwrap();
        name
    }

    /// From now on namespaces that are deleted end, and what is owned goes with its owner. Install the CRDs before: the collector looks for
    /// new kinds every half a minute only.
    pub fn controllers(&self) {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(talk.0.as_mut().unwrap(), "controllers").unwrap();
        drop(talk);
        self.hear();
    }

    /// Runs kubectl, with words and input.
    pub fn kubectl(&self, words: &[&str], input: &str) -> Output {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/control-plane/bin/kubectl");
        let mut child = Command::new(program)
            .env("KUBECONFIG", self.kubeconfig())
            // It keeps what it discovers: in a folder that goes with the plane.
            .args(["--cache-dir", &self.folder.join("cache").to_string_lossy()])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What kubectl prints; it must succeed.
    pub fn said(&self, words: &[&str]) -> String {
        let output = self.kubectl(words, "");
        assert!(output.status.success(), "kubectl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits for the script's `ready`; its own words, where it fails, stand on stderr.
    fn hear(&self) {
        let mut line = String::new();
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        talk.1.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the control plane did not start (make control-plane builds what is missing)");
    }

    fn logs(&self) -> impl Iterator<Item = PathBuf> {
        ["etcd", "kube-apiserver", "kube-controller-manager"].map(|server| self.folder.join(format!("{server}.log"))).into_iter()
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.logs().for_each(|log| show(&log, 0));
        }
        self.talk.lock().unwrap_or_else(PoisonError::into_inner).0.take();
        self.child.wait().ok();
    }
}

/// What `call` gives; a call that takes too long is a failed one.
pub async fn soon<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, call).await.expect("the API server did not answer in time")
}

async fn install(client: Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client);
    let params = PatchParams::apply(MANAGER).force().validation_strict();
    for crd in provost::api::all_crds() {
        soon(api.patch(&crd.name_any(), &params, &Patch::Apply(&crd))).await.unwrap_or_else(|error| panic!("{}: {error}", crd.name_any()));
    }
    for crd in provost::api::all_crds() {
        soon(established(&api, &crd.name_any())).await;
    }
}

async fn established(api: &Api<CustomResourceDefinition>, name: &str) {
    loop {
        let conditions = api.get(name).await.unwrap().status.and_then(|status| status.conditions).unwrap_or_default();
        if conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The end of what a server logged from there on.
#[expect(clippy::print_stderr, reason = "it is shown where the test fails")]
fn show(log: &Path, from: u64) {
    let mut text = Vec::new();
    let read = std::fs::File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut text)
    });
    if read.is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("{}:\n{}", log.display(), lines[lines.len().saturating_sub(20)..].join("\n"));
    }
}
