//! What tests of several subjects share.

pub mod opa;
pub mod plane;
pub mod runs;
