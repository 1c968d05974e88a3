//! `provost who-has`: everybody who holds an entitlement or is to hold it, and why.

use super::Plain;
use super::cluster::{Cluster, Realm};
use super::exit::Exit;
use super::source::{Where, target_called};
use super::world::World;
use crate::model::entitlement::EntitlementKey;
use crate::plan::render::why::holders;

/// What `who-has` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// TARGET/KIND/NAME[:RIGHT]; without a right, all of its rights
    entitlement: String,
    #[command(flatten)]
    source: Where,
    #[command(flatten)]
    cluster: Cluster,
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
    let realm = Realm::read(&args.source, &args.cluster, world).await?;
    let known = realm.known();
    let target = target_called(known.realm, key.target.as_str())?;
    if let Some(failure) = known.unread(&target) {
        world.tell(&format!("{target} was not read, so this says only who is to have it, and what is on record: {failure}"));
    }
    let answer = known.holders(&key);
    let written = match args.output {
        Plain::Text => holders(&key.to_string(), &answer, world.paint()),
        Plain::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    world.print(&written);
    Ok(Exit::Done)
}
