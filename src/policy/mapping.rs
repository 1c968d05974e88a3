//! From a person to the attributes of an account: each attribute is one Rego expression.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value as Rego;

use super::check::Problem;
use super::compiled::Compiled;
use super::document;
use super::error::PolicyError;
use super::rewrite::{GENERATED, assign, set_rule};
use super::tree::{At, Kind, Literal, Module, Node, Step, Term, walk_term};
use crate::model::account::AccountKey;
use crate::model::ids::{AccountName, AttributeName, TargetName};
use crate::model::value::Value;
use crate::realm::input::Input;

/// The package of all mappings; below it one for each account of a target.
pub(crate) const PACKAGE: &str = "__map";

/// The expression of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingSource {
    /// The expression.
    pub expression: String,
    /// What it is to give.
    pub form: MappingForm,
    /// Where it stands, for errors: `targets/dir.yaml, mapping.mail`.
    pub place: String,
}

/// What an expression is to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingForm {
    /// The value (`value`).
    Value,
    /// An array of texts, of which the first free one is taken (`candidates`).
    Candidates,
}

/// The mappings of all targets and their second accounts.
pub type Mappings = BTreeMap<(TargetName, AccountName), BTreeMap<AttributeName, MappingSource>>;

/// What one expression gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// The value.
    Value(Value),
    /// What to choose from, best first.
    Candidates(Vec<String>),
    /// Nothing.
    Undefined {
        /// It reads something that is not known yet: the value stays as it is.
        waits: bool,
    },
    /// It failed: never the same as nothing.
    Failed(PolicyError),
}

/// One mapping, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub name: AttributeName,
    pub form: MappingForm,
    pub at: At,
    /// Parts of `input` that it reads, also through rules.
    pub reads: BTreeSet<Vec<Step>>,
}

/// The attributes of one account of a target, in the order of the rules `a0`, `a1`, ….
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The last part of its package.
    pub package: String,
    pub attributes: Vec<Attribute>,
}

/// The text in which an expression is parsed: in parentheses, so that it is one expression and nothing else.
pub(crate) fn wrapped(expression: &str) -> String {
    format!("package x\n\nx := (\n{expression}\n)\n")
}

/// Lines before the expression in [`wrapped`].
pub(crate) const LINES_BEFORE: u32 = 3;

/// The expression in the parsed text.
pub(crate) fn unwrapped(module: Module) -> Option<Term> {
    let mut rules = module.rules.into_iter();
    match (rules.next(), rules.next()) {
        (Some(rule), None) if rule.bodies.is_empty() => match rule.head {
            super::tree::Head::Value(value) => value,
            super::tree::Head::Set(_) | super::tree::Head::Function(..) | super::tree::Head::Default(..) => None,
        },
        (Some(_) | None, _) => None,
    }
}

/// Reserved names in an expression.
pub(crate) fn reserved(term: &Term) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut reserve = |name: &str, at: At| {
        if name.starts_with(GENERATED) {
            problems.push(Problem { at, message: format!("`{name}` is a reserved name"), hint: None });
        }
    };
    walk_term(term, &mut |node| match node {
        Node::Term(term) => term.names().into_iter().for_each(|(name, at)| reserve(name, at)),
        Node::Statement(statement) => {
            if let Literal::Some(names) = &statement.literal {
                names.iter().for_each(|name| reserve(name, statement.at));
            }
        }
    });
    problems
}

/// The module of one account: all values together, and each by itself for when one of them fails.
pub(crate) fn module(package: &str, terms: &[Term]) -> Option<Module> {
    let at = terms.first()?.at;
    let mut rules = Vec::new();
    for (index, term) in terms.iter().enumerate() {
        let value = Term::var(term.at, "__v");
        let number = Term::new(term.at, Kind::Scalar(index.to_string()));
        let pair = Term::new(term.at, Kind::Array(vec![number, value.clone()]));
        let query = vec![assign(term.at, "__v", term.clone())];
        rules.push(set_rule(term.at, "values", pair, query.clone()));
        rules.push(set_rule(term.at, &format!("a{index}"), value, query));
    }
    Some(Module { at, package: vec![PACKAGE.to_owned(), package.to_owned()], imports: Vec::new(), rules })
}

/// What the mapping of this account gives for the person of `input`; an attribute that is not mapped is not in it.
#[must_use]
pub fn map(compiled: &Compiled, account: &AccountKey, input: &Input) -> BTreeMap<AttributeName, Mapped> {
    let Some(rules) = compiled.account(&account.target, &account.account) else { return BTreeMap::new() };
    let document = document::of_account(input, account);
    let path = |rule: &str| format!("data.{PACKAGE}.{}.{rule}", rules.package);
    let evaluation = compiled.evaluation(document);
    if let Ok(values) = evaluation.rule(path("values")) {
        let mut found: BTreeMap<usize, Vec<Rego>> = BTreeMap::new();
        for pair in values.as_set().into_iter().flat_map(|set| set.iter()) {
            if let Some([index, value]) = pair.as_array().ok().map(|pair| pair.iter().collect::<Vec<_>>()).as_deref()
                && let Some(index) = index.as_u32().ok().and_then(|index| usize::try_from(index).ok())
            {
                found.entry(index).or_default().push((*value).clone());
            }
        }
        let read = |(index, attribute): (usize, &Attribute)| {
            (attribute.name.clone(), attribute.read(found.get(&index).map(Vec::as_slice).unwrap_or_default(), input, compiled))
        };
        return rules.attributes.iter().enumerate().map(read).collect();
    }
    // One of them fails: each by itself, so that the others stand.
    let alone = |(index, attribute): (usize, &Attribute)| {
        let mapped = match evaluation.rule(path(&format!("a{index}"))) {
            Ok(values) => {
                let values: Vec<Rego> = values.as_set().into_iter().flat_map(|set| set.iter()).cloned().collect();
                attribute.read(&values, input, compiled)
            }
            Err(error) => Mapped::Failed(error.into_policy_error()),
        };
        (attribute.name.clone(), mapped)
    };
    rules.attributes.iter().enumerate().map(alone).collect()
}

impl Attribute {
    fn read(&self, values: &[Rego], input: &Input, compiled: &Compiled) -> Mapped {
        let failed = |message: String, hint: &str| Mapped::Failed(compiled.error_at(self.at, message).hint(hint));
        match values {
            [] | [Rego::Null | Rego::Undefined] => Mapped::Undefined { waits: self.waits(input) },
            [value] => match (self.form, value) {
                (MappingForm::Value, Rego::Bool(bool)) => Mapped::Value(Value::Bool(*bool)),
                (MappingForm::Value, Rego::String(_) | Rego::Number(_)) => match scalar(value) {
                    Some(text) => Mapped::Value(Value::Text(text)),
                    None => failed(format!("`{}` gives no value", self.name), ""),
                },
                (MappingForm::Value, Rego::Array(_) | Rego::Set(_)) => match texts(value) {
                    Some(texts) => Mapped::Value(Value::Many(texts.into_iter().collect())),
                    None => failed(format!("`{}` gives a list with something else than texts in it", self.name), "take one field of each"),
                },
                (MappingForm::Candidates, Rego::Array(_)) => match texts(value) {
                    Some(texts) => Mapped::Candidates(texts),
                    None => failed(format!("the candidates of `{}` are not all texts", self.name), "take one field of each"),
                },
                (MappingForm::Candidates, _) => {
                    failed(format!("the candidates of `{}` are no array", self.name), "write `[first, second]`")
                }
                (MappingForm::Value, _) => failed(format!("`{}` gives an object", self.name), "take one of its fields"),
            },
            many => {
                let hint = "for many values write `[value | some value in …]`";
                failed(format!("`{}` gives {} different values", self.name, many.len()), hint)
            }
        }
    }

    /// Whether it reads something that is not known yet.
    fn waits(&self, input: &Input) -> bool {
        self.reads.iter().any(|path| match path.as_slice() {
            [] | [Step::Any, ..] => input.managers_unknown || !input.unread.is_empty(),
            [Step::Field(first), rest @ ..] => match first.as_str() {
                "managers" => input.managers_unknown,
                "accounts" => unknown(rest, input),
                "observed" => !input.unread.is_empty(),
                _ => false,
            },
        })
    }
}

/// Whether this path below `input.accounts` leads to nothing.
fn unknown(steps: &[Step], input: &Input) -> bool {
    let Some((Step::Field(target), rest)) = steps.split_first() else {
        // It reads them all: known is what every target has said.
        return input.targets.keys().any(|target| !input.accounts.contains_key(target));
    };
    let mut value = input.accounts.iter().find(|(name, _)| name.as_str() == target).map(|(_, exports)| exports);
    for step in rest {
        let Step::Field(name) = step else { break };
        value = value.and_then(|value| value.get(name));
    }
    value.is_none_or(serde_json::Value::is_null)
}

/// A text, or a number as JSON writes it.
fn scalar(value: &Rego) -> Option<String> {
    match value {
        Rego::String(text) => Some(text.to_string()),
        Rego::Number(_) => Some(value.to_string()),
        Rego::Null | Rego::Bool(_) | Rego::Array(_) | Rego::Set(_) | Rego::Object(_) | Rego::Undefined => None,
    }
}

fn texts(value: &Rego) -> Option<Vec<String>> {
    match value {
        Rego::Array(items) => items.iter().map(scalar).collect(),
        Rego::Set(items) => items.iter_sorted().map(scalar).collect(),
        Rego::Null | Rego::Bool(_) | Rego::Number(_) | Rego::String(_) | Rego::Object(_) | Rego::Undefined => None,
    }
}
