//! The folder shell: a folder of manifests, its secrets and its ledger go in; one round over all of its targets comes out, and is
//! carried out when it was answered. Nothing here decides anything.
//!
//! ```text
//! read ─► Manifests ─► Loaded (realm) ─► Session::look (targets, ledger) ─► Round ─► Session::carry_out
//! ```

pub mod load;
pub mod run;
pub mod vault;
