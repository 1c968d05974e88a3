//! What accounts and groups are asked for by, and how many of these fit into one filter (RFC 7644, 3.4.2.2).

use std::fmt;

use serde_json::Value as Json;

use super::path::{Path, Resource, get};

/// How many terms one filter holds at most.
const TERMS: usize = 20;
/// How long a filter may be, in bytes, before it is cut: a URL of 2,000 characters passes everywhere.
const LENGTH: usize = 1_200;

/// One condition: this attribute has this value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    /// Which attribute; `None` for the id.
    pub(super) path: Option<Path>,
    /// The value, as it is.
    pub(super) value: String,
}

impl Term {
    /// By the id.
    pub(super) fn id(value: &str) -> Self {
        Self { path: None, value: value.to_owned() }
    }

    /// By an attribute.
    pub(super) fn attribute(path: Path, value: impl Into<String>) -> Self {
        Self { path: Some(path), value: value.into() }
    }

    /// Whether the resource holds this very value.
    pub(super) fn is(&self, resource: &Resource) -> bool {
        match &self.path {
            None => self.meets(resource),
            Some(path) => path.read(resource).is_some_and(|value| value.texts().contains(&self.value)),
        }
    }

    /// Whether the resource is what the term asks for.
    pub(super) fn meets(&self, resource: &Resource) -> bool {
        match &self.path {
            None => get(resource, "id").and_then(Json::as_str) == Some(self.value.as_str()),
            Some(path) => {
                // Letter case is folded on both sides: the target has compared already.
                let wanted = self.value.to_lowercase();
                path.read(resource).is_some_and(|value| value.texts().iter().any(|text| text.to_lowercase() == wanted))
            }
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A JSON string is what a filter takes, so that no value can end it.
        let value = Json::String(self.value.clone());
        match &self.path {
            None => write!(f, "id eq {value}"),
            Some(path) => f.write_str(&path.condition(&value)),
        }
    }
}

/// Terms of one filter.
pub(super) fn joined(terms: &[Term]) -> String {
    terms.iter().map(Term::to_string).collect::<Vec<_>>().join(" or ")
}

/// Cuts terms into as few filters as are sure to be taken.
pub(super) fn filters(terms: &[Term]) -> Vec<&[Term]> {
    let mut all = Vec::new();
    let mut rest = terms;
    while !rest.is_empty() {
        let mut length = 0;
        let fitting = rest.iter().take(TERMS).take_while(|term| {
            length += term.to_string().len() + 4;
            length <= LENGTH
        });
        // One that is too long for itself is asked all the same: what comes of it is the target's answer.
        let (now, later) = rest.split_at(fitting.count().max(1));
        all.push(now);
        rest = later;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(value: &str) -> Term {
        Term::attribute(Path::parse("userName").unwrap(), value)
    }

    #[test]
    fn no_value_ends_its_string() {
        let term = name(r#"x" or userName pr or "\"#);
        assert_eq!(term.to_string(), r#"userName eq "x\" or userName pr or \"\\""#);
    }

    #[test]
    fn filters_are_short_and_miss_no_term() {
        let terms: Vec<Term> = (0..95).map(|n| name(&format!("somebody-with-a-name-{n}"))).chain([name(&"x".repeat(5_000))]).collect();
        let filters = filters(&terms);
        assert_eq!(filters.concat(), terms);
        assert!(filters.iter().all(|filter| filter.len() == 1 || joined(filter).len() <= LENGTH));
        assert!(filters.iter().all(|filter| filter.len() <= TERMS));
        assert_eq!(filters.len(), 6);
    }
}
