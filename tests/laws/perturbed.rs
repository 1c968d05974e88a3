//! What holds of a plan and of the same plan with something lost, unreadable, in another order, or beside it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use provost::connector::memory::Memory;
use provost::ledger::memory::MemoryLedgers;
use provost::model::account::AccountKey;
use provost::model::change::{Act, LifecycleState};
use provost::model::entitlement::How;
use provost::model::failure::Failure;
use provost::model::ids::RealmId;
use provost::model::ledger::Ledger;
use provost::model::observed::Extent;
use provost::plan::desired::Stand;
use provost::plan::guard::{Fate, Guarded};
use provost::plan::round::Round;
use provost::realm::index::Realm;
use provost::realm::load::load_files;
use provost::realm::object::ResourceKind;
use serde_json::json;

use super::world::{DAYS, Place, moment, name, story, target};
use super::{config, is_leavers, is_sent, items, lines};
use crate::cases::format::Given;
use crate::cases::world::files;
use crate::common::runs::{Pass, block_on};

const LAST: usize = DAYS.len() - 1;

/// What cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Rule(usize),
    Person(usize),
    Binding,
    Role,
    Policy,
    File,
    Target,
    Partial,
    Unreachable,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        3 => (0..3_usize).prop_map(Trouble::Rule),
        3 => (0..3_usize).prop_map(Trouble::Person),
        1 => Just(Trouble::Binding),
        1 => Just(Trouble::Role),
        1 => Just(Trouble::Policy),
        1 => Just(Trouble::File),
        1 => Just(Trouble::Target),
        2 => Just(Trouble::Partial),
        1 => Just(Trouble::Unreachable),
    ]
}

async fn troubled(place: &Place, given: &Given, now: Timestamp, trouble: Trouble) -> Pass {
    let (place, mut given) = (place.copy(), given.clone());
    match trouble {
        Trouble::Rule(number) => {
            given.errors.insert(name(number), "a rule fails".to_owned());
        }
        Trouble::Person(number) => given.unreadable.push(format!("Person/{}", name(number))),
        Trouble::Binding => given.unreadable.push("RoleBinding/torn".to_owned()),
        Trouble::Role => given.unreadable.push("BusinessRole/torn".to_owned()),
        Trouble::Policy => given.unreadable.push("Policy/cases".to_owned()),
        Trouble::File => {
            given.files.insert("torn.yaml".to_owned(), "kind: [".to_owned());
        }
        Trouble::Target => given.unreadable.push("TargetSystem/app".to_owned()),
        Trouble::Partial => place.memories[&target("dir")].set_listing(Extent::Partial("it broke off".to_owned())),
        Trouble::Unreachable => {
            place.memories[&target("dir")].set_unreachable(Some(Failure::Retry { after: None, why: "it is away".to_owned() }))
        }
    }
    place.plan(&given, now).await
}

/// Removals only become fewer, and an explicit leaver's stay.
fn only_fewer_removals(pass: &Pass, other: &Pass, trouble: Trouble, now: Timestamp) -> Result<(), TestCaseError> {
    // Of whom an end is known that a manifest has since moved, the known one counts where the manifest cannot be read.
    let known_end = |key: &AccountKey| pass.before[&key.target].links.get(key).and_then(|link| link.end).is_some_and(|end| end <= now);
    let unread = |key: &AccountKey| matches!(trouble, Trouble::Person(number) if key.person.as_str() == name(number));
    let removal = |item: &Guarded| item.change.act().removes();
    let few = lines(&other.round, |item| removal(item) && !(unread(item.change.key()) && known_end(item.change.key())));
    let all = lines(&pass.round, removal);
    prop_assert!(few.is_subset(&all), "{trouble:?} adds {:?}", few.difference(&all).collect::<Vec<_>>());
    let silent =
        |key: &AccountKey| unread(key) || other.round.unread.contains_key(&key.target) || !other.round.targets.contains_key(&key.target);
    let leavers = lines(&pass.round, |item| {
        removal(item)
            && is_sent(item)
            && is_leavers(&item.change)
            && !matches!(item.change.act(), Act::Delete)
            && !silent(item.change.key())
    });
    let still = lines(&other.round, |item| removal(item) && is_sent(item));
    prop_assert!(leavers.is_subset(&still), "{trouble:?} keeps back {:?}", leavers.difference(&still).collect::<Vec<_>>());
    Ok(())
}

fn fates(round: &Round, meant: impl Fn(&Guarded) -> bool) -> Vec<(String, Fate)> {
    items(round).filter(|item| meant(item)).map(|item| (item.change.line().to_string(), item.fate.clone())).collect()
}

/// The same objects, given to the realm in another order.
fn reordered(given: &Given, seed: u64) -> Realm {
    let mut folder = load_files(files(given));
    folder.objects.sort_by_key(|object| {
        let text = format!("{seed}{:?}", object.meta.name);
        text.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)))
    });
    let mut realm = Realm::new(RealmId::parse("acme").unwrap());
    let mut kinds: Vec<(ResourceKind, Vec<_>)> = Vec::new();
    for object in folder.objects {
        match kinds.iter_mut().find(|(kind, _)| *kind == object.body.kind()) {
            Some((_, objects)) => objects.push(object),
            None => kinds.push((object.body.kind(), vec![object])),
        }
    }
    for (kind, objects) in kinds {
        realm.replace(kind, objects);
    }
    realm.mark_unreadable(folder.unreadable);
    realm
}

async fn nothing_else_decides(place: &Place, given: &Given, now: Timestamp, pass: &Pass, seed: u64) -> Result<(), TestCaseError> {
    let other = place.plan_of(reordered(given, seed), now).await;
    prop_assert_eq!(fates(&pass.round, |_| true), fates(&other.round, |_| true), "another order");
    for (target, planned) in &pass.round.targets {
        prop_assert_eq!(planned.plan.facts(), other.round.targets[target].plan.facts(), "another order");
    }

    // Somebody new, and a target more, are nobody else's business.
    let mut more = given.clone();
    more.people.insert("newcomer".to_owned(), json!({}));
    more.asks.insert("newcomer".to_owned(), vec![json!("dir"), json!("app")]);
    more.targets.as_mut().unwrap().insert("more".to_owned(), json!({}));
    let beside = place.plan(&more, now).await;
    prop_assert_eq!(
        fates(&pass.round, |_| true),
        fates(&beside.round, |item| item.change.key().person.as_str() != "newcomer"),
        "somebody new"
    );

    let (whole, single) = (place.copy(), place.copy());
    whole.run(given, now, None).await;
    single.run(given, now, Some(1)).await;
    for (target, memory) in &whole.memories {
        prop_assert_eq!(memory.accounts(), single.memories[target].accounts(), "one by one");
        prop_assert_eq!(whole.ledgers.kept(target), single.ledgers.kept(target), "one by one");
    }
    Ok(())
}

/// A part of the ledgers is lost: links and grants by the bits of `mask`, everything where it is none.
fn lose(place: &Place, mask: Option<u64>) -> Place {
    let mut bits = mask.unwrap_or(0);
    let mut keep = || {
        bits = bits.rotate_right(1);
        bits & 1 == 1
    };
    let ledgers = place.memories.keys().filter_map(|target| place.ledgers.kept(target)).map(|ledger| {
        if mask.is_none() {
            return Ledger::new(ledger.target);
        }
        let mut ledger = ledger;
        ledger.links.retain(|_, _| keep());
        ledger.links.values_mut().for_each(|link| link.grants.retain(|_, _| keep()));
        ledger
    });
    let memories: BTreeMap<_, Memory> = place.copy().memories;
    Place { ledgers: MemoryLedgers::new(ledgers.collect::<Vec<_>>()), memories }
}

async fn losing_a_ledger_takes_nothing_away(place: &Place, given: &Given, now: Timestamp, mask: Option<u64>) -> Result<(), TestCaseError> {
    let pass = place.run(given, now, None).await;
    let held = lines(&pass.round, |item| !is_sent(item));
    let lost = lose(place, mask);
    let again = lost.run(given, now, None).await;
    let made = lines(&again.round, |item| {
        is_sent(item) && (matches!(item.change.act(), Act::Create { .. }) || item.change.act().removes() && !is_leavers(&item.change))
    });
    let made: BTreeSet<_> = made.difference(&held).collect();
    prop_assert!(made.is_empty(), "{made:?}");
    for (target, planned) in &again.round.targets {
        let ledger = lost.ledgers.kept(target).unwrap_or_else(|| Ledger::new(target.clone()));
        for (id, person) in &planned.desired.people {
            if person.stand != Stand::Decided
                || person.locked
                || person.lifecycle.as_ref().is_none_or(|lifecycle| lifecycle.state != LifecycleState::Active)
            {
                continue;
            }
            let accounts = lost.memories[target].accounts();
            let Some(account) = accounts
                .iter()
                .find(|account| account.owner.as_ref().is_some_and(|owner| owner.realm.as_str() == "acme" && owner.person == *id))
            else {
                continue;
            };
            if again.seen.looks[target].rules.is_protected(&account.name) {
                continue;
            }
            let key = AccountKey { person: id.clone(), target: target.clone(), account: account.owner.clone().unwrap().account };
            for entitlement in person
                .asked
                .get(&key.account)
                .into_iter()
                .flat_map(|asked| asked.entitlements.keys())
                .filter(|key| account.entitlements.get(key) == Some(&How::Direct))
            {
                let ours = ledger.links.get(&key).is_some_and(|link| link.grants.contains_key(entitlement));
                prop_assert!(ours, "{entitlement} of {id} is asked for, held, and not ours");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn trouble_order_newcomers_batches_and_lost_ledgers(story in story(), troubles in prop::collection::vec(trouble(), 3), seed: u64, mask: Option<u64>) {
        block_on(async {
            let place = Place::new();
            place.live(&story, LAST).await;
            let (given, now) = (story.given(LAST), moment(LAST));
            let pass = place.plan(&given, now).await;
            for trouble in troubles {
                only_fewer_removals(&pass, &troubled(&place, &given, now, trouble).await, trouble, now)?;
            }
            nothing_else_decides(&place, &given, now, &pass, seed).await?;
            losing_a_ledger_takes_nothing_away(&place, &given, now, mask).await
        })?;
    }
}
