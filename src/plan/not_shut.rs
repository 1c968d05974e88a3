//! Who must be out and is not. In a plan it shows where something stops it that nobody is asked about: `paused`, `mode: Observe`, `suspend`;
//! what the guard holds, protected accounts and others' keys show as what they are. In a cluster it shows whatever the cause, and since when.

use jiff::Timestamp;

use crate::api::target::Mode;
use crate::model::account::{AccountKey, AccountState};
use crate::model::change::{Cause, LifecycleState};
use crate::model::ids::TargetName;
use crate::model::ledger::{Ledger, Link};
use crate::realm::index::Realm;

use super::course::{Aim, Standpoint};
use super::decided::{Decided, PersonDecision};
use super::desired::{Desired, DesiredPerson, Stand};
use super::finding::{Finding, FindingKind};
use super::rules::TargetRules;
use super::sight::Sight;

/// The same of an account in a target that is worked with; `open` is how it was last seen.
#[must_use]
pub fn not_shut(sight: &Sight<'_>, known: Option<&Link>, open: bool) -> Option<Finding> {
    let why = match (sight.person.paused && !sight.person.locked, sight.rules.mode) {
        (true, _) => "paused by the annotation provost.dev/paused",
        (false, Mode::Observe) => "the target is only observed (mode: Observe)",
        (false, Mode::Enforce) => return None,
    };
    let must = must_be_out(sight.person, known, sight.absence_judged, sight.t).filter(|_| open)?;
    Some(found(&sight.key, must, why))
}

/// The same of a suspended target, by what is remembered of it.
#[must_use]
pub fn not_shut_where_suspended(
    target: &TargetName,
    desired: &Desired,
    ledger: &Ledger,
    absence_judged: bool,
    t: Timestamp,
) -> Vec<Finding> {
    let open = ledger.links.iter().filter(|(key, link)| key.target == *target && is_open(link));
    open.filter_map(|(key, link)| {
        let must = must_be_out(desired.people.get(&key.person)?, Some(link), absence_judged, t)?;
        Some(found(key, must, "the target is suspended (suspend: true)"))
    })
    .collect()
}

/// Whether the state of its person shuts an account that is remembered as open, whatever keeps it so.
#[must_use]
pub fn is_still_open(person: &DesiredPerson, rules: &TargetRules, key: &AccountKey, link: &Link, t: Timestamp) -> bool {
    if !is_open(link) {
        return false;
    }
    // A pause stops it, and does not change who must be out.
    let person = DesiredPerson { paused: false, ..person.clone() };
    let asked = person.asked.get(&key.account);
    let course = Standpoint { person: &person, asked, link: Some(link), rules, account: &key.account, t }.course();
    course.is_some_and(|course| {
        matches!(course.aim, Aim::Disabled | Aim::Deleted) && matches!(course.shut_by, Cause::Lockout | Cause::Gone | Cause::Lifecycle(_))
    })
}

/// The earliest instant since which somebody has had to be out of a target whose account there is remembered as open: by their end, by
/// a Lockout, or because nobody declares them any more.
#[must_use]
pub fn open_since(realm: &Realm, decided: &Decided, ledger: &Ledger, t: Timestamp) -> Option<Timestamp> {
    let open = ledger.links.iter().filter(|(_, link)| is_open(link));
    open.filter_map(|(key, link)| {
        let decision = decided.people.get(&key.person);
        if decision.is_some_and(is_in) {
            return None;
        }
        let person = decided.desired_of(realm, &ledger.target, &key.person, t)?;
        must_be_out(&person, Some(link), realm.absence_judged(), t)?;
        let lockouts = realm.lockouts_of(&key.person, t);
        let locked = lockouts.iter().filter(|lockout| lockout.locks(&ledger.target)).filter_map(|lockout| lockout.since);
        let end = person.lifecycle.as_ref().map_or(link.end, |lifecycle| lifecycle.end);
        let since = locked.chain(end).chain(link.gone.filter(|_| person.stand == Stand::Gone)).min();
        // What came about just now has no date yet.
        Some(since.filter(|since| *since < t).unwrap_or(t))
    })
    .min()
}

/// Of most people nothing more has to be asked.
fn is_in(decision: &PersonDecision) -> bool {
    decision.standing.as_ref().is_some_and(|standing| {
        let state = standing.lifecycle.as_ref().map(|lifecycle| lifecycle.state);
        standing.lockouts.is_empty() && state.is_some_and(|state| state != LifecycleState::Terminated)
    })
}

/// As it was last written or seen.
fn is_open(link: &Link) -> bool {
    link.id.is_some() && link.state != AccountState::Disabled
}

fn found(key: &AccountKey, must: &str, why: &str) -> Finding {
    Finding::account(key, FindingKind::NotShut, format!("{must}, and not shut: {why}"))
}

/// Why somebody must be out, in a word.
fn must_be_out(person: &DesiredPerson, known: Option<&Link>, absence_judged: bool, t: Timestamp) -> Option<&'static str> {
    if person.locked {
        return Some("locked out");
    }
    if person.stand == Stand::Gone {
        // They may be declared in what cannot be read, and whoever is retained stays.
        return known.filter(|link| absence_judged && !link.retain).map(|_| "gone");
    }
    let left = match &person.lifecycle {
        Some(lifecycle) => lifecycle.state == LifecycleState::Terminated,
        // An end that was read before still comes.
        None => known.and_then(|link| link.end).is_some_and(|end| end <= t),
    };
    left.then_some("left")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::model::account::AccountState;
    use crate::model::ids::{AccountId, AccountName, ObjectName, PersonId, RealmId};
    use crate::plan::decided::decide_all;
    use crate::realm::input::Frozen;
    use crate::realm::object::{Body, Meta, Object, Place};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn set(realm: &mut Realm, name: &str, created: Option<&str>, body: Body) {
        let place = Place { file: String::new(), line: 0 };
        let (labels, annotations) = (BTreeMap::new(), BTreeMap::new());
        realm.set(Object {
            meta: Meta { name: ObjectName::parse(name).unwrap(), labels, annotations, created: created.map(at), place },
            body,
        });
    }

    #[test]
    fn the_lag_begins_with_an_end_a_lockout_or_absence_and_ends_when_the_account_is_seen_shut() {
        let (now, mut realm) = (at("2026-06-10T08:00:00Z"), Realm::new(RealmId::parse("acme").unwrap()));
        let mut person = |name: &str, spec: Value| set(&mut realm, name, None, Body::Person(serde_json::from_value(spec).unwrap()));
        person("ann", json!({"employments": [{"endDate": "2026-06-09"}]}));
        person("bob", json!({}));
        person("cid", json!({}));
        person("dan", json!({"suspended": true}));
        let lock =
            |person: &str, target: &str| Body::Lockout(serde_json::from_value(json!({"person": person, "targets": [target]})).unwrap());
        set(&mut realm, "one", Some("2026-06-10T06:00:00Z"), lock("bob", "dir"));
        set(&mut realm, "other", Some("2026-06-10T06:00:00Z"), lock("cid", "app"));
        let link = |state| Link { id: Some(AccountId::parse("1").unwrap()), state, ..Link::default() };
        let open = || link(AccountState::Enabled);
        let gone = Link { gone: Some(at("2026-06-08T00:00:00Z")), ..open() };
        let rows = [
            ("who has left", "ann", open(), Some("2026-06-10T00:00:00Z")),
            ("and is seen shut", "ann", link(AccountState::Disabled), None),
            ("who is asked in may still come", "ann", link(AccountState::Invited), Some("2026-06-10T00:00:00Z")),
            ("and has no account", "ann", Link { id: None, ..open() }, None),
            ("who is locked out here", "bob", open(), Some("2026-06-10T06:00:00Z")),
            ("who is locked out elsewhere", "cid", open(), None),
            ("who is suspended has no end", "dan", open(), None),
            ("who is gone", "eve", gone.clone(), Some("2026-06-08T00:00:00Z")),
            ("who is gone since just now", "eve", open(), Some("2026-06-10T08:00:00Z")),
            ("who is retained", "eve", Link { retain: true, ..gone.clone() }, None),
        ];
        let (dir, mut all) = (TargetName::parse("dir").unwrap(), Ledger::new(TargetName::parse("dir").unwrap()));
        let key =
            |person: &str| AccountKey { person: PersonId::parse(person).unwrap(), target: dir.clone(), account: AccountName::ordinary() };
        let frozen = Frozen::new("it does not matter what the policies say", "");
        let since = |ledger: &Ledger| {
            let decided = decide_all(&realm, Err(&frozen), &BTreeMap::new(), &BTreeMap::from([(dir.clone(), ledger.clone())]), now);
            open_since(&realm, &decided, ledger, now)
        };
        for (case, person, link, want) in rows {
            let mut ledger = Ledger::new(dir.clone());
            ledger.links.insert(key(person), link.clone());
            assert_eq!(since(&ledger), want.map(at), "{case}");
            all.links.insert(AccountKey { account: AccountName::new(case), ..key(person) }, link);
        }
        assert_eq!(since(&all), Some(at("2026-06-08T00:00:00Z")), "the longest of all");
    }
}
