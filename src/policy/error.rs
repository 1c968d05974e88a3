//! What is wrong with a policy, and where.

use std::time::Duration;

use regorus::LimitError;
use regorus::rvm::vm::VmError;

use super::limits::Limits;
use crate::model::reason::Reason;

/// Something wrong in a policy's text, data or mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{}{message}{}", self.place_before(), self.hint_after())]
pub struct PolicyError {
    /// `access/birthright.rego`, or the place of a mapping; empty where there is none.
    pub file: String,
    /// From 1; 0 where there is none.
    pub line: u32,
    /// From 1; 0 where there is none.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The line as it was written.
    pub text: Option<String>,
}

impl PolicyError {
    /// An error that has no place.
    pub(crate) fn bare(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `access/birthright.rego:14:9`
    #[must_use]
    pub fn place(&self) -> String {
        match (self.file.is_empty(), self.line) {
            (true, _) => String::new(),
            (false, 0) => self.file.clone(),
            (false, line) => format!("{}:{line}:{}", self.file, self.column),
        }
    }

    /// As a reason, with its place.
    #[must_use]
    pub fn to_reason(&self) -> Reason {
        Reason::at(format!("{}{}", self.message, self.hint_after()), self.place())
    }

    fn place_before(&self) -> String {
        let place = self.place();
        if place.is_empty() { place } else { format!("{place}: ") }
    }

    fn hint_after(&self) -> String {
        self.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default()
    }

    /// Several lines: what, where, the line itself with a mark under the place, and what to do.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = format!("error: {}\n", self.message);
        let margin = " ".repeat(self.line.to_string().len());
        if !self.file.is_empty() {
            out.push_str(&format!("{margin}--> {}\n", self.place()));
        }
        if let Some(source) = &self.text {
            let before = usize::try_from(self.column.saturating_sub(1)).unwrap_or(0);
            // Tabs stay tabs, so that the mark stands under its place.
            let before = source.get(..before.min(source.len())).unwrap_or_default();
            let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            out.push_str(&format!("{margin} |\n{} | {source}\n{margin} | {indent}^\n", self.line));
        }
        if let Some(hint) = &self.hint {
            out.push_str(&format!("{margin} = hint: {hint}\n"));
        }
        out
    }
}

/// Why there is no decision for a person: they keep what they have, and nothing is granted or removed by policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// A rule failed for this person: an error of a builtin, or two values where there can be one.
    #[error("{0}")]
    Failed(PolicyError),
    /// A rule gives something that is no role, account, entitlement or violation.
    #[error("{0}")]
    Unfit(PolicyError),
    /// It took too long, or too much memory.
    #[error("{0}")]
    Limit(PolicyError),
    /// The two engines give different answers: neither is believed.
    #[error("{0}")]
    Differ(PolicyError),
    /// Ours.
    #[error("a bug in Provost: {0}")]
    Bug(String),
}

impl DecideError {
    /// As a reason, with its place.
    #[must_use]
    pub fn to_reason(&self) -> Reason {
        match self {
            Self::Failed(error) | Self::Unfit(error) | Self::Limit(error) | Self::Differ(error) => error.to_reason(),
            Self::Bug(_) => Reason::new(self.to_string()),
        }
    }
}

impl DecideError {
    /// As an error with its place.
    pub(crate) fn into_policy_error(self) -> PolicyError {
        match self {
            Self::Failed(error) | Self::Unfit(error) | Self::Limit(error) | Self::Differ(error) => error,
            Self::Bug(_) => PolicyError::bare(self.to_string()),
        }
    }
}

/// What the engine says of an error: its words, and the place in the text that the engine was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub message: String,
}

/// Reads the engine's block `--> file:line:col … error: text`.
pub(crate) fn said(text: &str) -> Said {
    let place = text.lines().find_map(|line| line.strip_prefix("--> ")).and_then(|place| {
        let (rest, column) = place.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        Some((file.to_owned(), line.parse().ok()?, column.parse().ok()?))
    });
    let message = text.lines().find_map(|line| line.strip_prefix("error: ")).map_or_else(|| text.trim().to_owned(), str::to_owned);
    let (file, line, column) = place.unwrap_or_default();
    Said { file, line, column, message }
}

/// Whether a limit of ours ended the evaluation, in our words.
pub(crate) fn limit(error: &anyhow::Error) -> Option<PolicyError> {
    error.downcast_ref::<LimitError>().map(|limit| match limit {
        LimitError::TimeLimitExceeded { limit, .. } => too_long(*limit),
        LimitError::MemoryLimitExceeded { .. } => too_much(),
        LimitError::RegexSizeLimitExceeded { .. } => too_large(),
    })
}

/// Which limit of ours ended a run of the RVM, in our words.
#[expect(clippy::wildcard_enum_match_arm, reason = "the engine has fifty errors, and only these are limits")]
pub(crate) fn limit_of_machine(error: &VmError, limits: Limits) -> PolicyError {
    match error {
        VmError::MemoryLimitExceeded { .. } | VmError::MemoryBudgetExceeded { .. } => too_much(),
        VmError::RegexSizeLimitExceeded { .. } => too_large(),
        _ => too_long(limits.time),
    }
}

fn too_long(limit: Duration) -> PolicyError {
    PolicyError::bare(format!("the policies took longer than {}", readable(limit))).hint("look for a loop over two large collections")
}

fn too_much() -> PolicyError {
    PolicyError::bare("the policies took too much memory")
}

fn too_large() -> PolicyError {
    PolicyError::bare("a regular expression is too large")
}

fn readable(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{} ms", time.as_millis()) }
}
