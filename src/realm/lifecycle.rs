//! Joiner, mover, leaver: a person's state at an instant, and when it changes by itself. Pure; dates become moments here and nowhere else.

use std::cmp::Reverse;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::input::Lifecycle;
use crate::api::person::{Employment, PersonSpec};
use crate::model::change::LifecycleState;

/// Whether a Lockout of all targets stands, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lock {
    /// None does.
    #[default]
    Open,
    /// Until this moment.
    Until(Timestamp),
    /// Until it is deleted.
    Shut,
}

impl Lock {
    fn stands_at(self, t: Timestamp) -> bool {
        match self {
            Self::Open => false,
            Self::Until(until) => t < until,
            Self::Shut => true,
        }
    }
}

/// The zone of that IANA name; none where there is no such zone.
#[must_use]
pub fn zone_named(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The state of a person at `t`, and what comes by itself. `zone` is the person's own, else the realm's.
#[must_use]
pub fn lifecycle_at(person: &PersonSpec, lock: Lock, zone: &TimeZone, t: Timestamp) -> Lifecycle {
    let terms = terms(person, zone);
    let state_at = |t| state(person, &terms, lock, t);
    let now = state_at(t);
    let mut moments: Vec<Timestamp> = terms.iter().flat_map(Term::moments).collect();
    if let Lock::Until(until) = lock {
        moments.push(until);
    }
    // What lies behind the end of the calendar never comes.
    moments.retain(|moment| *moment > t && *moment < Timestamp::MAX);
    moments.sort_unstable();
    let next = moments.into_iter().find(|moment| state_at(*moment) != now);
    let end = terms.iter().map(|term| term.end).collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
    let next_start = terms.iter().filter(|term| term.start > t && term.end.is_none_or(|end| end > term.start)).map(|term| term.start).min();
    Lifecycle {
        state: now.0,
        next,
        end,
        leave: leave(&terms, t),
        employed: !terms.is_empty(),
        next_start: next_start.filter(|start| *start < Timestamp::MAX).map(|start| start.to_zoned(zone.clone())),
    }
}

/// When the leave begins that stands at `t`, or else the next one, by the employments alone.
fn leave(terms: &[Term], t: Timestamp) -> Option<Timestamp> {
    let mut moments: Vec<Timestamp> = terms.iter().flat_map(Term::moments).filter(|moment| *moment < Timestamp::MAX).collect();
    moments.sort_unstable();
    let mut begins = None;
    for moment in moments {
        if moment > t && begins.is_some() {
            break;
        }
        begins = (best(terms, moment).0 == LifecycleState::Leave).then(|| begins.unwrap_or(moment));
    }
    begins
}

/// The employment that gives the state at `t`: of equals the first listed, between two the one that ended last.
#[must_use]
pub fn employment_at<'a>(person: &'a PersonSpec, zone: &TimeZone, t: Timestamp) -> Option<&'a Employment> {
    let (_, index) = best(&terms(person, zone), t);
    person.employments.as_ref()?.get(index?)
}

/// The person with the fields of the employment in force at `t` laid over their own.
#[must_use]
pub fn laid_over(person: &PersonSpec, zone: &TimeZone, t: Timestamp) -> PersonSpec {
    match employment_at(person, zone, t) {
        Some(employment) => with_employment(person, employment),
        None => person.clone(),
    }
}

/// The person with the fields of this employment laid over their own.
#[must_use]
pub fn with_employment(person: &PersonSpec, employment: &Employment) -> PersonSpec {
    let mut person = person.clone();
    let lay = |own: &mut Option<String>, over: &Option<String>| {
        if over.is_some() {
            own.clone_from(over);
        }
    };
    lay(&mut person.manager, &employment.manager);
    lay(&mut person.title, &employment.title);
    lay(&mut person.employee_number, &employment.employee_number);
    lay(&mut person.department, &employment.department);
    lay(&mut person.division, &employment.division);
    lay(&mut person.organization, &employment.organization);
    lay(&mut person.cost_center, &employment.cost_center);
    lay(&mut person.location, &employment.location);
    person.attributes.extend(employment.attributes.clone());
    person
}

/// One employment in moments.
struct Term {
    start: Timestamp,
    end: Option<Timestamp>,
    leaves: Vec<(Timestamp, Option<Timestamp>)>,
}

/// Where one employment stands.
#[derive(PartialEq, Eq)]
enum Phase {
    Ended,
    Active,
    Leave,
    Ahead,
}

impl Term {
    fn of(employment: &Employment, zone: &TimeZone) -> Self {
        let end_of_last_day = employment.end_date.and_then(|day| behind(day.0, zone));
        Self {
            start: employment.start_date.map_or(Timestamp::MIN, |day| midnight(day.0, zone).unwrap_or(Timestamp::MAX)),
            end: [end_of_last_day, employment.end_at.map(|moment| moment.0)].into_iter().flatten().min(),
            leaves: employment
                .leaves
                .iter()
                .filter_map(|leave| Some((midnight(leave.from.0, zone)?, leave.to.and_then(|day| behind(day.0, zone)))))
                .collect(),
        }
    }

    fn phase(&self, t: Timestamp) -> Phase {
        if self.end.is_some_and(|end| end <= t) {
            Phase::Ended
        } else if self.start > t {
            Phase::Ahead
        } else if self.leaves.iter().any(|(from, to)| *from <= t && to.is_none_or(|to| t < to)) {
            Phase::Leave
        } else {
            Phase::Active
        }
    }

    /// All instants at which its phase may change.
    fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let leaves = self.leaves.iter().flat_map(|(from, to)| [Some(*from), *to]).flatten();
        [Some(self.start), self.end].into_iter().flatten().chain(leaves)
    }
}

fn terms(person: &PersonSpec, zone: &TimeZone) -> Vec<Term> {
    person.employments.iter().flatten().map(|employment| Term::of(employment, zone)).collect()
}

/// The state with the index of the employment in force.
fn state(person: &PersonSpec, terms: &[Term], lock: Lock, t: Timestamp) -> (LifecycleState, Option<usize>) {
    let (best, index) = best(terms, t);
    let state = if best == LifecycleState::Terminated {
        best
    } else if lock.stands_at(t) {
        LifecycleState::Locked
    } else if person.suspended {
        LifecycleState::Suspended
    } else {
        best
    };
    (state, index)
}

/// What the employments alone say, and which of them says it.
fn best(terms: &[Term], t: Timestamp) -> (LifecycleState, Option<usize>) {
    let first = |phase: Phase| terms.iter().position(|term| term.phase(t) == phase);
    let ended_last = terms
        .iter()
        .enumerate()
        .filter(|(_, term)| term.phase(t) == Phase::Ended)
        .max_by_key(|(index, term)| (term.end, Reverse(*index)))
        .map(|(index, _)| index);
    if terms.is_empty() {
        (LifecycleState::Active, None)
    } else if let Some(index) = first(Phase::Active) {
        (LifecycleState::Active, Some(index))
    } else if let Some(index) = first(Phase::Leave) {
        (LifecycleState::Leave, Some(index))
    } else {
        match (first(Phase::Ahead), ended_last) {
            (Some(_), Some(ended)) => (LifecycleState::Leave, Some(ended)),
            (Some(ahead), None) => (LifecycleState::Preboarding, Some(ahead)),
            (None, ended) => (LifecycleState::Terminated, ended),
        }
    }
}

/// The first instant of the day; none where the calendar of moments ends before it.
fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

/// The first instant behind the day. None for the last days of the calendar, which stand for an open end.
fn behind(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    midnight(day.tomorrow().ok()?, zone)
}

#[cfg(test)]
mod tests;
