//! Gives out what people contend for: unique values and numbers. Who has one keeps it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::account::AccountKey;
use crate::model::ids::AttributeName;
use crate::model::ledger::Ledger;
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::model::value::{Attributes, Value};
use crate::policy::mapping::Mapped;

use super::desired::{Desired, Stand};
use super::rules::{Source, TargetRules};

/// The values given out to each account that asks for some, old and new.
#[must_use]
pub fn allocate(
    rules: &TargetRules,
    schema: &Schema,
    desired: &Desired,
    observed: &Observed,
    ledger: &Ledger,
) -> BTreeMap<AccountKey, Attributes> {
    let contended: BTreeSet<&AttributeName> = rules
        .accounts
        .values()
        .flat_map(|account| &account.mapping)
        .filter(|(_, mapping)| matches!(mapping.source, Source::Candidates(_) | Source::Numbers(..)))
        .map(|(attribute, _)| attribute)
        .collect();
    let mut given = BTreeMap::new();
    if contended.is_empty() {
        return given;
    }
    let mut taken = Taken::of(&contended, schema, observed, ledger);
    for (id, person) in desired.people.iter().filter(|(_, person)| person.stand == Stand::Decided) {
        for (account, asked) in &person.asked {
            let key = AccountKey { person: id.clone(), target: rules.name.clone(), account: account.clone() };
            let Some(account_rules) = rules.accounts.get(account) else { continue };
            let mut chosen = ledger.links.get(&key).map(|link| link.chosen.clone()).unwrap_or_default();
            for (attribute, mapping) in &account_rules.mapping {
                if chosen.contains_key(attribute) {
                    continue;
                }
                let has = taken.has(attribute, &key);
                // What the account has already is kept where it is among the wishes.
                let wishes: Box<dyn Iterator<Item = String>> = match (&mapping.source, asked.attributes.get(attribute)) {
                    (Source::Numbers(from, to), _) => Box::new(has.into_iter().chain((*from..=*to).map(|number| number.to_string()))),
                    (Source::Candidates(_), Some(Mapped::Candidates(wishes))) => {
                        let kept: Vec<String> = wishes.iter().filter(|wish| has.contains(&schema.fold(attribute, wish))).cloned().collect();
                        Box::new(kept.into_iter().chain(wishes.iter().cloned()))
                    }
                    (Source::Candidates(_) | Source::Value(_), _) => continue,
                };
                if let Some(value) = taken.first_free(schema, attribute, wishes, &key) {
                    chosen.insert(attribute.clone(), Value::Text(value));
                }
            }
            given.insert(key, chosen);
        }
    }
    given
}

/// Folded values, and whose they are where that is known.
struct Taken(BTreeMap<(AttributeName, String), Option<AccountKey>>);

impl Taken {
    fn of(contended: &BTreeSet<&AttributeName>, schema: &Schema, observed: &Observed, ledger: &Ledger) -> Self {
        let linked: BTreeMap<_, _> = ledger.links.iter().filter_map(|(key, link)| link.id.as_ref().map(|id| (id, key))).collect();
        let mut taken = BTreeMap::new();
        for account in observed.accounts() {
            for attribute in contended {
                for text in account.attributes.get(*attribute).map(Value::texts).unwrap_or_default() {
                    taken.insert(((*attribute).clone(), schema.fold(attribute, &text)), linked.get(&account.id).copied().cloned());
                }
            }
        }
        for (key, link) in &ledger.links {
            for (attribute, value) in &link.chosen {
                for text in value.texts() {
                    taken.insert((attribute.clone(), schema.fold(attribute, &text)), Some(key.clone()));
                }
            }
        }
        Self(taken)
    }

    /// What the account has now, folded.
    fn has(&self, attribute: &AttributeName, key: &AccountKey) -> BTreeSet<String> {
        self.0
            .iter()
            .filter(|((of, _), owner)| of == attribute && owner.as_ref() == Some(key))
            .map(|((_, value), _)| value.clone())
            .collect()
    }

    fn first_free(
        &mut self,
        schema: &Schema,
        attribute: &AttributeName,
        wishes: impl Iterator<Item = String>,
        key: &AccountKey,
    ) -> Option<String> {
        for wish in wishes {
            let place = (attribute.clone(), schema.fold(attribute, &wish));
            match self.0.get(&place) {
                Some(owner) if owner.as_ref() != Some(key) => {}
                Some(_) | None => {
                    self.0.insert(place, Some(key.clone()));
                    return Some(wish);
                }
            }
        }
        None
    }
}
