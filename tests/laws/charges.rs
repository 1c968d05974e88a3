//! A change is charged once, however many looks see that it is wanted, and at whomever they look.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use provost::model::account::AccountState;
use provost::model::change::Brake;
use serde_json::{Value, json};

use super::world::{Place, moment, target};
use crate::cases::format::Given;
use crate::common::runs::block_on;

fn at_work() -> Value {
    json!([{"startDate": "2020-01-01"}])
}

/// People in every state and some at work, all of them asked for.
fn given(people: &BTreeMap<&str, Value>, locked: &[&str]) -> Given {
    let mut given =
        Given { targets: Some([("dir".to_owned(), json!({"safety": {"protected": {"names": ["kept"]}}}))].into()), ..Given::default() };
    let others = (0..12).map(|number| (format!("w{number}"), json!({"employments": at_work()})));
    given.people = people.iter().map(|(name, spec)| ((*name).to_owned(), spec.clone())).chain(others).collect();
    given.asks = given.people.keys().map(|name| (name.clone(), vec![json!("dir/group/a")])).collect();
    for name in locked {
        given.lockouts.insert((*name).to_owned(), json!({"person": name, "reason": "a law"}));
    }
    given
}

#[test]
fn looks_at_others_charge_nobody_again_whatever_state_people_are_in() {
    let ended = json!([{"startDate": "2020-01-01", "endDate": "2026-05-20"}]);
    let ends = json!([{"startDate": "2020-01-01", "endDate": "2026-09-30"}]);
    let on_leave = json!([{"startDate": "2020-01-01", "leaves": [{"from": "2026-05-20", "to": "2026-09-30"}]}]);
    let leaves = json!([{"startDate": "2020-01-01", "leaves": [{"from": "2026-08-20", "to": "2026-09-30"}]}]);
    let begins = json!([{"startDate": "2026-09-01"}]);
    let people: BTreeMap<&str, Value> = [
        ("locked", json!({"employments": at_work()})),
        ("locked-of-no-employment", json!({})),
        ("locked-and-ended", json!({"employments": ended})),
        ("locked-and-ends", json!({"employments": ends})),
        ("locked-and-leaves", json!({"employments": leaves})),
        ("locked-on-leave", json!({"employments": on_leave})),
        ("ended", json!({"employments": ended})),
        ("ends", json!({"employments": ends})),
        ("leaves", json!({"employments": leaves})),
        ("on-leave", json!({"employments": on_leave})),
        ("begins", json!({"employments": begins})),
        ("suspended", json!({"employments": at_work(), "suspended": true})),
        ("kept", json!({"employments": ended})),
    ]
    .into();
    let working = people.keys().map(|name| (*name, json!({"employments": at_work()}))).collect();
    let locked: Vec<&str> = people.keys().copied().filter(|name| name.starts_with("locked")).collect();
    block_on(async {
        // Everybody is read in their state, or nobody is: what is read of others alone is the same to them.
        for read in [true, false] {
            let place = Place::new();
            place.run(&given(&working, &[]), moment(0) - SignedDuration::from_hours(100), None).await;
            let given = given(&people, &locked);
            if read {
                place.run(&given, moment(0), None).await;
            }
            place.run_for(&given, &["w0"], moment(0)).await;
            let window = place.window("dir").await;
            for pass in 1..30 {
                place.run_for(&given, &[&format!("w{}", pass % 12)], moment(0) + SignedDuration::from_mins(pass)).await;
                assert_eq!(place.window("dir").await, window, "all were read before: {read}; look {pass} at others");
            }
            let people = |brake: Brake| window.people_within(brake, moment(0));
            assert!(!people(Brake::Leavers).0.iter().any(|person| ["locked", "kept"].contains(&person.as_str())), "{window:?}");
            assert_eq!(people(Brake::Leavers).1, 0, "each is charged once: {window:?}");
        }
    });
}

#[test]
fn a_listing_in_doubt_charges_nobody_at_every_look() {
    block_on(async {
        let place = Place::new();
        place
            .run(&given(&[("ends", json!({"employments": at_work()}))].into(), &[]), moment(0) - SignedDuration::from_hours(100), None)
            .await;
        for number in 3..12 {
            place.lose("dir", &format!("w{number}"));
        }
        let ends = json!([{"startDate": "2020-01-01", "endDate": "2026-09-30"}]);
        let given = given(&[("ends", json!({"employments": ends}))].into(), &[]);
        for pass in 0..5 {
            place.run(&given, moment(0) + SignedDuration::from_mins(pass), None).await;
            let (people, nameless) = place.window("dir").await.people_within(Brake::Leavers, moment(0));
            assert_eq!((people.len(), nameless), (0, 0), "after look {pass}");
        }
    });
}

#[test]
fn a_leaver_whose_account_was_lost_and_is_found_again_is_charged_once() {
    let ended = json!([{"startDate": "2020-01-01", "endDate": "2026-05-20"}]);
    block_on(async {
        let place = Place::new();
        place
            .run(&given(&[("lee", json!({"employments": at_work()}))].into(), &[]), moment(0) - SignedDuration::from_hours(100), None)
            .await;
        let open = place.account("dir", "lee").unwrap();
        let given = given(&[("lee", json!({"employments": ended}))].into(), &[]);
        let at = |minutes| moment(0) + SignedDuration::from_mins(minutes);
        place.run(&given, at(0), None).await;
        let window = place.window("dir").await;
        assert_eq!(window.charged_within(Brake::Leavers, moment(0)), 1);
        place.lose("dir", "lee");
        place.run(&given, at(10), None).await;
        // A backup from before is played back.
        place.memories[&target("dir")].put(open);
        place.run(&given, at(20), None).await;
        assert_eq!(place.account("dir", "lee").unwrap().state, AccountState::Disabled);
        assert_eq!(place.window("dir").await.charged, window.charged);
    });
}
