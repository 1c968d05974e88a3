//! What tests of several subjects share.

pub mod plane;
pub mod runs;
