//! The accounts of a SQLite target, read and changed as somebody else would: with a client of the database alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;

/// One file.
pub struct Accounts {
    path: PathBuf,
}

/// The tables that Provost makes itself where it may.
pub const TABLES: &str = "
    CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, userName TEXT NOT NULL UNIQUE, ownerKey TEXT UNIQUE,
        active INTEGER NOT NULL DEFAULT 1, displayName TEXT, givenName TEXT, familyName TEXT, email TEXT, title TEXT, department TEXT,
        manager TEXT);
    CREATE TABLE entitlements (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name));
    CREATE TABLE grants (account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, kind TEXT NOT NULL, name TEXT NOT NULL,
        \"right\" TEXT NOT NULL DEFAULT '', PRIMARY KEY (account, kind, name, \"right\"));";

/// Every write to the tables of accounts leaves a line.
const WATCHED: &str = "
    CREATE TABLE writes (at INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL);
    CREATE TRIGGER made AFTER INSERT ON accounts BEGIN
        INSERT INTO writes (line) VALUES ('create ' || NEW.userName);
    END;
    CREATE TRIGGER shut AFTER UPDATE OF active ON accounts WHEN OLD.active <> NEW.active BEGIN
        INSERT INTO writes (line) VALUES (iif(NEW.active, 'enable ', 'disable ') || NEW.userName);
    END;
    CREATE TRIGGER changed AFTER UPDATE ON accounts WHEN OLD.active IS NEW.active BEGIN
        INSERT INTO writes (line) VALUES ('set ' || NEW.userName);
    END;
    CREATE TRIGGER removed AFTER DELETE ON accounts BEGIN
        INSERT INTO writes (line) VALUES ('delete ' || OLD.userName);
    END;
    CREATE TRIGGER given AFTER INSERT ON grants BEGIN
        INSERT INTO writes (line) SELECT 'grant ' || userName || ' ' || NEW.kind || '/' || NEW.name FROM accounts WHERE id = NEW.account;
    END;
    CREATE TRIGGER taken AFTER DELETE ON grants BEGIN
        INSERT INTO writes (line) SELECT 'revoke ' || userName || ' ' || OLD.kind || '/' || OLD.name FROM accounts WHERE id = OLD.account;
    END;";

impl Accounts {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Names of those that can be used.
    pub fn enabled(&self) -> BTreeSet<String> {
        self.texts("SELECT userName FROM accounts WHERE active").into_iter().collect()
    }

    /// Names of those that cannot.
    pub fn disabled(&self) -> BTreeSet<String> {
        self.texts("SELECT userName FROM accounts WHERE NOT active").into_iter().collect()
    }

    /// `ann group/staff`
    pub fn grants(&self) -> BTreeSet<String> {
        let sql = "SELECT userName || ' ' || kind || '/' || name || iif(\"right\" = '', '', ':' || \"right\")
                   FROM grants JOIN accounts ON accounts.id = grants.account";
        self.texts(sql).into_iter().collect()
    }

    /// Every account with all its columns but the id, by name.
    pub fn all(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let rows = self.rows("SELECT * FROM accounts");
        rows.into_iter()
            .map(|mut row| {
                row.remove("id");
                let Some(Value::Text(name)) = row.get("userName").cloned() else { panic!("an account without a name: {row:?}") };
                (name, row)
            })
            .collect()
    }

    /// All that is there, ids as well.
    pub fn whole(&self) -> Vec<BTreeMap<String, Value>> {
        let tables =
            ["SELECT * FROM accounts ORDER BY id", "SELECT * FROM entitlements ORDER BY 1, 2", "SELECT * FROM grants ORDER BY 1, 2, 3, 4"];
        tables.into_iter().flat_map(|sql| self.rows(sql)).collect()
    }

    /// From now on every write leaves a line.
    pub fn watch(&self) {
        self.execute(WATCHED);
    }

    /// The lines since [`Self::watch`], in their order.
    pub fn writes(&self) -> Vec<String> {
        self.texts("SELECT line FROM writes ORDER BY at")
    }

    pub fn execute(&self, sql: &str) {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let text = |row: BTreeMap<String, Value>| match row.into_values().next() {
            Some(Value::Text(text)) => text,
            other => panic!("{sql}: {other:?}"),
        };
        self.rows(sql).into_iter().map(text).collect()
    }

    /// Nothing where the file is not there, or has no tables yet.
    fn rows(&self, sql: &str) -> Vec<BTreeMap<String, Value>> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let Ok(connection) = Connection::open_with_flags(&self.path, flags) else { return Vec::new() };
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        let mut statement = match connection.prepare(sql) {
            Ok(statement) => statement,
            Err(error) if error.to_string().contains("no such table") => return Vec::new(),
            Err(error) => panic!("{sql}: {error}"),
        };
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let read = statement.query_map([], |row| columns.iter().map(|column| Ok((column.clone(), row.get(column.as_str())?))).collect());
        read.unwrap().map(Result::unwrap).collect()
    }
}
