//! The operator's only clock.

use jiff::Timestamp;

/// The time now, in whole seconds, as a folder's run has it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the operator reads the clock here and hands the time on")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
