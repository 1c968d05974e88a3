//! All that goes wrong at a target, reading or writing.

use serde::{Deserialize, Serialize};

use super::ids::AttributeName;

/// What went wrong, cut by what is to be done about it. The texts never carry a secret, a URL's query or a response body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Failure {
    /// The target asks to come again, or cannot be reached now.
    #[error("not now: {why}")]
    Retry {
        /// Seconds to wait, where the target says so.
        after: Option<u64>,
        /// What happened.
        why: String,
    },
    /// Nobody knows whether the write was done; a look settles it.
    #[error("no answer: it may or may not have been done")]
    Unknown,
    /// Something else is there, or it changed since it was read.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The login may not do that.
    #[error("denied: {0}")]
    Denied(String),
    /// The target refuses the value of an attribute.
    #[error("{attribute} is refused: {why}")]
    Invalid {
        /// Which.
        attribute: AttributeName,
        /// What the target says.
        why: String,
    },
    /// The TargetSystem or its Secret must be edited.
    #[error("{0}")]
    Config(String),
    /// An error of ours.
    #[error("internal error: {0}")]
    Bug(String),
}

impl Failure {
    /// One PascalCase word for conditions, events and metric labels.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "TargetUnavailable",
            Self::Unknown => "Unanswered",
            Self::Conflict(_) => "Conflict",
            Self::Denied(_) => "Unauthorized",
            Self::Invalid { .. } => "InvalidAttribute",
            Self::Config(_) => "InvalidSpec",
            Self::Bug(_) => "InternalError",
        }
    }
}
