//! `provost version`.

use super::exit::Exit;
use super::world::World;

/// Prints it.
pub fn run(world: &mut World) -> Exit {
    world.print(&format!("provost {}\n", env!("CARGO_PKG_VERSION")));
    Exit::Done
}
