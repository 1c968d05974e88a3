//! Writes: one transaction a batch, a savepoint a write, so that what one account refuses is undone alone.

use std::collections::BTreeMap;

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params, params_from_iter};

use super::database::Database;
use super::read::{exists, number, right};
use super::table::{Table, state};
use crate::connector::{Batch, Done};
use crate::model::account::{AccountKey, AccountState};
use crate::model::change::Act;
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AttributeName, OwnerKey};
use crate::model::value::{Attributes, Value};

/// One write that has no answer yet, apart from its batch, so that it can go to another thread.
pub(super) struct Job {
    /// Its place in the batch.
    pub(super) place: usize,
    key: AccountKey,
    act: Act,
    id: Option<AccountId>,
    owner: OwnerKey,
    attributes: Attributes,
}

/// An answer, and the place in the batch to which it belongs.
pub(super) type Answer = (usize, Result<Done, Failure>);

/// The writes of a batch that have no answer yet.
pub(super) fn jobs(batch: &Batch) -> Vec<Job> {
    let open = batch.writes.iter().enumerate().filter(|(_, (_, answer))| answer.is_none());
    open.map(|(place, (write, _))| Job {
        place,
        key: write.change.key().clone(),
        act: write.change.act().clone(),
        id: write.id.clone(),
        owner: write.owner.clone(),
        attributes: write.attributes.clone(),
    })
    .collect()
}

/// Why a write was not done.
enum Trouble {
    /// This one alone.
    This(Failure),
    /// The file as a whole: nothing of the batch is kept.
    All(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::All(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::This(failure)
    }
}

/// Does all jobs in order. An error: nothing was done at all.
pub(super) fn carry_out(
    database: &Database,
    transaction: &mut Transaction<'_>,
    table: &Table,
    jobs: &[Job],
) -> Result<Vec<Answer>, Failure> {
    let mut created: BTreeMap<AccountKey, Result<AccountId, Failure>> = BTreeMap::new();
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let mut savepoint = transaction.savepoint().map_err(|error| database.failure(&error))?;
        let account = match &job.id {
            Some(id) => Some(Ok(id.clone())),
            None => created.get(&job.key).cloned(),
        };
        let answer = match (Accounts { connection: &savepoint, table }.carry_out(job, account)) {
            Ok(done) => Ok(done),
            Err(Trouble::This(failure)) => Err(failure),
            Err(Trouble::All(error)) => Err(refused(&error, job).ok_or_else(|| database.failure(&error))?),
        };
        if answer.is_err() {
            savepoint.rollback().map_err(|error| database.failure(&error))?;
        }
        savepoint.commit().map_err(|error| database.failure(&error))?;
        if let Act::Create { .. } = job.act {
            let id = answer.clone().and_then(|done| done.id.ok_or_else(|| Failure::Bug("an account without an id was made".to_owned())));
            created.insert(job.key.clone(), id);
        }
        answers.push((job.place, answer));
    }
    Ok(answers)
}

/// The accounts of one file, inside a transaction.
struct Accounts<'a> {
    connection: &'a Connection,
    table: &'a Table,
}

impl Accounts<'_> {
    fn carry_out(&self, job: &Job, account: Option<Result<AccountId, Failure>>) -> Result<Done, Trouble> {
        match &job.act {
            Act::Create { name, state, .. } => return self.create(job, name, *state),
            Act::Provide(key) => return self.provide(key),
            Act::EndSessions => return Err(Failure::Config("type sqlite has no sessions that could be ended".to_owned()).into()),
            Act::Withdraw => return Err(Failure::Config("type sqlite has no invitations that could be taken back".to_owned()).into()),
            Act::Own | Act::Set(..) | Act::Clear(_) | Act::Enable | Act::Disable | Act::Delete | Act::Grant(_) | Act::Revoke(_) => {}
        }
        let id =
            account.ok_or_else(|| Failure::Bug(format!("{} comes without an id and without a Create before it", job.act.verb())))??;
        let row = match number(&id) {
            Some(number) if self.is_there(number)? => number,
            _ if matches!(job.act, Act::Disable | Act::Delete | Act::Revoke(_)) => return Ok(Done { id: Some(id), already: true }),
            _ => return Err(Failure::Conflict(format!("account {id} is not there")).into()),
        };
        let changed = match &job.act {
            Act::Own => self.own(row, &job.owner)?,
            Act::Set(attribute, value) => self.set(row, attribute, Some(job.attributes.get(attribute).unwrap_or(value)))?,
            Act::Clear(attribute) => self.set(row, attribute, None)?,
            Act::Enable => self.switch(row, AccountState::Enabled)?,
            Act::Disable => self.switch(row, AccountState::Disabled)?,
            Act::Delete => self.delete(row)?,
            Act::Grant(key) => self.grant(row, key)?,
            Act::Revoke(key) => self.revoke(row, key)?,
            Act::Create { .. } | Act::Provide(_) | Act::EndSessions | Act::Withdraw => false,
        };
        Ok(Done { id: Some(id), already: !changed })
    }

    fn create(&self, job: &Job, name: &str, state: AccountState) -> Result<Done, Trouble> {
        let active = match state {
            AccountState::Enabled => 1,
            AccountState::Disabled => 0,
            AccountState::Invited | AccountState::Absent => {
                return Err(Failure::Bug("an account is to be made neither Enabled nor Disabled".to_owned()).into());
            }
        };
        let owner = job.owner.to_string();
        // Said by hand: a table of one's own may have no unique columns.
        let mut same_owner = self.connection.prepare_cached(r#"SELECT 1 FROM accounts WHERE "ownerKey" = ?1"#)?;
        if same_owner.exists([&owner])? {
            return Err(Failure::Conflict(format!("an account with the owner key {owner} is there already")).into());
        }
        let mut names = vec![r#""ownerKey""#.to_owned(), "active".to_owned()];
        let mut values = vec![Stored::Text(owner), Stored::Integer(active)];
        let name = Value::Text(name.to_owned());
        let user_name = AttributeName::parse("userName").map_err(|error| Failure::Bug(error.to_string()))?;
        let named = (!job.attributes.contains_key(&user_name)).then_some((&user_name, &name));
        for (attribute, value) in job.attributes.iter().chain(named) {
            let column = self.table.attribute(attribute)?;
            let value = column.stored(value)?;
            if *attribute == user_name {
                let mut same_name = self.connection.prepare_cached(r#"SELECT 1 FROM accounts WHERE "userName" = ?1"#)?;
                if same_name.exists([&value])? {
                    return Err(taken(&user_name).into());
                }
            }
            names.push(column.ident.to_string());
            values.push(value);
        }
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("INSERT INTO accounts ({}) VALUES ({marks})", names.join(", "));
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        let id = AccountId::parse(self.connection.last_insert_rowid().to_string()).map_err(|error| Failure::Bug(error.to_string()))?;
        Ok(Done { id: Some(id), already: false })
    }

    fn provide(&self, key: &EntitlementKey) -> Result<Done, Trouble> {
        let already = exists(self.connection, key)?;
        if !already {
            let mut insert = self.connection.prepare_cached("INSERT INTO entitlements (kind, name) VALUES (?1, ?2)")?;
            insert.execute(params![key.kind.as_str(), key.name.as_str()])?;
        }
        Ok(Done { id: None, already })
    }

    fn own(&self, row: i64, owner: &OwnerKey) -> Result<bool, Trouble> {
        let owner = owner.to_string();
        let mut other = self.connection.prepare_cached(r#"SELECT id FROM accounts WHERE "ownerKey" = ?1"#)?;
        match other.query_row([&owner], |found| found.get::<_, i64>(0)).optional()? {
            Some(holder) if holder == row => Ok(false),
            Some(holder) => Err(Failure::Conflict(format!("account {holder} has the owner key {owner} already")).into()),
            None => Ok(self.execute(r#"UPDATE accounts SET "ownerKey" = ?2 WHERE id = ?1"#, params![row, owner])?),
        }
    }

    fn set(&self, row: i64, attribute: &AttributeName, value: Option<&Value>) -> Result<bool, Trouble> {
        let column = self.table.attribute(attribute)?;
        let stored = value.map_or(Ok(Stored::Null), |value| column.stored(value))?;
        let mut select = self.connection.prepare_cached(&format!("SELECT {} FROM accounts WHERE id = ?1", column.ident))?;
        let now = select.query_row([row], |found| Ok(column.value(found.get_ref(0)?)))?;
        if now.map(|value| value.texts()) == column.value((&stored).into()).map(|value| value.texts()) {
            return Ok(false);
        }
        let update = format!("UPDATE accounts SET {} = ?2 WHERE id = ?1", column.ident);
        Ok(self.execute(&update, params![row, stored])?)
    }

    fn switch(&self, row: i64, wanted: AccountState) -> Result<bool, Trouble> {
        let mut select = self.connection.prepare_cached("SELECT active FROM accounts WHERE id = ?1")?;
        if select.query_row([row], |found| Ok(state(found.get_ref(0)?)))? == wanted {
            return Ok(false);
        }
        let active = i64::from(wanted == AccountState::Enabled);
        Ok(self.execute("UPDATE accounts SET active = ?2 WHERE id = ?1", params![row, active])?)
    }

    fn delete(&self, row: i64) -> Result<bool, Trouble> {
        self.execute("DELETE FROM grants WHERE account = ?1", params![row])?;
        Ok(self.execute("DELETE FROM accounts WHERE id = ?1", params![row])?)
    }

    fn grant(&self, row: i64, key: &EntitlementKey) -> Result<bool, Trouble> {
        if !exists(self.connection, key)? {
            let name = EntitlementKey { right: None, ..key.clone() };
            return Err(Failure::Conflict(format!("{name} does not exist; make it there, or set createMissing for its kind")).into());
        }
        let mut held = self
            .connection
            .prepare_cached(r#"SELECT 1 FROM grants WHERE account = ?1 AND kind = ?2 AND name = ?3 AND coalesce("right", '') = ?4"#)?;
        let grant = params![row, key.kind.as_str(), key.name.as_str(), right(key)];
        if held.exists(grant)? {
            return Ok(false);
        }
        Ok(self.execute(r#"INSERT INTO grants (account, kind, name, "right") VALUES (?1, ?2, ?3, ?4)"#, grant)?)
    }

    fn revoke(&self, row: i64, key: &EntitlementKey) -> Result<bool, Trouble> {
        Ok(self.execute(
            r#"DELETE FROM grants WHERE account = ?1 AND kind = ?2 AND name = ?3 AND coalesce("right", '') = ?4"#,
            params![row, key.kind.as_str(), key.name.as_str(), right(key)],
        )?)
    }

    fn is_there(&self, row: i64) -> rusqlite::Result<bool> {
        self.connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([row])
    }

    /// Whether any row changed.
    fn execute(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<bool> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)? > 0)
    }
}

/// What the table refuses of this one write; `None` where it is the file as a whole.
fn refused(error: &rusqlite::Error, job: &Job) -> Option<Failure> {
    let code = error.sqlite_error_code()?;
    if code == ErrorCode::TooBig {
        return Some(Failure::Invalid { attribute: attribute_of(job, "")?, why: "the value is longer than SQLite takes".to_owned() });
    }
    if code != ErrorCode::ConstraintViolation {
        return None;
    }
    let extended = error.sqlite_extended_error_code()?;
    let text = error.to_string();
    let column = text.rsplit_once("accounts.").map_or("", |(_, column)| column);
    let attribute = attribute_of(job, column)?;
    Some(match extended {
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => taken(&attribute),
        rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL => Failure::Invalid { attribute, why: "an account cannot be without it".to_owned() },
        rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Failure::Conflict(format!("the tables refuse it: {text}")),
        _ => Failure::Invalid { attribute, why: text },
    })
}

/// The attribute that SQLite names, else the one that is written, else the account's name.
fn attribute_of(job: &Job, named: &str) -> Option<AttributeName> {
    AttributeName::parse(named).ok().or_else(|| job.act.attribute().cloned()).or_else(|| AttributeName::parse("userName").ok())
}

fn taken(attribute: &AttributeName) -> Failure {
    Failure::Conflict(format!("another account has this {attribute}"))
}
