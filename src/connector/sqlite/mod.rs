//! `sqlite`: accounts in three tables of one file.
//!
//! - `accounts(id, userName, ownerKey, active, …)`: every further column is an attribute; the schema is the table's own.
//! - `entitlements(kind, name)`: what can be granted.
//! - `grants(account, kind, name, right)`: who holds it; an empty right is plain membership.
//!
//! Ids are never given twice where `id` is AUTOINCREMENT, as in the tables that `create: true` makes.
//!
//! It has no gate: nothing is requested of anybody, a look is one read of a local file and a batch one transaction. What `limits` would
//! limit is the file's own lock, for which SQLite waits.
//!
//! ```text
//! mod (Reader, Writer, on threads that may block) ─► database (file, transaction) ─► table (columns, values) ─► read | write
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use self::database::Database;
use self::read::Look;
use self::table::OWN_COLUMNS;
use super::{Batch, Opened, Reader, Remembered, Wanted, Writer};
use crate::api::target::{Deliver, TargetSystemSpec};
use crate::model::entitlement::EntitlementKey;
use crate::model::failure::Failure;
use crate::model::ids::{PersonId, TargetName};
use crate::model::observed::{Extent, Lookup, Observed};
use crate::model::schema::Schema;

mod database;
mod read;
mod table;
#[cfg(test)]
mod tests;
mod write;

/// What is wrong with the settings, offline.
pub(super) fn check(target: &TargetSystemSpec) -> Vec<String> {
    let mut problems = Vec::new();
    match &target.sqlite {
        None => problems.push("spec.sqlite: type sqlite needs this block; write `sqlite: {path: FILE}`".to_owned()),
        Some(block) if block.path.is_empty() => problems.push("spec.sqlite.path: it is empty; name the SQLite file".to_owned()),
        Some(block) if block.path.contains('\0') => problems.push("spec.sqlite.path: a path holds no NUL".to_owned()),
        Some(_) => {}
    }
    let others = [("scim", target.scim.is_some()), ("ldap", target.ldap.is_some()), ("postgres", target.postgres.is_some())];
    for (block, _) in others.into_iter().filter(|(_, there)| *there) {
        problems.push(format!("spec.{block}: the type is sqlite; remove this block, or set `type: {block}`"));
    }
    let mut mapped: Vec<String> = target.mapping.keys().map(|attribute| format!("spec.mapping.{attribute}")).collect();
    for (account, second) in &target.accounts {
        mapped.extend(second.mapping.keys().map(|attribute| format!("spec.accounts.{account}.mapping.{attribute}")));
    }
    for path in mapped.iter().filter(|path| OWN_COLUMNS.iter().any(|own| path.ends_with(&format!(".mapping.{own}")))) {
        problems.push(format!("{path}: it is no attribute of an account but what provost itself keeps there; remove it"));
    }
    if target.safety.as_ref().and_then(|safety| safety.protected.as_ref()).is_some_and(|protected| protected.filter.is_some()) {
        problems.push("spec.safety.protected.filter: type sqlite has no filters; name the accounts in `names`".to_owned());
    }
    if target.credentials.as_ref().is_some_and(|credentials| credentials.deliver == Some(Deliver::Secret)) {
        problems.push("spec.credentials.deliver: type sqlite keeps no passwords".to_owned());
    }
    problems
}

/// Opens the two halves of a target. Nothing is touched yet.
pub(super) fn open(name: &TargetName, target: &TargetSystemSpec, base: &Path, remembered: Remembered) -> Result<Opened, Failure> {
    let block = target.sqlite.as_ref().ok_or_else(|| Failure::Config("spec.sqlite: type sqlite needs this block".to_owned()))?;
    let database = Arc::new(Database::new(base.join(&block.path), block.create, remembered));
    let reader = Sqlite { name: name.clone(), database: Arc::clone(&database) };
    Ok((Box::new(reader), Box::new(Sqlite { name: name.clone(), database })))
}

/// One half; the file is shared.
struct Sqlite {
    name: TargetName,
    database: Arc<Database>,
}

impl Sqlite {
    /// Runs on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database, &TargetName) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (database, name) = (Arc::clone(&self.database), self.name.clone());
        let answer = tokio::task::spawn_blocking(move || work(&database, &name)).await;
        answer.unwrap_or_else(|error| Err(Failure::Bug(format!("the thread of target {} ended: {error}", self.name))))
    }
}

#[async_trait]
impl Reader for Sqlite {
    async fn probe(&self) -> Result<Schema, Failure> {
        self.run(|database, _| Ok(database.read(|_, table| Ok(table.schema()))?.unwrap_or_else(table::profile))).await
    }

    async fn list(&self, wanted: &Wanted) -> Result<Observed, Failure> {
        let wanted = wanted.clone();
        self.run(move |database, name| {
            let seen = database.read(|connection, table| {
                Look::new(connection, table, name, &wanted).everything().map_err(|error| database.failure(&error))
            })?;
            Ok(seen.unwrap_or_else(|| Observed::listed(wanted.began, Extent::Complete, Vec::new(), Some(BTreeMap::new()))))
        })
        .await
    }

    async fn find(
        &self,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
        wanted: &Wanted,
    ) -> Result<Observed, Failure> {
        let (people, entitlements, wanted) = (people.clone(), entitlements.clone(), wanted.clone());
        self.run(move |database, name| {
            let seen = database.read(|connection, table| {
                Look::new(connection, table, name, &wanted).some(&people, &entitlements).map_err(|error| database.failure(&error))
            })?;
            // Nothing is there yet: that answers every lookup.
            let nothing = || {
                let answered = people.values().flatten().cloned().collect();
                Observed::found(wanted.began, people.keys().cloned().collect(), Vec::new(), answered, Some(BTreeMap::new()))
            };
            Ok(seen.unwrap_or_else(nothing))
        })
        .await
    }
}

#[async_trait]
impl Writer for Sqlite {
    async fn write(&self, batch: &mut Batch) {
        let jobs = write::jobs(batch);
        if jobs.is_empty() {
            return;
        }
        let places: Vec<usize> = jobs.iter().map(|job| job.place).collect();
        let answer =
            self.run(move |database, _| database.write(|transaction, table| write::carry_out(database, transaction, table, &jobs))).await;
        let answers = match answer {
            Ok(answers) => answers,
            // Left unanswered: the commit itself failed, and nobody knows whether it was kept.
            Err(Failure::Unknown) => return,
            Err(failure) => places.into_iter().map(|place| (place, Err(failure.clone()))).collect(),
        };
        for (place, answer) in answers {
            if let Some((_, open)) = batch.writes.get_mut(place) {
                *open = Some(answer);
            }
        }
    }

    fn cost(&self, batch: &Batch) -> u32 {
        // One transaction, however many writes.
        u32::from(batch.writes.iter().any(|(_, answer)| answer.is_none()))
    }
}
