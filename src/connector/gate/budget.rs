//! The budget of repeats: a target in trouble must not get a multiple of its requests on top.

/// What a repeat costs; a request earns one of these.
const REPEAT: u32 = 5;
/// Ten repeats: what a gate begins with, and the most that it can save.
const MOST: u32 = 10 * REPEAT;

/// One repeat for each five requests, and ten beside.
#[derive(Debug)]
pub(super) struct Budget(u32);

impl Budget {
    /// A full one.
    pub(super) fn full() -> Self {
        Self(MOST)
    }

    /// A request that is no repeat.
    pub(super) fn earn(&mut self) {
        self.0 = MOST.min(self.0 + 1);
    }

    /// Whether one more repeat is in it, which is taken then.
    pub(super) fn spend(&mut self) -> bool {
        match self.0.checked_sub(REPEAT) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}
