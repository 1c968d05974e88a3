//! A realm's policies, ready to be asked, and the engines that answer.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use regorus::{Engine, Value as Rego};
use serde_json::Value;

use super::catalogue::{self, Catalogue};
use super::check::{Facts, Whose};
use super::document;
use super::error::{DecideError, PolicyError, limit};
use super::limits::{self, Limits};
use super::mapping::Account;
use super::print::{Printed, print};
use super::rewrite;
use super::sources::Sources;
use super::threads;
use super::tree::{At, Module, Step};
use crate::model::ids::{AccountName, TargetName};

/// A realm's policies, ready to be asked. Shared by all threads.
pub struct Compiled {
    pub(super) sources: Arc<Sources>,
    /// With heads bound.
    pub(super) modules: Arc<Vec<Module>>,
    pub(super) printed: Arc<Vec<Printed>>,
    pub(super) engine: Engine,
    pub(super) data: Value,
    pub(super) accounts: BTreeMap<(TargetName, AccountName), Account>,
    pub(super) catalogue: Catalogue,
    pub(super) facts: Facts,
    pub(super) limits: Limits,
    /// Made when they are first asked for.
    pub(super) twins: OnceLock<Result<(Engine, Vec<Printed>), PolicyError>>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

/// The rule that gives all that is asked for.
pub(crate) const DECISION: &str = "data.provost.__decision";

/// Loads an engine and prepares it, so that its copies need not be.
///
/// # Errors
/// The engine's own error.
pub(crate) fn fill(engine: &mut Engine, printed: &[Printed], data: &Value, limits: Limits) -> Result<(), anyhow::Error> {
    limits::apply(engine, limits);
    for (index, module) in printed.iter().enumerate() {
        engine.add_policy(index.to_string(), module.text.clone())?;
    }
    prepare(engine, data)
}

fn prepare(engine: &mut Engine, data: &Value) -> Result<(), anyhow::Error> {
    engine.add_data(document::json(data))?;
    // Without an object here, the engine fails where a rule replaces a part of it.
    engine.set_input(Rego::new_object());
    engine.compile_with_entrypoint(&DECISION.into())?;
    Ok(())
}

/// One evaluation: an engine and its input.
pub(crate) struct Evaluation<'a> {
    compiled: &'a Compiled,
    printed: &'a [Printed],
    base: &'a Engine,
    input: Rego,
}

impl Evaluation<'_> {
    /// The value of a rule. Each is asked of a new copy of the engine, which costs next to nothing: what failed leaves nothing behind.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn rule(&self, path: String) -> Result<Rego, DecideError> {
        let mut engine = self.base.clone();
        engine.set_input(self.input.clone());
        match catch_unwind(AssertUnwindSafe(|| engine.eval_rule(path))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(match limit(&error) {
                Some(error) => DecideError::Limit(error),
                None => DecideError::Failed(self.compiled.sources.engine_error(&error, self.printed)),
            }),
            Err(panic) => Err(DecideError::Bug(threads::said(panic.as_ref()))),
        }
    }
}

impl Compiled {
    /// Begins an evaluation.
    pub(crate) fn evaluation(&self, input: Rego) -> Evaluation<'_> {
        Evaluation { compiled: self, printed: &self.printed, base: &self.engine, input }
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
            let mut engine = Engine::new();
            match fill(&mut engine, &printed, &self.data, self.limits) {
                Ok(()) => Ok((engine, printed)),
                Err(error) => Err(self.sources.engine_error(&error, &printed)),
            }
        });
        match twins {
            Ok((engine, printed)) => Ok(Evaluation { compiled: self, printed, base: engine, input }),
            Err(error) => Err(error.clone()),
        }
    }

    pub(crate) fn account(&self, target: &TargetName, account: &AccountName) -> Option<&Account> {
        self.accounts.get(&(target.clone(), account.clone()))
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
        let mut engine = self.engine.clone();
        engine.clear_data();
        prepare(&mut engine, &data).map_err(|error| self.sources.engine_error(&error, &self.printed))?;
        Ok(Self {
            sources: Arc::clone(&self.sources),
            modules: Arc::clone(&self.modules),
            printed: Arc::clone(&self.printed),
            engine,
            data,
            accounts: self.accounts.clone(),
            catalogue,
            facts: self.facts.clone(),
            limits: self.limits,
            twins: OnceLock::new(),
        })
    }
}
