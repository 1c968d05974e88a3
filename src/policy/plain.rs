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
        loop {
            term = match &term.kind {
                Kind::Var(root) if root == "input" => break,
                Kind::Dot(base, field, _) => {
                    steps.push(Rego::from(field.as_str()));
                    base
                }
                Kind::Index(base, index) => {
                    steps.push(match &index.kind {
                        Kind::Text(field) => Rego::from(field.as_str()),
                        // Other numbers are left to the engines.
                        Kind::Scalar(number) => Rego::from(number.parse::<u32>().ok()?),
                        _ => return None,
                    });
                    base
                }
                _ => return None,
            };
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
