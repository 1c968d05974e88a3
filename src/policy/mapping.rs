//! From a person to the attributes of an account: each attribute is one Rego expression.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use regorus::Value as Rego;

use super::check::Problem;
use super::compiled::{Compiled, DIFFER, Words};
use super::document;
use super::engines::Unanswered;
use super::error::{DecideError, limit};
use super::fingerprint::Fingerprint;
use super::plain::Plain;
use super::question::Question;
use super::reads::Reads;
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
    /// Its value is shown nowhere.
    pub sensitive: bool,
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
    Failed(Box<DecideError>),
}

/// What an account's mapping gave, by attribute.
pub type Attributes = BTreeMap<AttributeName, Mapped>;

/// One mapping, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub name: AttributeName,
    pub form: MappingForm,
    pub at: At,
    /// Where it needs no engine.
    pub plain: Option<Plain>,
    /// Parts of `input` that it reads, also through rules.
    pub reads: BTreeSet<Vec<Step>>,
    /// Its value is shown nowhere.
    pub sensitive: bool,
}

/// The attributes of one account of a target, in the order of the rules `a0`, `a1`, ….
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The last part of its package.
    pub package: String,
    pub attributes: Vec<Attribute>,
    /// What all of them read together.
    pub reads: Reads,
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

/// The module of one account: all values together that an engine has to find, and each by itself for when one of them fails.
pub(crate) fn module(package: &str, attributes: &[Attribute], terms: &[Term]) -> Option<Module> {
    let at = terms.first()?.at;
    let mut rules = Vec::new();
    for (index, (attribute, term)) in attributes.iter().zip(terms).enumerate() {
        let value = Term::var(term.at, "__v");
        let number = Term::new(term.at, Kind::Scalar(index.to_string()));
        let pair = Term::new(term.at, Kind::Array(vec![number, value.clone()]));
        let query = vec![assign(term.at, "__v", term.clone())];
        if attribute.plain.is_none() {
            rules.push(set_rule(term.at, "values", pair, query.clone()));
        }
        rules.push(set_rule(term.at, &format!("a{index}"), value, query));
    }
    Some(Module { at, package: vec![PACKAGE.to_owned(), package.to_owned()], imports: Vec::new(), rules })
}

impl Account {
    /// The rule that gives all values that an engine has to find; none where each attribute only names a field.
    pub(crate) fn values(&self) -> Option<String> {
        self.attributes.iter().any(|attribute| attribute.plain.is_none()).then(|| format!("data.{PACKAGE}.{}.values", self.package))
    }
}

/// What the mapping of this account gives for the person of `input`; an attribute that is not mapped is not in it.
#[must_use]
pub fn map(compiled: &Compiled, account: &AccountKey, input: &Input) -> Attributes {
    // No mapping sees the time.
    Question::new(compiled, input, None, Timestamp::UNIX_EPOCH).map(account)
}

impl Question<'_> {
    /// What the mapping of this account gives; an attribute that is not mapped is not in it.
    #[must_use]
    pub fn map(&self, key: &AccountKey) -> Attributes {
        self.map_answered(key).0
    }

    /// The same, and what the answer is recognised by; nothing where there is none.
    pub(super) fn map_answered(&self, key: &AccountKey) -> (Attributes, Option<Fingerprint>) {
        let (compiled, input) = (self.compiled(), self.input());
        let place = (key.target.clone(), key.account.clone());
        let Some(account) = compiled.account(&place) else { return (Attributes::new(), None) };
        let last = self.last_mapped(&place);
        let document = document::of_account(self.document(), key);
        // What needs no engine is looked up; `rest` gives the others.
        let all = |rest: &dyn Fn(usize, &Attribute) -> Mapped| {
            let attributes = account.attributes.iter().enumerate().map(|(index, attribute)| {
                let plain = attribute.plain.as_ref().map(|plain| plain.follow(&document));
                let mapped = plain.map_or_else(|| rest(index, attribute), |value| attribute.read(value.as_slice(), input, compiled));
                (attribute.name.clone(), mapped)
            });
            attributes.collect()
        };
        let found_in = |found: &BTreeMap<usize, Vec<Rego>>, index: usize, attribute: &Attribute| {
            attribute.read(found.get(&index).map(Vec::as_slice).unwrap_or_default(), input, compiled)
        };
        let Some(values) = account.values() else {
            return (all(&|index, attribute| found_in(&BTreeMap::new(), index, attribute)), Some(Fingerprint::of_all(&[])));
        };
        let evaluation = |attributes: &[Attribute]| {
            let words = Words::where_sensitive(attributes.iter().any(|attribute| attribute.sensitive));
            compiled.evaluation(document.clone(), words)
        };
        let whole = evaluation(&account.attributes);
        let failed = match whole.answer(&values, last) {
            Ok(answer) => {
                let found = by_attribute(&answer.value);
                return (all(&|index, attribute| found_in(&found, index, attribute)), Some(answer.fingerprint));
            }
            Err(Unanswered::Differ { interpreter, rvm: Ok(rvm) }) => {
                let (found, other) = (by_attribute(&interpreter), by_attribute(&rvm));
                all(&|index, attribute| {
                    if found.get(&index) == other.get(&index) {
                        return found_in(&found, index, attribute);
                    }
                    let message = format!("the interpreter and the RVM give different values for `{}`", attribute.name);
                    Mapped::Failed(Box::new(DecideError::Differ(compiled.error_at(attribute.at, message).hint(DIFFER))))
                })
            }
            // One of them fails: each by itself, so that the others stand. What took all the time would only take it once more.
            Err(Unanswered::Failed(error)) if limit(&error).is_none() => {
                let alone = |attribute: &Attribute, index: usize| {
                    evaluation(std::slice::from_ref(attribute)).rule(&format!("data.{PACKAGE}.{}.a{index}", account.package))
                };
                all(&|index, attribute| match alone(attribute, index) {
                    Ok(values) => {
                        let values: Vec<Rego> = values.as_set().into_iter().flat_map(|set| set.iter()).cloned().collect();
                        attribute.read(&values, input, compiled)
                    }
                    Err(error) => Mapped::Failed(Box::new(error)),
                })
            }
            Err(why) => {
                let error = Box::new(whole.error(why));
                all(&|_, _| Mapped::Failed(error.clone()))
            }
        };
        (failed, None)
    }
}

/// The pairs of number and value, by number.
fn by_attribute(values: &Rego) -> BTreeMap<usize, Vec<Rego>> {
    let mut found: BTreeMap<usize, Vec<Rego>> = BTreeMap::new();
    for pair in values.as_set().into_iter().flat_map(|set| set.iter_sorted()) {
        if let Ok(pair) = pair.as_array()
            && let (Some(index), Some(value)) = (pair.first(), pair.get(1))
            && let Some(index) = index.as_u32().ok().and_then(|index| usize::try_from(index).ok())
        {
            found.entry(index).or_default().push(value.clone());
        }
    }
    found
}

impl Attribute {
    fn read(&self, values: &[Rego], input: &Input, compiled: &Compiled) -> Mapped {
        let failed =
            |message: String, hint: &str| Mapped::Failed(Box::new(DecideError::Unfit(compiled.error_at(self.at, message).hint(hint))));
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
