//! Most mappings only name a field, `input.person.displayName`, or are what the default mappings of all types say. These are followed
//! here, which no engine does in another way, and spares the work of both.

use regorus::Value as Rego;

use super::tree::{Kind, Term};
use crate::model::schema::{ACCOUNT_NAME, PRIMARY_EMAIL};

/// A mapping that needs no engine.
#[derive(Debug, Clone)]
pub(crate) enum Plain {
    /// It only names a field.
    Path(PlainPath),
    /// [`ACCOUNT_NAME`].
    AccountName,
    /// [`PRIMARY_EMAIL`].
    PrimaryEmail,
}

impl Plain {
    /// What an expression is, where it needs no engine.
    pub(crate) fn of(expression: &str, term: &Term) -> Option<Self> {
        match expression {
            ACCOUNT_NAME => Some(Self::AccountName),
            PRIMARY_EMAIL => Some(Self::PrimaryEmail),
            _ => PlainPath::of(term).map(Self::Path),
        }
    }

    /// Its value; none where it has none.
    pub(crate) fn follow(&self, input: &Rego) -> Option<Rego> {
        let below = |path: &[&str]| PlainPath(path.iter().map(|step| Rego::from(*step)).collect()).follow(input);
        match self {
            Self::Path(path) => path.follow(input).cloned(),
            Self::AccountName => {
                let (Rego::String(name), Rego::String(account)) = (below(&["person", "userName"])?, below(&["account"])?) else {
                    return None;
                };
                Some(if account.is_empty() { Rego::String(name.clone()) } else { Rego::from(format!("{name}-{account}")) })
            }
            Self::PrimaryEmail => {
                let emails = below(&["person", "emails"])?.as_array().ok()?;
                let mark = |email: &Rego| email.as_object().ok().and_then(|email| email.get(&Rego::from("primary")).cloned());
                let is = |primary: bool| move |email: &&Rego| mark(email).unwrap_or(Rego::Bool(false)) == Rego::Bool(primary);
                let value = |email: &Rego| email.as_object().ok().and_then(|email| email.get(&Rego::from("value")).cloned());
                let mut first = emails.iter().filter(is(true)).chain(emails.iter().filter(is(false)));
                first.find_map(value)
            }
        }
    }
}

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
