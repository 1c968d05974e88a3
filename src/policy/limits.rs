//! How long and how large a policy may be. The engine sets none of it by itself.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Once;
use std::time::Duration;

use regorus::utils::limits::{ExecutionTimerConfig, set_fallback_execution_timer_config};
use regorus::{Engine, PolicyLengthConfig, set_global_memory_limit};

/// What one evaluation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest that one person's decision, or one account's mapping, may take.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(2) }
    }
}

/// Steps between two looks at the clock.
const INTERVAL: NonZeroU32 = NonZeroU32::new(64).unwrap();
/// Columns of a line, of ours and of users.
const COLUMNS: NonZeroU32 = NonZeroU32::new(65_536).unwrap();
/// Bytes of a module as the engine gets it: heads are bound anew, so more than what a user may write.
const BYTES: NonZeroUsize = NonZeroUsize::new(8 * super::scan::LONGEST).unwrap();
/// Lines of a module as the engine gets it.
const LINES: NonZeroUsize = NonZeroUsize::new(400_000).unwrap();
/// Memory of the whole process above which every evaluation is an error.
const MEMORY: u64 = 8 << 30;

impl Limits {
    fn timer(self) -> ExecutionTimerConfig {
        ExecutionTimerConfig { limit: self.time, check_interval: INTERVAL }
    }
}

/// Sets all limits of an engine, and once those that the engine keeps for the whole process.
pub(crate) fn apply(engine: &mut Engine, limits: Limits) {
    static PROCESS: Once = Once::new();
    PROCESS.call_once(|| {
        // Some paths through the engine forget its own timer; this one reaches them.
        set_fallback_execution_timer_config(Some(Limits::default().timer()));
        set_global_memory_limit(Some(MEMORY));
    });
    engine.set_execution_timer_config(limits.timer());
    engine.set_policy_length_config(PolicyLengthConfig { max_col: COLUMNS, max_file_bytes: BYTES, max_lines: LINES });
    // A builtin's error fails the person: undefined would read as "not entitled".
    engine.set_strict_builtin_errors(true);
}
