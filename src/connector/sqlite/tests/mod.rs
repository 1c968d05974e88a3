//! The connector against real files.

use std::path::PathBuf;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::table::Ident;
use crate::api::target::{CredentialsSpec, ProtectedSpec, SafetySpec, SqliteSpec, TargetType};
use crate::connector::contract::{self, Subject};
use crate::connector::{Batch, Done, Reader, Wanted, Write, Writer, check, open};
use crate::model::account::{Account, AccountKey, AccountState};
use crate::model::change::{Act, Cause, Change};
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AccountName, AttributeName, OwnerKey, PersonId, RealmId, TargetName};
use crate::model::observed::{Lookup, Observed};
use crate::model::value::{Attributes, Value};

use super::*;

mod reading;
mod settings;
mod writing;

/// A target on a file in a folder of its own.
struct Trial {
    folder: TempDir,
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
}

impl Trial {
    fn new(create: bool) -> Self {
        Self::within(TempDir::new().unwrap(), create, Remembered::Nothing)
    }

    fn within(folder: TempDir, create: bool, remembered: Remembered) -> Self {
        let (reader, writer) = open(&target(), &spec("data/crm.db", create), folder.path(), &Default::default(), remembered).unwrap();
        Self { folder, reader, writer }
    }

    /// A file that somebody else made.
    fn made_by(sql: &str) -> Self {
        let trial = Self::new(false);
        std::fs::create_dir(trial.folder.path().join("data")).unwrap();
        trial.sql(sql);
        trial
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/crm.db")
    }

    /// What another program does to the file.
    fn sql(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }

    fn ask(&self, sql: &str) -> String {
        Connection::open(self.path()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    async fn list(&self, attributes: &[&str]) -> Observed {
        self.reader.list(&wanted(attributes)).await.unwrap()
    }

    async fn write(&self, writes: Vec<Write>) -> Vec<Option<Result<Done, Failure>>> {
        let mut batch = Batch { writes: writes.into_iter().map(|write| (write, None)).collect() };
        self.writer.write(&mut batch).await;
        batch.writes.into_iter().map(|(_, answer)| answer).collect()
    }

    async fn one(&self, write: Write) -> Result<Done, Failure> {
        self.write(vec![write]).await.pop().unwrap().expect("an answer")
    }

    /// Does this to the only account that the listing shows under that id.
    async fn act(&self, id: &str, act: Act) -> Result<Done, Failure> {
        let observed = self.list(&[]).await;
        let id = AccountId::parse(id).unwrap();
        let change = Change::of(key("ann"), observed.seen(&id).expect("the account is listed"), act, Cause::Policy, Vec::new());
        self.one(Write { id: Some(id), ..write(change) }).await
    }
}

fn target() -> TargetName {
    TargetName::parse("crm").unwrap()
}

fn spec(path: &str, create: bool) -> TargetSystemSpec {
    TargetSystemSpec { sqlite: Some(SqliteSpec { path: path.to_owned(), create }), ..TargetSystemSpec::default() }
}

fn attribute(name: &str) -> AttributeName {
    AttributeName::parse(name).unwrap()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn wanted(attributes: &[&str]) -> Wanted {
    Wanted { attributes: attributes.iter().map(|name| attribute(name)).collect(), ..Wanted::default() }
}

fn key(person: &str) -> AccountKey {
    AccountKey { person: PersonId::parse(person).unwrap(), target: target(), account: AccountName::ordinary() }
}

fn owner(person: &str) -> OwnerKey {
    OwnerKey { realm: RealmId::parse("acme").unwrap(), person: PersonId::parse(person).unwrap(), account: AccountName::ordinary() }
}

fn entitlement(text: &str) -> EntitlementKey {
    EntitlementKey::parse(&format!("crm/{text}")).unwrap()
}

fn write(change: Change) -> Write {
    let owner = owner(change.key().person.as_str());
    Write { id: change.id().cloned(), owner, attributes: Attributes::new(), password: None, change }
}

fn create(person: &str, attributes: &[(&str, Value)]) -> Write {
    let empty = Observed::listed(Default::default(), Extent::Complete, Vec::new(), None);
    let missing = empty.missing(&[]).unwrap();
    let change = Change::create(key(person), missing, person.to_owned(), AccountState::Enabled, Attributes::new(), Vec::new());
    Write { attributes: attributes.iter().map(|(name, value)| (attribute(name), value.clone())).collect(), ..write(change) }
}

fn grant(person: &str, held: &str) -> Write {
    write(Change::grant(key(person), None, entitlement(held), Vec::new()))
}

fn only(observed: &Observed) -> Account {
    let accounts: Vec<_> = observed.accounts().collect();
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    accounts[0].clone()
}

fn subject<'a>(trial: &'a Trial, attribute_name: &str) -> Subject<'a> {
    Subject {
        reader: &*trial.reader,
        writer: &*trial.writer,
        target: target(),
        attribute: attribute(attribute_name),
        entitlement: entitlement("group/staff"),
        texts: vec!["a\0b".to_owned()],
    }
}

#[tokio::test]
async fn the_contract_holds_on_tables_that_provost_makes() {
    let trial = Trial::new(true);
    let provide = write(Change::provide(key("ann"), entitlement("group/staff"), Vec::new()));
    assert_eq!(trial.one(provide).await, Ok(Done { id: None, already: false }));
    let report = contract::run(&subject(&trial, "displayName")).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn the_contract_holds_on_tables_of_ones_own() {
    // No constraint but the id, odd names, nothing that refers to anything.
    let trial = Trial::made_by(
        r#"CREATE TABLE accounts (id INTEGER PRIMARY KEY, userName, ownerKey, active, "the ""own"" column");
           CREATE TABLE entitlements (kind, name);
           CREATE TABLE grants (account, kind, name, "right");
           INSERT INTO entitlements VALUES ('group', 'staff')"#,
    );
    let report = contract::run(&subject(&trial, r#"the "own" column"#)).await;
    assert!(report.passed(), "{report}");
    assert!(!trial.reader.probe().await.unwrap().can.stable_ids, "ids are given again without AUTOINCREMENT");
}
