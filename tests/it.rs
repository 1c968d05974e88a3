//! Tests of the whole, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says what broke by breaking")]

mod architecture;
mod cases;
mod common;
mod plane;
