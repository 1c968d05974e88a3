//! The operator against a real API server and real SQLite targets: what people write there, and what happens to accounts.

mod accounts;
mod drift;
mod ends;
mod first;
mod going;
mod kills;
mod leavers;
mod manifests;
mod many;
mod order;
mod policies;
mod said;
mod site;
mod targets;
