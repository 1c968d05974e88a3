//! Tests of the whole, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test says what broke by breaking"
)]

mod architecture;
mod cases;
mod cli;
mod common;
mod differential;
mod kill;
mod laws;
mod operator;
mod plane;
mod scim;
