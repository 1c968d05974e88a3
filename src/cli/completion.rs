//! `provost completion`: what a shell needs to complete commands and flags.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::exit::Exit;
use super::world::World;

/// What `completion` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints it.
pub fn run(args: &Args, world: &mut World) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "provost", &mut script);
    world.print(&String::from_utf8_lossy(&script));
    Exit::Done
}
