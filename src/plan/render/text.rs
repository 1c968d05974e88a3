//! A plan for people: what is held and what could not be read, removals, the rest, and what it comes to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use owo_colors::Style;

use super::sheet::{Held, Line, Remark, Sheet};
use super::{Paint, aligned, counted, whole_word};
use crate::plan::finding::FindingKind;
use crate::plan::rules::SENSITIVE;

/// The widest cell that columns are aligned by.
const WIDEST: usize = 44;
/// How many held lines and how many findings of one kind are shown; JSON has all.
const SAMPLE: usize = 20;
/// How many findings of a kind that can come by the thousand are shown.
const FEW: usize = 5;

/// The plan as text.
#[must_use]
pub fn text(sheet: &Sheet, paint: Paint) -> String {
    let mut out = String::new();
    header(sheet, paint, &mut out);
    urgent(sheet, paint, &mut out);
    for held in &sheet.held {
        hold(sheet, held, paint, &mut out);
    }
    let open: Vec<&Line> = sheet.changes.iter().filter(|line| line.fate != "Held").collect();
    for removal in [true, false] {
        for (target, type_) in &sheet.targets {
            let lines: Vec<&Line> = open.iter().copied().filter(|line| line.target == *target && line.removal == removal).collect();
            section(target, type_, removal, &lines, paint, &mut out);
        }
    }
    violations(sheet, paint, &mut out);
    findings(sheet, &mut out);
    summary(sheet, paint, &mut out);
    out
}

fn header(sheet: &Sheet, paint: Paint, out: &mut String) {
    let policies = sheet.policies.get(..8).unwrap_or(&sheet.policies);
    let head = paint.style(&format!("Realm {}", sheet.realm), Style::new().bold());
    let people = counted(sheet.affected, "person", "people");
    let targets = counted(sheet.targets.len(), "target", "targets");
    let _ =
        writeln!(out, "{head}   {people} affected, {} declared · {targets} · policies {policies} · as of {}", sheet.people, sheet.as_of);
}

/// Who is in and must not be, and what could not be read or decided.
fn urgent(sheet: &Sheet, paint: Paint, out: &mut String) {
    let urgent = together(not_shut(sheet).chain(&sheet.incomplete));
    if urgent.is_empty() {
        return;
    }
    out.push('\n');
    for (subject, remark) in urgent {
        let _ = writeln!(out, "{} {}", paint.style("!", Style::new().red().bold()), said(&subject, remark));
    }
}

/// Findings that stand first, since somebody is in who must not be.
pub(super) fn not_shut(sheet: &Sheet) -> impl Iterator<Item = &Remark> {
    sheet.findings.iter().filter(|remark| is_not_shut(remark))
}

fn is_not_shut(remark: &Remark) -> bool {
    remark.kind == FindingKind::NotShut.to_string()
}

/// What is the same of many is told once, with the first of them and how many more.
pub(super) fn together<'a>(remarks: impl Iterator<Item = &'a Remark>) -> Vec<(String, &'a Remark)> {
    let mut same: Vec<(&Remark, usize)> = Vec::new();
    let mut places: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for remark in remarks {
        let key = (remark.kind.as_str(), remark.target.as_str(), remark.message.as_str());
        let place = *places.entry(key).or_insert(same.len());
        match same.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => same.push((remark, 1)),
        }
    }
    let subject = |remark: &Remark, count: usize| match count {
        1 => remark.label.clone(),
        _ => format!("{} and {} more", remark.label, count - 1),
    };
    same.into_iter().map(|(remark, count)| (subject(remark, count), remark)).collect()
}

fn said(subject: &str, remark: &Remark) -> String {
    let told = remark.target.is_empty() || remark.subject == format!("TargetSystem/{}", remark.target);
    let place = if told { String::new() } else { format!(" in {}", remark.target) };
    format!("{subject}{place}: {}: {}", remark.kind, remark.message)
}

fn hold(sheet: &Sheet, held: &Held, paint: Paint, out: &mut String) {
    out.push('\n');
    for reason in &held.reasons {
        let what = match (reason.changes, reason.accounts) {
            (0, _) => "HELD".to_owned(),
            (changes, accounts) => {
                format!("{} on {} HELD", counted(changes, "change", "changes"), counted(accounts, "account", "accounts"))
            }
        };
        let line = format!("! {}: {what}: {}", held.target, reason.why);
        let _ = writeln!(out, "{}", paint.style(&line, Style::new().yellow().bold()));
    }
    let lines: Vec<&Line> = sheet.changes.iter().filter(|line| line.target == held.target && line.fate == "Held").collect();
    let (removals, others): (Vec<&Line>, Vec<&Line>) = lines.into_iter().partition(|line| line.removal);
    let ordered: Vec<&Line> = removals.into_iter().chain(others).collect();
    rows(ordered.get(..SAMPLE.min(ordered.len())).unwrap_or_default(), paint, out);
    if ordered.len() > SAMPLE {
        let _ = writeln!(out, "    … and {} more (-o json lists all)", ordered.len() - SAMPLE);
    }
    let _ = writeln!(out, "  to let them through: {}", paint.style(&held.command, Style::new().bold()));
}

/// The lines of one target that are picked, removals first.
#[must_use]
pub fn held(sheet: &Sheet, target: &str, picked: &dyn Fn(&str) -> bool, paint: Paint) -> String {
    let lines = sheet.changes.iter().filter(|line| line.target == target && picked(&line.line));
    let (removals, others): (Vec<&Line>, Vec<&Line>) = lines.partition(|line| line.removal);
    let mut out = String::new();
    for (title, lines) in [("taken away", removals), ("changed and given", others)] {
        if !lines.is_empty() {
            let _ = writeln!(out, "{}", paint.style(&format!("{target}: {title}"), Style::new().bold()));
            rows(&lines, paint, &mut out);
        }
    }
    out
}

fn section(target: &str, type_: &str, removal: bool, lines: &[&Line], paint: Paint, out: &mut String) {
    if lines.is_empty() {
        return;
    }
    let what = if removal { ": taken away" } else { "" };
    let _ = writeln!(out, "\n{}{what}", paint.style(&format!("{target} ({type_})"), Style::new().bold()));
    rows(lines, paint, out);
}

fn rows(lines: &[&Line], paint: Paint, out: &mut String) {
    let cells: Vec<Vec<String>> = lines.iter().map(|line| row(line)).collect();
    for (line, text) in lines.iter().zip(aligned(&cells, WIDEST)) {
        let style = match sign(line) {
            "-" => Style::new().red(),
            "+" => Style::new().green(),
            _ => Style::new().yellow(),
        };
        let (sign, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
        let _ = writeln!(out, "  {}{}", paint.style(sign, style), rest.strip_prefix(' ').unwrap_or(rest));
    }
}

fn row(line: &Line) -> Vec<String> {
    let note = match line.fate {
        "Send" if line.note.is_empty() => String::new(),
        "Send" => format!(" [{}]", line.note),
        // Held lines stand under what holds them.
        "Held" => String::new(),
        _ => format!(" [{}]", line.fate.to_lowercase()),
    };
    vec![sign(line).to_owned(), word(&line.act).to_owned(), object(line), line.label.clone(), format!("{}{note}", why(line)), places(line)]
}

/// What it does at a glance.
pub(super) fn sign(line: &Line) -> &'static str {
    match line.act.as_str() {
        "Create" | "Grant" | "Enable" | "Provide" => "+",
        "Set" | "Own" | "Clear" => "~",
        _ => "-",
    }
}

/// The act as people say it.
pub(super) fn word(act: &str) -> &str {
    match act {
        "Set" => "modify",
        "Own" => "own",
        "EndSessions" => "end sessions",
        "Create" => "create",
        "Clear" => "clear",
        "Enable" => "enable",
        "Disable" => "disable",
        "Delete" => "delete",
        "Withdraw" => "withdraw",
        "Grant" => "grant",
        "Revoke" => "revoke",
        "Provide" => "provide",
        other => other,
    }
}

/// What it is done to: an entitlement, else the account by its name.
pub(super) fn object(line: &Line) -> String {
    match &line.entitlement {
        Some(entitlement) => entitlement.replacen('/', " ", 1),
        None => line.login.clone(),
    }
}

/// How many reasons of one change are told; JSON and `why` have all.
const TOLD: usize = 2;

/// Why: of an attribute its values, else the first reasons.
pub(super) fn why(line: &Line) -> String {
    let shown = |value: &Option<serde_json::Value>| match value {
        None => "nothing".to_owned(),
        Some(_) if line.sensitive => SENSITIVE.to_owned(),
        Some(value) => value.to_string(),
    };
    if let Some(attribute) = &line.attribute {
        return format!("{attribute}: {} -> {}", shown(&line.before), shown(&line.after));
    }
    let told = line.reasons.iter().take(TOLD).map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ");
    match line.reasons.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// Where the reasons that are told stand, each place once.
pub(super) fn places(line: &Line) -> String {
    let mut places: Vec<&str> = Vec::new();
    for reason in line.reasons.iter().take(TOLD) {
        if !reason.place.is_empty() && !places.contains(&reason.place.as_str()) {
            places.push(&reason.place);
        }
    }
    places.join(", ")
}

fn violations(sheet: &Sheet, paint: Paint, out: &mut String) {
    if sheet.violations.is_empty() && sheet.waived.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint.style("Violations", Style::new().bold()));
    let word = |enforcement| serde_json::to_value(enforcement).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
    let cells: Vec<Vec<String>> = sheet
        .violations
        .iter()
        .chain(&sheet.waived)
        .map(|violation| {
            let waived = violation.waived.as_ref().map(|waiver| format!("[{waiver}]"));
            let about = violation.entitlements.join(", ");
            vec![
                violation.label.clone(),
                violation.rule.clone(),
                word(violation.enforcement),
                violation.message.clone(),
                [about].into_iter().filter(|about| !about.is_empty()).chain(waived).collect::<Vec<_>>().join(" "),
            ]
        })
        .collect();
    for line in aligned(&cells, WIDEST) {
        let _ = writeln!(out, "  {line}");
    }
}

/// Those that can come by the thousand are counted, with the first few; the others stand each.
fn findings(sheet: &Sheet, out: &mut String) {
    let mut kinds: Vec<&str> = sheet.findings.iter().filter(|remark| !is_not_shut(remark)).map(|remark| remark.kind.as_str()).collect();
    kinds.dedup();
    for (index, kind) in kinds.iter().enumerate() {
        let all: Vec<&Remark> = sheet.findings.iter().filter(|remark| remark.kind == *kind).collect();
        let shown = if matches!(*kind, "Unmatched" | "Unclaimed" | "Orphan") { FEW } else { SAMPLE };
        let _ = writeln!(out, "{}{kind}: {}", if index == 0 { "\n" } else { "" }, all.len());
        for remark in all.iter().take(shown) {
            let place = if remark.target.is_empty() { String::new() } else { format!("{}: ", remark.target) };
            // What is said of an account of nobody begins with that account.
            let told = remark.subject.starts_with("account ") && whole_word(&remark.message, &remark.subject) == Some(0);
            let subject = if told { String::new() } else { format!("{}: ", remark.label) };
            let _ = writeln!(out, "  {place}{subject}{}", remark.message);
        }
        if all.len() > shown {
            let _ = writeln!(out, "  … and {} more (-o json lists all)", all.len() - shown);
        }
    }
}

/// The acts in the order in which they are counted.
const COUNTED: [&str; 12] =
    ["Create", "Own", "Set", "Clear", "Enable", "Provide", "Grant", "Revoke", "Disable", "EndSessions", "Withdraw", "Delete"];

/// `1 create, 2 grant`, or nothing.
#[must_use]
pub fn counts(sheet: &Sheet) -> String {
    let counts = COUNTED.iter().filter_map(|act| sheet.summary.get(*act).map(|count| format!("{count} {}", word(act))));
    counts.collect::<Vec<_>>().join(", ")
}

fn summary(sheet: &Sheet, paint: Paint, out: &mut String) {
    let unchanged = counted(sheet.unchanged, "person", "people");
    if sheet.changes.is_empty() {
        let _ = writeln!(out, "\n{}  ({unchanged} unchanged)", paint.style("Plan: nothing to do.", Style::new().bold()));
        return;
    }
    let _ = write!(out, "\n{}", paint.style(&format!("Plan: {}.", counts(sheet)), Style::new().bold()));
    let held = sheet.changes.iter().filter(|line| line.fate == "Held").count();
    if held > 0 {
        let _ = write!(out, "  {held} held.");
    }
    let _ = writeln!(out, "  ({unchanged} unchanged)\nDigest {}", sheet.digest);
}
