//! Most mappings only name a field: `input.person.displayName`. Such a path is followed here, which no engine does in another way, and
//! spares the work of both.

use regorus::Value as Rego;

use super::tree::{Kind, Term};

/// A path below `input`.
#[derive(Debug, Clone)]
pub(crate) struct PlainPath(Vec<Rego>);

impl PlainPath {
    /// The path that an expression is, where it is nothing else.
    pub(crate) fn of(term: &Term) -> Option<Self> {
        let mut steps = Vec::new();
        let mut term = term;
        while !matches!(&term.kind, Kind::Var(root) if root == "input") {
            if let Kind::Dot(base, field, _) = &term.kind {
                steps.push(Rego::from(field.as_str()));
                term = base;
            } else if let Kind::Index(base, index) = &term.kind {
                steps.push(step(index)?);
                term = base;
            } else {
                return None;
            }
        }
        steps.reverse();
        Some(Self(steps))
    }

    /// What lies there; none where nothing does.
    pub(crate) fn follow<'a>(&self, input: &'a Rego) -> Option<&'a Rego> {
        self.0.iter().try_fold(input, |value, step| match value {
            Rego::Object(fields) => fields.get(step),
            Rego::Array(items) => items.get(usize::try_from(step.as_u32().ok()?).ok()?),
            Rego::Null | Rego::Bool(_) | Rego::Number(_) | Rego::String(_) | Rego::Set(_) | Rego::Undefined => None,
        })
    }
}

/// What stands in brackets, where it is nothing to be computed. Other numbers than these are left to the engines.
fn step(index: &Term) -> Option<Rego> {
    if let Kind::Text(field) = &index.kind {
        return Some(Rego::from(field.as_str()));
    }
    if let Kind::Scalar(number) = &index.kind { number.parse::<u32>().ok().map(Rego::from) } else { None }
}
