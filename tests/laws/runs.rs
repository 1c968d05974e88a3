//! What holds of every run of every story.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use provost::model::account::{Account, AccountState};
use provost::model::change::{Act, Cause};
use provost::model::ids::{AccountId, TargetName};
use provost::plan::guard::Fate;
use provost::plan::round::next_due;

use super::world::{DAYS, Place, Story, moment, name, story, target};
use super::{config, is_sent, items, lines};
use crate::common::runs::{Pass, block_on, unrest};

type Accounts = BTreeMap<TargetName, Vec<Account>>;

fn accounts(place: &Place) -> Accounts {
    place.memories.iter().map(|(name, memory)| (name.clone(), memory.accounts())).collect()
}

/// What is removed was ours before; what is protected or another's is as it was; every write goes to an account of that person.
fn only_what_is_ours(pass: &Pass, before: &Accounts, after: &Accounts) -> Result<(), TestCaseError> {
    for item in items(&pass.round).filter(|item| is_sent(item)) {
        let (change, line) = (&item.change, item.change.line());
        let key = change.key();
        let link = pass.before[&key.target].links.get(key);
        if let (Act::Revoke(revoked), true) = (change.act(), change.cause() != Cause::Scope) {
            let asked = pass.round.targets[&key.target].desired.people.get(&key.person).and_then(|person| person.asked.get(&key.account));
            let claimed = asked.is_some_and(|asked| asked.entitlements.contains_key(revoked));
            prop_assert!(claimed || link.is_some_and(|link| link.grants.contains_key(revoked)), "{line}: it was not ours");
        }
        let account = change.id().and_then(|id| before[&key.target].iter().find(|account| account.id == *id));
        if let Some(owner) = account.and_then(|account| account.owner.as_ref()) {
            prop_assert!(owner.person == key.person && owner.account == key.account, "{line} goes to the account of {owner}");
        }
        if let Some(account) = account {
            prop_assert!(!pass.seen.looks[&key.target].rules.is_protected(&account.name), "{line} goes to a protected account");
        }
    }
    let dir = target("dir");
    for id in ["901", "950"].map(|id| AccountId::parse(id).unwrap()) {
        let find = |all: &Accounts| all[&dir].iter().find(|account| account.id == id).cloned();
        prop_assert_eq!(find(before), find(after));
    }
    Ok(())
}

/// Whoever has ended and is not held has no open account, whatever the policies say.
fn no_leaver_is_in(story: &Story, day: usize, pass: &Pass, after: &Accounts) -> Result<(), TestCaseError> {
    let held = lines(&pass.round, |item| matches!(item.fate, Fate::Held(_)));
    for (number, days) in story.people.iter().enumerate() {
        let person = &days[day];
        let last = person.employments.as_array().and_then(|all| all.last()).and_then(|last| last["endDate"].as_str());
        let ended = last.is_some_and(|end| format!("{end}T23:59:59Z").as_str() < DAYS[day]);
        if !(person.locked || person.declared && ended) {
            continue;
        }
        for (at, accounts) in after {
            let mut own = accounts.iter().filter(|account| {
                account.owner.as_ref().is_some_and(|owner| owner.realm.as_str() == "acme" && owner.person.as_str() == name(number))
            });
            let open = own.find(|account| account.state == AccountState::Enabled && !pass.seen.looks[at].rules.is_protected(&account.name));
            let excused = held.iter().any(|line| line.starts_with(&format!("Disable {at} {} ", name(number))));
            prop_assert!(open.is_none() || excused, "{} is in {at}: {open:?}", name(number));
        }
    }
    Ok(())
}

/// No Delete earlier than `after` since the account was seen shut.
fn no_early_delete(pass: &Pass, shut: &BTreeMap<(TargetName, AccountId), Timestamp>, now: Timestamp) -> Result<(), TestCaseError> {
    for item in items(&pass.round).filter(|item| is_sent(item) && *item.change.act() == Act::Delete) {
        let id = item.change.id().unwrap().clone();
        let since = shut.get(&(item.change.key().target.clone(), id));
        prop_assert!(
            since.is_some_and(|since| *since + SignedDuration::from_hours(240) <= now),
            "{}: shut since {since:?}",
            item.change.line()
        );
    }
    Ok(())
}

async fn every_run(story: &Story) -> Result<(), TestCaseError> {
    let place = Place::new();
    let mut shut: BTreeMap<(TargetName, AccountId), Timestamp> = BTreeMap::new();
    for day in 0..DAYS.len() {
        let (given, now) = (story.given(day), moment(day));
        let before = accounts(&place);
        let pass = place.run(&given, now, None).await;
        let after = accounts(&place);
        only_what_is_ours(&pass, &before, &after)?;
        no_leaver_is_in(story, day, &pass, &after)?;
        no_early_delete(&pass, &shut, now)?;
        let disabled = after.iter().flat_map(|(at, accounts)| {
            accounts.iter().filter(|account| account.state == AccountState::Disabled).map(|account| (at.clone(), account.id.clone()))
        });
        shut = disabled.map(|place| (place.clone(), shut.get(&place).copied().unwrap_or(now))).collect();

        // The next run at the same instant has nothing to do.
        prop_assert_eq!(unrest(&place.plan(&given, now).await.round), Vec::<String>::new());

        // Nor has any run before the next instant that is known to change something.
        let ledgers = pass.seen.looks.iter().map(|(name, look)| (name.clone(), look.ledger.clone())).collect();
        let dues =
            pass.round.decided.people.keys().chain(pass.before.values().flat_map(|ledger| ledger.links.keys().map(|key| &key.person)));
        let due = dues.filter_map(|person| next_due(person, &pass.round, &pass.seen.looks, &ledgers, now)).min();
        let early = due.map_or(now + SignedDuration::from_hours(2400), |due| due - SignedDuration::from_secs(1));
        let quiet = place.plan(&given, early).await;
        prop_assert_eq!(lines(&quiet.round, is_sent), std::collections::BTreeSet::new(), "at {}, and the next instant is {:?}", early, due);
        if day == 0 {
            place.let_others_in();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn every_run_is_idle_at_rest_touches_only_what_is_ours_and_leaves_no_leaver_in(story in story()) {
        block_on(every_run(&story))?;
    }
}
