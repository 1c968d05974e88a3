//! Compiles a realm's Rego, checks its names, decides and maps. The same input gives the same decision; nothing here knows a clock.
//!
//! ```text
//! Policies, roles, mappings ─► compile ─► Compiled ─┬─ decide(input) ─► Decision
//!                                 │                 ├─ map(account, input) ─► attributes      (both as one Question)
//!                              all errors           └─ twins(input) ─► which line asked for what
//! ```
//!
//! What an author finds beside `input` and their own rules and data:
//!
//! - `data.provost.held`: roles held, `{name, parameters, path}`; those by binding as in `input.roles`;
//! - `data.provost.effective`: keys (`TARGET/KIND/NAME[:RIGHT]`) of all that is asked for or was last seen held, for `violations` alone;
//! - `data.provost.key_of({target, kind, name, right})`: such a key;
//! - `data.realm.roles`: the BusinessRoles, see [`catalogue`](crate::policy::catalogue);
//! - libraries by `use`, see [`libraries`](crate::policy::libraries).
//!
//! No engine is believed alone: the interpreter decides, the RVM saves it the work where nothing changes, and where the two differ
//! nothing is decided. [`engines`](crate::policy::engines) is the one place that knows how.

pub mod catalogue;
mod check;
pub mod compile;
pub mod compiled;
pub mod decide;
pub mod decision;
mod document;
pub mod engines;
pub mod error;
pub mod fingerprint;
pub mod libraries;
pub mod limits;
mod machine;
pub mod mapping;
mod member;
mod plain;
mod print;
mod program;
pub mod question;
mod reads;
mod rewrite;
mod scan;
mod settle;
pub mod shared;
mod sources;
pub mod threads;
mod tree;
pub mod twins;

#[cfg(test)]
mod tests;

pub(crate) use check::nearest;
pub use compile::{PolicySource, check, compile, compile_within, policies_digest};
pub use compiled::Compiled;
pub use decide::decide;
pub use engines::EngineKind;
pub use error::{DecideError, PolicyError};
pub use limits::Limits;
pub use mapping::{Attributes, Mapped, MappingForm, MappingSource, Mappings, map};
pub use question::{Question, Remembered};
pub use shared::Shared;
pub use threads::{Panicked, on_threads};
pub use twins::{Asking, twins};
