//! Looks: everything, or some people. Each inside one read transaction, so that a look shows one instant.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::table::{Column, Table, state};
use crate::connector::Wanted;
use crate::model::account::{Account, AccountState};
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::ids::{AccountId, AttributeName, EntitlementName, Kind, OwnerKey, PersonId, Right, TargetName};
use crate::model::observed::{Extent, Lookup, Observed};

/// A reading of one file.
pub(super) struct Look<'a> {
    connection: &'a Connection,
    table: &'a Table,
    target: &'a TargetName,
    began: jiff::Timestamp,
    /// The attributes to bring, with their columns; `userName` always.
    columns: Vec<(&'a AttributeName, &'a Column)>,
}

/// What one row of `grants` gives; `None` where no entitlement key can say it.
type Held = Option<EntitlementKey>;

impl<'a> Look<'a> {
    pub(super) fn new(connection: &'a Connection, table: &'a Table, target: &'a TargetName, wanted: &'a Wanted) -> Self {
        let columns = table.columns().filter(|(name, _)| name.as_str() == "userName" || wanted.attributes.contains(*name)).collect();
        Self { connection, table, target, began: wanted.began, columns }
    }

    /// Everything.
    pub(super) fn everything(&self) -> rusqlite::Result<Observed> {
        let mut grants: BTreeMap<i64, Vec<Held>> = BTreeMap::new();
        if self.table.is_whole {
            let mut statement = self.connection.prepare(r#"SELECT kind, name, "right", account FROM grants"#)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let ValueRef::Integer(account) = row.get_ref(3)? {
                    grants.entry(account).or_default().push(self.held(row)?);
                }
            }
        }
        let mut accounts = Vec::new();
        let mut statement = self.connection.prepare(&format!("{} ORDER BY id", self.select()))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            accounts.extend(self.account(row, grants.remove(&number).unwrap_or_default())?);
        }
        let entitlements = self.catalogue(&accounts)?;
        Ok(Observed::listed(self.began, Extent::Complete, accounts, Some(entitlements)))
    }

    /// Some people, and the named entitlements. A lookup by what is no column stays unanswered.
    pub(super) fn some(
        &self,
        people: &BTreeMap<PersonId, Vec<Lookup>>,
        entitlements: &BTreeSet<EntitlementKey>,
    ) -> rusqlite::Result<Observed> {
        let mut answered = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for lookup in people.values().flatten() {
            if let Some(found) = self.look_up(lookup)? {
                answered.insert(lookup.clone());
                ids.extend(found);
            }
        }
        let mut accounts = Vec::new();
        let sql = format!("{} WHERE id = ?1", self.select());
        for id in ids {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query([id])?;
            if let Some(row) = rows.next()? {
                accounts.extend(self.account(row, self.grants_of(id)?)?);
            }
        }
        let mut counts = BTreeMap::new();
        for key in entitlements.iter().filter(|key| key.target == *self.target) {
            if self.table.is_whole && exists(self.connection, key)? {
                counts.insert(key.clone(), self.enabled_members(key)?);
            }
        }
        Ok(Observed::found(self.began, people.keys().cloned().collect(), accounts, answered, Some(counts)))
    }

    /// The ids that answer to it; `None` where the target cannot say.
    fn look_up(&self, lookup: &Lookup) -> rusqlite::Result<Option<Vec<i64>>> {
        let (sql, value) = match lookup {
            Lookup::Id(id) => match number(id) {
                Some(id) => ("SELECT id FROM accounts WHERE id = ?1".to_owned(), rusqlite::types::Value::Integer(id)),
                None => return Ok(Some(Vec::new())),
            },
            Lookup::Owner(owner) => (r#"SELECT id FROM accounts WHERE "ownerKey" = ?1"#.to_owned(), owner.to_string().into()),
            Lookup::Attribute(attribute, value) => match self.table.column(attribute) {
                Some(column) => (format!("SELECT id FROM accounts WHERE {} = ?1", column.ident), value.clone().into()),
                None => return Ok(None),
            },
        };
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement.query_map([value], |row| row.get(0))?.collect::<rusqlite::Result<_>>().map(Some)
    }

    fn select(&self) -> String {
        let mut sql = r#"SELECT id, "ownerKey", active, "userName""#.to_owned();
        for (_, column) in &self.columns {
            sql.push_str(&format!(", {}", column.ident));
        }
        sql.push_str(" FROM accounts");
        sql
    }

    fn account(&self, row: &Row<'_>, held: Vec<Held>) -> rusqlite::Result<Option<Account>> {
        let Ok(id) = AccountId::parse(row.get::<_, i64>(0)?.to_string()) else { return Ok(None) };
        let mut attributes = BTreeMap::new();
        for (place, (name, column)) in (4..).zip(&self.columns) {
            attributes.extend(column.value(row.get_ref(place)?).map(|value| ((*name).clone(), value)));
        }
        Ok(Some(Account {
            id,
            name: text(row.get_ref(3)?),
            owner: OwnerKey::read(&text(row.get_ref(1)?)),
            state: state(row.get_ref(2)?),
            version: None,
            attributes,
            partial: BTreeSet::new(),
            entitlements_complete: held.iter().all(Option::is_some),
            entitlements: held.into_iter().flatten().map(|key| (key, How::Direct)).collect(),
            own_login: false,
        }))
    }

    fn grants_of(&self, account: i64) -> rusqlite::Result<Vec<Held>> {
        if !self.table.is_whole {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(r#"SELECT kind, name, "right" FROM grants WHERE account = ?1"#)?;
        let mut rows = statement.query([account])?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            held.push(self.held(row)?);
        }
        Ok(held)
    }

    /// Kind, name and right of a row as a key. What cannot be read back as it stands is no key: it would be another right's.
    fn held(&self, row: &Row<'_>) -> rusqlite::Result<Held> {
        let (ValueRef::Text(kind), ValueRef::Text(name)) = (row.get_ref(0)?, row.get_ref(1)?) else { return Ok(None) };
        let right = match row.get_ref(2)? {
            ValueRef::Null => &[],
            ValueRef::Text(right) => right,
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => return Ok(None),
        };
        let (Ok(kind), Ok(name), Ok(right)) = (str::from_utf8(kind), str::from_utf8(name), str::from_utf8(right)) else { return Ok(None) };
        Ok(self.key(kind, name, right))
    }

    fn key(&self, kind: &str, name: &str, right: &str) -> Held {
        let right = if right.is_empty() { None } else { Some(Right::parse(right).ok()?) };
        let key =
            EntitlementKey { target: self.target.clone(), kind: Kind::parse(kind).ok()?, name: EntitlementName::parse(name).ok()?, right };
        (EntitlementKey::parse(&key.to_string()).as_ref() == Ok(&key)).then_some(key)
    }

    /// All entitlements that exist, and every right that somebody holds there, with the number of enabled members.
    fn catalogue(&self, accounts: &[Account]) -> rusqlite::Result<BTreeMap<EntitlementKey, u32>> {
        let mut all = BTreeMap::new();
        if self.table.is_whole {
            let mut statement = self.connection.prepare("SELECT kind, name, NULL FROM entitlements")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                all.extend(self.held(row)?.map(|key| (key, 0)));
            }
        }
        for account in accounts {
            for key in account.entitlements.keys() {
                let exists = all.contains_key(&EntitlementKey { right: None, ..key.clone() });
                if exists {
                    *all.entry(key.clone()).or_insert(0) += u32::from(account.state == AccountState::Enabled);
                }
            }
        }
        Ok(all)
    }

    fn enabled_members(&self, key: &EntitlementKey) -> rusqlite::Result<u32> {
        let mut statement = self.connection.prepare_cached(
            r#"SELECT DISTINCT accounts.id, accounts.active FROM grants JOIN accounts ON accounts.id = grants.account
               WHERE kind = ?1 AND name = ?2 AND coalesce("right", '') = ?3"#,
        )?;
        let mut rows = statement.query(params![key.kind.as_str(), key.name.as_str(), right(key)])?;
        let mut enabled = 0;
        while let Some(row) = rows.next()? {
            enabled += u32::from(state(row.get_ref(1)?) == AccountState::Enabled);
        }
        Ok(enabled)
    }
}

/// Whether the entitlement is in the table `entitlements`; a right needs no row of its own.
pub(super) fn exists(connection: &Connection, key: &EntitlementKey) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM entitlements WHERE kind = ?1 AND name = ?2")?;
    statement.exists(params![key.kind.as_str(), key.name.as_str()])
}

/// The right as the table holds it.
pub(super) fn right(key: &EntitlementKey) -> &str {
    key.right.as_ref().map_or("", Right::as_str)
}

/// The id as the table holds it; `None` where no account can have it.
pub(super) fn number(id: &AccountId) -> Option<i64> {
    id.as_str().parse::<i64>().ok().filter(|number| number.to_string() == id.as_str())
}

/// What stands there, as text; nothing for NULL.
fn text(stored: ValueRef<'_>) -> String {
    match stored {
        ValueRef::Null | ValueRef::Blob(_) => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
