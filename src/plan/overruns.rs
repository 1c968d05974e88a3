//! Policies that never end: after a few people in a row who took all the time that there is, nobody else is asked at this instant. Who is
//! not asked is frozen, and whoever leaves need not wait until everybody has had their time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::reason::Reason;
use crate::policy::DecideError;
use crate::realm::input::Frozen;

/// So many people in a row are no accident.
const MANY: u32 = 5;

/// How many in a row took too long, and what the last one ran into.
#[derive(Debug, Default)]
pub(super) struct Overruns(Mutex<(u32, Option<Reason>)>);

impl Overruns {
    /// Takes in how somebody's decision ended.
    pub(super) fn note<T>(&self, ended: &Result<T, DecideError>) {
        let mut run = self.run();
        *run = match ended {
            Err(error @ DecideError::Limit(_)) => (run.0.saturating_add(1), Some(error.to_reason())),
            // Once nobody else is asked, whoever is still under way changes nothing.
            Ok(_) | Err(_) if run.0 >= MANY => return,
            Ok(_) | Err(_) => (0, None),
        };
    }

    /// Why nobody else is asked.
    pub(super) fn frozen(&self) -> Option<Frozen> {
        let run = self.run();
        let last = run.1.as_ref().filter(|_| run.0 >= MANY)?;
        Some(Frozen::new(
            format!("the policies are not asked any more, since {MANY} people in a row met this: {}", last.text),
            &*last.place,
        ))
    }

    fn run(&self) -> MutexGuard<'_, (u32, Option<Reason>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyError;

    #[test]
    fn a_few_in_a_row_are_enough_and_one_who_is_decided_begins_it_anew() {
        let overruns = Overruns::default();
        let late = || -> Result<(), _> {
            Err(DecideError::Limit(PolicyError { message: "takes longer than 2 s".into(), ..PolicyError::default() }))
        };
        for _ in 1..MANY {
            overruns.note(&late());
        }
        overruns.note(&Ok(()));
        overruns.note(&late());
        assert_eq!(overruns.frozen(), None);
        for _ in 1..MANY {
            overruns.note(&late());
        }
        let frozen = overruns.frozen().unwrap().to_string();
        assert!(frozen.contains("takes longer than 2 s"), "{frozen}");
        overruns.note(&Ok(()));
        assert!(overruns.frozen().is_some(), "who was under way changes nothing");
    }
}
