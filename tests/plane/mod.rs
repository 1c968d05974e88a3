//! The resources on a real API server: the definitions, what is refused, and what kubectl makes of it all.

mod definitions;
mod example;
mod verdicts;
