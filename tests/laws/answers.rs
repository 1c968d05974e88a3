//! What was held stays held until somebody says yes to it: neither a Reject that ends, nor a yes to a part, nor a freeze lets the rest out.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use provost::plan::guard::Fate;
use serde_json::json;

use super::world::{Place, moment};
use super::{is_sent, lines};
use crate::cases::format::Given;
use crate::common::runs::{Pass, block_on};

const PEOPLE: usize = 30;

/// Everybody is at work and holds a group, but for those who are gone. Five may go within a day.
fn given(gone: std::ops::Range<usize>) -> Given {
    let mut given = Given { targets: Some([("dir".to_owned(), json!({}))].into()), ..Given::default() };
    for number in (0..PEOPLE).filter(|number| !gone.contains(number)) {
        let name = format!("q{number}");
        given.people.insert(name.clone(), json!({"employments": [{"startDate": "2020-01-01"}]}));
        given.asks.insert(name, vec![json!("dir/group/a")]);
    }
    given
}

fn answered(mut given: Given, decision: &str, expires: Timestamp, lines: &BTreeSet<String>) -> Given {
    given.approvals.insert("answer".to_owned(), json!({"decision": decision, "expires": expires.to_string(), "changes": lines}));
    given
}

fn frozen(mut given: Given) -> Given {
    given.realm = Some(json!({"id": "acme", "timezone": "UTC", "freeze": true}));
    given
}

fn held(pass: &Pass) -> BTreeSet<String> {
    lines(&pass.round, |item| matches!(item.fate, Fate::Held(_)))
}

fn hours(hours: i64) -> Timestamp {
    moment(0) + SignedDuration::from_hours(hours)
}

async fn at_work() -> Place {
    let place = Place::new();
    place.run(&given(0..0), hours(-100), None).await;
    place
}

/// Runs, and finds that of those who are gone nothing is sent.
async fn keeps(place: &Place, given: &Given, now: Timestamp, case: &str) -> BTreeSet<String> {
    let pass = place.run(given, now, None).await;
    assert_eq!(lines(&pass.round, |item| is_sent(item) && item.change.act().removes()), BTreeSet::new(), "{case}");
    held(&pass)
}

#[test]
fn when_a_reject_ends_its_changes_are_held_as_before() {
    block_on(async {
        for (seen_before, deleted) in [(false, false), (false, true), (true, false), (true, true)] {
            let case = format!("held before it was rejected: {seen_before}; the Reject is deleted: {deleted}");
            let place = at_work().await;
            let all = held(&place.plan(&given(0..8), hours(0)).await);
            assert_eq!(all.len(), 16, "{case}");
            if seen_before {
                keeps(&place, &given(0..8), hours(0), &case).await;
            }
            let until = hours(9);
            assert_eq!(keeps(&place, &answered(given(0..8), "Reject", until, &all), hours(1), &case).await, all, "{case}");
            // Half of them are declared again.
            assert_eq!(keeps(&place, &answered(given(0..4), "Reject", until, &all), hours(2), &case).await.len(), 8, "{case}");
            let after = if deleted { given(0..4) } else { answered(given(0..4), "Reject", until, &all) };
            for later in [9, 20, 40, 100] {
                assert_eq!(keeps(&place, &after, hours(later), &case).await.len(), 8, "{case}: {later} h later");
            }
        }
    });
}

#[test]
fn a_reject_of_what_no_limit_holds_leaves_no_mark() {
    block_on(async {
        let place = at_work().await;
        let all = lines(&place.plan(&given(0..2), hours(0)).await.round, is_sent);
        assert_eq!(keeps(&place, &answered(given(0..2), "Reject", hours(9), &all), hours(1), "rejected").await, all);
        assert_eq!(lines(&place.run(&given(0..2), hours(9), None).await.round, is_sent), all);
    });
}

#[test]
fn a_yes_to_one_change_of_an_account_lets_no_other_out() {
    block_on(async {
        let place = at_work().await;
        let all = held(&place.run(&given(0..8), hours(0), None).await);
        let yes: BTreeSet<String> = (0..8).map(|number| format!("Disable dir q{number} absence")).collect();
        assert!(yes.is_subset(&all), "{all:?}");
        let pass = place.run(&answered(given(0..8), "Approve", hours(9), &yes), hours(1), None).await;
        assert_eq!(lines(&pass.round, is_sent), yes);
        assert_eq!(all.difference(&yes).count(), 8);
        // Few enough for the limit, and nobody's yes to them.
        for later in [2, 9, 40] {
            assert_eq!(keeps(&place, &given(0..4), hours(later), "what nobody said yes to").await.len(), 4);
        }
    });
}

#[test]
fn a_freeze_lets_nothing_out_that_was_held() {
    block_on(async {
        let place = at_work().await;
        keeps(&place, &given(0..8), hours(0), "above the limit").await;
        keeps(&place, &frozen(given(0..4)), hours(1), "frozen").await;
        assert_eq!(keeps(&place, &given(0..4), hours(2), "when the freeze is over").await.len(), 8);
    });
}
