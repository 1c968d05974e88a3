//! How long to wait after a failure: twice as long each time, up to a limit, with some of it by chance, so that many do not come at once.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Counts failures in a row.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits `first` at first, and never longer than `most`.
    #[must_use]
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, tries: 0 }
    }

    /// How long to wait after one more failure: between half and all of what it has grown to.
    pub fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.tries.min(16)).min(self.most);
        self.tries = self.tries.saturating_add(1);
        let half = whole / 2;
        let chance = u32::try_from(RandomState::new().hash_one(self.tries) % 1000).unwrap_or_default();
        half + half * chance / 1000
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Failures in a row.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_limit_and_begins_anew() {
        let (first, most) = (Duration::from_secs(1), Duration::from_secs(60));
        let mut backoff = Backoff::new(first, most);
        let waits: Vec<Duration> = (0..10).map(|_| backoff.next()).collect();
        for (tries, wait) in waits.iter().enumerate() {
            let whole = (first * (1 << tries)).min(most);
            assert!(*wait >= whole / 2 && *wait <= whole, "after {tries} failures: {wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= first);
    }
}
