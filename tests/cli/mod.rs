//! The command line on folders: what it prints, what it writes, and its exit codes.

mod acme;
mod announced;
mod answers;
mod bad_input;
mod clear;
mod codes;
mod process;
mod said;
mod sensitive;
mod shown;
mod stopped;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use provost::cli::{World, run};
use tempfile::TempDir;

/// When the tests happen.
const NOW: &str = "2026-11-24T09:00:00Z";

/// A folder of manifests of its own, and the time in it.
struct Folder {
    dir: TempDir,
    now: Timestamp,
}

/// What a command wrote, and how it ended.
#[derive(Debug)]
struct Ran {
    code: u8,
    out: String,
    err: String,
}

/// Something that can be written to and read afterwards.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Folder {
    /// A copy of a folder of this repository, without what Provost made there.
    fn of(path: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), dir.path());
        let _ = std::fs::remove_dir_all(dir.path().join(".provost"));
        Self { dir, now: NOW.parse().unwrap() }
    }

    /// The small realm.
    fn small() -> Self {
        Self::of("tests/realms/small")
    }

    /// The small realm, its accounts made.
    fn applied() -> Self {
        static APPLIED: OnceLock<Folder> = OnceLock::new();
        let made = APPLIED.get_or_init(|| {
            let folder = Self::small();
            folder.apply().expect(0);
            folder
        });
        let folder = Self { dir: tempfile::tempdir().unwrap(), now: made.now };
        copy(made.dir.path(), folder.dir.path());
        folder
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn write(&self, file: &str, text: &str) -> &Self {
        std::fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        std::fs::write(self.path(file), text).unwrap();
        self
    }

    fn remove(&self, file: &str) -> &Self {
        std::fs::remove_file(self.path(file)).unwrap();
        self
    }

    /// Replaces a text that must be there.
    fn edit(&self, file: &str, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        self.write(file, &text.replace(from, to))
    }

    fn at(mut self, now: &str) -> Self {
        self.now = now.parse().unwrap();
        self
    }

    /// Runs a command on this folder, with nobody there to ask.
    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, None)
    }

    /// Runs a command on this folder; `typed` is what somebody answers at the terminal.
    fn run_with(&self, arguments: &[&str], typed: Option<&str>) -> Ran {
        let (out, err) = (Written::default(), Written::default());
        let world = World {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(typed.unwrap_or_default().to_owned().into_bytes())),
            terminal: typed.is_some(),
            colour: false,
            colour_messages: false,
            quiet: false,
            now: self.now,
        };
        let folder = self.dir.path().to_str().unwrap();
        let all = ["provost"].iter().chain(arguments).copied().chain(["-f", folder]).map(OsString::from);
        let code = run(all, world);
        // Where the folder happens to be is of no interest.
        Ran { code, out: out.text().replace(folder, "FOLDER"), err: err.text().replace(folder, "FOLDER") }
    }

    fn plan(&self) -> Ran {
        self.run(&["plan"])
    }

    fn apply(&self) -> Ran {
        self.run(&["apply", "--auto-approve", "--quiet"])
    }

    fn open(&self, target: &str) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path(&format!(".provost/targets/{target}.db"))).unwrap()
    }

    /// `name` of every account that can be used.
    fn enabled(&self, target: &str) -> BTreeSet<String> {
        texts(&self.open(target), "SELECT userName FROM accounts WHERE active = 1")
    }

    /// `name kind/entitlement` of all that is held.
    fn grants(&self, target: &str) -> BTreeSet<String> {
        texts(&self.open(target), "SELECT a.userName || ' ' || g.kind || '/' || g.name FROM grants g JOIN accounts a ON a.id = g.account")
    }

    /// All that people can use and hold in the targets of the small realm.
    fn access(&self) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
        ["directory", "billing"].map(|target| (target.to_owned(), (self.enabled(target), self.grants(target)))).into()
    }

    /// Every file below, byte for byte.
    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        gather(self.dir.path(), &mut all);
        all
    }
}

impl Ran {
    /// Fails with all that was written where the code is another one.
    #[track_caller]
    fn expect(self, code: u8) -> Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }

    /// Fails where stderr lacks one of these.
    #[track_caller]
    fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "stderr lacks `{text}`\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        }
        self
    }

    /// Fails where stdout lacks one of these.
    #[track_caller]
    fn prints(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.out.contains(text), "stdout lacks `{text}`\n--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        }
        self
    }
}

fn texts(connection: &rusqlite::Connection, query: &str) -> BTreeSet<String> {
    let mut statement = connection.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn gather(path: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), all);
        } else {
            all.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
}
