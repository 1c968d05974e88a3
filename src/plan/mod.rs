//! From what is desired and what was observed to an ordered, guarded plan. Pure: time is an argument, and nothing is read or written.

pub mod account;
pub mod allocate;
pub mod attributes;
pub mod conditions;
pub mod claims;
pub mod contest;
pub mod correlate;
pub mod course;
pub mod decided;
pub mod desired;
pub mod entitlements;
pub mod finding;
pub mod foreseen;
pub mod guard;
pub mod lookups;
pub mod not_shut;
pub mod order;
mod overruns;
pub mod places;
pub mod render;
pub mod role_names;
pub mod round;
pub mod rules;
pub mod sight;
pub mod sweep;
pub mod vanished;
pub mod why;
