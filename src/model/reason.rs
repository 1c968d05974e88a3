//! Why: what a plan line, a status entry and an audit record say.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept::kept;

/// One reason, with the place in the user's own text that gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// One sentence fragment: `role payments-clerk (binding fin-east)`.
    pub text: Arc<str>,
    /// `access.rego:12:1`, `Person/ann`, `people/ann.yaml:9`; empty where there is none.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub place: Arc<str>,
}

impl Reason {
    /// A reason without a place.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self::at(text, "")
    }

    /// A reason with its place.
    #[must_use]
    pub fn at(text: impl AsRef<str>, place: impl AsRef<str>) -> Self {
        Self { text: kept(text.as_ref()), place: kept(place.as_ref()) }
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
