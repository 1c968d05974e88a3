//! How a plan is written: a round goes in, a [`Sheet`] of plain texts comes out, and of that a text, Markdown or JSON. Sensitive values are
//! hidden in the sheet already, so that no form can show them.

pub mod json;
pub mod markdown;
pub mod names;
pub mod sheet;
pub mod text;
pub mod why;

pub use names::Names;
pub use sheet::{Of, Sheet};

use std::fmt::Write as _;

use owo_colors::{OwoColorize as _, Style};
use unicode_width::UnicodeWidthStr as _;

/// Whether colours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// No escape codes at all.
    Plain,
    /// For a terminal.
    Coloured,
}

impl Paint {
    /// The text in this style, where there are colours.
    #[must_use]
    pub fn style(self, text: &str, style: Style) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => text.style(style).to_string(),
        }
    }
}

/// Rows with their columns aligned; the last column is never padded, and no row ends in blanks.
#[must_use]
pub(crate) fn aligned(rows: &[Vec<String>], widest: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).filter(|width| *width <= widest).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let blanks = width.saturating_sub(cell.width()).saturating_add(2);
                // Writing to a String cannot fail.
                let _ = write!(line, "{cell}{}", " ".repeat(blanks));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// Where a name stands by itself in a text, and not as a part of another word.
#[must_use]
pub(crate) fn whole_word(text: &str, name: &str) -> Option<usize> {
    let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at.saturating_add(name.len())..).and_then(|after| after.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

/// `1 account`, `3 accounts`.
#[must_use]
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_where_it_stands_by_itself() {
        for (text, name, expected) in [
            ("  department: Finance", "nan", None),
            ("  manager: nan", "nan", Some(11)),
            ("  subjects: [{name: ann-b}, {name: ann}]", "ann", Some(35)),
            ("account 55 is nobody's", "account 5", None),
        ] {
            assert_eq!(whole_word(text, name), expected, "{text}");
        }
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_a_long_cell_moves_only_its_own_row() {
        let rows = [["-", "žluťoučký", "x"], ["+", "ab", "y"], ["+", "much longer than the widest", "z"]]
            .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows, 10), ["-  žluťoučký  x", "+  ab         y", "+  much longer than the widest  z"]);
    }
}
