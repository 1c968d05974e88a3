//! The texts that were given to us, and how a place in what the engine sees becomes a place in them.

use super::check::{Problem, Whose};
use super::error::{PolicyError, said};
use super::print::Printed;
use super::tree::At;

/// One text that was given to us, or that is ours.
pub(crate) struct Source {
    /// As errors name it.
    pub name: String,
    pub text: String,
    /// Lines that stand before it in what is parsed.
    pub before: u32,
    pub whose: Whose,
}

/// All texts, in the order of their indices.
#[derive(Default)]
pub(crate) struct Sources(pub Vec<Source>);

impl Sources {
    pub(crate) fn add(&mut self, name: &str, text: &str, before: u32, whose: Whose) -> usize {
        self.0.push(Source { name: name.to_owned(), text: text.to_owned(), before, whose });
        self.0.len() - 1
    }

    /// A place in what was parsed, as a place in what was given.
    pub(crate) fn shifted(&self, at: At) -> At {
        let before = self.0.get(at.file).map_or(0, |source| source.before);
        let lines = self.0.get(at.file).map_or(1, |source| u32::try_from(source.text.lines().count()).unwrap_or(u32::MAX).max(1));
        if before == 0 { at } else { At { line: at.line.saturating_sub(before).clamp(1, lines), ..at } }
    }

    /// An error at a place in what was given.
    pub(crate) fn error_at(&self, at: At, message: String) -> PolicyError {
        let Some(source) = self.0.get(at.file) else { return PolicyError::bare(message) };
        let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(0);
        PolicyError {
            file: source.name.clone(),
            line: at.line,
            column: at.column,
            message,
            hint: None,
            text: source.text.lines().nth(line).map(str::to_owned),
        }
    }

    pub(crate) fn problem(&self, problem: &Problem) -> PolicyError {
        let error = self.error_at(self.shifted(problem.at), problem.message.clone());
        PolicyError { hint: problem.hint.clone(), ..error }
    }

    /// Where a place in what the engine was given comes from.
    pub(crate) fn origin(&self, printed: &[Printed], file: &str, line: u32, column: u32) -> Option<At> {
        let index: usize = file.parse().ok()?;
        printed.get(index)?.origin(line, column).map(|at| self.shifted(at))
    }

    /// What an engine says, at its place in what was given.
    pub(crate) fn engine_error(&self, error: &str, printed: &[Printed]) -> PolicyError {
        let said = said(error);
        match self.origin(printed, &said.file, said.line, said.column) {
            Some(at) => self.error_at(at, said.message),
            None => PolicyError::bare(said.message),
        }
    }
}
