//! A plan for a pull request.

use std::fmt::Write as _;

use super::counted;
use super::sheet::{Line, Sheet};
use super::text::{counts, not_shut, object, places, sign, together, why, word};

/// How many rows a table has at most: a comment that is too long is refused.
const ROWS: usize = 200;

/// The plan as Markdown.
#[must_use]
pub fn markdown(sheet: &Sheet) -> String {
    let mut out = String::new();
    let what = if sheet.changes.is_empty() { "nothing to do".to_owned() } else { counts(sheet) };
    let _ = writeln!(out, "### Provost: {what}\n");
    let people = counted(sheet.affected, "person", "people");
    let _ = writeln!(
        out,
        "Realm `{}`, {people} affected, {} declared, as of {}, policies `{}`.",
        sheet.realm,
        sheet.people,
        sheet.as_of,
        sheet.policies.get(..8).unwrap_or(&sheet.policies)
    );
    for warning in &sheet.warnings {
        let _ = writeln!(out, "\n**{}**: {}", cell(&warning.subject), cell(&warning.message));
    }
    if !sheet.incomplete.is_empty() {
        out.push_str("\n**Not all could be read or decided: this is a lower bound.**\n\n");
        for (subject, remark) in together(sheet.incomplete.iter()) {
            let target = if remark.target.is_empty() { String::new() } else { format!(" ({})", cell(&remark.target)) };
            let _ = writeln!(out, "- **{}** {}{target}: {}", remark.kind, cell(&subject), cell(&remark.message));
        }
    }
    if not_shut(sheet).next().is_some() {
        out.push_str("\n**Still in, and should not be**\n\n");
        for remark in not_shut(sheet) {
            let _ = writeln!(out, "- {} ({}): {}", cell(&remark.label), cell(&remark.target), cell(&remark.message));
        }
    }
    for held in &sheet.held {
        let _ = writeln!(out, "\n**`{}` holds changes back**\n", cell(&held.target));
        for reason in &held.reasons {
            let _ = writeln!(
                out,
                "- {} on {}: {}",
                counted(reason.changes, "change", "changes"),
                counted(reason.accounts, "account", "accounts"),
                cell(&reason.why)
            );
        }
        let _ = writeln!(out, "\n```sh\n{}\n```", held.command);
    }
    let pick = |wanted: &dyn Fn(&Line) -> bool| sheet.changes.iter().filter(|line| wanted(line)).collect::<Vec<_>>();
    table("Held", &pick(&|line| line.fate == "Held"), &mut out);
    table("Taken away", &pick(&|line| line.fate != "Held" && line.removal), &mut out);
    table("Changed and given", &pick(&|line| line.fate != "Held" && !line.removal), &mut out);
    if !sheet.violations.is_empty() || !sheet.waived.is_empty() {
        out.push_str("\n**Violations**\n\n| person | rule | |\n| --- | --- | --- |\n");
        for violation in sheet.violations.iter().chain(&sheet.waived) {
            let waived = violation.waived.as_ref().map(|waiver| format!(" *({})*", cell(&waiver.to_string()))).unwrap_or_default();
            let _ = writeln!(out, "| {} | {} | {}{waived} |", cell(&violation.label), cell(&violation.rule), cell(&violation.message));
        }
    }
    let mut kinds: Vec<&str> = sheet.findings.iter().map(|remark| remark.kind.as_str()).collect();
    kinds.dedup();
    if !kinds.is_empty() {
        let counts: Vec<String> =
            kinds.iter().map(|kind| format!("{} {kind}", sheet.findings.iter().filter(|remark| remark.kind == *kind).count())).collect();
        let _ = writeln!(out, "\nAlso found: {}.", counts.join(", "));
    }
    let _ = writeln!(out, "\nDigest `{}`", sheet.digest);
    out
}

fn table(title: &str, lines: &[&Line], out: &mut String) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n<details{}><summary>{title}: {}</summary>\n", if lines.len() <= 40 { " open" } else { "" }, lines.len());
    out.push_str("| | target | | what | person | why | where |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for line in lines.iter().take(ROWS) {
        let note = if line.note.is_empty() { String::new() } else { format!(" *({})*", cell(&line.note)) };
        let place = places(line);
        let place = if place.is_empty() { place } else { format!("`{}`", cell(&place)) };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {}{note} | {place} |",
            sign(line),
            cell(&line.target),
            word(&line.act),
            cell(&object(line)),
            cell(&line.label),
            cell(&why(line)),
        );
    }
    if lines.len() > ROWS {
        let _ = writeln!(out, "\n… and {} more", lines.len() - ROWS);
    }
    out.push_str("\n</details>\n");
}

/// Text that stays in its cell and is no markup: names and messages are other people's.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_cell_nor_call_anybody() {
        assert_eq!(cell("a|b\n<img> @all"), "a\\|b &lt;img&gt; &#64;all");
    }
}
