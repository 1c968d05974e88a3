//! The resources on a real API server: the definitions, what is refused, what kubectl makes of it all, and the ledgers that live in statuses.

mod definitions;
mod example;
mod ledger;
mod verdicts;
