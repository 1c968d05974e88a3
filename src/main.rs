//! The Provost command.
fn main() {}
