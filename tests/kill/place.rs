//! Where the story takes place: targets and ledgers that outlive the process, in memory or in files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use provost::api::target::TargetSystemSpec;
use provost::connector::memory::Memory;
use provost::connector::{self, Opened, Remembered, Wanted};
use provost::ledger::LedgerStore;
use provost::ledger::memory::MemoryLedgers;
use provost::ledger::sqlite::SqliteLedgers;
use provost::model::account::{Account, AccountState};
use provost::model::failure::Failure;
use provost::model::ids::{AccountId, AttributeName, TargetName};
use provost::model::secret::SecretData;

use super::story::{Day, GROUPS, Outside};
use crate::cases::world::entitlement;

/// Targets and ledgers.
#[async_trait(?Send)]
pub trait Place {
    /// The `type` of its TargetSystems.
    fn target_type(&self) -> &'static str;

    /// Whether lost and refused answers are tried as well: they are the same wherever it is.
    fn answers_go_wrong(&self) -> bool;

    /// Opens a target.
    fn open(&self, name: &TargetName, spec: &TargetSystemSpec) -> Result<Opened, Failure>;

    /// The ledgers, as a process that has just started sees them.
    fn ledgers(&self) -> Box<dyn LedgerStore>;

    /// What others do to the targets before that day's run.
    fn prepare(&self, day: &Day);

    /// The same once more, with a life of its own.
    fn copy(&self) -> Self
    where
        Self: Sized;

    /// All accounts of a target.
    async fn accounts(&self, target: &TargetName) -> Vec<Account>;

    fn targets(&self) -> BTreeSet<TargetName> {
        ["app", "dir"].into_iter().map(|name| TargetName::parse(name).unwrap()).collect()
    }
}

/// In memory.
pub struct InMemory {
    memories: BTreeMap<TargetName, Memory>,
    ledgers: MemoryLedgers,
}

impl InMemory {
    pub fn new() -> Self {
        let mut schema = Memory::plain_schema();
        schema.can.end_sessions = true;
        let memories = ["app", "dir"].map(|name| (TargetName::parse(name).unwrap(), Memory::new(schema.clone())));
        Self { memories: memories.into_iter().collect(), ledgers: MemoryLedgers::default() }
    }
}

#[async_trait(?Send)]
impl Place for InMemory {
    fn target_type(&self) -> &'static str {
        "scim"
    }

    fn answers_go_wrong(&self) -> bool {
        true
    }

    fn open(&self, name: &TargetName, _: &TargetSystemSpec) -> Result<Opened, Failure> {
        Ok(self.memories[name].open())
    }

    fn ledgers(&self) -> Box<dyn LedgerStore> {
        Box::new(self.ledgers.another())
    }

    fn prepare(&self, day: &Day) {
        for outside in &day.outside {
            match outside {
                Outside::Exists(id, name) => {
                    let dir = &self.memories[&TargetName::parse("dir").unwrap()];
                    for (target, memory) in &self.memories {
                        GROUPS.iter().for_each(|group| memory.provide(&entitlement(target, group)));
                    }
                    dir.put(Account {
                        id: AccountId::parse(*id).unwrap(),
                        name: (*name).to_owned(),
                        owner: None,
                        state: AccountState::Enabled,
                        version: None,
                        attributes: BTreeMap::new(),
                        partial: BTreeSet::new(),
                        entitlements: BTreeMap::new(),
                        entitlements_complete: true,
                        own_login: false,
                    });
                }
                Outside::Shut(name) => {
                    let dir = &self.memories[&TargetName::parse("dir").unwrap()];
                    let account = dir.accounts().into_iter().find(|account| account.name == *name).unwrap();
                    dir.put(Account { state: AccountState::Disabled, ..account });
                }
            }
        }
    }

    fn copy(&self) -> Self {
        let ledgers = self.memories.keys().filter_map(|target| self.ledgers.kept(target));
        let memories = self.memories.iter().map(|(name, memory)| (name.clone(), memory.copy()));
        Self { memories: memories.collect(), ledgers: MemoryLedgers::new(ledgers) }
    }

    async fn accounts(&self, target: &TargetName) -> Vec<Account> {
        self.memories[target].accounts()
    }
}

/// SQLite files in a folder.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        // In memory where there is such a place: what is durable is not the question here, and hundreds of files are.
        let base = Some(Path::new("/dev/shm")).filter(|path| path.is_dir()).map_or_else(std::env::temp_dir, Path::to_path_buf);
        Self(tempfile::tempdir_in(base).unwrap())
    }

    fn base(&self) -> &Path {
        self.0.path()
    }

    fn spec(target: &TargetName) -> TargetSystemSpec {
        serde_json::from_value(serde_json::json!({"type": "sqlite", "sqlite": {"path": format!("{target}.db"), "create": true}})).unwrap()
    }
}

#[async_trait(?Send)]
impl Place for Files {
    fn target_type(&self) -> &'static str {
        "sqlite"
    }

    fn answers_go_wrong(&self) -> bool {
        false
    }

    fn open(&self, name: &TargetName, spec: &TargetSystemSpec) -> Result<Opened, Failure> {
        connector::open(name, spec, self.base(), &SecretData::default(), Remembered::Nothing)
    }

    fn ledgers(&self) -> Box<dyn LedgerStore> {
        Box::new(SqliteLedgers::new(self.base().join("ledger.db")))
    }

    fn prepare(&self, day: &Day) {
        for outside in &day.outside {
            match outside {
                Outside::Exists(id, name) => {
                    for target in self.targets() {
                        let database = rusqlite::Connection::open(self.base().join(format!("{target}.db"))).unwrap();
                        database.execute_batch(TABLES).unwrap();
                        for group in GROUPS {
                            let (kind, name) = group.split_once('/').unwrap();
                            database.execute("INSERT INTO entitlements (kind, name) VALUES (?1, ?2)", (kind, name)).unwrap();
                        }
                        if target.as_str() == "dir" {
                            database.execute("INSERT INTO accounts (id, userName, active) VALUES (?1, ?2, 1)", (id, name)).unwrap();
                        }
                    }
                }
                Outside::Shut(name) => {
                    let database = rusqlite::Connection::open(self.base().join("dir.db")).unwrap();
                    assert_eq!(database.execute("UPDATE accounts SET active = 0 WHERE userName = ?1", [name]).unwrap(), 1);
                }
            }
        }
    }

    fn copy(&self) -> Self {
        let copy = Self::new();
        for entry in std::fs::read_dir(self.base()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.base().join(entry.file_name())).unwrap();
        }
        copy
    }

    async fn accounts(&self, target: &TargetName) -> Vec<Account> {
        let (reader, _) = self.open(target, &Self::spec(target)).unwrap();
        let attributes = ["userName", "email", "title"].into_iter().map(|name| AttributeName::parse(name).unwrap()).collect();
        let observed = reader.list(&Wanted { began: Timestamp::UNIX_EPOCH, attributes }).await.unwrap();
        observed.accounts().cloned().collect()
    }
}

/// A table that is shaped by somebody else.
const TABLES: &str = r#"
    CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, userName TEXT NOT NULL UNIQUE, ownerKey TEXT UNIQUE,
        active INTEGER NOT NULL DEFAULT 1, email TEXT, title TEXT);
    CREATE TABLE entitlements (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name));
    CREATE TABLE grants (account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, kind TEXT NOT NULL, name TEXT NOT NULL,
        "right" TEXT NOT NULL DEFAULT '', PRIMARY KEY (account, kind, name, "right"), FOREIGN KEY (kind, name) REFERENCES entitlements (kind, name));
"#;
