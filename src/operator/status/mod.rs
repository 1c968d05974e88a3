//! The only writer of statuses, and the ledger store of a cluster, which lives there.
//!
//! ```text
//! facts ─► StatusLedgers ─┬─► TargetSystem.status.ledger   one conditional write: intents, window, journal   (provost-ledger)
//!                         ├─► Person.status.accounts[]     an entry an account                               (provost-TARGET)
//!                         └─► Departure.status.accounts[]  of people whom nobody declares any more           (provost-TARGET)
//! conditions, counts ─► Statuses ─► status of any kind                                                       (provost)
//! ```
//!
//! Nothing is written that is not new: an idle operator writes nothing. Neither specs nor labels are ever written.

mod document;
mod entry;
mod homes;
mod ledgers;
mod moves;
mod objects;
mod placing;
mod state;
mod statuses;
#[cfg(test)]
pub(crate) mod tests;

pub use entry::{LastError, NextStep, Shown};
pub use ledgers::{FINALIZER, StatusLedgers};
pub use statuses::{Said, Spoken, Statuses, Truth, conditions};
