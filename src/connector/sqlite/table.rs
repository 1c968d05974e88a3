//! What the table `accounts` is made of, and how its values are read and written. Names come from the table itself, never from a
//! manifest, and reach SQL text through [`Ident`] alone; values are always bound.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rusqlite::Connection;
use rusqlite::types::{Value as Stored, ValueRef};

use crate::model::account::AccountState;
use crate::model::failure::Failure;
use crate::model::ids::AttributeName;
use crate::model::schema::{ACCOUNT_NAME, AttributeRule, Capabilities, PRIMARY_EMAIL, Schema};
use crate::model::value::Value;

/// Columns that say what the account is, not what a mapping writes.
pub(super) const OWN_COLUMNS: [&str; 3] = ["id", "ownerKey", "active"];

/// The default mapping. `userName` of a second account is `NAME-ACCOUNT`; an address marked primary goes before the first one.
pub(super) const DEFAULT_MAPPING: [(&str, &str); 8] = [
    ("userName", ACCOUNT_NAME),
    ("displayName", "input.person.displayName"),
    ("givenName", "input.person.name.givenName"),
    ("familyName", "input.person.name.familyName"),
    ("email", PRIMARY_EMAIL),
    ("title", "input.person.title"),
    ("department", "input.person.department"),
    ("manager", "input.managers[0].userName"),
];

/// A name in SQL text, in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ident(String);

impl Ident {
    /// Takes any name that SQL text can hold: not empty, no NUL.
    pub(super) fn parse(name: &str) -> Option<Self> {
        (!name.is_empty() && !name.contains('\0')).then(|| Self(name.to_owned()))
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// Why a file cannot be a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// A table is missing.
    #[error("has no table {0}; make the tables, or let `create: true` do it at the first write")]
    MissingTable(&'static str),
    /// A column is missing.
    #[error("has no column {0} in its table accounts")]
    MissingColumn(&'static str),
    /// The id is none.
    #[error("has a table accounts whose id is not INTEGER PRIMARY KEY")]
    OtherId,
}

/// What kind of values a column was declared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    /// `BOOL`, `BOOLEAN`: 0 and 1 are read as false and true.
    Bool,
    /// `INT` and the like: true is written as 1.
    Whole,
    /// Anything else: true is written as `true`.
    Other,
}

/// One column of `accounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name in SQL text.
    pub(super) ident: Ident,
    name: AttributeName,
    declared: Declared,
    required: bool,
    unique: bool,
    ignore_case: bool,
}

/// The table `accounts` as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    columns: BTreeMap<AttributeName, Column>,
    /// An id is never given twice.
    stable_ids: bool,
    /// The tables `entitlements` and `grants` are there as well.
    pub(super) is_whole: bool,
}

impl Table {
    /// Reads the table's shape; the inner error says why it cannot be a target.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Result<Self, Problem>> {
        if !connection.table_exists(Some("main"), "accounts")? {
            return Ok(Err(Problem::MissingTable("accounts")));
        }
        let unique = unique_columns(connection)?;
        let mut columns = BTreeMap::new();
        let mut id = None;
        let mut statement =
            connection.prepare(r#"SELECT name, type, "notnull", dflt_value IS NOT NULL, pk FROM pragma_table_info('accounts')"#)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (name, declared): (String, String) = (row.get(0)?, row.get(1)?);
            let (not_null, has_default, key): (bool, bool, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
            let (Some(ident), Ok(attribute)) = (Ident::parse(&name), AttributeName::parse(name.as_str())) else { continue };
            let (_, collation, _, _, autoincrement) = connection.column_metadata(Some("main"), "accounts", name.as_str())?;
            if name == "id" && key == 1 && declared.eq_ignore_ascii_case("integer") {
                id = Some(autoincrement);
            }
            let column = Column {
                ident,
                name: attribute.clone(),
                declared: Declared::of(&declared),
                required: not_null && !has_default && key == 0,
                unique: key > 0 || unique.contains(&name),
                ignore_case: collation.is_some_and(|collation| collation.as_bytes().eq_ignore_ascii_case(b"nocase")),
            };
            columns.insert(attribute, column);
        }
        for name in ["id", "userName", "ownerKey", "active"] {
            if !columns.keys().any(|column| column.as_str() == name) {
                return Ok(Err(Problem::MissingColumn(name)));
            }
        }
        let is_whole = connection.table_exists(Some("main"), "entitlements")? && connection.table_exists(Some("main"), "grants")?;
        Ok(id.map(|stable_ids| Self { columns, stable_ids, is_whole }).ok_or(Problem::OtherId))
    }

    /// All columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&AttributeName, &Column)> {
        self.columns.iter()
    }

    /// The column of that very name.
    pub(super) fn column(&self, attribute: &AttributeName) -> Option<&Column> {
        self.columns.get(attribute)
    }

    /// The column that a mapping may write under this name.
    pub(super) fn attribute(&self, attribute: &AttributeName) -> Result<&Column, Failure> {
        let refused = |why: &str| Failure::Invalid { attribute: attribute.clone(), why: why.to_owned() };
        if OWN_COLUMNS.contains(&attribute.as_str()) {
            return Err(refused("it is no attribute of an account but what provost itself keeps there"));
        }
        self.columns.get(attribute).ok_or_else(|| refused("the table accounts has no column of that name"))
    }

    /// What the target can do, and the default mapping of the columns that are there.
    pub(super) fn schema(&self) -> Schema {
        let rules = self.columns.iter().map(|(name, column)| (name.clone(), column.rule()));
        let mut schema = schema(rules.collect(), self.stable_ids);
        schema.default_mapping.retain(|attribute, _| self.columns.contains_key(attribute));
        schema
    }
}

impl Declared {
    fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        if declared.contains("BOOL") {
            Self::Bool
        } else if declared.contains("INT") {
            Self::Whole
        } else {
            Self::Other
        }
    }
}

impl Column {
    /// The value as it is stored.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for many values, [`Failure::Bug`] for a reference that nobody resolved.
    pub(super) fn stored(&self, value: &Value) -> Result<Stored, Failure> {
        match value {
            Value::Text(text) => Ok(Stored::Text(text.clone())),
            Value::Bool(bool) => Ok(match self.declared {
                Declared::Bool | Declared::Whole => Stored::Integer(i64::from(*bool)),
                Declared::Other => Stored::Text(bool.to_string()),
            }),
            Value::Many(many) => match (many.len(), many.first()) {
                (1, Some(text)) => Ok(Stored::Text(text.clone())),
                (count, _) => Err(Failure::Invalid {
                    attribute: self.name.clone(),
                    why: format!("a column holds one value, and the mapping gives {count}"),
                }),
            },
            Value::Account(_) | Value::Later(_) => Err(Failure::Bug(format!("{} is to be written before it is known", self.name))),
        }
    }

    /// The stored value as an attribute; `None` for NULL.
    pub(super) fn value(&self, stored: ValueRef<'_>) -> Option<Value> {
        match stored {
            ValueRef::Null => None,
            ValueRef::Integer(number) if self.declared == Declared::Bool && (number == 0 || number == 1) => Some(Value::Bool(number == 1)),
            ValueRef::Integer(number) => Some(Value::Text(number.to_string())),
            ValueRef::Real(number) => Some(Value::Text(number.to_string())),
            ValueRef::Text(bytes) => Some(Value::Text(String::from_utf8_lossy(bytes).into_owned())),
            ValueRef::Blob(bytes) => Some(Value::Text(bytes.iter().map(|byte| format!("{byte:02X}")).collect())),
        }
    }

    fn rule(&self) -> AttributeRule {
        AttributeRule {
            ignore_case: self.ignore_case,
            required: self.required,
            read_only: OWN_COLUMNS.contains(&self.name.as_str()),
            unique: self.unique,
            ..AttributeRule::default()
        }
    }
}

/// The schema of the tables that the first write makes.
pub(super) fn profile() -> Schema {
    let unique = AttributeRule { unique: true, ..AttributeRule::default() };
    let mut rules = BTreeMap::new();
    for (attribute, rule) in [
        ("id", AttributeRule { read_only: true, ..unique.clone() }),
        ("ownerKey", AttributeRule { read_only: true, ..unique.clone() }),
        ("active", AttributeRule { read_only: true, ..AttributeRule::default() }),
    ] {
        rules.extend(AttributeName::parse(attribute).map(|name| (name, rule)));
    }
    for (attribute, _) in DEFAULT_MAPPING {
        let rule = if attribute == "userName" { AttributeRule { required: true, ..unique.clone() } } else { AttributeRule::default() };
        rules.extend(AttributeName::parse(attribute).map(|name| (name, rule)));
    }
    schema(rules, true)
}

fn schema(attributes: BTreeMap<AttributeName, AttributeRule>, stable_ids: bool) -> Schema {
    Schema {
        attributes,
        closed: true,
        can: Capabilities {
            disable: true,
            end_sessions: false,
            stable_ids,
            owner_key: true,
            create_entitlements: BTreeSet::from([Capabilities::ANY_KIND.to_owned()]),
        },
        own_login: None,
        default_mapping: DEFAULT_MAPPING
            .into_iter()
            .filter_map(|(attribute, rego)| Some((AttributeName::parse(attribute).ok()?, rego.to_owned())))
            .collect(),
    }
}

/// Whether the account can be used. Only a plain no is one: what cannot be told counts as open, so that a leaver is shut out for sure.
pub(super) fn state(active: ValueRef<'_>) -> AccountState {
    let shut = match active {
        ValueRef::Integer(number) => number == 0,
        ValueRef::Real(number) => number == 0.0,
        ValueRef::Text(text) => text == b"0" || text.eq_ignore_ascii_case(b"false"),
        ValueRef::Null | ValueRef::Blob(_) => false,
    };
    if shut { AccountState::Disabled } else { AccountState::Enabled }
}

/// Columns that are unique by themselves.
fn unique_columns(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut statement = connection.prepare(
        r#"SELECT min(part.name) FROM pragma_index_list('accounts') AS list, pragma_index_info(list.name) AS part
           WHERE list."unique" AND NOT list.partial GROUP BY list.name HAVING count(*) = 1 AND min(part.name) IS NOT NULL"#,
    )?;
    statement.query_map([], |row| row.get(0))?.collect()
}
