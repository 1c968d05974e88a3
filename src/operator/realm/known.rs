//! One target, as the realm's task knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::api::target::TargetSystemSpec;
use crate::model::change::ChangeLine;
use crate::model::failure::Failure;
use crate::model::ids::PersonId;
use crate::model::ledger::Fact;
use crate::model::observed::Scope;
use crate::operator::backoff::Backoff;
use crate::operator::clearance::Touched;
use crate::operator::worker::Order;
use crate::plan::conditions::HeldReason;
use crate::plan::desired::Desired;
use crate::plan::guard::Excess;

/// What a target's worker is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is to be opened.
    Closed,
    /// It is being opened.
    Opening,
    /// Nothing.
    Idle,
    /// It looks.
    Looking(Scope),
    /// It carries a plan out.
    Carrying,
}

/// Why somebody is not as they should be in a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// One PascalCase word.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// The object itself must be edited.
    pub stalled: bool,
}

/// What the last looks showed, for the target's status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// When the last sweep began and ended, whether it was complete, how many accounts it read.
    pub sweep: Option<(Timestamp, Timestamp, bool, u32)>,
    /// Accounts that nobody correlates with.
    pub unmatched: u32,
    /// Accounts of ours whose person is gone and that no ledger knows.
    pub orphaned: u32,
    /// Accounts that are never touched.
    pub protected: u32,
    /// Accounts that differed at the last sweep, though nobody declared anything.
    pub drift: u32,
    /// What must be done in the target by hand.
    pub out_of_scope: u32,
    /// The last complete listing showed so much less than the one before that it is held.
    pub shrank: bool,
    /// What is wrong in a way that nothing is done here at all.
    pub refused: Option<String>,
}

/// One target.
pub(super) struct Known {
    pub orders: mpsc::Sender<Order>,
    pub touched: Arc<Touched>,
    pub spec: TargetSystemSpec,
    pub stage: Stage,
    /// Rules or answers may be others: look at all of it again.
    pub renew: bool,
    /// Settings or secret are others: open it again.
    pub reopen: bool,
    /// What is to be remembered beside any plan.
    pub notes: Vec<Fact>,
    /// How many of them are being recorded.
    pub noting: usize,
    /// People who are to be looked at.
    pub pending: BTreeSet<PersonId>,
    /// People who must be out, now: they are looked at before everything else.
    pub urgent: BTreeSet<PersonId>,
    /// How often in a row something of theirs was left unsent.
    pub left: BTreeMap<PersonId, u32>,
    /// Those of them of whom something new is decided.
    pub news: BTreeSet<PersonId>,
    /// Of whom something new is decided, and whom the look under way shows.
    pub looking: BTreeSet<PersonId>,
    /// When it is to be swept next.
    pub sweep_at: Timestamp,
    /// The last complete listing showed no unmatched account.
    pub clean: bool,
    /// A sweep has been planned since the start.
    pub swept: bool,
    /// Who is not as they should be, and why.
    pub open: BTreeMap<PersonId, Open>,
    /// What stops that somebody is shut out, where nobody is asked about it.
    pub stopped: BTreeMap<PersonId, Open>,
    /// Whose changes are being sent.
    pub sending: BTreeSet<PersonId>,
    /// How often in a row something of theirs failed.
    pub trouble: BTreeMap<PersonId, u32>,
    /// What is held, why, and of which kind there are too many.
    pub held: BTreeMap<PersonId, BTreeMap<ChangeLine, (HeldReason, Option<Excess>)>>,
    /// How many held changes the last plan had.
    pub told_held: usize,
    /// What the plan that is carried out was made from.
    pub desired: Option<(Arc<Desired>, BTreeSet<PersonId>)>,
    pub summary: Summary,
    /// Why it cannot be worked with at present; none before the first answer.
    pub connected: Option<Result<(), Failure>>,
    pub backoff: Backoff,
    pub retry: Option<Instant>,
    /// The request for another look that the look under way answers.
    pub answering: Option<String>,
    /// The last request that was answered.
    pub handled: Option<String>,
}

impl Known {
    pub(super) fn new(orders: mpsc::Sender<Order>, touched: Arc<Touched>, spec: TargetSystemSpec, t: Timestamp) -> Self {
        Self {
            orders,
            touched,
            spec,
            stage: Stage::Closed,
            renew: false,
            reopen: false,
            notes: Vec::new(),
            noting: 0,
            pending: BTreeSet::new(),
            urgent: BTreeSet::new(),
            left: BTreeMap::new(),
            news: BTreeSet::new(),
            looking: BTreeSet::new(),
            sweep_at: t,
            clean: false,
            swept: false,
            open: BTreeMap::new(),
            stopped: BTreeMap::new(),
            sending: BTreeSet::new(),
            trouble: BTreeMap::new(),
            held: BTreeMap::new(),
            told_held: 0,
            desired: None,
            summary: Summary::default(),
            connected: None,
            backoff: Backoff::new(Duration::from_secs(2), Duration::from_secs(300)),
            retry: None,
            answering: None,
            handled: None,
        }
    }

    /// Whether a sweep costs less than what is asked for, or a look at some would show too little. One that ended early would again.
    pub(super) fn wants_all(&self, many: usize) -> bool {
        let complete = self.summary.sweep.is_none_or(|(_, _, complete, _)| complete);
        complete && self.pending.len() > many || (self.summary.refused.is_some() || self.summary.shrank) && !self.pending.is_empty()
    }

    /// Takes some of those out who are to be looked at.
    pub(super) fn some_pending(&mut self, most: usize) -> BTreeSet<PersonId> {
        self.pending.iter().take(most).cloned().collect()
    }

    /// Gives the worker an order; it has finished the one before, so there is room.
    pub(super) fn give(&self, order: Order) {
        if let Err(error) = self.orders.try_send(order) {
            tracing::error!(%error, "a worker takes no order");
        }
    }

    /// A look begins.
    pub(super) fn begin(&mut self, scope: Scope) {
        self.touched.begin();
        let shown: BTreeSet<PersonId> = self.news.iter().filter(|person| scope.contains(person)).cloned().collect();
        self.news.retain(|person| !shown.contains(person));
        self.looking.extend(shown);
        self.stage = Stage::Looking(scope);
    }

    /// Nothing is remembered of this person, and nobody declares them: there is nothing to say of them either.
    pub(super) fn forget(&mut self, person: &PersonId) {
        self.open.remove(person);
        self.stopped.remove(person);
        self.held.remove(person);
        self.trouble.remove(person);
        self.left.remove(person);
    }

    /// Whether it is in the middle of writing.
    pub(super) fn is_sending(&self) -> bool {
        self.stage == Stage::Carrying
    }

    /// Whether it was read as a whole since the start, or could not be.
    pub(super) fn has_answered(&self) -> bool {
        self.swept && !self.is_sending() || matches!(self.connected, Some(Err(_)))
    }

    /// When it is to be swept by itself.
    pub(super) fn wakes(&self) -> Option<Timestamp> {
        (self.stage == Stage::Idle && self.retry.is_none() && !self.spec.suspend).then_some(self.sweep_at)
    }

    /// When it is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry.filter(|_| matches!(self.stage, Stage::Idle | Stage::Closed) && !self.spec.suspend)
    }

    /// It failed: nothing is tried before a while has gone by.
    pub(super) fn failed(&mut self, failure: Failure) {
        let asked = match &failure {
            Failure::Retry { after: Some(seconds), .. } => Duration::from_secs((*seconds).min(3600)),
            Failure::Retry { after: None, .. }
            | Failure::Unknown
            | Failure::Conflict(_)
            | Failure::Denied(_)
            | Failure::Invalid { .. }
            | Failure::Config(_)
            | Failure::Bug(_) => Duration::ZERO,
        };
        self.retry = Some(Instant::now() + self.backoff.next().max(asked));
        self.connected = Some(Err(failure));
    }

    /// It answered.
    pub(super) fn works(&mut self) {
        self.connected = Some(Ok(()));
        self.retry = None;
    }

    /// Whether it may be tried now.
    pub(super) fn may_try(&self) -> bool {
        self.retry.is_none_or(|at| at <= Instant::now())
    }
}
