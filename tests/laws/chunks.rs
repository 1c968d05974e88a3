//! In whatever pieces people go out, as many go out within a day, and no more than may.

use jiff::SignedDuration;
use provost::model::account::AccountState;
use serde_json::json;

use super::world::{Place, TARGETS, moment, target};
use crate::cases::format::Given;
use crate::common::runs::block_on;

const PEOPLE: usize = 15;

/// 40 per cent of fifteen.
const LIMIT: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    Ended,
    EndedAndDeleted,
    Suspended,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limited {
    Count,
    Percent,
    Realm,
    Half,
}

impl Limited {
    fn limit(self) -> usize {
        if self == Self::Half { PEOPLE / 2 } else { LIMIT }
    }
}

fn name(number: usize) -> String {
    format!("q{number:02}")
}

fn given(out: usize, goes: Goes, limited: Limited) -> Given {
    let all = |limit| json!({"absence": limit, "suspensions": limit, "leavers": limit, "deletes": {"count": 100}});
    let wide = all(json!({"count": 100}));
    let (here, realm) = match limited {
        Limited::Count => (all(json!({"count": LIMIT})), wide),
        Limited::Percent => (all(json!({"count": 0, "percent": 40})), wide),
        // Of both targets; of suspensions and absence the realm counts accounts, or people.
        Limited::Realm if goes == Goes::Suspended => (wide, all(json!({"count": 0, "percent": 40}))),
        Limited::Realm => (wide, all(json!({"count": 0, "percent": 20}))),
        Limited::Half => (wide.clone(), wide),
    };
    let mut lifecycle = json!({});
    if goes == Goes::EndedAndDeleted {
        lifecycle["terminated"] = json!([{"do": "Delete"}]);
    }
    let mut given = Given { realm: Some(json!({"id": "acme", "timezone": "UTC", "safety": realm})), ..Given::default() };
    given.targets = Some(TARGETS.map(|name| (name.to_owned(), json!({"safety": here, "lifecycle": lifecycle}))).into());
    for number in 0..PEOPLE {
        let mut employment = json!({"startDate": "2020-01-01"});
        let leaves = number < out;
        if leaves && matches!(goes, Goes::Ended | Goes::EndedAndDeleted) {
            employment["endDate"] = json!("2026-05-20");
        }
        if !(leaves && goes == Goes::Gone) {
            given.people.insert(name(number), json!({"employments": [employment], "suspended": leaves && goes == Goes::Suspended}));
        }
        given.asks.insert(name(number), TARGETS.map(|target| json!(target)).into());
    }
    given
}

fn is_out(place: &Place, number: usize) -> bool {
    TARGETS.iter().all(|at| place.account(at, &name(number)).is_none_or(|account| account.state == AccountState::Disabled))
}

/// How many are out at the end of a day on which so many were to go, so many in each piece.
async fn out(wanted: usize, piece: usize, goes: Goes, limited: Limited, looks: bool) -> usize {
    let place = Place::new();
    place.run(&given(0, goes, limited), moment(0) - SignedDuration::from_hours(100), None).await;
    let mut said = 0;
    let mut now = moment(0);
    while said < wanted {
        let before = said;
        said = (said + piece).min(wanted);
        let people: Vec<String> = (before..said).map(name).collect();
        let given = given(said, goes, limited);
        if looks {
            place.run_for(&given, &people.iter().map(String::as_str).collect::<Vec<_>>(), now).await;
        } else {
            place.run(&given, now, None).await;
        }
        now += SignedDuration::from_mins(40);
    }
    place.run(&given(wanted, goes, limited), now, None).await;
    assert_eq!(place.memories[&target("dir")].accounts().iter().filter(|account| account.name == "stranger").count(), 1);
    (0..PEOPLE).filter(|number| is_out(&place, *number)).count()
}

#[test]
fn one_by_one_goes_out_who_would_at_once_and_nobody_else() {
    block_on(async {
        for goes in [Goes::Ended, Goes::EndedAndDeleted, Goes::Suspended, Goes::Gone] {
            for limited in [Limited::Count, Limited::Percent, Limited::Realm, Limited::Half] {
                for (wanted, piece) in [(limited.limit(), 1), (limited.limit(), 4), (limited.limit() + 3, 1)] {
                    let looks = piece == 1 && wanted == limited.limit();
                    let found = out(wanted, piece, goes, limited, looks).await;
                    assert_eq!(found, wanted.min(limited.limit()), "{goes:?} {limited:?}: {wanted} of {PEOPLE}, {piece} at a time");
                }
                // Of those who are gone all are held above the limit.
                let all = limited.limit() + 3;
                let most = if goes == Goes::Gone { 0 } else { limited.limit() };
                assert_eq!(out(all, all, goes, limited, false).await, most, "{goes:?} {limited:?}: at once");
            }
        }
    });
}
