//! Who would be given what only one account can have. In: everybody who is to get an account, by the whole realm and never by a batch. Out:
//! whose account cannot be made, and why; no one of several goes before the others.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::account::{Account, AccountKey};
use crate::model::ids::{AccountId, AttributeName};
use crate::model::ledger::Ledger;
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::model::value::Value;
use crate::policy::mapping::Mapped;

use super::correlate::Found;
use super::course::Standpoint;
use super::desired::{Desired, DesiredPerson, Stand};
use super::rules::{AccountRules, TargetRules, USER_NAME};

/// How many others are named.
const NAMED: usize = 3;

/// What a new account is called: by the mapping, else by the manifest; a second one after its person and itself.
#[must_use]
pub fn called(key: &AccountKey, person: &DesiredPerson, mapped: Option<String>) -> Option<String> {
    let declared = || {
        let name = person.user_name.as_ref()?;
        Some(if key.account.is_ordinary() { name.clone() } else { format!("{name}-{}", key.account) })
    };
    mapped.or_else(declared)
}

/// The accounts that cannot be made, and why.
#[must_use]
pub fn contests(
    rules: &TargetRules,
    schema: &Schema,
    desired: &Desired,
    observed: &Observed,
    ledger: &Ledger,
    found: &BTreeMap<AccountKey, Found<'_>>,
    t: Timestamp,
) -> BTreeMap<AccountKey, String> {
    let mut wanted: BTreeMap<(AttributeName, String), BTreeSet<AccountKey>> = BTreeMap::new();
    let mut shown: BTreeMap<(AttributeName, String), String> = BTreeMap::new();
    for (id, person) in desired.people.iter().filter(|(_, person)| person.stand == Stand::Decided) {
        for (account, asked) in &person.asked {
            let key = AccountKey { person: id.clone(), target: rules.name.clone(), account: account.clone() };
            let link = ledger.links.get(&key);
            let there = match found.get(&key) {
                Some(Found::Account { .. } | Found::GivenAway | Found::Blocked { .. }) => true,
                Some(Found::Missing(_)) => false,
                // Who is not looked at now is made later, unless their account is known.
                Some(Found::Unread) | None => link.is_some_and(|link| link.id.is_some()),
            };
            let Some(account_rules) = rules.accounts.get(account).filter(|_| !there) else { continue };
            let from = Standpoint { person, asked: Some(asked), link, rules, account, t };
            if !from.course().is_some_and(|course| course.make) {
                continue;
            }
            for (attribute, value) in unique(&key, person, account_rules, schema, &asked.attributes) {
                let place = (attribute.clone(), schema.fold(&attribute, &value));
                shown.entry(place.clone()).or_insert_with(|| account_rules.shown(&attribute, &value));
                wanted.entry(place).or_default().insert(key.clone());
            }
        }
    }
    let taken = taken(schema, observed, &wanted);
    let mut contests = BTreeMap::new();
    for (place, keys) in &wanted {
        let what = format!("{} {}", place.0, shown.get(place).map(String::as_str).unwrap_or_default());
        for key in keys {
            let others: Vec<String> = keys.iter().filter(|other| *other != key).take(NAMED).map(AccountKey::owner).collect();
            let why = match taken.get(place) {
                Some(id) => format!("account {id} has {what} already, and no two accounts can have the same: give this person another one"),
                None if others.is_empty() => continue,
                None => format!("{} would have {what} as well, and no two accounts can: give each one of their own", others.join(", ")),
            };
            contests.entry(key.clone()).or_insert(why);
        }
    }
    contests
}

/// What an account would have that no other one can have. What is chosen from candidates or numbers is free already.
fn unique(
    key: &AccountKey,
    person: &DesiredPerson,
    rules: &AccountRules,
    schema: &Schema,
    attributes: &BTreeMap<AttributeName, Mapped>,
) -> Vec<(AttributeName, String)> {
    let text = |attribute: &AttributeName| match attributes.get(attribute) {
        Some(Mapped::Value(value)) => value.texts().into_iter().next(),
        Some(Mapped::Candidates(_) | Mapped::Undefined { .. } | Mapped::Failed(_)) | None => None,
    };
    let mut values = Vec::new();
    for attribute in rules.mapping.keys().filter(|attribute| attribute.as_str() != USER_NAME) {
        let rule = schema.rule(attribute);
        if rule.unique && !rule.read_only {
            values.extend(text(attribute).map(|value| (attribute.clone(), value)));
        }
    }
    if let Ok(name) = AttributeName::parse(USER_NAME) {
        let chosen = matches!(attributes.get(&name), Some(Mapped::Candidates(_)));
        let called = called(key, person, text(&name)).filter(|_| !chosen);
        values.extend(called.map(|called| (name, called)));
    }
    values
}

/// The accounts that have it.
fn taken<'o, K>(
    schema: &Schema,
    observed: &'o Observed,
    wanted: &BTreeMap<(AttributeName, String), K>,
) -> BTreeMap<(AttributeName, String), &'o AccountId> {
    let attributes: BTreeSet<&AttributeName> = wanted.keys().map(|(attribute, _)| attribute).collect();
    let mut taken = BTreeMap::new();
    if attributes.is_empty() {
        return taken;
    }
    let texts = |account: &Account, attribute: &AttributeName| match account.attributes.get(attribute) {
        None if attribute.as_str() == USER_NAME => BTreeSet::from([account.name.clone()]),
        value => value.map(Value::texts).unwrap_or_default(),
    };
    for account in observed.accounts() {
        for attribute in &attributes {
            for text in texts(account, attribute) {
                let place = ((*attribute).clone(), schema.fold(attribute, &text));
                if wanted.contains_key(&place) {
                    taken.insert(place, &account.id);
                }
            }
        }
    }
    taken
}
