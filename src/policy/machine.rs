//! The RVM: a rule compiled to instructions, several times as fast as the interpreter. Nothing believes it alone: it takes what fails
//! at run time for undefined. Its programs hold no data, so that a changed role replaces data alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::rvm::program::Program;
use regorus::rvm::vm::VmError;
use regorus::{Engine, Value as Rego};

use super::limits::{self, Limits};
use super::threads;

/// One rule, ready to run.
#[derive(Clone)]
pub(crate) struct Machine {
    program: Arc<Program>,
    rule: String,
}

/// Why a run gave no value.
pub(crate) enum Broke {
    /// Time or memory ran out.
    Limit(VmError),
    /// Anything else, and where: file, line and column in the text that the engine was given.
    Failed(String, Option<(String, u32, u32)>),
    /// Nobody expected that.
    Panicked(String),
}

impl Machine {
    /// Compiles a rule of an engine that has no data.
    ///
    /// # Errors
    /// The engine's own words, with the place that it does not know how to compile.
    pub(crate) fn new(engine: &Engine, rule: &str) -> Result<Self, String> {
        let compile = || {
            let policy = engine.clone().compile_with_entrypoint(&rule.into()).map_err(|error| error.to_string())?;
            Compiler::compile_from_policy(&policy, &[rule]).map_err(|error| error.to_string())
        };
        match catch_unwind(AssertUnwindSafe(compile)) {
            Ok(program) => Ok(Self { program: program?, rule: rule.to_owned() }),
            Err(panic) => Err(threads::said(panic.as_ref())),
        }
    }

    /// Runs it, on a machine of its own: what failed leaves nothing behind.
    pub(crate) fn run(&self, data: &Rego, input: &Rego, limits: Limits) -> Result<Rego, Broke> {
        let run = || {
            let mut machine = RegoVM::new();
            limits::apply_to_machine(&mut machine, limits);
            machine.load_program(Arc::clone(&self.program));
            machine.set_data(data.clone())?;
            machine.set_input(input.clone());
            machine.execute_entry_point_by_name(&self.rule)
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.broke(error)),
            Err(panic) => Err(Broke::Panicked(threads::said(panic.as_ref()))),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the engine has fifty errors, and only these are limits")]
    fn broke(&self, error: VmError) -> Broke {
        let at = match &error {
            VmError::InstructionLimitExceeded { .. }
            | VmError::TimeLimitExceeded { .. }
            | VmError::MemoryLimitExceeded { .. }
            | VmError::MemoryBudgetExceeded { .. }
            | VmError::RegexSizeLimitExceeded { .. } => return Broke::Limit(error),
            other => counter(&other.to_string()),
        };
        Broke::Failed(error.to_string(), at.and_then(|at| self.place(at)))
    }

    /// Where the instruction at this place of the program comes from.
    fn place(&self, at: usize) -> Option<(String, u32, u32)> {
        let span = self.program.instruction_spans.get(at)?.as_ref().filter(|span| span.line > 0)?;
        let source = self.program.sources.get(span.source_index)?;
        Some((source.name.clone(), u32::try_from(span.line).ok()?, u32::try_from(span.column).ok()?))
    }
}

/// The program counter in the words of an error: every kind of error has it, and only there it is the same for all.
fn counter(error: &str) -> Option<usize> {
    let (_, rest) = error.rsplit_once("pc=")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
