//! The two engines, filled with the same modules and data. The interpreter decides; the RVM saves it the work.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use regorus::{Engine, Value as Rego};
use serde_json::Value;

use super::document;
use super::fingerprint::Fingerprint;
use super::limits::{self, Limits};
use super::machine::{Broke, Machine};
use super::print::Printed;
use super::rewrite;
use super::threads;

/// An engine that evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineKind {
    /// Walks the syntax tree. It decides.
    Interpreter,
    /// Runs instructions, several times as fast. Nothing believes it alone.
    Rvm,
}

/// Both engines, ready to be asked. Shared by all threads.
pub(crate) struct Engines {
    interpreter: Engine,
    /// By rule; what the RVM cannot compile is not in here.
    machines: BTreeMap<String, Machine>,
    data: Rego,
    limits: Limits,
}

/// The path of a rule, without `data`.
pub(crate) type RulePath = Vec<String>;

/// The values of the rules that are the same for everybody.
pub(crate) type Fixed = BTreeMap<RulePath, Rego>;

/// An answer, and what it is recognised by.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub value: Rego,
    pub fingerprint: Fingerprint,
    /// Whether the interpreter gave it now, and not only the last time.
    pub interpreted: bool,
}

/// Why there is no answer.
pub(crate) enum Unanswered {
    /// The interpreter failed, with its error.
    Failed(anyhow::Error),
    /// The RVM ran out of time or memory.
    Limit(regorus::rvm::vm::VmError),
    /// The interpreter gives this, and the RVM something else or nothing.
    Differ { interpreter: Rego, rvm: Result<Rego, Broke> },
    /// Nobody expected that.
    Panicked(String),
}

impl Engines {
    /// Fills both: the interpreter with `printed`, the RVM with the same rules `settled`. Besides them: for each of `rules` that the RVM
    /// cannot compile, why.
    ///
    /// # Errors
    /// The interpreter's own error.
    pub(crate) fn new(
        printed: &[Printed],
        settled: &[Printed],
        data: &Value,
        fixed: &Fixed,
        limits: Limits,
        rules: &[String],
    ) -> Result<(Self, Vec<String>), anyhow::Error> {
        let interpreter = loaded(printed, limits)?;
        let source = loaded(settled, limits)?;
        let mut machines = BTreeMap::new();
        let mut refused = Vec::new();
        for rule in rules {
            match Machine::new(&source, rule) {
                Ok(machine) => {
                    machines.insert(rule.clone(), machine);
                }
                Err(why) => refused.push(why),
            }
        }
        let engines = Self { interpreter, machines, data: Rego::new_object(), limits };
        Ok((engines.with_data(data, fixed)?, refused))
    }

    /// The same rules on other data: nothing is compiled again. `fixed` are the values that were found beforehand.
    ///
    /// # Errors
    /// The interpreter's own error.
    pub(crate) fn with_data(&self, data: &Value, fixed: &Fixed) -> Result<Self, anyhow::Error> {
        let mut data = document::json(data);
        if !fixed.is_empty() {
            let fixed: BTreeMap<Rego, Rego> = fixed.iter().map(|(path, value)| (Rego::from(path.join(".")), value.clone())).collect();
            data.as_object_mut()?.insert(Rego::from(rewrite::FIXED), Rego::from(fixed));
        }
        let mut interpreter = self.interpreter.clone();
        interpreter.clear_data();
        interpreter.add_data(data.clone())?;
        // Without an object here, the engine fails where a rule replaces a part of it.
        interpreter.set_input(Rego::new_object());
        // So prepared, its copies need not be.
        interpreter.compile_with_entrypoint(&super::compiled::DECISION.into())?;
        Ok(Self { interpreter, machines: self.machines.clone(), data, limits: self.limits })
    }

    /// What the interpreter gives for a rule. Each is asked of a new copy, which costs next to nothing: what failed leaves nothing behind.
    pub(crate) fn interpret(&self, rule: &str, input: &Rego) -> Result<Rego, Unanswered> {
        let mut engine = self.interpreter.clone();
        engine.set_input(input.clone());
        match catch_unwind(AssertUnwindSafe(|| engine.eval_rule(rule.to_owned()))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Unanswered::Failed(error)),
            Err(panic) => Err(Unanswered::Panicked(threads::said(panic.as_ref()))),
        }
    }

    /// What the RVM gives for a rule; none where it cannot compile it.
    pub(crate) fn run(&self, rule: &str, input: &Rego) -> Option<Result<Rego, Broke>> {
        self.machines.get(rule).map(|machine| machine.run(&self.data, input, self.limits))
    }

    /// The answer. The RVM is asked first; where it gives what the interpreter answered `last` time, by these rules and this data,
    /// that stands. Every other answer is computed by the interpreter too, and both must give the same.
    ///
    /// The RVM takes a rule that fails for one that does not hold, so that what stands may have come about by an error. That is as
    /// good as the freeze that the interpreter's error would lead to: what is asked for is what was asked for before, so nothing is
    /// granted and nothing removed. What is missing is the message, until anything else changes.
    pub(crate) fn answer(&self, rule: &str, input: &Rego, last: Option<Fingerprint>) -> Result<Answer, Unanswered> {
        let rvm = match self.run(rule, input) {
            Some(Ok(value)) => {
                let fingerprint = Fingerprint::of(&value);
                if last == Some(fingerprint) {
                    return Ok(Answer { value, fingerprint, interpreted: false });
                }
                Some(Ok(value))
            }
            // Twice the time would be spent to learn the same.
            Some(Err(Broke::Limit(error))) => return Err(Unanswered::Limit(error)),
            other => other,
        };
        let value = self.interpret(rule, input)?;
        match rvm {
            Some(Ok(other)) if other == value => {}
            Some(rvm) => return Err(Unanswered::Differ { interpreter: value, rvm }),
            None => {}
        }
        Ok(Answer { fingerprint: Fingerprint::of(&value), value, interpreted: true })
    }
}

/// An engine with modules and nothing else.
fn loaded(modules: &[Printed], limits: Limits) -> Result<Engine, anyhow::Error> {
    let mut engine = Engine::new();
    limits::apply(&mut engine, limits);
    for (index, module) in modules.iter().enumerate() {
        engine.add_policy(index.to_string(), module.text.clone())?;
    }
    Ok(engine)
}
