//! What a look at some people has to ask for: everything that an account of theirs could be found by, and the entitlements that matter.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::account::AccountKey;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, PersonId};
use crate::model::ledger::{Ledger, Link};
use crate::model::observed::Lookup;

use super::claims::correlation_value;
use super::desired::{Desired, DesiredPerson};
use super::rules::TargetRules;

/// What one look at some people asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// By person.
    pub people: BTreeMap<PersonId, Vec<Lookup>>,
    /// Entitlements of which existence and enabled members are asked for.
    pub entitlements: BTreeSet<EntitlementKey>,
}

/// All that an account could be found by: what a `find` must have answered before it may be created.
#[must_use]
pub fn lookups(rules: &TargetRules, key: &AccountKey, person: &DesiredPerson, link: Option<&Link>) -> Vec<Lookup> {
    let mut lookups = Vec::new();
    lookups.extend(person.explicit.get(&key.account).cloned().map(Lookup::Id));
    lookups.extend(link.and_then(|link| link.id.clone()).map(Lookup::Id));
    for id in std::iter::once(&key.person).chain(&person.former_ids) {
        lookups.push(Lookup::Owner(rules.owner_key(&AccountKey { person: id.clone(), ..key.clone() })));
    }
    for attribute in rules.accounts.get(&key.account).into_iter().flat_map(|rules| &rules.correlation) {
        lookups.extend(correlation_value(person, &key.account, attribute).map(|value| Lookup::Attribute(attribute.clone(), value)));
    }
    lookups
}

/// What to ask of these people. Whoever is not desired is asked for by nothing, and so seen with nothing.
#[must_use]
pub fn questions(rules: &TargetRules, desired: &Desired, ledger: &Ledger, people: &BTreeSet<PersonId>) -> Questions {
    let mut asked = Questions::default();
    for id in people {
        let mut found_by: BTreeSet<Lookup> = BTreeSet::new();
        if let Some(person) = desired.people.get(id) {
            let mine: BTreeMap<_, _> = std::iter::once(id).chain(&person.former_ids).flat_map(|owner| ledger.links_of(owner)).collect();
            let mut names: BTreeSet<AccountName> = person.asked.keys().chain(person.explicit.keys()).cloned().collect();
            names.extend(rules.accounts.keys().cloned());
            names.extend(mine.keys().map(|key| key.account.clone()));
            for account in names {
                let key = AccountKey { person: id.clone(), target: rules.name.clone(), account };
                found_by.extend(lookups(rules, &key, person, ledger.links.get(&key)));
            }
            found_by.extend(mine.values().filter_map(|link| link.id.clone()).map(Lookup::Id));
            asked.entitlements.extend(person.asked.values().flat_map(|account| account.entitlements.keys().cloned()));
            asked.entitlements.extend(mine.values().flat_map(|link| link.grants.keys().cloned()));
        }
        asked.people.insert(id.clone(), found_by.into_iter().collect());
    }
    asked
}
