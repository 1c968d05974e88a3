//! `provost who-has`: everybody who holds an entitlement or is to hold it, and why.

use super::Plain;
use super::exit::Exit;
use super::source::{Tell, Where, known, target_called};
use super::world::World;
use crate::folder::run::Access;
use crate::model::entitlement::EntitlementKey;
use crate::plan::render::why::holders;

/// What `who-has` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// TARGET/KIND/NAME[:RIGHT]; without a right, all of its rights
    entitlement: String,
    #[command(flatten)]
    source: Where,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

/// Says who has it, and why.
///
/// # Errors
/// Where nothing can be planned, or it is no entitlement.
pub async fn run(args: &Args, world: &mut World) -> anyhow::Result<Exit> {
    let key = EntitlementKey::parse(&args.entitlement)?;
    let session = args.source.session(Tell::Errors, Access::Read, None, world).await?;
    let target = target_called(&session, key.target.as_str())?;
    if let Some(failure) = session.round.unread.get(&target) {
        world.tell(&format!("{target} could not be read, so this says only who is to have it: {failure}"));
    }
    let answer = known(&session).holders(&key);
    let written = match args.output {
        Plain::Text => holders(&key.to_string(), &answer, world.paint()),
        Plain::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    world.print(&written);
    Ok(Exit::Done)
}
