//! `provost why`: what somebody has, and where each thing comes from.

use super::Plain;
use super::cluster::{Cluster, Realm};
use super::exit::Exit;
use super::source::{Where, person_of};
use super::world::World;
use crate::plan::render::why::because;

/// What `why` is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, externalId or userName
    person: String,
    /// One entitlement, or the beginning of some: TARGET/KIND/NAME[:RIGHT]
    entitlement: Option<String>,
    #[command(flatten)]
    source: Where,
    #[command(flatten)]
    cluster: Cluster,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

/// Says what somebody has, and why.
///
/// # Errors
/// Where nothing can be planned, or there is nobody of that name.
pub async fn run(args: &Args, world: &mut World) -> anyhow::Result<Exit> {
    let realm = Realm::read(&args.source, &args.cluster, world).await?;
    let known = realm.known();
    let person = person_of(&known, realm.others(), &args.person)?;
    let mut answer = known.because(&person);
    if let Some(asked) = &args.entitlement {
        let fits = |key: &str| {
            key == asked || key.strip_prefix(asked.as_str()).is_some_and(|rest| asked.ends_with('/') || rest.starts_with(['/', ':']))
        };
        answer.entitlements.retain(|entitled| fits(&entitled.key));
        answer.violations.retain(|violation| violation.entitlements.iter().any(|key| fits(&key.to_string())));
        if answer.entitlements.is_empty() {
            world.tell(&format!("{} neither has {asked}, nor does anything ask for it", answer.name));
        }
    }
    let written = match args.output {
        Plain::Text => because(&answer, args.entitlement.is_some(), world.paint()),
        Plain::Json => serde_json::to_string_pretty(&answer)? + "\n",
    };
    world.print(&written);
    Ok(Exit::Done)
}
