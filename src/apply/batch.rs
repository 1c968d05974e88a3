//! What goes out together, what is remembered before it does, and what waits for what.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::account::AccountKey;
use crate::model::change::{Act, Change};
use crate::model::entitlement::EntitlementKey;
use crate::model::ledger::{Fact, Grant, Ledger, Link};
use crate::model::value::{Attributes, Value};
use crate::plan::desired::Desired;
use crate::plan::rules::TargetRules;
use crate::policy::decision::Asked;

/// What is remembered before an answer: from its intent on, an account that is made may not be shown yet for as long as the target lags,
/// and an entitlement that is given is ours, until when it was asked for. The next look forgets a grant that is not there.
pub(super) fn intended(sending: &[Change], facts: &[Fact], desired: &Desired, ledger: &Ledger, t: Timestamp) -> Vec<Fact> {
    // The last one holds.
    let links = facts.iter().filter_map(|fact| if let Fact::Linked(of, link) = fact { Some((of, link.as_ref())) } else { None });
    let planned: BTreeMap<&AccountKey, &Link> = links.collect();
    let mut links: BTreeMap<&AccountKey, Link> = BTreeMap::new();
    for change in sending.iter().filter(|change| matches!(change.act(), Act::Create { .. } | Act::Grant(_))) {
        let Some(known) = planned.get(change.key()).copied().or_else(|| ledger.links.get(change.key())) else { continue };
        let link = links.entry(change.key()).or_insert_with(|| known.clone());
        if let Act::Grant(key) = change.act() {
            let until = asked(desired, change).and_then(|asked| asked.until);
            link.grants.entry(key.clone()).or_insert(Grant { since: t, until, lapsed: None });
        } else {
            link.touched = Some(t);
        }
    }
    links.into_iter().map(|(key, link)| Fact::Linked(key.clone(), Box::new(link))).collect()
}

/// What is about to be sent, as it is remembered: a sensitive value is shown in no ledger.
pub(super) fn intents<'c>(changes: impl IntoIterator<Item = &'c Change>, rules: &TargetRules) -> Fact {
    let noted = |change: &Change| {
        let mapping = rules.account(&change.key().account).map(|rules| &rules.mapping);
        change.without(&|attribute| mapping.and_then(|mapping| mapping.get(attribute)).is_some_and(|mapping| mapping.sensitive))
    };
    Fact::Intended(changes.into_iter().map(noted).collect())
}

/// The wish behind a grant.
pub(super) fn asked<'d>(desired: &'d Desired, change: &Change) -> Option<&'d Asked> {
    let Act::Grant(entitlement) = change.act() else { return None };
    let key = change.key();
    desired.people.get(&key.person)?.asked.get(&key.account)?.entitlements.get(entitlement)
}

/// What was not done, as far as others wait for it.
#[derive(Debug, Default)]
pub(super) struct Undone {
    made: BTreeSet<AccountKey>,
    shut: BTreeSet<AccountKey>,
    granted: BTreeSet<EntitlementKey>,
}

impl Undone {
    pub(super) fn note(&mut self, change: &Change) {
        let (key, act) = (change.key(), change.act());
        if act.creates() {
            self.made.insert(key.clone());
        } else if matches!(act, Act::Disable) {
            self.shut.insert(key.clone());
        } else if let Some(granted) = act.granted() {
            self.granted.insert(granted.clone());
        }
    }

    /// What must have been done before this one and was not.
    pub(super) fn obstacle(&self, change: &Change) -> Option<&'static str> {
        let (key, act) = (change.key(), change.act());
        if act.granted().is_some() && self.made.contains(key) {
            Some("the account was not made")
        } else if matches!(act, Act::Delete) && self.shut.contains(key) {
            Some("the account was not shut")
        } else if act.revoked().is_some_and(|revoked| self.granted.contains(revoked)) {
            Some("a grant that makes up for it was not done")
        } else {
            None
        }
    }
}

/// Where a batch ends: before a grant behind its create, a delete behind its disable, a revoke behind its grants.
pub(super) fn cut(changes: &[Change], batch: usize) -> usize {
    let mut before = BTreeSet::new();
    let mut granted = BTreeSet::new();
    for (place, change) in changes.iter().enumerate() {
        let (key, act) = (change.key(), change.act());
        let follows = act.granted().is_some() || matches!(act, Act::Delete);
        let behind = follows && before.contains(key) || act.revoked().is_some_and(|revoked| granted.contains(revoked));
        if place == batch || behind {
            return place;
        }
        if act.creates() || matches!(act, Act::Disable) {
            before.insert(key);
        }
        granted.extend(act.granted());
    }
    changes.len()
}

/// References to other people's accounts, filled in by the ledger; what is not known yet is left out.
pub(super) fn resolved(attributes: &Attributes, ledger: &Ledger) -> Attributes {
    let value = |value: &Value| match value {
        Value::Account(key) => ledger.links.get(key).and_then(|link| link.id.as_ref()).map(|id| Value::Text(id.to_string())),
        Value::Later(_) => None,
        Value::Text(_) | Value::Bool(_) | Value::Many(_) => Some(value.clone()),
    };
    attributes.iter().filter_map(|(name, v)| value(v).map(|v| (name.clone(), v))).collect()
}

/// The attributes that a change writes.
pub(super) fn written(change: &Change) -> Option<Attributes> {
    if let Act::Create { attributes, .. } = change.act() {
        Some(attributes.clone())
    } else if let Act::Set(attribute, value) = change.act() {
        Some(Attributes::from([(attribute.clone(), value.clone())]))
    } else {
        None
    }
}
