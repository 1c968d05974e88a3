//! `provost plan`: shows what is to be done, and writes nothing at all, neither to a target nor to the ledger.

use super::Output;
use super::exit::Exit;
use super::source::{Tell, Where, known, person_of, sheet, target_called};
use super::world::World;
use crate::folder::run::Access;
use crate::plan::render::{json::json, markdown::markdown, text::text};

/// What `plan` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Where,
    /// Plan this target alone
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Show this person alone (name, externalId or userName); the exit code speaks of everybody
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// Plan for another moment: 2027-03-01 (midnight in the realm's zone) or 2027-03-01T09:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How the plan is written
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Shows what is to be done.
///
/// # Errors
/// Where nothing can be planned.
pub async fn run(args: &Args, world: &mut World) -> anyhow::Result<Exit> {
    let mut session = args.source.session(Tell::All, Access::Read, args.at.as_deref(), world).await?;
    if let Some(target) = &args.target {
        let target = target_called(&session.loaded.realm, target)?;
        session.only(&target);
    }
    let person = args.person.as_deref().map(|text| person_of(&known(&session), &session.seen.others, text)).transpose()?;
    let sheet = sheet(&session, &args.source, person.as_ref());
    let written = match args.output {
        Output::Text => text(&sheet, world.paint()),
        Output::Json => json(&sheet),
        Output::Markdown => markdown(&sheet),
    };
    world.print(&written);
    Ok(Exit::of_plan(session.round.verdict(session.loaded.is_torn())))
}
