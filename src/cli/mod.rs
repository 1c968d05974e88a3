//! The command line: arguments in, text and an exit code out. One file a command; nothing is decided here.

pub mod answer;
pub mod apply;
pub mod check;
pub mod cluster;
pub mod completion;
mod controller;
pub mod crds;
pub mod exit;
pub mod plan;
mod problems;
pub mod source;
pub mod version;
pub mod who_has;
pub mod why;
pub mod world;

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};

pub use exit::Exit;
pub use world::World;

/// User provisioning as code: people, roles and policies in, accounts out.
///
/// Exit codes of plan: 0 nothing to do, 2 changes, 3 the guard holds some, 4 something could not be read or decided, 1 nothing could be
/// planned; the first of 1, 4, 3, 2 that fits. apply alike, with 0 when all is done.
#[derive(Debug, Parser)]
#[command(name = "provost", version, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Write no colours. NO_COLOR does the same
    #[arg(long, global = true)]
    no_color: bool,
    /// Write no messages but errors
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is to be done; write nothing at all
    Plan(plan::Args),
    /// Show what is to be done, ask, and do it
    Apply(apply::Args),
    /// Say what somebody has, and why
    Why(why::Args),
    /// Say who has an entitlement, and why
    WhoHas(who_has::Args),
    /// Check manifests and policies, offline
    Check(check::Args),
    /// Let changes through that the guard holds
    Approve(answer::ApproveArgs),
    /// Keep changes held, under any limit
    Reject(answer::RejectArgs),
    /// Run the operator: bring every account to what the cluster's resources say, and keep it there
    Controller(controller::Args),
    /// Print the CustomResourceDefinitions
    Crds,
    /// Print the completions of a shell
    Completion(completion::Args),
    /// Print the version
    Version,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For pull requests
    Markdown,
}

/// The same, where Markdown makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Plain {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Runs one command; the exit code is what comes back.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>, mut world: World) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let text = if world.colour { error.render().ansi().to_string() } else { error.render().to_string() };
            if error.use_stderr() {
                world.complain(&text)
            } else {
                world.print(&text)
            }
            return if error.use_stderr() { exit::FAILED } else { exit::DONE };
        }
    };
    world.colour &= !cli.no_color;
    world.colour_messages &= !cli.no_color;
    world.quiet = cli.quiet;
    let answer = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command(&cli.command, &mut world)),
        Err(error) => Err(error.into()),
    };
    match answer {
        Ok(exit) => exit.code(),
        Err(error) => {
            world.error(&format!("{error:#}"));
            exit::FAILED
        }
    }
}

async fn command(command: &Command, world: &mut World) -> anyhow::Result<Exit> {
    match command {
        Command::Plan(args) => plan::run(args, world).await,
        Command::Apply(args) => apply::run(args, world).await,
        Command::Why(args) => why::run(args, world).await,
        Command::WhoHas(args) => who_has::run(args, world).await,
        Command::Check(args) => check::run(args, world),
        Command::Approve(args) => answer::approve(args, world).await,
        Command::Reject(args) => answer::reject(args, world).await,
        Command::Controller(args) => controller::run(args, world).await,
        Command::Crds => Ok(crds::run(world)),
        Command::Completion(args) => Ok(completion::run(args, world)),
        Command::Version => Ok(version::run(world)),
    }
}
