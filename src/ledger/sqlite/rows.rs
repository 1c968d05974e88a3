//! Facts as rows, and rows as a ledger.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::StoreError;
use crate::model::account::AccountKey;
use crate::model::change::ChangeLine;
use crate::model::ids::{AccountName, ApprovalName, NameError, ObjectName, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger};

pub(super) const TABLES: &str = "
    CREATE TABLE ledgers (
        target TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        guard_window TEXT,
        had_policy INTEGER NOT NULL DEFAULT 0,
        accounts_known INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE links (
        target TEXT NOT NULL, person TEXT NOT NULL, account TEXT NOT NULL, link TEXT NOT NULL,
        PRIMARY KEY (target, person, account)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE intents (
        target TEXT NOT NULL, place INTEGER NOT NULL, change TEXT NOT NULL,
        PRIMARY KEY (target, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE scopes (
        target TEXT NOT NULL, scope TEXT NOT NULL,
        PRIMARY KEY (target, scope)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE released (
        target TEXT NOT NULL, approval TEXT NOT NULL, line TEXT NOT NULL,
        PRIMARY KEY (target, approval, line)
    ) STRICT, WITHOUT ROWID;
";

/// Made where it is missing: earlier files have none.
pub(super) const MET: &str = "
    CREATE TABLE IF NOT EXISTS met (
        target TEXT NOT NULL, lockout TEXT NOT NULL, met TEXT NOT NULL,
        PRIMARY KEY (target, lockout)
    ) STRICT, WITHOUT ROWID;
";

/// What goes wrong inside one call.
pub(super) enum Trouble {
    Sql(rusqlite::Error),
    Text(serde_json::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::Text(error)
    }
}

/// Raises the target's version; `false` where it is not the expected one.
pub(super) fn raise(transaction: &Transaction<'_>, target: &TargetName, version: i64) -> rusqlite::Result<bool> {
    let sql = if version == 0 {
        "INSERT INTO ledgers (target, version) VALUES (?1, ?2 + 1) ON CONFLICT DO NOTHING"
    } else {
        "UPDATE ledgers SET version = ?2 + 1 WHERE target = ?1 AND version = ?2"
    };
    Ok(transaction.execute(sql, params![target.as_str(), version])? == 1)
}

/// One fact in tables: what [`Ledger::record`] does to the value.
pub(super) fn keep(transaction: &Transaction<'_>, target: &TargetName, fact: &Fact) -> Result<(), Trouble> {
    let target = target.as_str();
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| transaction.prepare_cached(sql)?.execute(values);
    match fact {
        Fact::Intended(changes) => {
            run("DELETE FROM intents WHERE target = ?1", params![target])?;
            for (place, change) in (0_i64..).zip(changes) {
                run("INSERT INTO intents (target, place, change) VALUES (?1, ?2, ?3)", params![target, place, text(change)?])?;
            }
        }
        Fact::Window(window) => {
            run("UPDATE ledgers SET guard_window = ?2 WHERE target = ?1", params![target, text(window)?])?;
        }
        Fact::Linked(key, link) => {
            run(
                "INSERT OR REPLACE INTO links (target, person, account, link) VALUES (?1, ?2, ?3, ?4)",
                params![target, key.person.as_str(), key.account.as_str(), text(link)?],
            )?;
            run("UPDATE ledgers SET accounts_known = 1 WHERE target = ?1", params![target])?;
        }
        Fact::Unlinked(key) => {
            let key = params![target, key.person.as_str(), key.account.as_str()];
            run("DELETE FROM links WHERE target = ?1 AND person = ?2 AND account = ?3", key)?;
        }
        Fact::Scope(scope) => {
            run("INSERT OR IGNORE INTO scopes (target, scope) VALUES (?1, ?2)", params![target, scope])?;
        }
        Fact::Released(approval, lines) => {
            // An Approval that released nothing is remembered too: a line is never empty.
            let none = std::iter::once("");
            for line in none.chain(lines.iter().map(ChangeLine::as_str)) {
                run(
                    "INSERT OR IGNORE INTO released (target, approval, line) VALUES (?1, ?2, ?3)",
                    params![target, approval.as_str(), line],
                )?;
            }
        }
        Fact::HadPolicy => {
            run("UPDATE ledgers SET had_policy = 1 WHERE target = ?1", params![target])?;
        }
        Fact::Met(met) => {
            transaction.execute_batch(MET)?;
            run("DELETE FROM met WHERE target = ?1", params![target])?;
            for (lockout, met) in met {
                run("INSERT INTO met (target, lockout, met) VALUES (?1, ?2, ?3)", params![target, lockout.as_str(), text(met)?])?;
            }
        }
        Fact::Done => {
            run("DELETE FROM intents WHERE target = ?1", params![target])?;
        }
    }
    Ok(())
}

/// One target's ledger and its version; 0 where none is kept.
pub(super) fn ledger(connection: &Connection, target: &TargetName) -> Result<(i64, Ledger), Trouble> {
    let mut ledger = Ledger::new(target.clone());
    let head = connection
        .query_row("SELECT version, guard_window, had_policy, accounts_known FROM ledgers WHERE target = ?1", [target.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((version, window, had_policy, accounts_known)) = head else { return Ok((0, ledger)) };
    (ledger.had_policy, ledger.accounts_known) = (had_policy, accounts_known);
    if let Some(window) = window {
        ledger.window = serde_json::from_str(&window)?;
    }
    each(connection, "SELECT person, account, link FROM links WHERE target = ?1", target, |row| {
        let key =
            AccountKey { person: name(PersonId::parse(row.text(0)?))?, target: target.clone(), account: AccountName::new(row.text(1)?) };
        ledger.links.insert(key, row.parse(2)?);
        Ok(())
    })?;
    each(connection, "SELECT change FROM intents WHERE target = ?1 ORDER BY place", target, |row| {
        ledger.intents.push(row.parse(0)?);
        Ok(())
    })?;
    each(connection, "SELECT scope FROM scopes WHERE target = ?1", target, |row| {
        ledger.scopes.insert(row.text(0)?);
        Ok(())
    })?;
    each(connection, "SELECT approval, line FROM released WHERE target = ?1", target, |row| {
        let lines = ledger.released.entry(name(ApprovalName::parse(row.text(0)?))?).or_default();
        lines.extend(Some(row.text(1)?).filter(|line| !line.is_empty()).map(ChangeLine::new));
        Ok(())
    })?;
    if connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'met')", [], |row| row.get(0))? {
        each(connection, "SELECT lockout, met FROM met WHERE target = ?1", target, |row| {
            ledger.met.insert(name(ObjectName::parse(row.text(0)?))?, row.parse(1)?);
            Ok(())
        })?;
    }
    Ok((version, ledger))
}

/// One row, read as texts.
struct Row<'a>(&'a rusqlite::Row<'a>);

impl Row<'_> {
    fn text(&self, place: usize) -> Result<String, Trouble> {
        Ok(self.0.get(place)?)
    }

    fn parse<T: DeserializeOwned>(&self, place: usize) -> Result<T, Trouble> {
        Ok(serde_json::from_str(&self.text(place)?)?)
    }
}

fn each(
    connection: &Connection,
    sql: &str,
    target: &TargetName,
    mut take: impl FnMut(&Row<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([target.as_str()])?;
    while let Some(row) = rows.next()? {
        take(&Row(row))?;
    }
    Ok(())
}

fn text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

fn name<T>(parsed: Result<T, NameError>) -> Result<T, Trouble> {
    parsed.map_err(|error| Trouble::Text(serde::de::Error::custom(error)))
}
