//! An account as its entry on a status: what is remembered of it (a [`Link`], to the last bit) and what only shows.
//!
//! ```text
//! Link ─┬─► id, userName, state, entitlements{since, until, ours}      for readers, typed
//!       └─► record: all else of it that is not as in a new link        for Provost
//! Shown ──► reasons, what is held and not ours, next, lastError
//! ```

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::account::{AccountEntry, EntitlementEntry, SHOWN_TEXT};
pub use crate::api::account::{LastError, NextStep};
use crate::api::person::Free;
use crate::api::time::Moment;
use crate::model::account::AccountKey;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, PersonId, TargetName};
use crate::model::ledger::{Grant, Link};

/// What an entry shows beside what is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Why an entitlement is held, without line numbers.
    pub reasons: BTreeMap<EntitlementKey, String>,
    /// What was seen there; what is not ours of it shows as such.
    pub held: BTreeSet<EntitlementKey>,
    /// The next step that comes by itself.
    pub next: Option<NextStep>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// Changes that wait for a person's answer.
    pub waiting: BTreeSet<String>,
}

/// The typed fields, as [`Link`] calls them: they are not repeated in `record`.
const TYPED: [&str; 4] = ["id", "name", "state", "grants"];

/// The entry of an account; none where nothing is remembered and nothing is to be shown.
pub(super) fn entry(key: &AccountKey, link: Option<&Link>, shown: Option<&Shown>) -> Result<Option<AccountEntry>, serde_json::Error> {
    let nothing = Shown::default();
    let shown = shown.unwrap_or(&nothing);
    let reason = |of: &EntitlementKey| shown.reasons.get(of).map(|text| cut(text, SHOWN_TEXT));
    let mut entry = AccountEntry {
        target: key.target.to_string(),
        account: key.account.to_string(),
        next: shown.next.clone().map(|next| NextStep { do_: cut(&next.do_, SHOWN_TEXT), at: next.at }),
        last_error: shown
            .last_error
            .clone()
            .map(|error| LastError { code: cut(&error.code, 128), message: cut(&error.message, SHOWN_TEXT) }),
        held: shown.waiting.iter().cloned().collect(),
        ..AccountEntry::default()
    };
    let mut ours: BTreeMap<&EntitlementKey, &Grant> = BTreeMap::new();
    if let Some(link) = link {
        entry.id = link.id.as_ref().map(ToString::to_string);
        entry.user_name = Some(link.name.clone()).filter(|name| !name.is_empty());
        entry.state = serde_json::to_value(link.state)?.as_str().map(str::to_owned);
        let (typed, odd): (BTreeMap<_, _>, BTreeMap<_, _>) = link.grants.iter().partition(|(of, _)| reads_back(&key.target, of));
        ours = typed;
        entry.record = record(link, &ours, &odd)?;
    } else if shown.next.is_none() && shown.last_error.is_none() && shown.held.is_empty() && shown.waiting.is_empty() {
        return Ok(None);
    }
    let held = shown.held.iter().filter(|of| !ours.contains_key(of) && reads_back(&key.target, of));
    let keys: BTreeSet<&EntitlementKey> = ours.keys().copied().chain(held).collect();
    entry.entitlements = keys
        .into_iter()
        .map(|of| {
            let grant = ours.get(of);
            EntitlementEntry {
                key: of.inside(),
                reason: reason(of),
                since: grant.map(|grant| Moment(grant.since)),
                until: grant.and_then(|grant| grant.until).map(Moment),
                ours: grant.is_some(),
            }
        })
        .collect();
    Ok(Some(entry))
}

/// What an entry remembers and shows. Where it has no state, nothing is remembered.
pub(super) fn read(person: &PersonId, entry: &AccountEntry) -> Result<(AccountKey, Option<Link>, Shown), String> {
    let target = TargetName::parse(&entry.target).map_err(|error| error.to_string())?;
    let mut shown = Shown {
        next: entry.next.clone(),
        last_error: entry.last_error.clone(),
        waiting: entry.held.iter().cloned().collect(),
        ..Shown::default()
    };
    let mut record = entry.record.clone();
    let lapsed = match record.remove("lapsed") {
        Some(lapsed) => serde_json::from_value::<BTreeMap<String, Timestamp>>(lapsed).map_err(|error| error.to_string())?,
        None => BTreeMap::new(),
    };
    let mut grants: Vec<(EntitlementKey, Grant)> = match record.remove("grants") {
        Some(odd) => serde_json::from_value(odd).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    for held in &entry.entitlements {
        let key = EntitlementKey::parse(&format!("{target}/{}", held.key)).map_err(|error| error.to_string())?;
        if let Some(reason) = &held.reason {
            shown.reasons.insert(key.clone(), reason.clone());
        }
        if let (true, Some(since)) = (held.ours, held.since) {
            let grant = Grant { since: since.0, until: held.until.map(|until| until.0), lapsed: lapsed.get(&held.key).copied() };
            grants.push((key, grant));
        } else {
            shown.held.insert(key);
        }
    }
    let key = AccountKey { person: person.clone(), target, account: AccountName::new(entry.account.as_str()) };
    let Some(state) = &entry.state else { return Ok((key, None, shown)) };
    record.insert("state".into(), json!(state));
    record.insert("id".into(), json!(entry.id));
    record.insert("name".into(), json!(entry.user_name.clone().unwrap_or_default()));
    record.insert("grants".into(), serde_json::to_value(grants).map_err(|error| error.to_string())?);
    let link = serde_json::from_value(Value::Object(record)).map_err(|error| error.to_string())?;
    Ok((key, Some(link), shown))
}

/// Whether a key inside the target is the key again.
fn reads_back(target: &TargetName, key: &EntitlementKey) -> bool {
    EntitlementKey::parse(&format!("{target}/{}", key.inside())).is_ok_and(|read| read == *key)
}

/// What has no field of its own, and is not as in a new link.
fn record(
    link: &Link,
    ours: &BTreeMap<&EntitlementKey, &Grant>,
    odd: &BTreeMap<&EntitlementKey, &Grant>,
) -> Result<Free, serde_json::Error> {
    let fields = |link: &Link| -> Result<Map<String, Value>, serde_json::Error> {
        Ok(serde_json::to_value(link)?.as_object().cloned().unwrap_or_default())
    };
    let new = fields(&Link::default())?;
    let mut record: Free =
        fields(link)?.into_iter().filter(|(name, value)| !TYPED.contains(&name.as_str()) && new.get(name) != Some(value)).collect();
    let lapsed: BTreeMap<String, Timestamp> = ours.iter().filter_map(|(of, grant)| Some((of.inside(), grant.lapsed?))).collect();
    if !lapsed.is_empty() {
        record.insert("lapsed".into(), serde_json::to_value(lapsed)?);
    }
    if !odd.is_empty() {
        record.insert("grants".into(), serde_json::to_value(odd.iter().collect::<Vec<_>>())?);
    }
    Ok(record)
}

/// The text, no longer than so many characters.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::AccountId;
    use crate::operator::status::tests::{keys, links, target};
    use proptest::prelude::*;

    proptest! {
        /// Through the entry and its JSON, a link is the same link.
        #[test]
        fn a_link_reads_back(key in keys(), link in links(), error in any::<bool>()) {
            let error = error.then(|| LastError { code: "Ambiguous".into(), message: "two of them".into() });
            let held = BTreeSet::from([EntitlementKey::parse("dir/group/others").unwrap()]);
            let shown = Shown { last_error: error, held, ..Shown::default() };
            let made = entry(&key, Some(&link), Some(&shown)).unwrap().unwrap();
            let text = serde_json::to_string(&made).unwrap();
            let read_back = read(&key.person, &serde_json::from_str(&text).unwrap()).unwrap();
            prop_assert_eq!(read_back, (key, Some(link), shown));
        }
    }

    #[test]
    fn nothing_is_kept_twice_and_nothing_that_says_nothing() {
        let key = AccountKey { person: PersonId::parse("1001").unwrap(), target: target("dir"), account: AccountName::ordinary() };
        let staff = EntitlementKey::parse("dir/group/staff").unwrap();
        let grant = Grant { since: Timestamp::UNIX_EPOCH, until: None, lapsed: None };
        let link = Link {
            id: Some(AccountId::parse("17").unwrap()),
            name: "ada".into(),
            asked: true,
            grants: BTreeMap::from([(staff.clone(), grant)]),
            ..Link::default()
        };
        let shown = Shown { reasons: BTreeMap::from([(staff, "rule staff".to_owned())]), ..Shown::default() };
        let made = serde_json::to_value(entry(&key, Some(&link), Some(&shown)).unwrap()).unwrap();
        assert_eq!(
            made,
            json!({
                "target": "dir", "account": "", "id": "17", "userName": "ada", "state": "Absent", "record": {"asked": true},
                "entitlements": [{"key": "group/staff", "reason": "rule staff", "since": "1970-01-01T00:00:00Z", "ours": true}],
            })
        );
    }

    #[test]
    fn what_only_shows_has_an_entry_and_no_link() {
        let key = AccountKey { person: PersonId::parse("1001").unwrap(), target: target("dir"), account: AccountName::ordinary() };
        assert_eq!(entry(&key, None, Some(&Shown::default())).unwrap(), None);
        let long = LastError { code: "NotAdopted".into(), message: "ä".repeat(5000) };
        let shown = Shown { last_error: Some(long), ..Shown::default() };
        let made = entry(&key, None, Some(&shown)).unwrap().unwrap();
        assert_eq!(made.last_error.as_ref().unwrap().message.chars().count(), SHOWN_TEXT);
        assert_eq!(read(&key.person, &made).unwrap().1, None);
    }
}
