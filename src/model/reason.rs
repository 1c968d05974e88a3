//! Why: what a plan line, a status entry and an audit record say.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One reason, with the place in the user's own text that gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// One sentence fragment: `role payments-clerk (binding fin-east)`.
    pub text: String,
    /// `access.rego:12:1`, `Person/ann`, `people/ann.yaml:9`; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

impl Reason {
    /// A reason without a place.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: String::new() }
    }

    /// A reason with its place.
    #[must_use]
    pub fn at(text: impl Into<String>, place: impl Into<String>) -> Self {
        Self { text: text.into(), place: place.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if !self.place.is_empty() {
            write!(f, " ({})", self.place)?;
        }
        Ok(())
    }
}
