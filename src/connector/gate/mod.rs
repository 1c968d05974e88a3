//! The gate of one target: every request to it leaves through here, whatever the protocol.
//!
//! A request goes in as a future that yields an answer or a [`Trouble`]; the answer or a [`Failure`] comes out. On its way it waits for a
//! permit (how many at once), for its slot (how many a second) and for the end of a `Retry-After`, has a deadline, and passes the
//! circuit breaker. Reads are repeated, with full jitter and within a budget; a write is a future and no closure, so that it cannot be.
//!
//! Time is tokio's monotonic clock. The gate never looks into a request or an answer.
//!
//! ```text
//! circuit closed? ─► permit ─► slot, Retry-After ─► circuit, probe ─► the request, within its deadline ─► verdict ─► answer | Failure
//!        ▲                                                                                                   │
//!        └─────────────────────────── a read, once more: jitter, budget ◄────────────────────────────────────┘
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::breaker::{Breaker, Pass, Verdict};
use self::budget::Budget;
use crate::api::target::LimitsSpec;
use crate::model::failure::Failure;

mod breaker;
mod budget;
#[cfg(test)]
mod tests;

/// How often a read is repeated at most.
const REPEATS: u32 = 3;
/// The longest wait before the first repeat; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait before any repeat.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long a target that is busy and does not say for how long is left alone.
const BUSY: Duration = Duration::from_secs(1);
/// The longest `Retry-After` that is believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Why a request brought nothing, cut by what the gate does about it. The texts never carry a secret, a query or a response body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing was done, as the target is not there: no connection, or it says so itself (503).
    Down {
        /// What happened.
        why: String,
        /// For how long it asks to be left alone.
        after: Option<Duration>,
    },
    /// Nothing was done, as the target asks to slow down (429).
    Busy {
        /// What happened.
        why: String,
        /// For how long it asks to be left alone.
        after: Option<Duration>,
    },
    /// The request was sent; whether it was done, no answer tells.
    Lost(String),
    /// The target answered something that cannot be read; once more would bring the same.
    Unreadable(String),
    /// The answer stands; once more would bring the same.
    Final(Failure),
    /// Nothing was sent, and nothing can be before somebody mends it: no trust, no such address, a value that cannot be carried.
    Unsent(Failure),
}

impl Trouble {
    fn of_read(self) -> Failure {
        match self {
            Self::Down { why, after } | Self::Busy { why, after } => Failure::Retry { after: after.map(believed).map(seconds), why },
            Self::Lost(why) | Self::Unreadable(why) => Failure::Retry { after: None, why },
            Self::Final(failure) | Self::Unsent(failure) => failure,
        }
    }

    fn of_write(self) -> Failure {
        match self {
            Self::Lost(why) | Self::Unreadable(why) => {
                tracing::debug!(why, "nobody knows whether a write was done");
                Failure::Unknown
            }
            clear @ (Self::Down { .. } | Self::Busy { .. } | Self::Final(_) | Self::Unsent(_)) => clear.of_read(),
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Down { why, .. } | Self::Lost(why) => Verdict::Sick(why.clone()),
            Self::Busy { .. } | Self::Unreadable(_) | Self::Final(_) => Verdict::Well,
            Self::Unsent(_) => Verdict::Silent,
        }
    }

    /// For how long the whole gate keeps still.
    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Down { after, .. } => after.map(believed),
            Self::Busy { after, .. } => Some(believed(after.unwrap_or(BUSY))),
            Self::Lost(_) | Self::Unreadable(_) | Self::Final(_) | Self::Unsent(_) => None,
        }
    }

    fn passing(&self) -> bool {
        match self {
            Self::Down { .. } | Self::Busy { .. } | Self::Lost(_) => true,
            Self::Unreadable(_) | Self::Final(_) | Self::Unsent(_) => false,
        }
    }
}

/// What holds where a target's `limits` say nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// Requests a second; none: as many as come.
    pub(crate) requests_per_second: Option<u32>,
    /// Requests at once.
    pub(crate) concurrency: u32,
    /// How long one request may take.
    pub(crate) timeout: Duration,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { requests_per_second: None, concurrency: 4, timeout: Duration::from_secs(30) }
    }
}

/// The gate of one target; its reader and its writer share it.
#[derive(Debug)]
pub(crate) struct Gate {
    permits: Semaphore,
    /// Between two requests; none: nothing to keep.
    interval: Option<Duration>,
    deadline: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next request may leave, by the rate.
    slot: Instant,
    /// Until when the target is to be left alone.
    resume: Instant,
    breaker: Breaker,
    budget: Budget,
    random: fastrand::Rng,
}

impl Gate {
    /// A gate with these limits.
    pub(crate) fn new(limits: &LimitsSpec, defaults: Defaults) -> Self {
        Self::with_random(limits, defaults, fastrand::Rng::new())
    }

    fn with_random(limits: &LimitsSpec, defaults: Defaults, random: fastrand::Rng) -> Self {
        let concurrency = limits.concurrency.unwrap_or(defaults.concurrency).max(1);
        let rate = limits.requests_per_second.or(defaults.requests_per_second);
        let deadline = limits.timeout.and_then(|span| Duration::try_from(span.length()).ok()).filter(|span| !span.is_zero());
        let now = Instant::now();
        Self {
            permits: Semaphore::new(usize::try_from(concurrency).unwrap_or(1).min(Semaphore::MAX_PERMITS)),
            interval: rate.map(|rate| Duration::from_secs(1) / rate.max(1)),
            deadline: deadline.unwrap_or(defaults.timeout),
            state: Mutex::new(State { slot: now, resume: now, breaker: Breaker::Closed(0), budget: Budget::full(), random }),
        }
    }

    /// How long one request may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Sends a read, and repeats it where that may help.
    ///
    /// # Errors
    /// What the last try met; [`Failure::Retry`] where the gate itself lets nothing through.
    pub(crate) async fn read<T, W>(&self, work: impl Fn() -> W) -> Result<T, Failure>
    where
        W: Future<Output = Result<T, Trouble>>,
    {
        self.state().budget.earn();
        let mut repeats = 0;
        loop {
            let trouble = match self.pass(work()).await? {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let too_long = trouble.pause().is_some_and(|pause| pause > self.deadline);
            if repeats == REPEATS || too_long || !trouble.passing() || !self.state().budget.spend() {
                return Err(trouble.of_read());
            }
            let wait = self.state().jitter(repeats);
            sleep(wait).await;
            repeats += 1;
        }
    }

    /// Sends a write, once: a failed one comes back through a look and a plan.
    ///
    /// # Errors
    /// [`Failure::Unknown`] where nobody knows whether it was done; [`Failure::Retry`] where the gate lets nothing through.
    pub(crate) async fn write<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Failure> {
        self.state().budget.earn();
        self.pass(work).await?.map_err(Trouble::of_write)
    }

    /// One request: outside what the gate says, inside what the target says.
    async fn pass<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<Result<T, Trouble>, Failure> {
        let mut passage = self.enter().await?;
        let answer = timeout(self.deadline, work)
            .await
            .unwrap_or_else(|_| Err(Trouble::Lost(format!("no answer within {} (spec.limits.timeout)", humane(self.deadline)))));
        passage.verdict = match &answer {
            Ok(_) => Verdict::Well,
            Err(trouble) => trouble.verdict(),
        };
        if let Some(pause) = answer.as_ref().err().and_then(Trouble::pause) {
            self.state().keep_still(pause);
        }
        Ok(answer)
    }

    async fn enter(&self) -> Result<Passage<'_>, Failure> {
        self.state().breaker.check(Instant::now())?;
        let permit = self.permits.acquire().await.map_err(|_| Failure::Bug("a gate was closed".to_owned()))?;
        loop {
            let slot = self.state().reserve(self.interval, self.deadline)?;
            sleep_until(slot).await;
            // While this one slept, another answer may have asked for more patience.
            if self.state().resume <= Instant::now() {
                break;
            }
        }
        let pass = self.state().breaker.enter(Instant::now())?;
        Ok(Passage { gate: self, pass, verdict: Verdict::Silent, _permit: permit })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the next request may leave. Whoever would wait longer than a request may take is told so at once.
    fn reserve(&mut self, interval: Option<Duration>, patience: Duration) -> Result<Instant, Failure> {
        let now = Instant::now();
        let left = self.resume.saturating_duration_since(now);
        if left > patience {
            let after = seconds(left);
            return Err(Failure::Retry { after: Some(after), why: format!("the target asked to be left alone for another {after} s") });
        }
        let at = now.max(self.slot).max(self.resume);
        self.slot = interval.map_or(self.slot, |interval| at + interval);
        Ok(at)
    }

    fn keep_still(&mut self, pause: Duration) {
        self.resume = self.resume.max(Instant::now() + pause);
    }

    /// A random part of a wait that doubles: full jitter, so that what failed together does not come back together.
    fn jitter(&mut self, repeats: u32) -> Duration {
        let most = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.saturating_pow(repeats));
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.random.u64(0..=most))
    }
}

/// One request inside the gate. Its end is told however it comes, also when the caller gives up.
struct Passage<'gate> {
    gate: &'gate Gate,
    pass: Pass,
    verdict: Verdict,
    _permit: SemaphorePermit<'gate>,
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        let verdict = std::mem::replace(&mut self.verdict, Verdict::Silent);
        self.gate.state().breaker.leave(self.pass, verdict, Instant::now());
    }
}

fn believed(retry_after: Duration) -> Duration {
    retry_after.min(LONGEST_RETRY_AFTER)
}

/// Whole seconds, rounded up: whoever comes back then does not come too early.
fn seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

fn humane(span: Duration) -> String {
    if span.subsec_millis() == 0 { format!("{} s", span.as_secs()) } else { format!("{} ms", span.as_millis()) }
}
