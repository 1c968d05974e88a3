//! Provost: user provisioning as code.
//!
//! The modules stand in the order in which data flows through them; each uses only those above it.

/// The nouns that all share.
pub mod model;
/// The resources: manifests in, typed specs out.
pub mod api;
/// The index of a realm: objects in, the small input of each decision out.
pub mod realm;
/// Rego: input in, decision and attributes out.
pub mod policy;
/// Decision and observation in, ordered and guarded changes out.
pub mod plan;
/// Reading and writing targets.
pub mod connector;
/// What is remembered.
pub mod ledger;
/// Look, plan, guard, carry out: the only writer of targets.
pub mod apply;
/// All targets of a folder, one run.
pub mod folder;
/// A cluster: watches in, targets brought to what is declared, statuses out.
pub mod operator;
/// The command line: arguments in, text and an exit code out.
pub mod cli;
