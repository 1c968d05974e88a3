//! The cluster shell: watches in, targets brought to what is declared, statuses out.

pub mod status;
