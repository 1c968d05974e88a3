//! Whatever is asked within a day, unapproved removals stay within the limits; and time alone releases nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;
use provost::model::account::AccountKey;
use provost::model::change::Brake;
use provost::plan::guard::Fate;
use serde_json::{Value, json};

use super::world::{Place, moment};
use super::{config, is_sent, items, lines};
use crate::cases::format::Given;
use crate::common::runs::block_on;

const PEOPLE: usize = 8;

/// What a commit does to one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Works,
    Gone,
    Suspended,
    Ended,
    Unasked,
    Loses,
}

fn commit() -> impl Strategy<Value = Vec<Said>> {
    let said = prop_oneof![
        6 => Just(Said::Works), 1 => Just(Said::Gone), 1 => Just(Said::Suspended), 1 => Just(Said::Ended), 1 => Just(Said::Unasked), 1 => Just(Said::Loses),
    ];
    prop::collection::vec(said, PEOPLE)
}

fn given(commit: &[Said], tight: bool) -> Given {
    let mut given = Given::default();
    for (number, said) in commit.iter().enumerate() {
        let name = format!("p{number}");
        let employments = if *said == Said::Ended {
            json!([{"startDate": "2020-01-01", "endDate": "2026-05-31"}])
        } else {
            json!([{"startDate": "2020-01-01"}])
        };
        if *said != Said::Gone {
            given.people.insert(name.clone(), json!({"employments": employments, "suspended": *said == Said::Suspended}));
        }
        let asks: Vec<Value> = match said {
            Said::Unasked => Vec::new(),
            Said::Loses => vec![json!("dir")],
            Said::Works | Said::Gone | Said::Suspended | Said::Ended => vec![json!("dir/group/a")],
        };
        given.asks.insert(name, asks);
    }
    let one = json!({"count": 1, "percent": 0});
    let safety = if tight { json!({"absence": one, "suspensions": one, "leavers": one, "revocations": one}) } else { json!({}) };
    given.targets = Some([("dir".to_owned(), json!({"safety": safety}))].into());
    given
}

async fn a_day(commits: &[(Vec<Said>, i64)], tight: bool) -> Result<(), TestCaseError> {
    let place = Place::new();
    let start = moment(0);
    place.run(&given(&[Said::Works; PEOPLE], tight), start - SignedDuration::from_hours(100), None).await;
    let mut removed: BTreeMap<Brake, BTreeSet<AccountKey>> = BTreeMap::new();
    let mut now = start;
    for (commit, minutes) in commits {
        let pass = place.run(&given(commit, tight), now, None).await;
        for item in items(&pass.round).filter(|item| is_sent(item) && item.change.act().removes()) {
            removed.entry(item.change.brake().unwrap()).or_default().insert(item.change.key().clone());
        }
        let limit = if tight { 1 } else { PEOPLE / 2 };
        for (brake, accounts) in &removed {
            prop_assert!(accounts.len() <= limit, "{brake}: {accounts:?} within a day");
        }
        now += SignedDuration::from_mins(*minutes);
    }
    let last = given(&commits.last().unwrap().0, tight);
    let at = |pass: &crate::common::runs::Pass| lines(&pass.round, |item| matches!(item.fate, Fate::Held(_)));
    place.run(&last, now, None).await;
    let held = at(&place.plan(&last, now).await);
    for hours in [1, 23, 30, 100] {
        let later = place.run(&last, now + SignedDuration::from_hours(hours), None).await;
        prop_assert!(at(&later).is_superset(&held), "{hours} h later: {:?} of {held:?}", at(&later));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn removals_within_a_day_stay_within_the_limits(commits in prop::collection::vec((commit(), 0_i64..340), 2..5), tight: bool) {
        block_on(a_day(&commits, tight))?;
    }
}

#[test]
fn what_is_done_by_halves_is_charged_once() {
    let commit: Vec<Said> = (0..PEOPLE).map(|number| if (1..=2).contains(&number) { Said::Gone } else { Said::Works }).collect();
    let mut given = given(&commit, false);
    // As many as are gone.
    given.targets = Some([("dir".to_owned(), json!({"safety": {"absence": {"count": 2, "percent": 0}}}))].into());
    block_on(async {
        for (changes, lost) in (0..=4).flat_map(|changes| [(changes, false), (changes, true)]) {
            let place = Place::new();
            place.run(&self::given(&[Said::Works; PEOPLE], false), moment(0) - SignedDuration::from_hours(100), None).await;
            place.cut(&given, moment(0), changes).await;
            if lost {
                place.forget_charges("dir").await;
            }
            let rest = place.run(&given, moment(0) + SignedDuration::from_mins(5), None).await;
            let case = format!("after {changes} changes, the accounts' part of the ledger lost: {lost}");
            assert_eq!(lines(&rest.round, |item| matches!(item.fate, Fate::Held(_))), BTreeSet::new(), "{case}");
            assert_eq!(lines(&rest.round, is_sent).len(), 4 - changes, "{case}");
        }
    });
}
