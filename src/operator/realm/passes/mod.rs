//! A look, a plan, and what is done about it: a sweep and a look at some people take the same way.

mod carried;
mod looks;
mod plans;

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::RealmTask;
use super::intake::Brief;
use super::known::Stage;
use crate::ledger::StoreError;
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, TargetName};
use crate::operator::clock::now;
use crate::operator::worker::Answer;
use crate::realm::object::ResourceKind;

/// How long somebody in trouble waits at first, and at most, in seconds.
const TROUBLE: (i64, i64) = (15, 900);

impl RealmTask {
    pub(super) fn take_answer(&mut self, target: &TargetName, answer: Answer) {
        match answer {
            Answer::Opened(opened) => self.opened(target, opened),
            Answer::Looked(_) if self.closing => {}
            Answer::Looked(looked) => tokio::task::block_in_place(|| self.looked(target, looked, now())),
            Answer::Recorded(facts) => self.recorded(target, &facts),
            Answer::Noted(noted) => {
                if let Some(known) = self.known.get_mut(target) {
                    known.stage = Stage::Idle;
                    match noted {
                        // What was noted meanwhile is still to be recorded.
                        Ok(()) => drop(known.notes.drain(..known.noting.min(known.notes.len()))),
                        Err(error @ StoreError::Conflict(_)) => self.fenced = Some(error),
                        Err(error) => known.failed(Failure::Retry { after: None, why: error.to_string() }),
                    }
                }
            }
            Answer::Carried(carried) => self.carried(target, carried, now()),
            Answer::Ended => {
                // It may be declared again by now.
                if self.ending.remove(target) {
                    self.dirty.moved();
                }
            }
        }
    }
}

/// The annotation by which somebody asks for another look at a target.
pub(super) fn requested(briefs: &BTreeMap<(ResourceKind, ObjectName), Brief>, target: &TargetName) -> Option<String> {
    let name = ObjectName::parse(target.as_str()).ok()?;
    briefs.get(&(ResourceKind::TargetSystem, name))?.requested.clone()
}

/// Twice as long each time.
pub(super) fn after_trouble(tries: u32) -> SignedDuration {
    let (first, most) = TROUBLE;
    SignedDuration::from_secs(first.saturating_mul(1_i64 << tries.saturating_sub(1).min(10)).min(most))
}
