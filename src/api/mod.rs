//! The resources, one file a kind. Types and their schemas, no logic; what can be read is decided here, what it means elsewhere.

#![expect(clippy::duplicated_attributes, reason = "each printer column names its keys")]

pub mod account;
pub mod approval;
pub mod binding;
pub mod condition;
pub mod crds;
pub mod departure;
pub mod lockout;
pub mod person;
pub mod policy;
pub mod realm;
pub mod role;
mod schema;
pub mod target;
pub mod time;

pub use crds::{all_crds, crd_files, crds_yaml};

/// The group of all resources.
pub const GROUP: &str = "provost.dev";
/// The version of all resources.
pub const VERSION: &str = "v1alpha1";
