//! A real SCIM server for tests: `scim2-server`, as `tests/scim/build` installs it.
//!
//! ```text
//! tenant() ─► an empty service of its own on the server that all tests share      Server::start(&profile) ─► a server of its own
//! ```
//!
//! A server ends with the pipe that this process holds, so none outlives it, however it ends.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the server takes as login.
pub const TOKEN: &str = "t0ken";

/// How long a server may take to come up.
const SOON: Duration = Duration::from_secs(60);

/// Whether the server is installed: [`tenant`] fails where it is not.
pub fn is_installed() -> bool {
    program().exists()
}

fn program() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/scim/bin/scim2-server")
}

static SHARED: LazyLock<Server> = LazyLock::new(|| Server::start(None));

/// An empty service on the shared server. Where the test fails, it shows what the server logged last.
pub fn tenant() -> Service {
    static TENANTS: AtomicU32 = AtomicU32::new(0);
    let number = TENANTS.fetch_add(1, Ordering::Relaxed);
    Service { server: Holder::Shared(&SHARED), base: format!("http://127.0.0.1:{}/t{number}/v2", SHARED.port) }
}

/// An empty service on a server of its own, which says this of itself and does so.
pub fn with_profile(profile: &serde_json::Value) -> Service {
    let server = Server::start(Some(profile));
    let base = format!("http://127.0.0.1:{}/t/v2", server.port);
    Service { server: Holder::Own(server), base }
}

/// A SCIM service for one test.
pub struct Service {
    server: Holder,
    pub base: String,
}

enum Holder {
    Shared(&'static Server),
    Own(Server),
}

impl Service {
    pub fn port(&self) -> u16 {
        match &self.server {
            Holder::Shared(server) => server.port,
            Holder::Own(server) => server.port,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            match &self.server {
                Holder::Shared(server) => server.show(),
                Holder::Own(server) => server.show(),
            }
        }
    }
}

struct Server {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl Server {
    fn start(profile: Option<&serde_json::Value>) -> Self {
        let program = program();
        assert!(is_installed(), "the SCIM server is not installed: run `make scim-server`");
        // Somebody else may take the port before the server does.
        let servers = std::iter::repeat_with(|| Self::spawn(&program, profile)).take(5);
        servers.into_iter().find(Self::comes_up).expect("a SCIM server")
    }

    fn spawn(program: &Path, profile: Option<&serde_json::Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = File::create(folder.path().join("log")).unwrap();
        // The server ends when the shell's input does: that is, when this process does.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#""$@" </dev/null & server=$!; cat; kill $server; wait $server"#, "sh"]).arg(program);
        command.args(["--port", &port.to_string(), "--bearer-token", TOKEN, "--dynamic-tenants"]);
        if let Some(profile) = profile {
            let file = folder.path().join("profile.json");
            std::fs::write(&file, profile.to_string()).unwrap();
            command.arg("--service-provider-config").arg(file);
        }
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { port, child: command.spawn().unwrap(), folder }
    }

    fn comes_up(&self) -> bool {
        let started = Instant::now();
        while started.elapsed() < SOON {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            if self.log().contains("Address already in use") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.show();
        panic!("the SCIM server did not come up in time");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    #[expect(clippy::print_stderr, reason = "it is shown where the test fails")]
    fn show(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        eprintln!("the SCIM server on port {}:\n{}", self.port, lines[lines.len().saturating_sub(40)..].join("\n"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.stdin.take();
        self.child.wait().ok();
    }
}
