//! The file itself: opened anew for every call, so that a file that was replaced or is gone is noticed; what SQLite refuses becomes a
//! [`Failure`].

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::table::{Problem, Table};
use crate::connector::Remembered;
use crate::model::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(5);

/// Made at the first write, where `create` is set: each where it is not there. An id is never given twice (AUTOINCREMENT).
const TABLES: [(&str, &str); 3] = [
    (
        "accounts",
        "CREATE TABLE accounts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            userName TEXT NOT NULL UNIQUE,
            ownerKey TEXT UNIQUE,
            active INTEGER NOT NULL DEFAULT 1,
            displayName TEXT,
            givenName TEXT,
            familyName TEXT,
            email TEXT,
            title TEXT,
            department TEXT,
            manager TEXT
        )",
    ),
    (
        "entitlements",
        "CREATE TABLE entitlements (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (kind, name)
        )",
    ),
    (
        "grants",
        r#"CREATE TABLE grants (
            account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            "right" TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (account, kind, name, "right"),
            FOREIGN KEY (kind, name) REFERENCES entitlements (kind, name)
        );
        CREATE INDEX grants_by_name ON grants (kind, name)"#,
    ),
];

/// One SQLite file and who may use it: one call of ours at a time.
pub(super) struct Database {
    path: PathBuf,
    create: bool,
    remembered: Remembered,
    /// How long a call waits for another program that has the file locked.
    pub(super) patience: Duration,
    /// Whoever has it has the file; whether it was there once.
    turn: Mutex<bool>,
}

impl Database {
    pub(super) fn new(path: PathBuf, create: bool, remembered: Remembered) -> Self {
        Self { path, create, remembered, patience: PATIENCE, turn: Mutex::new(false) }
    }

    /// Reads at one instant. `None` where there is nothing yet that the first write will make.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection, &Table) -> Result<T, Failure>) -> Result<Option<T>, Failure> {
        let mut was_there = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_there()? {
            return self.nothing_there(*was_there).map(|()| None);
        }
        // Not opened read-only: after a crash of whoever wrote last, only a connection that may write can roll the file back.
        let mut connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true).map_err(|error| self.failure(&error))?;
        let transaction = connection.transaction().map_err(|error| self.failure(&error))?;
        match self.table(&transaction)? {
            Some(table) => {
                *was_there = true;
                work(&transaction, &table).map(Some)
            }
            None => self.nothing_there(*was_there).map(|()| None),
        }
    }

    /// Writes in one transaction, which has the file to itself; a failure leaves everything as it was. `Err(Unknown)`: nobody knows
    /// whether it was kept.
    pub(super) fn write<T>(&self, work: impl FnOnce(&mut Transaction<'_>, &Table) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut was_there = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        if !self.is_there()? {
            self.nothing_there(*was_there)?;
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|error| retry(format!("the folder {} cannot be made: {error}", folder.display())))?;
            }
        }
        let mut connection = self.open(flags)?;
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| self.failure(&error))?;
        if self.create {
            if self.table(&transaction)?.is_none() {
                self.nothing_there(*was_there)?;
            }
            make_tables(&transaction).map_err(|error| self.failure(&error))?;
        }
        let table = self.table(&transaction)?.ok_or_else(|| Failure::Bug(format!("{} has no tables after they were made", self.what())))?;
        let answer = work(&mut transaction, &table)?;
        match transaction.commit() {
            Ok(()) => {
                *was_there = true;
                Ok(answer)
            }
            Err(error) if is_busy(&error) => Err(self.failure(&error)),
            Err(_) => Err(Failure::Unknown),
        }
    }

    /// What SQLite said of the file as a whole.
    pub(super) fn failure(&self, error: &rusqlite::Error) -> Failure {
        let what = self.what();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => retry(format!("{what} is locked by another program")),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                Failure::Denied(format!("{what} cannot be written: {error}"))
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Failure::Config(format!("{what} cannot be read as one: {error}; look at spec.sqlite.path"))
            }
            Some(ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::SchemaChanged) => {
                retry(format!("{what}: {error}"))
            }
            _ => Failure::Bug(format!("{what}: {error}")),
        }
    }

    fn is_there(&self) -> Result<bool, Failure> {
        self.path.try_exists().map_err(|error| retry(format!("{} cannot be reached: {error}", self.what())))
    }

    /// There is no file, or an empty one. It is made at the first write, but never a second time: who has an account in the one that was
    /// there would get another, and nothing more would be known of the first.
    fn nothing_there(&self, was_there: bool) -> Result<(), Failure> {
        let what = self.what();
        if was_there || self.remembered == Remembered::Accounts {
            let how = "restore it, or let spec.sqlite.path name the file that has them; where it is gone for good, delete this \
                       TargetSystem and declare one of another name";
            Err(retry(format!("{what} is not there, or empty, and accounts in it are on record: {how}")))
        } else if self.create {
            Ok(())
        } else {
            Err(retry(format!("{what} is not there; look at spec.sqlite.path, or let `create: true` make it at the first write")))
        }
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, Failure> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(self.patience)?;
            // A file is a stranger's text: no functions in its schema, and a name in quotes is never a string.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            Ok(connection)
        };
        connect().map_err(|error| self.failure(&error))
    }

    /// The tables as they are, or `None` where they are still to be made.
    fn table(&self, connection: &Connection) -> Result<Option<Table>, Failure> {
        let problem = match Table::read(connection).map_err(|error| self.failure(&error))? {
            Ok(table) if table.is_whole || self.create => return Ok(Some(table)),
            Ok(_) => Problem::MissingTable("entitlements or no table grants"),
            Err(Problem::MissingTable(_)) if self.create => return Ok(None),
            Err(problem) => problem,
        };
        Err(Failure::Config(format!("{} {problem}", self.what())))
    }

    fn what(&self) -> String {
        format!("SQLite file {}", self.path.display())
    }
}

fn retry(why: String) -> Failure {
    Failure::Retry { after: None, why }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    for (name, sql) in TABLES {
        if !connection.table_exists(Some("main"), name)? {
            connection.execute_batch(sql)?;
        }
    }
    Ok(())
}
