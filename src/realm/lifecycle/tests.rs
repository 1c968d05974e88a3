use super::*;
use crate::api::time::Day;
use proptest::prelude::*;
use serde_json::json;

fn person(spec: serde_json::Value) -> PersonSpec {
    serde_json::from_value(spec).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Row {
    name: &'static str,
    now: &'static str,
    zone: &'static str,
    spec: serde_json::Value,
    state: &'static str,
    /// Of the lifecycle alone: later steps and joiners' windows are the plan's.
    next: Option<&'static str>,
}

fn row(
    name: &'static str,
    now: &'static str,
    zone: &'static str,
    spec: serde_json::Value,
    state: &'static str,
    next: Option<&'static str>,
) -> Row {
    Row { name, now, zone, spec, state, next }
}

#[test]
fn the_state_and_the_next_change_are_as_the_cases_say() {
    let june = "2026-06-01T00:00:00Z";
    let april = "2026-04-01T00:00:00Z";
    let rows = [
        row(
            "ann, Los Angeles, one second before midnight",
            "2026-04-01T06:59:59Z",
            "America/Los_Angeles",
            json!({"employments": [{"startDate": "2026-03-01T00:00:00Z", "endDate": "2026-03-31T00:00:00Z"}]}),
            "active",
            Some("2026-04-01T07:00:00Z"),
        ),
        row(
            "another ann, Auckland, midnight behind the last day",
            "2026-01-31T11:00:00Z",
            "Pacific/Auckland",
            json!({"employments": [{"startDate": "2020-03-01", "endDate": "2026-01-31"}]}),
            "terminated",
            None,
        ),
        row(
            "ann, suspended over a leave that ends later",
            june,
            "UTC",
            json!({"suspended": true, "employments": [{"startDate": "2020-01-01", "leaves": [{"from": "2026-05-01", "to": "2026-06-30"}]}]}),
            "suspended",
            None,
        ),
        row(
            "bob, suspended, on leave and ended",
            june,
            "UTC",
            json!({"suspended": true, "employments": [{"startDate": "2020-01-01", "endDate": "2026-05-31", "leaves": [{"from": "2026-05-01", "to": "2026-05-31"}]}]}),
            "terminated",
            None,
        ),
        row(
            "cid, back from leave",
            june,
            "UTC",
            json!({"employments": [{"startDate": "2020-01-01", "leaves": [{"from": "2026-05-18", "to": "2026-05-31"}]}]}),
            "active",
            None,
        ),
        row(
            "dee, one day of leave begins",
            june,
            "UTC",
            json!({"employments": [{"startDate": "2020-01-01", "leaves": [{"from": "2026-06-01", "to": "2026-06-01"}]}]}),
            "leave",
            Some("2026-06-02T00:00:00Z"),
        ),
        row(
            "fay, between two employments",
            april,
            "UTC",
            json!({"employments": [{"startDate": "2024-01-01", "endDate": "2026-03-31"}, {"startDate": "2026-05-01", "endDate": "2026-12-31"}]}),
            "leave",
            Some("2026-05-01T00:00:00Z"),
        ),
        row(
            "gus, from one to the next without a gap",
            april,
            "UTC",
            json!({"employments": [{"startDate": "2026-04-01"}, {"startDate": "2024-01-01", "endDate": "2026-03-31"}]}),
            "active",
            None,
        ),
        row(
            "hal, two employments, both over",
            april,
            "UTC",
            json!({"employments": [{"startDate": "2020-01-01", "endDate": "2026-03-31"}, {"startDate": "2022-01-01", "endDate": "2025-12-31"}]}),
            "terminated",
            None,
        ),
        row(
            "jon, hired again for later",
            "2026-05-01T00:00:00Z",
            "UTC",
            json!({"employments": [{"startDate": "2020-01-01", "endDate": "2026-03-31"}, {"startDate": "2026-07-01"}]}),
            "leave",
            Some("2026-07-01T00:00:00Z"),
        ),
        row(
            "kim, the new contract was called off",
            "2026-05-01T00:00:00Z",
            "UTC",
            json!({"employments": [{"startDate": "2020-01-01", "endDate": "2026-02-28"}]}),
            "terminated",
            None,
        ),
        row(
            "lea, ended last year",
            "2026-01-10T12:00:00Z",
            "UTC",
            json!({"employments": [{"startDate": "2019-01-01", "endDate": "2025-01-31"}]}),
            "terminated",
            None,
        ),
        row(
            "pam, eight days ahead",
            "2026-03-22T22:30:00Z",
            "Europe/Prague",
            json!({"employments": [{"startDate": "2026-03-30"}]}),
            "preboarding",
            Some("2026-03-29T22:00:00Z"),
        ),
        row(
            "quin, seven days ahead, on the day of the change to summer time",
            "2026-03-22T22:30:00Z",
            "Europe/Prague",
            json!({"employments": [{"startDate": "2026-03-29"}]}),
            "preboarding",
            Some("2026-03-28T23:00:00Z"),
        ),
        row(
            "rex, the first day is moved into the future",
            "2026-06-10T08:00:00Z",
            "UTC",
            json!({"employments": [{"startDate": "2026-09-01"}]}),
            "preboarding",
            Some("2026-09-01T00:00:00Z"),
        ),
        row(
            "sam, starts again today",
            june,
            "UTC",
            json!({"employments": [{"startDate": "2020-01-01", "endDate": "2025-06-30"}, {"startDate": "2026-06-01"}]}),
            "active",
            None,
        ),
        row(
            "wes, ends and is to be retained",
            "2026-02-09T00:00:00Z",
            "UTC",
            json!({"deletionPolicy": "Retain", "employments": [{"startDate": "2020-01-01", "endDate": "2026-02-08"}]}),
            "terminated",
            None,
        ),
        row("nobody said anything of employments", june, "UTC", json!({}), "active", None),
        row("an empty list of employments", june, "UTC", json!({"employments": []}), "active", None),
        row(
            "suspended with an end to come",
            june,
            "UTC",
            json!({"suspended": true, "employments": [{"endDate": "2026-06-30", "leaves": [{"from": "2026-06-10"}]}]}),
            "suspended",
            Some("2026-07-01T00:00:00Z"),
        ),
        row(
            "endAt before endDate",
            june,
            "UTC",
            json!({"employments": [{"endDate": "2026-06-30", "endAt": "2026-06-30T12:00:00Z"}]}),
            "active",
            Some("2026-06-30T12:00:00Z"),
        ),
        row(
            "endDate before endAt",
            june,
            "UTC",
            json!({"employments": [{"endDate": "2026-06-29", "endAt": "2026-06-30T12:00:00Z"}]}),
            "active",
            Some("2026-06-30T00:00:00Z"),
        ),
        row("an end of 9999 is an open end", june, "UTC", json!({"employments": [{"endDate": "9999-12-31"}]}), "active", None),
        row("a start of 9999 never comes", june, "UTC", json!({"employments": [{"startDate": "9999-12-31"}]}), "preboarding", None),
        row("a leave without an end", june, "UTC", json!({"employments": [{"leaves": [{"from": "2026-05-01"}]}]}), "leave", None),
        row(
            "a second employment goes on during the leave of the first",
            june,
            "UTC",
            json!({"employments": [{"leaves": [{"from": "2026-05-01", "to": "2026-06-30"}]}, {"startDate": "2026-01-01"}]}),
            "active",
            // The state stays; the employment in force changes.
            Some("2026-07-01T00:00:00Z"),
        ),
        row(
            "midnight does not exist on the first day (Beirut, spring)",
            "2026-03-28T12:00:00Z",
            "Asia/Beirut",
            json!({"employments": [{"startDate": "2026-03-29"}]}),
            "preboarding",
            Some("2026-03-28T22:00:00Z"),
        ),
        row(
            "the hour before midnight comes twice (Beirut, autumn)",
            "2026-10-24T12:00:00Z",
            "Asia/Beirut",
            json!({"employments": [{"endDate": "2026-10-24"}]}),
            "active",
            Some("2026-10-24T22:00:00Z"),
        ),
        row(
            "the day behind the end was skipped (Samoa)",
            "2011-12-29T12:00:00Z",
            "Pacific/Apia",
            json!({"employments": [{"endDate": "2011-12-29"}]}),
            "active",
            Some("2011-12-30T10:00:00Z"),
        ),
    ];
    for row in rows {
        let zone = zone_named(row.zone).unwrap();
        let found = lifecycle_at(&person(row.spec), Lock::Open, &zone, at(row.now));
        assert_eq!(found.state.as_str(), row.state, "{}", row.name);
        assert_eq!(found.next, row.next.map(at), "{}", row.name);
    }
}

#[test]
fn a_lockout_goes_before_all_but_an_end_and_ends_by_itself() {
    let t = at("2026-06-10T08:00:00Z");
    let until = at("2026-06-11T00:00:00Z");
    let suspended = json!({"suspended": true, "employments": [{"endDate": "2026-06-30"}]});
    let ended = json!({"employments": [{"endDate": "2026-06-09"}]});
    let rows = [
        ("no dates", json!({}), Lock::Shut, "locked", None),
        ("until then", json!({}), Lock::Until(until), "locked", Some(until)),
        ("until now", json!({}), Lock::Until(t), "active", None),
        ("over suspended, then suspended", suspended.clone(), Lock::Until(until), "locked", Some(until)),
        ("over suspended, an end comes", suspended, Lock::Shut, "locked", Some(at("2026-07-01T00:00:00Z"))),
        ("a leaver", ended, Lock::Until(until), "terminated", None),
    ];
    for (name, spec, lock, state, next) in rows {
        let found = lifecycle_at(&person(spec), lock, &TimeZone::UTC, t);
        assert_eq!((found.state.as_str(), found.next), (state, next), "{name}");
    }
}

#[test]
fn the_end_is_that_of_all_employments() {
    let t = at("2026-06-10T08:00:00Z");
    let end = |spec| lifecycle_at(&person(spec), Lock::Open, &TimeZone::UTC, t).end;
    assert_eq!(end(json!({})), None);
    assert_eq!(end(json!({"employments": [{"endDate": "2026-07-31"}, {}]})), None);
    assert_eq!(end(json!({"employments": [{"endDate": "2026-07-31"}, {"endDate": "2026-06-30"}]})), Some(at("2026-08-01T00:00:00Z")));
}

#[test]
fn the_next_first_day_is_a_civil_day_of_the_persons_zone() {
    let zone = zone_named("Europe/Prague").unwrap();
    let next = |spec| lifecycle_at(&person(spec), Lock::Open, &zone, at("2026-03-22T22:30:00Z")).next_start;
    let start = next(json!({"employments": [{"startDate": "2026-05-01"}, {"startDate": "2026-03-30"}]})).unwrap();
    assert_eq!(start.to_string(), "2026-03-30T00:00:00+02:00[Europe/Prague]");
    assert_eq!(start.checked_sub(jiff::Span::new().days(7)).unwrap().timestamp(), at("2026-03-22T23:00:00Z"));
    assert_eq!(next(json!({"employments": [{"startDate": "2026-09-01", "endDate": "2026-08-31"}]})), None, "it ends before it begins");
    assert_eq!(next(json!({"employments": [{"startDate": "2026-01-01"}]})), None);
}

#[test]
fn the_fields_of_the_employment_in_force_are_laid_over() {
    let cho = person(json!({
        "department": "Pool", "title": "Trainee", "attributes": {"desk": "1", "badge": "x"},
        "employments": [
            {"startDate": "2023-05-01", "endDate": "2026-12-31", "department": "Engineering"},
            {"startDate": "2027-02-01", "department": "Finance", "title": "Clerk", "attributes": {"desk": "9"}},
        ],
    }));
    let rows = [
        ("before any: the first listed", "2023-01-01T00:00:00Z", "Engineering", "Trainee", "1"),
        ("the first", "2026-12-31T23:59:59Z", "Engineering", "Trainee", "1"),
        ("between: the one that ended last", "2027-01-01T00:00:00Z", "Engineering", "Trainee", "1"),
        ("the second", "2027-02-01T00:00:00Z", "Finance", "Clerk", "9"),
    ];
    for (name, t, department, title, desk) in rows {
        let over = laid_over(&cho, &TimeZone::UTC, at(t));
        assert_eq!(over.department.as_deref(), Some(department), "{name}");
        assert_eq!(over.title.as_deref(), Some(title), "{name}");
        assert_eq!(over.attributes["desk"], desk, "{name}");
        assert_eq!(over.attributes["badge"], "x", "{name}");
    }
}

fn employment() -> impl Strategy<Value = Employment> {
    let day = |n: i16| Day(Date::constant(2026, 1, 1).checked_add(jiff::Span::new().days(n)).unwrap());
    (proptest::option::of(0..12i16), proptest::option::of(0..12i16), proptest::option::of((0..12i16, 0..5i16))).prop_map(
        move |(start, end, leave)| Employment {
            start_date: start.map(day),
            end_date: end.map(day),
            leaves: leave
                .map(|(from, length)| crate::api::person::Absence { from: day(from), to: Some(day(from + length)) })
                .into_iter()
                .collect(),
            ..Employment::default()
        },
    )
}

proptest! {
    /// Nothing changes before `next`, and something does at it: nobody has to look in between.
    #[test]
    fn nothing_changes_before_next(
        employments in proptest::collection::vec(employment(), 0..4), suspended: bool, hours in 0..300i64,
        zone in proptest::sample::select(vec!["UTC", "America/Los_Angeles", "Asia/Beirut"]),
    ) {
        let zone = zone_named(zone).unwrap();
        let person = PersonSpec { employments: Some(employments), suspended, ..PersonSpec::default() };
        let t = at("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_hours(hours);
        let look = |t| {
            let employment = employment_at(&person, &zone, t).map(std::ptr::from_ref);
            (lifecycle_at(&person, Lock::Open, &zone, t).state, employment)
        };
        let next = lifecycle_at(&person, Lock::Open, &zone, t).next;
        if let Some(next) = next {
            prop_assert_ne!(look(next), look(t));
        }
        let mut hour = t;
        let horizon = next.unwrap_or(at("2026-01-20T00:00:00Z"));
        while hour < horizon {
            prop_assert_eq!(look(hour), look(t));
            hour += jiff::SignedDuration::from_hours(1);
        }
    }
}
