//! The nouns that all share. Nothing flows in; every other module uses these words for what it hands on.
//!
//! Proofs live here as types: a removal is made from [`Seen`](crate::model::observed::Seen), a create from [`Missing`](crate::model::observed::Missing).

pub mod account;
pub mod change;
pub mod digest;
pub mod entitlement;
pub mod failure;
pub mod ids;
mod kept;
pub mod ledger;
pub mod observed;
pub mod reason;
pub mod schema;
pub mod secret;
pub mod value;
