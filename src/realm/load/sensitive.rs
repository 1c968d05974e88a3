//! What the lines that are shown must not show: the values of people's sensitive attributes. In: a folder that was read. Out: the same,
//! the text of its files cut behind the names of those attributes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::Folder;
use crate::realm::object::{Body, ResourceKind};

/// What stands in place of a value.
const CUT: &str = "***";

/// Hides the values in the text of the files.
pub(super) fn hide(folder: &mut Folder) {
    let realms = folder.objects.iter().filter_map(|object| if let Body::Realm(spec) = &object.body { Some(spec) } else { None });
    let attributes = realms.flat_map(|spec| &spec.attributes).filter(|(_, rule)| rule.sensitive);
    let mut names: BTreeSet<String> = attributes.map(|(name, _)| name.clone()).collect();
    // Which ones are sensitive may stand in what cannot be read.
    if folder.unreadable.iter().any(|torn| matches!(torn.kind, None | Some(ResourceKind::Realm))) {
        names.insert("attributes".to_owned());
    }
    if names.is_empty() {
        return;
    }
    for text in folder.files.values_mut() {
        *text = cut(text, &names);
    }
}

/// Cuts the documents that declare people; their text is asked, since one that cannot be read may do so too.
fn cut(text: &str, names: &BTreeSet<String>) -> String {
    static PERSON: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"kind["']?\s*:\s*["']?Person\b"#).ok());
    let mut documents: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with("---") {
            documents.push(Vec::new());
        }
        if let Some(document) = documents.last_mut() {
            document.push(line);
        }
    }
    let mut out = String::with_capacity(text.len());
    for document in documents {
        if PERSON.as_ref().is_none_or(|person| document.iter().any(|line| person.is_match(line))) {
            cut_document(&document, names, &mut out);
        } else {
            out.extend(document);
        }
    }
    out
}

/// Behind the name everything is cut to the end of its line, and what lies deeper below it: a value of many lines.
fn cut_document(lines: &[&str], names: &BTreeSet<String>, out: &mut String) {
    let mut below: Option<usize> = None;
    for line in lines {
        let bare = line.trim();
        let depth = line.len() - line.trim_start().len();
        // The members of a list may stand as deep as the name of the list.
        let inside = below.is_some_and(|name| depth > name || depth == name && (bare.starts_with('-') || closes(bare)));
        if inside || bare.is_empty() && below.is_some() {
            out.push('\n');
            continue;
        }
        below = None;
        match names.iter().filter_map(|name| end_of_name(line, name)).min() {
            None => out.push_str(line),
            Some(end) => {
                below = Some(depth);
                out.push_str(line.get(..end).unwrap_or_default());
                out.push_str(CUT);
                out.push('\n');
            }
        }
    }
}

fn closes(bare: &str) -> bool {
    bare.starts_with(['}', ']', '"', '\''])
}

/// Where the name ends, if it stands there by itself, as a key does.
fn end_of_name(line: &str, name: &str) -> Option<usize> {
    let part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    line.match_indices(name)
        .find_map(|(at, _)| {
            let end = at.checked_add(name.len())?;
            let rest = line.get(end..)?;
            let before = line.get(..at)?.chars().next_back();
            let key = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
            (!before.is_some_and(part_of_name)).then(|| line.len() - key.len())
        })
        .map(|end| end.min(line.trim_end_matches('\n').len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_or_below_the_name_is_not_in_the_text_any_more() {
        let names = BTreeSet::from(["ssn".to_owned()]);
        for (name, text, expected) in [
            ("a line of its own", "kind: Person\nspec:\n  ssn: s3cret\n  a: 1\n", "kind: Person\nspec:\n  ssn:***\n  a: 1\n"),
            ("in braces", "kind: Person\nspec: {a: 1, \"ssn\": s3cret, b: 2}\n", "kind: Person\nspec: {a: 1, \"ssn\":***\n"),
            ("a block", "kind: Person\n  ssn: |\n\n    s3cret\n  a: 1\n", "kind: Person\n  ssn:***\n\n\n  a: 1\n"),
            ("a list", "kind: Person\n  ssn:\n  - s3cret\n  a: 1\n", "kind: Person\n  ssn:***\n\n  a: 1\n"),
            ("JSON", "{\"kind\": \"Person\",\n\"ssn\": [\n\"s3cret\"\n],\n\"b\": 1}", "{\"kind\": \"Person\",\n\"ssn\":***\n\n\n\n"),
            ("another name", "kind: Person\nspec: {ssn2: 1, x-ssn: 2}\n", "kind: Person\nspec: {ssn2: 1, x-ssn: 2}\n"),
            (
                "not a person",
                "kind: Realm\nssn: {sensitive: true}\n---\nkind: Role\n",
                "kind: Realm\nssn: {sensitive: true}\n---\nkind: Role\n",
            ),
        ] {
            assert_eq!(cut(text, &names), expected, "{name}");
        }
    }
}
