//! `provost crds`: the CustomResourceDefinitions, as `kubectl apply -f -` takes them.

use super::exit::Exit;
use super::world::World;
use crate::api::crds_yaml;

/// Prints them.
pub fn run(world: &mut World) -> Exit {
    world.print(&crds_yaml());
    Exit::Done
}
