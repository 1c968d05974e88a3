//! Processor time of the whole process: what other programs do beside it counts little, and two threads count twice.

use rustix::time::{ClockId, clock_gettime};

/// Processor time so far, in microseconds.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// What the work took in microseconds, and what it gave.
pub fn took<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = now();
    let out = work();
    (now() - began, out)
}

/// The least of so many rounds: what disturbs only ever adds.
pub fn least(rounds: usize, mut work: impl FnMut() -> f64) -> f64 {
    (0..rounds).map(|_| work()).fold(f64::INFINITY, f64::min)
}
