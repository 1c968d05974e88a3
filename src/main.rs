//! The Provost command: arguments in, an exit code out.

use std::process::ExitCode;

use provost::cli::{World, run};
use provost::folder::run::now;

fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os(), World::of_process(now())))
}
