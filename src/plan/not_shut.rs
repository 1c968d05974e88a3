//! Who must be out and is not, because something stops it that nobody is asked about: `paused`, `mode: Observe`, `suspend`. It shows in every
//! plan until it is over. What the guard holds, protected accounts and others' keys show as what they are.

use jiff::Timestamp;

use crate::api::target::Mode;
use crate::model::account::{AccountKey, AccountState};
use crate::model::change::LifecycleState;
use crate::model::ids::TargetName;
use crate::model::ledger::{Ledger, Link};

use super::desired::{Desired, DesiredPerson, Stand};
use super::finding::{Finding, FindingKind};
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
    let open = ledger.links.iter().filter(|(key, link)| key.target == *target && link.id.is_some() && link.state != AccountState::Disabled);
    open.filter_map(|(key, link)| {
        let must = must_be_out(desired.people.get(&key.person)?, Some(link), absence_judged, t)?;
        Some(found(key, must, "the target is suspended (suspend: true)"))
    })
    .collect()
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
