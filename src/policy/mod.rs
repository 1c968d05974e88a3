//! Compiles a realm's Rego, checks its names, decides and maps. The same input gives the same decision; nothing here knows a clock.

pub mod decision;
pub mod mapped;
