//! How long and how large a policy may be. The engine sets none of it by itself.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::sync::Once;
use std::time::Duration;

use regorus::rvm::RegoVM;
use regorus::utils::limits::{ExecutionTimerConfig, MemoryBudgetConfig, set_fallback_execution_timer_config};
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
/// Memory of one run of the RVM; the interpreter knows no limit for one evaluation.
const BUDGET: NonZeroU64 = NonZeroU64::new(512 << 20).unwrap();
/// Instructions of one run of the RVM: far more than it gets through in the time that it has.
const INSTRUCTIONS: usize = 1 << 30;

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

/// Sets all limits of a machine.
pub(crate) fn apply_to_machine(machine: &mut RegoVM, limits: Limits) {
    machine.set_execution_timer_config(Some(limits.timer()));
    machine.set_memory_budget_config(Some(MemoryBudgetConfig { limit: BUDGET }));
    machine.set_max_instructions(INSTRUCTIONS);
    machine.set_strict_builtin_errors(true);
}
