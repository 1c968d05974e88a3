//! What is wrong in a folder, for people: where, what, what to do.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::node::Spot;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something could not be read.
    Error,
    /// All was read, and something may not be meant so.
    Warning,
}

/// One thing that is wrong in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the folder.
    pub file: String,
    /// The line, from 1; 0: the file as a whole.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How many characters are meant.
    pub length: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// An error at a place of a file.
    #[must_use]
    pub fn error(file: &str, spot: Spot, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: spot.line,
            column: spot.column,
            length: spot.length,
            severity: Severity::Error,
            message: message.into(),
            hint: None,
        }
    }

    /// A warning at a place of a file.
    #[must_use]
    pub fn warning(file: &str, spot: Spot, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, spot, message) }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// `error: message`, the line of the source with a caret below it, and the hint. `source` is the text of the problem's file; without it,
/// or without a line, only the place is named. Without `colour` there are no escape codes.
#[must_use]
pub fn render(problem: &Problem, source: Option<&str>, colour: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let line = usize::try_from(problem.line).unwrap_or_default();
    let shown = source.and_then(|text| text.lines().nth(line.checked_sub(1)?)).filter(|text| !text.trim().is_empty());
    let title = match shown {
        Some(_) => level.primary_title(problem.message.as_str()),
        None => level.primary_title(format!("{}: {}", place(problem), problem.message)),
    };
    let mut group = annotate_snippets::Group::with_title(title);
    if let Some(text) = shown {
        let start = bytes(text, problem.column.saturating_sub(1));
        let end = bytes(text, problem.column.saturating_sub(1).saturating_add(problem.length.max(1)));
        group = group.element(
            Snippet::source(text).line_start(line).path(problem.file.as_str()).annotation(AnnotationKind::Primary.span(start..end)),
        );
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

fn place(problem: &Problem) -> String {
    if problem.line == 0 { problem.file.clone() } else { format!("{}:{}:{}", problem.file, problem.line, problem.column) }
}

/// The byte at which the character of that number starts.
fn bytes(text: &str, characters: u32) -> usize {
    let characters = usize::try_from(characters).unwrap_or(usize::MAX);
    text.char_indices().nth(characters).map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_with_its_line_a_caret_and_a_hint() {
        let spot = Spot { line: 3, column: 3, length: 11 };
        let problem = Problem::error("people/ann.yaml", spot, "unknown field `departement`").hint("did you mean `department`?");
        let source = "a: 1\nspec:\n  departement: Žižkov\n";
        insta::assert_snapshot!(render(&problem, Some(source), false), @r"
        error: unknown field `departement`
         --> people/ann.yaml:3:3
          |
        3 |   departement: Žižkov
          |   ^^^^^^^^^^^
          |
          = help: did you mean `department`?
        ");
        assert!(render(&problem, Some(source), true).contains("\u{1b}["));
        insta::assert_snapshot!(render(&problem, None, false), @r"
        error: people/ann.yaml:3:3: unknown field `departement`
         |
         = help: did you mean `department`?
        ");
    }
}
