//! The index of one realm, owned by one task: objects flow in, small values for each decision flow out. No clock and no I/O, but for
//! the loading of a folder.

pub mod object;
pub mod load;
pub mod validate;
pub mod lifecycle;
pub mod roles;
pub mod input;
pub mod index;
