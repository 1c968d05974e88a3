//! A realm's policies, ready to be asked: what was given, the engines that answer, and how an error of theirs finds its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use regorus::Value as Rego;
use serde_json::Value;

use super::catalogue::{self, Catalogue};
use super::check::{Facts, Whose};
use super::engines::{Answer, EngineKind, Engines, Fixed, Unanswered};
use super::error::{DecideError, PolicyError, limit, limit_of_machine};
use super::fingerprint::Fingerprint;
use super::limits::Limits;
use super::machine::Broke;
use super::mapping::Account;
use super::print::{Printed, print};
use super::program::{Program, Refused};
use super::reads::Reads;
use super::rewrite;
use super::sources::Sources;
use super::tree::{At, Kind, Module, Step};
use crate::model::ids::{AccountName, AttributeName, TargetName};

/// A realm's policies, ready to be asked. Shared by all threads.
pub struct Compiled {
    pub(super) sources: Arc<Sources>,
    /// With heads bound.
    pub(super) modules: Arc<Vec<Module>>,
    pub(super) printed: Arc<Vec<Printed>>,
    pub(super) program: Program,
    pub(super) fingerprint: Fingerprint,
    pub(super) notes: Arc<Vec<PolicyError>>,
    pub(super) data: Value,
    pub(super) accounts: BTreeMap<(TargetName, AccountName), Account>,
    /// What the decision reads.
    pub(super) reads: Reads,
    pub(super) catalogue: Catalogue,
    pub(super) facts: Facts,
    pub(super) limits: Limits,
    /// What of an error's words is shown where a decision fails.
    pub(super) words: Words,
    /// Made when they are first asked for.
    pub(super) twins: OnceLock<Result<(Engines, Vec<Printed>), PolicyError>>,
}

/// Whether what lies at this path of `input` may be, or hold, one of these attributes of a person or of a manager.
fn may_read(path: &[Step], attributes: &BTreeSet<&str>) -> bool {
    if attributes.is_empty() {
        return false;
    }
    match path {
        [Step::Field(root), rest @ ..] if root == "person" => of_person(rest, attributes),
        [Step::Field(root), rest @ ..] if root == "managers" => of_person(rest.get(1..).unwrap_or_default(), attributes),
        [Step::Field(_), ..] => false,
        [] | [Step::Any, ..] => true,
    }
}

/// The same of a path below a person, or below an employment of theirs.
fn of_person(path: &[Step], attributes: &BTreeSet<&str>) -> bool {
    let [Step::Field(field), rest @ ..] = path else { return true };
    match (field.as_str(), rest) {
        ("attributes", [Step::Field(name), ..]) => attributes.contains(name.as_str()),
        ("attributes", [Step::Any, ..] | []) => true,
        ("employments", rest) => of_person(rest.get(1..).unwrap_or_default(), attributes),
        (_, _) => false,
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

/// The rule that gives all that is asked for.
pub(crate) const DECISION: &str = "data.provost.__decision";

/// What to do where the engines differ.
pub(crate) const DIFFER: &str = "nothing is decided by it: write it another way, and report it as a bug of the policy engine";

/// What these modules and this data are recognised by.
pub(crate) fn fingerprint(printed: &[Printed], data: &Value) -> Fingerprint {
    let data = data.to_string();
    let parts: Vec<&[u8]> = printed.iter().map(|module| module.text.as_bytes()).chain([data.as_bytes()]).collect();
    Fingerprint::of_bytes(&parts)
}

/// What the RVM cannot compile, as something that may be written another way.
pub(crate) fn notes(sources: &Sources, program: &Program) -> Vec<PolicyError> {
    let note = |why: &String| {
        let error = sources.engine_error(why, &program.settled);
        let message = format!("decided by the interpreter alone, which takes longer: {}", error.message);
        PolicyError { message, ..error }
    };
    let mut notes: Vec<PolicyError> = program.refused.iter().map(note).collect();
    notes.sort();
    notes.dedup();
    notes
}

/// What of the engine's own words an error shows: they say which value it stumbled over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// All.
    Plain,
    /// None: a value may be sensitive.
    Hidden,
}

impl Words {
    pub(crate) fn where_sensitive(sensitive: bool) -> Self {
        if sensitive { Self::Hidden } else { Self::Plain }
    }

    /// The words, or what stands in their place.
    pub(crate) fn of(self, said: String) -> String {
        match self {
            Self::Plain => said,
            Self::Hidden => "it fails, and what the engine says of it may show a sensitive value".to_owned(),
        }
    }
}

/// One evaluation: engines, the text that they were given, and an input.
pub(crate) struct Evaluation<'a> {
    compiled: &'a Compiled,
    printed: &'a [Printed],
    engines: &'a Engines,
    input: Rego,
    words: Words,
}

impl Evaluation<'_> {
    /// The value of a rule, by the interpreter alone.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn rule(&self, path: &str) -> Result<Rego, DecideError> {
        self.engines.interpret(path, &self.input).map_err(|why| self.error(why))
    }

    /// The answer of both engines; see [`Engines::answer`].
    pub(crate) fn answer(&self, rule: &str, last: Option<Fingerprint>) -> Result<Answer, Unanswered> {
        self.engines.answer(rule, &self.input, last)
    }

    /// What one engine gives; none where it cannot run the rule.
    pub(crate) fn by(&self, engine: EngineKind, rule: &str) -> Option<Result<Rego, DecideError>> {
        match engine {
            EngineKind::Interpreter => Some(self.rule(rule)),
            EngineKind::Rvm => {
                let differ = |rvm| self.error(Unanswered::Differ { interpreter: Rego::Undefined, rvm: Err(rvm) });
                self.engines.run(rule, &self.input).map(|value| value.map_err(differ))
            }
        }
    }

    /// Why there is no answer, with its place. Where the engines differ, whoever knows what was asked finds a better one.
    pub(crate) fn error(&self, why: Unanswered) -> DecideError {
        let sources = &self.compiled.sources;
        match why {
            Unanswered::Failed(error) => match limit(&error) {
                Some(error) => DecideError::Limit(error),
                None => {
                    let error = sources.engine_error(&error.to_string(), self.printed);
                    DecideError::Failed(PolicyError { message: self.words.of(error.message), ..error })
                }
            },
            Unanswered::Limit(error) => DecideError::Limit(limit_of_machine(&error, self.compiled.limits)),
            Unanswered::Differ { rvm: Err(Broke::Limit(error)), .. } => DecideError::Limit(limit_of_machine(&error, self.compiled.limits)),
            Unanswered::Differ { rvm: Err(Broke::Failed(said, place)), .. } => {
                let at = place.and_then(|(file, line, column)| sources.origin(&self.compiled.program.settled, &file, line, column));
                let message = format!("the RVM breaks off where the interpreter does not: {}", self.words.of(said));
                let error = at.map_or_else(|| PolicyError::bare(message.clone()), |at| sources.error_at(at, message.clone()));
                DecideError::Differ(error.hint(DIFFER))
            }
            Unanswered::Differ { rvm: Ok(_), .. } => {
                DecideError::Differ(PolicyError::bare("the interpreter and the RVM give different answers").hint(DIFFER))
            }
            Unanswered::Differ { rvm: Err(Broke::Panicked(said)), .. } | Unanswered::Panicked(said) => {
                DecideError::Bug(self.words.of(said))
            }
        }
    }
}

impl Compiled {
    /// Begins an evaluation.
    pub(crate) fn evaluation(&self, input: Rego, words: Words) -> Evaluation<'_> {
        Evaluation { compiled: self, printed: &self.program.printed, engines: &self.program.engines, input, words }
    }

    /// The same, where these attributes of people are shown nowhere: neither is what a mapping makes of them, nor the words of an error
    /// that one of their values led to. What reads a person as a whole reads them too.
    #[must_use]
    pub fn hiding(mut self, attributes: &BTreeSet<&str>) -> Self {
        for attribute in self.accounts.values_mut().flat_map(|account| &mut account.attributes) {
            attribute.sensitive |= attribute.reads.iter().any(|path| may_read(path, attributes));
        }
        self.words = Words::where_sensitive(self.facts.decision_reads.iter().any(|path| may_read(path, attributes)));
        self
    }

    /// The attributes of an account whose values are shown nowhere.
    pub fn sensitive(&self, place: &(TargetName, AccountName)) -> impl Iterator<Item = &AttributeName> {
        let attributes = self.accounts.get(place).into_iter().flat_map(|account| &account.attributes);
        attributes.filter(|attribute| attribute.sensitive).map(|attribute| &attribute.name)
    }

    /// What of an error's words is shown where a decision fails.
    pub(crate) fn words(&self) -> Words {
        self.words
    }

    /// What runs on the interpreter alone, slower than the rest, and why: for the Policy's status.
    #[must_use]
    pub fn notes(&self) -> &[PolicyError] {
        &self.notes
    }

    /// `data.realm.roles` as the policies see it.
    #[must_use]
    pub fn roles(&self) -> &Value {
        self.data.pointer("/realm/roles").unwrap_or(&Value::Null)
    }

    /// What the policies, mappings and data are recognised by.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Begins an evaluation of the twins.
    ///
    /// # Errors
    /// They do not compile: a bug.
    pub(crate) fn twin_evaluation(&self, input: Rego) -> Result<Evaluation<'_>, PolicyError> {
        let twins = self.twins.get_or_init(|| {
            let place = |at: At| self.place(at);
            let written = self.modules.iter().filter(|module| !self.place(module.at).is_empty());
            let mut twins: Vec<Module> = written.filter_map(|module| rewrite::twins(module, &place)).collect();
            twins.push(rewrite::twin_stub());
            let printed: Vec<Printed> = self.printed.iter().cloned().chain(twins.iter().map(print)).collect();
            match Engines::new(&printed, &[], &self.data, &Fixed::new(), self.limits, &[]) {
                Ok((engines, _)) => Ok((engines, printed)),
                Err(error) => Err(self.sources.engine_error(&error.to_string(), &printed)),
            }
        });
        match twins {
            Ok((engines, printed)) => Ok(Evaluation { compiled: self, printed, engines, input, words: self.words }),
            Err(error) => Err(error.clone()),
        }
    }

    pub(crate) fn account(&self, place: &(TargetName, AccountName)) -> Option<&Account> {
        self.accounts.get(place)
    }

    /// The first rule of somebody's own that gives members of a set.
    pub(crate) fn first_rule(&self, set: &str) -> Option<At> {
        let modules = self.modules.iter().filter(|module| module.package == ["provost"] && !self.place(module.at).is_empty());
        let rules = modules.flat_map(|module| &module.rules);
        rules.filter(|rule| matches!(&rule.name.kind, Kind::Var(name) if name == set)).map(|rule| rule.at).next()
    }

    /// The parts of `input` that the decision reads.
    pub(crate) fn reads(&self) -> &Reads {
        &self.reads
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Whether what is asked for depends on the date.
    pub(crate) fn reads_today(&self) -> bool {
        self.facts.reads_today
            || self.facts.reads.values().flatten().any(|path| matches!(path.first(), Some(Step::Field(name)) if name == "today"))
    }

    /// An error at a place in what was parsed.
    pub(crate) fn error_at(&self, at: At, message: String) -> PolicyError {
        self.sources.error_at(self.sources.shifted(at), message)
    }

    /// The line of a file as it was written.
    pub(crate) fn source_line(&self, file: &str, line: u32) -> Option<String> {
        let line = usize::try_from(line.checked_sub(1)?).ok()?;
        self.sources.0.iter().find(|source| source.name == file)?.text.lines().nth(line).map(str::to_owned)
    }

    /// Whether this error stands in a module of ours.
    pub(crate) fn is_ours(&self, error: &PolicyError) -> bool {
        self.sources.0.iter().any(|source| source.whose == Whose::Ours && source.name == error.file)
    }

    /// `access/birthright.rego:14`; empty for what we generated.
    fn place(&self, at: At) -> String {
        match self.sources.0.get(at.file) {
            Some(source) if source.whose != Whose::Ours => format!("{}:{}", source.name, at.line),
            Some(_) | None => String::new(),
        }
    }

    /// The same policies with other roles: nothing is parsed or checked again.
    ///
    /// # Errors
    /// What is wrong with the roles.
    pub fn with_roles(&self, roles: &Value) -> Result<Self, PolicyError> {
        let (catalogue, roles) = catalogue::read(roles)?;
        let mut data = self.data.clone();
        if let Value::Object(data) = &mut data {
            data.insert("realm".to_owned(), serde_json::json!({ "roles": roles }));
        }
        let refused = |refused: Refused| self.sources.engine_error(&refused.error.to_string(), &refused.printed);
        let program = self.program.with_data(&data).map_err(refused)?;
        Ok(Self {
            sources: Arc::clone(&self.sources),
            modules: Arc::clone(&self.modules),
            printed: Arc::clone(&self.printed),
            notes: Arc::new(notes(&self.sources, &program)),
            program,
            fingerprint: fingerprint(&self.printed, &data),
            data,
            accounts: self.accounts.clone(),
            reads: self.reads.clone(),
            catalogue,
            facts: self.facts.clone(),
            limits: self.limits,
            words: self.words,
            twins: OnceLock::new(),
        })
    }
}
