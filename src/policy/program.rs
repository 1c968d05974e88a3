//! Modules as the engines have them. What reads nothing of `input` is the same for everybody: it is found once for all, and the engines
//! that decide get it as data. In: the trees, the data. Out: engines, and the text that they were given.

use std::collections::BTreeSet;
use std::sync::Arc;

use regorus::Value as Rego;
use serde_json::Value;

use super::engines::{Engines, Fixed, RulePath};
use super::limits::Limits;
use super::print::{Printed, print};
use super::rewrite;
use super::settle;
use super::tree::Module;

/// Modules that the engines can run.
pub(crate) struct Program {
    pub printed: Arc<Vec<Printed>>,
    /// As the RVM got them.
    pub settled: Arc<Vec<Printed>>,
    pub engines: Engines,
    /// What the RVM cannot compile, in its own words.
    pub refused: Arc<Vec<String>>,
    /// Everything as it was written, for the rules that are the same for everybody; none where no rule is.
    source: Option<Arc<Source>>,
    /// Those that are data here.
    fixed: BTreeSet<RulePath>,
}

/// What programs are made from.
struct Source {
    modules: Arc<Vec<Module>>,
    /// That give the rules that are the same for everybody.
    engines: Engines,
    fixed: BTreeSet<RulePath>,
    /// That the programs are asked for.
    rules: Vec<String>,
    limits: Limits,
}

/// The engines do not take the modules.
pub(crate) struct Refused {
    pub error: anyhow::Error,
    /// What they were given.
    pub printed: Vec<Printed>,
}

impl Program {
    /// Ready to be asked for `rules`. `fixed` are those that read nothing of `input`.
    ///
    /// # Errors
    /// The interpreter's own error.
    pub(crate) fn new(
        modules: &[Module],
        fixed: &BTreeSet<RulePath>,
        rules: Vec<String>,
        data: &Value,
        limits: Limits,
    ) -> Result<Self, Refused> {
        if fixed.is_empty() {
            return Self::of(modules, &rules, data, &Fixed::new(), limits, None);
        }
        let paths: Vec<String> = fixed.iter().map(|path| data_path(path)).collect();
        let Self { engines, .. } = Self::of(modules, &paths, data, &Fixed::new(), limits, None)?;
        let source = Arc::new(Source { modules: Arc::new(modules.to_vec()), engines, fixed: fixed.clone(), rules, limits });
        source.program(data)
    }

    /// The same modules on other data.
    ///
    /// # Errors
    /// The interpreter's own error.
    pub(crate) fn with_data(&self, data: &Value) -> Result<Self, Refused> {
        let refused = |error| Refused { error, printed: self.printed.to_vec() };
        let Some(source) = &self.source else {
            return Ok(self.on(self.engines.with_data(data, &Fixed::new()).map_err(refused)?, None));
        };
        let engines = source.engines.with_data(data, &Fixed::new()).map_err(refused)?;
        let source = Arc::new(Source {
            modules: Arc::clone(&source.modules),
            engines,
            fixed: source.fixed.clone(),
            rules: source.rules.clone(),
            limits: source.limits,
        });
        let fixed = source.found();
        if fixed.keys().eq(&self.fixed) {
            return Ok(self.on(self.engines.with_data(data, &fixed).map_err(refused)?, Some(source)));
        }
        source.program(data)
    }

    fn on(&self, engines: Engines, source: Option<Arc<Source>>) -> Self {
        Self {
            printed: Arc::clone(&self.printed),
            settled: Arc::clone(&self.settled),
            engines,
            refused: Arc::clone(&self.refused),
            source,
            fixed: self.fixed.clone(),
        }
    }

    fn of(
        modules: &[Module],
        rules: &[String],
        data: &Value,
        fixed: &Fixed,
        limits: Limits,
        source: Option<Arc<Source>>,
    ) -> Result<Self, Refused> {
        let printed: Vec<Printed> = modules.iter().map(print).collect();
        let settled: Vec<Printed> = modules.iter().map(settled).collect();
        match Engines::new(&printed, &settled, data, fixed, limits, rules) {
            Ok((engines, refused)) => Ok(Self {
                printed: Arc::new(printed),
                settled: Arc::new(settled),
                engines,
                refused: Arc::new(refused),
                source,
                fixed: fixed.keys().cloned().collect(),
            }),
            Err(error) => Err(Refused { error, printed }),
        }
    }
}

impl Source {
    fn program(self: Arc<Self>, data: &Value) -> Result<Program, Refused> {
        let fixed = self.found();
        let mut modules = self.modules.to_vec();
        rewrite::name_fixed(&mut modules, fixed.keys());
        let (rules, limits) = (self.rules.clone(), self.limits);
        Program::of(&modules, &rules, data, &fixed, limits, Some(self))
    }

    /// What does not hold, fails, takes too long or differs between the engines stays a rule: whoever reaches it finds that out, and
    /// nobody else.
    fn found(&self) -> Fixed {
        let nothing = Rego::new_object();
        let found = self.fixed.iter().filter_map(|path| {
            let answer = self.engines.answer(&data_path(path), &nothing, None).ok()?;
            (answer.value != Rego::Undefined).then(|| (path.clone(), answer.value))
        });
        found.collect()
    }
}

fn data_path(path: &[String]) -> String {
    format!("data.{}", path.join("."))
}

fn settled(module: &Module) -> Printed {
    let mut module = module.clone();
    settle::settle(&mut module);
    print(&module)
}
