//! `input` as the engine takes it, built field by field: through JSON text it would take ten times as long.

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Value;

use crate::model::account::AccountKey;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::AccountName;
use crate::realm::input::{Holding, Input, RoleGrant};

type Fields = BTreeMap<Value, Value>;

fn put(fields: &mut Fields, name: &'static str, value: impl Into<Value>) {
    fields.insert(Value::from(name), value.into());
}

fn text(text: impl ToString) -> Value {
    Value::from(text.to_string())
}

/// `input` of a decision. `manager` gives somebody in the chain of managers.
pub(crate) fn input(input: &Input, manager: &dyn Fn(&Arc<serde_json::Value>) -> Value) -> Value {
    Value::from(fields(input, manager))
}

/// `input` of a mapping: it knows its account too.
pub(crate) fn of_account(document: &Value, account: &AccountKey) -> Value {
    let mut document = document.clone();
    if let Ok(fields) = document.as_object_mut() {
        fields.insert(Value::from("account"), Value::from(account.account.as_str()));
        fields.insert(Value::from("target"), Value::from(account.target.as_str()));
    }
    document
}

fn fields(input: &Input, manager: &dyn Fn(&Arc<serde_json::Value>) -> Value) -> Fields {
    let mut fields = Fields::new();
    put(&mut fields, "person", json(&input.person));
    put(&mut fields, "managers", list(&input.managers, manager));
    put(&mut fields, "roles", list(&input.roles, role));
    let targets = input.targets.iter().map(|(name, facts)| {
        let mut target = Fields::new();
        put(&mut target, "type", facts.type_.as_str());
        put(&mut target, "labels", texts(&facts.labels));
        (Value::from(name.as_str()), Value::from(target))
    });
    put(&mut fields, "targets", targets.collect::<Fields>());
    let held = list(&input.observed, |held| Value::from(entitlement(&held.key, &held.account)));
    put(&mut fields, "observed", held);
    put(&mut fields, "unread", list(&input.unread, |target| Value::from(target.as_str())));
    let accounts = input.accounts.iter().map(|(target, exports)| (Value::from(target.as_str()), json(exports)));
    put(&mut fields, "accounts", accounts.collect::<Fields>());
    put(&mut fields, "today", input.today.as_str());
    fields
}

fn list<T>(items: impl IntoIterator<Item = T>, value: impl Fn(T) -> Value) -> Value {
    Value::from(items.into_iter().map(value).collect::<Vec<Value>>())
}

fn texts(map: &BTreeMap<String, String>) -> Value {
    Value::from(map.iter().map(|(name, value)| (Value::from(name.as_str()), Value::from(value.as_str()))).collect::<Fields>())
}

fn role(role: &Holding) -> Value {
    let mut fields = Fields::new();
    put(&mut fields, "name", role.name.as_str());
    put(&mut fields, "parameters", texts(&role.parameters));
    put(&mut fields, "binding", role.binding.as_str());
    put(&mut fields, "path", list(&role.path, |role| Value::from(role.as_str())));
    if let Some(begin) = role.not_before {
        put(&mut fields, "notBefore", text(begin));
    }
    if let Some(until) = role.until {
        put(&mut fields, "until", text(until));
    }
    if let Some(justification) = &role.justification {
        put(&mut fields, "justification", justification.as_str());
    }
    put(&mut fields, "grants", list(&role.grants, grant));
    Value::from(fields)
}

fn grant(grant: &RoleGrant) -> Value {
    let mut fields = entitlement(&grant.key, &grant.account);
    put(&mut fields, "reason", grant.reason.as_str());
    if let Some(until) = grant.until {
        put(&mut fields, "until", text(until));
    }
    Value::from(fields)
}

/// The key, and its parts for rules that look at them.
fn entitlement(key: &EntitlementKey, account: &AccountName) -> Fields {
    let mut fields = Fields::new();
    put(&mut fields, "key", text(key));
    put(&mut fields, "target", key.target.as_str());
    put(&mut fields, "kind", key.kind.as_str());
    put(&mut fields, "name", key.name.as_str());
    if let Some(right) = &key.right {
        put(&mut fields, "right", right.as_str());
    }
    put(&mut fields, "account", account.as_str());
    fields
}

/// JSON as the engine has it. Null in an object is left out: a builtin fails at null, where a missing field is only undefined.
pub(crate) fn json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(bool) => Value::from(*bool),
        serde_json::Value::Number(number) => {
            // Numbers beyond 64 bits keep all their digits.
            Value::from_numeric_string(&number.to_string()).unwrap_or(Value::Null)
        }
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => list(items, json),
        serde_json::Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            Value::from(fields.map(|(name, value)| (Value::from(name.as_str()), json(value))).collect::<Fields>())
        }
    }
}
