//! The one sequence that both shells call: look, plan, guard, carry out. Nothing else writes targets or their ledgers.

mod batch;
pub mod outcome;
mod owed;
pub mod run;
pub mod target;
