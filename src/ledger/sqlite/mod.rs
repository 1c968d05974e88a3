//! Ledgers in one SQLite file, `.provost/ledger.db` of a folder.
//!
//! Each link has a row of its own, so that a fact rewrites no more than it concerns. A write is one IMMEDIATE transaction, durable when
//! it returns (WAL, `synchronous=FULL`), and raises the target's version: the fence. Nothing makes the file before the first fact.
//! A store for reading only leaves no trace at all, neither a file nor one beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use self::rows::{TABLES, Trouble, keep, ledger, raise};
use super::{LedgerStore, StoreError};
use crate::model::ids::TargetName;
use crate::model::ledger::{Fact, Ledger};

mod rows;

/// The format that this program writes, kept in `user_version`.
const FORMAT: i64 = 1;

/// How long a call waits for another program that has the file locked.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a store may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Full,
    ReadOnly,
}

/// Ledgers in one SQLite file, as one session sees them.
#[derive(Debug)]
pub struct SqliteLedgers {
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    path: PathBuf,
    access: Access,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Kept open between calls, once the file is there and may be written.
    connection: Option<Connection>,
    /// What this session loaded or wrote last.
    versions: BTreeMap<TargetName, i64>,
}

impl SqliteLedgers {
    /// The ledgers of this file; the file and its folder are made with the first fact.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with(path.into(), Access::Full)
    }

    /// The same, for those who must not write anything: `record` is refused, and a missing file holds no ledgers.
    #[must_use]
    pub fn read_only(path: impl Into<PathBuf>) -> Self {
        Self::with(path.into(), Access::ReadOnly)
    }

    fn with(path: PathBuf, access: Access) -> Self {
        Self { inside: Arc::new(Inside { path, access, state: Mutex::default() }) }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Inside) -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
        let inside = Arc::clone(&self.inside);
        let answer = tokio::task::spawn_blocking(move || work(&inside)).await;
        answer.unwrap_or_else(|error| Err(StoreError::Store(format!("the thread of the ledger ended: {error}"))))
    }
}

#[async_trait]
impl LedgerStore for SqliteLedgers {
    async fn load(&self, target: &TargetName) -> Result<Ledger, StoreError> {
        let target = target.clone();
        self.run(move |inside| inside.load(target)).await
    }

    async fn targets(&self) -> Result<Vec<TargetName>, StoreError> {
        self.run(|inside| {
            let names = inside.read(|connection, _| {
                let mut statement = connection.prepare("SELECT target FROM ledgers ORDER BY target")?;
                let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
                Ok(names)
            })?;
            let parse = |name: String| TargetName::parse(name).map_err(|error| inside.damaged(&error));
            names.unwrap_or_default().into_iter().map(parse).collect()
        })
        .await
    }

    async fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        if facts.is_empty() {
            return Ok(());
        }
        let (target, facts) = (target.clone(), facts.to_vec());
        self.run(move |inside| inside.record(&target, &facts)).await
    }
}

impl Inside {
    fn load(&self, target: TargetName) -> Result<Ledger, StoreError> {
        let loaded = self.read(|connection, state| {
            let (version, ledger) = ledger(connection, &target)?;
            state.insert(target.clone(), version);
            Ok(ledger)
        })?;
        Ok(loaded.unwrap_or_else(|| {
            self.lock().versions.insert(target.clone(), 0);
            Ledger::new(target)
        }))
    }

    /// Reads at one instant; `None` where there is no file, or nothing in it yet.
    fn read<T>(&self, work: impl Fn(&Connection, &mut BTreeMap<TargetName, i64>) -> Result<T, Trouble>) -> Result<Option<T>, StoreError> {
        if !self.path.try_exists().map_err(|error| self.unusable(&error))? {
            return Ok(None);
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        if self.access == Access::Full {
            let connection = self.connect(&mut state.connection)?;
            return self.read_with(connection, &mut state.versions, &work);
        }
        // A file that was closed in good order is read as if nobody could change it: anything else would leave files beside it. If
        // somebody did change it meanwhile, the reading does not count.
        let before = self.stamp();
        if before.is_some() {
            let mut connection = self.open_as_it_is()?;
            let seen = self.read_with(&mut connection, &mut state.versions, &work);
            if self.stamp() == before {
                return seen;
            }
        }
        let mut connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| self.sql(&error))?;
        self.read_with(&mut connection, &mut state.versions, &work)
    }

    fn read_with<T>(
        &self,
        connection: &mut Connection,
        versions: &mut BTreeMap<TargetName, i64>,
        work: impl Fn(&Connection, &mut BTreeMap<TargetName, i64>) -> Result<T, Trouble>,
    ) -> Result<Option<T>, StoreError> {
        let mut look = || {
            connection.busy_timeout(PATIENCE)?;
            let transaction = connection.transaction()?;
            if self.is_empty(&transaction)? { Ok(None) } else { work(&transaction, versions).map(Some) }
        };
        look().map_err(|trouble| self.trouble(trouble))
    }

    fn record(&self, target: &TargetName, facts: &[Fact]) -> Result<(), StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::Store(format!("the ledger {} is open for reading only", self.path.display())));
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        let version = state.versions.get(target).copied().ok_or_else(|| StoreError::not_loaded(target))?;
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| self.unusable(&error))?;
        }
        let connection = self.connect(&mut state.connection)?;
        let mut write = || -> Result<(), Trouble> {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if self.is_empty(&transaction)? {
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
            }
            if !raise(&transaction, target, version)? {
                return Err(Trouble::Store(StoreError::Conflict(target.clone())));
            }
            for fact in facts {
                keep(&transaction, target, fact)?;
            }
            Ok(transaction.commit()?)
        };
        let written = write();
        if matches!(written, Err(Trouble::Sql(_))) {
            // Whatever state it is in, the next call begins with a fresh one.
            state.connection = None;
        }
        written.map_err(|trouble| self.trouble(trouble))?;
        state.versions.insert(target.clone(), version + 1);
        Ok(())
    }

    /// The one connection that may write, opened where it is not.
    fn connect<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a mut Connection, StoreError> {
        let connection = match slot.take() {
            Some(connection) if self.path.exists() => connection,
            _ => self.open().map_err(|trouble| self.trouble(trouble))?,
        };
        Ok(slot.insert(connection))
    }

    fn open(&self) -> Result<Connection, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        // Looked at before anything is changed: it may be another program's.
        self.is_empty(&connection)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(connection)
    }

    /// Takes no lock and makes no file beside it.
    fn open_as_it_is(&self) -> Result<Connection, StoreError> {
        let path = std::path::absolute(&self.path).map_err(|error| self.unusable(&error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(format!("file:{}?immutable=1", uri_path(&path)), flags).map_err(|error| self.sql(&error))
    }

    /// Size and age of the file; `None` while there is a log beside it, which holds what the file does not.
    fn stamp(&self) -> Option<(u64, SystemTime)> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if Path::new(&log).exists() {
            return None;
        }
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    }

    /// Whether there is nothing in the file yet.
    fn is_empty(&self, connection: &Connection) -> Result<bool, Trouble> {
        let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let path = self.path.display();
        let refused = |text: String| Err(Trouble::Store(StoreError::Store(text)));
        match format {
            FORMAT => Ok(false),
            0 => {
                let others: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
                if others {
                    refused(format!("{path} is a database of another program; name another file for the ledger"))
                } else {
                    Ok(true)
                }
            }
            newer if newer > FORMAT => refused(format!(
                "the ledger {path} was written by a newer provost (format {newer}, this one knows {FORMAT}); use that version"
            )),
            odd => refused(format!("{path} is no ledger (format {odd})")),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, trouble: Trouble) -> StoreError {
        match trouble {
            Trouble::Sql(error) => self.sql(&error),
            Trouble::Text(error) => self.damaged(&error),
            Trouble::Store(error) => error,
        }
    }

    fn sql(&self, error: &rusqlite::Error) -> StoreError {
        let path = self.path.display();
        let code = error.sqlite_error_code();
        StoreError::Store(if matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) {
            format!("the ledger {path} is locked: another provost is at work in this folder; try again when it is done")
        } else if code == Some(ErrorCode::NotADatabase) {
            format!("{path} is no ledger: {error}")
        } else {
            format!("the ledger {path} cannot be used: {error}")
        })
    }

    fn unusable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Store(format!("the ledger {} cannot be used: {error}", self.path.display()))
    }

    fn damaged(&self, error: &dyn std::error::Error) -> StoreError {
        StoreError::Store(format!("the ledger {} holds what cannot be read: {error}", self.path.display()))
    }
}

/// A path as the path of a `file:` URI.
fn uri_path(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
