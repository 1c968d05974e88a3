//! Exit codes: a contract that scripts and pipelines may rely on. Of several that fit, 1, 4, 3, 2, 0 is the order.

use crate::plan::round::Verdict;

/// Nothing to do; of `apply`, all is done; of `check`, nothing is wrong.
pub const DONE: u8 = 0;
/// Nothing could be planned, or the command could not be carried out; nothing was written. Of `check`: bad input.
pub const FAILED: u8 = 1;
/// `plan`: there are changes.
pub const CHANGES: u8 = 2;
/// The guard holds some of the changes.
pub const HELD: u8 = 3;
/// Something could not be read or decided, so that the plan is a lower bound; of `apply`, also: something could not be done.
pub const INCOMPLETE: u8 = 4;

/// What a command comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// [`DONE`]
    Done,
    /// [`FAILED`]
    Failed,
    /// [`CHANGES`]
    Changes,
    /// [`HELD`]
    Held,
    /// [`INCOMPLETE`]
    Incomplete,
}

impl Exit {
    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => DONE,
            Self::Failed => FAILED,
            Self::Changes => CHANGES,
            Self::Held => HELD,
            Self::Incomplete => INCOMPLETE,
        }
    }

    /// What `plan` comes to.
    #[must_use]
    pub fn of_plan(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Nothing => Self::Done,
            Verdict::Changes => Self::Changes,
            Verdict::Held => Self::Held,
            Verdict::Incomplete => Self::Incomplete,
        }
    }

    /// What `apply` comes to: as `plan`, but what is done is done, and what could not be done counts as not decided.
    #[must_use]
    pub fn of_apply(verdict: Verdict, failed: usize) -> Self {
        match verdict {
            Verdict::Incomplete => Self::Incomplete,
            Verdict::Nothing | Verdict::Changes | Verdict::Held if failed > 0 => Self::Incomplete,
            Verdict::Held => Self::Held,
            Verdict::Nothing | Verdict::Changes => Self::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_a_contract() {
        for (exit, code) in [(Exit::Done, 0), (Exit::Failed, 1), (Exit::Changes, 2), (Exit::Held, 3), (Exit::Incomplete, 4)] {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
        for (verdict, plan, apply, apply_with_failures) in
            [(Verdict::Nothing, 0, 0, 4), (Verdict::Changes, 2, 0, 4), (Verdict::Held, 3, 3, 4), (Verdict::Incomplete, 4, 4, 4)]
        {
            assert_eq!(Exit::of_plan(verdict).code(), plan, "plan {verdict:?}");
            assert_eq!(Exit::of_apply(verdict, 0).code(), apply, "apply {verdict:?}");
            assert_eq!(Exit::of_apply(verdict, 1).code(), apply_with_failures, "apply with failures {verdict:?}");
        }
    }
}
