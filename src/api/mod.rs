//! The resources, one file a kind. Types and their schemas, no logic; what can be read is decided here, what it means elsewhere.

pub mod approval;
pub mod binding;
pub mod condition;
pub mod departure;
pub mod lockout;
pub mod person;
pub mod policy;
pub mod realm;
pub mod role;
pub mod target;
pub mod time;

/// The group of all resources.
pub const GROUP: &str = "provost.dev";
/// The version of all resources.
pub const VERSION: &str = "v1alpha1";
