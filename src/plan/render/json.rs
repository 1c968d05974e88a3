//! A plan for programs.

use super::Sheet;

/// The sheet as indented JSON, `formatVersion` first.
#[must_use]
pub fn json(sheet: &Sheet) -> String {
    // A sheet has texts, numbers and lists alone, which always have a JSON form.
    serde_json::to_string_pretty(sheet).map(|text| text + "\n").unwrap_or_default()
}
