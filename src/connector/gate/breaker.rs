//! The circuit breaker: after several failures of the target itself in a row nothing is sent for a while; then one request goes through
//! as a probe, and its end decides. The time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::seconds;
use crate::model::failure::Failure;

/// How many failures in a row open the circuit.
pub(super) const FAILURES: u32 = 5;
/// How long the circuit stays open the first time; each failed probe doubles it.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// How long it stays open at most.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a request that is let through stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// One of many.
    Ordinary,
    /// The one that tries whether the target is well again.
    Probe,
}

/// What a request says about the target itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers.
    Well,
    /// It does not, and this is how.
    Sick(String),
    /// The request was given up before it could tell, or was never sent.
    Silent,
}

/// The state of the circuit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Breaker {
    /// Requests pass; so many failed in a row.
    Closed(u32),
    /// None passes before `until`; the next one then is the probe.
    Open { until: Instant, pause: Duration, why: String },
    /// The probe is on its way.
    Probing { pause: Duration, why: String },
}

impl Breaker {
    /// Whether a request may go on to wait for its turn.
    pub(super) fn check(&self, now: Instant) -> Result<(), Failure> {
        match self {
            Self::Closed(_) => Ok(()),
            Self::Open { until, .. } if *until <= now => Ok(()),
            Self::Open { until, why, .. } => Err(open(until.duration_since(now), why)),
            Self::Probing { why, .. } => Err(open(Duration::from_secs(1), why)),
        }
    }

    /// Lets a request through, or says how long the circuit stays open.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Pass, Failure> {
        self.check(now)?;
        match self {
            Self::Open { pause, why, .. } => {
                *self = Self::Probing { pause: *pause, why: std::mem::take(why) };
                Ok(Pass::Probe)
            }
            Self::Closed(_) | Self::Probing { .. } => Ok(Pass::Ordinary),
        }
    }

    /// Takes the end of a request. One that began before the circuit opened says nothing new.
    pub(super) fn leave(&mut self, pass: Pass, verdict: Verdict, now: Instant) {
        let next = match (&mut *self, pass, verdict) {
            (Self::Closed(_), _, Verdict::Well) | (Self::Probing { .. }, Pass::Probe, Verdict::Well) => Self::Closed(0),
            (Self::Closed(failures), _, Verdict::Sick(why)) if *failures + 1 >= FAILURES => {
                let why = format!("{FAILURES} requests in a row failed, the last one so: {why}");
                Self::Open { until: now + FIRST_PAUSE, pause: FIRST_PAUSE, why }
            }
            (Self::Closed(failures), _, Verdict::Sick(_)) => Self::Closed(*failures + 1),
            (Self::Probing { pause, .. }, Pass::Probe, Verdict::Sick(why)) => {
                let pause = LONGEST_PAUSE.min(*pause * 2);
                Self::Open { until: now + pause, pause, why: format!("the probe failed too: {why}") }
            }
            (Self::Probing { pause, why }, Pass::Probe, Verdict::Silent) => {
                Self::Open { until: now, pause: *pause, why: std::mem::take(why) }
            }
            (Self::Closed(_) | Self::Open { .. } | Self::Probing { .. }, _, _) => return,
        };
        *self = next;
    }
}

fn open(left: Duration, why: &str) -> Failure {
    Failure::Retry { after: Some(seconds(left)), why: format!("circuit open: {why}") }
}
