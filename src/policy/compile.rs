//! From the texts of a realm's Policies to something that can be asked. In: modules, data, roles, mappings. Out: all that is wrong with
//! them at once, or [`Compiled`], which is shared by all threads.
//!
//! texts → scanned → parsed → checked → heads bound → a program of both engines

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::catalogue::{self, Catalogue};
use super::check::{self, Whose};
use super::compiled::{Compiled, DECISION, Words, fingerprint, notes};
use super::error::{PolicyError, said};
use super::libraries::LIBRARIES;
use super::limits::Limits;
use super::mapping::{self, Account, Attribute, MappingSource, Mappings};
use super::plain::Plain;
use super::print::{Printed, print};
use super::program::{Program, Refused};
use super::reads::Reads;
use super::rewrite;
use super::scan::{Form, scan};
use super::sources::Sources;
use super::threads;
use super::tree::{self, At, Module};
use crate::model::ids::{AccountName, ObjectName, TargetName};

/// One Policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySource {
    /// Its name.
    pub policy: ObjectName,
    /// File name → Rego. Names that end in `_test.rego` are left out.
    pub modules: BTreeMap<String, String>,
    /// Each file of data, and what stands in it; `spec.data` is one of them.
    pub data: Vec<(String, Value)>,
    /// Library modules that it uses.
    pub libraries: Vec<String>,
}

/// Compiles all Policies of a realm together. `roles` becomes `data.realm.roles`; its shape is described in
/// [`catalogue`].
///
/// # Errors
/// All that is wrong, in the order of files and lines.
pub fn compile(policies: &[PolicySource], roles: &Value, mappings: &Mappings) -> Result<Compiled, Vec<PolicyError>> {
    compile_within(policies, roles, mappings, Limits::default())
}

/// [`compile`], with other limits than the usual ones.
///
/// # Errors
/// All that is wrong, in the order of files and lines.
pub fn compile_within(policies: &[PolicySource], roles: &Value, mappings: &Mappings, limits: Limits) -> Result<Compiled, Vec<PolicyError>> {
    // The parser and our own walks recurse: they get the deep stack too.
    let mut results = threads::on_threads(vec![()], &|()| Compiler::default().compile(policies, roles, mappings, limits));
    match results.pop() {
        Some(Ok(result)) => result,
        Some(Err(panicked)) => Err(vec![PolicyError::bare(panicked.to_string())]),
        None => Err(vec![PolicyError::bare("a bug in Provost: no result")]),
    }
}

/// All that is wrong with the Policies; empty where nothing is.
#[must_use]
pub fn check(policies: &[PolicySource], roles: &Value, mappings: &Mappings) -> Vec<PolicyError> {
    compile(policies, roles, mappings).err().unwrap_or_default()
}

/// A digest over all that the policies say, in hexadecimal. Order makes no difference.
#[must_use]
pub fn policies_digest(policies: &[PolicySource]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for source in policies {
        let policy = &source.policy;
        let part = |kind: &str, name: &str, text: &str| serde_json::json!([policy, kind, name, text]).to_string();
        parts.extend(source.modules.iter().map(|(file, text)| part("module", file, text)));
        parts.extend(source.data.iter().map(|(file, data)| part("data", file, &data.to_string())));
        parts.extend(source.libraries.iter().map(|library| part("use", library, "")));
    }
    parts.sort();
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct Compiler {
    sources: Sources,
    modules: Vec<Module>,
    whose: Vec<Whose>,
    data: Value,
    /// Leaf → the file that set it.
    leaves: BTreeMap<Vec<String>, String>,
    accounts: BTreeMap<(TargetName, AccountName), Account>,
    errors: Vec<PolicyError>,
}

impl Compiler {
    fn compile(
        mut self,
        policies: &[PolicySource],
        roles: &Value,
        mappings: &Mappings,
        limits: Limits,
    ) -> Result<Compiled, Vec<PolicyError>> {
        self.data = Value::Object(serde_json::Map::new());
        self.module("provost/stub.rego", catalogue::STUB, Whose::Ours);
        self.module("provost/catalogue.rego", catalogue::MODULE, Whose::Ours);
        self.take(policies);
        let catalogue = match catalogue::read(roles) {
            Ok((catalogue, roles)) => {
                if let Value::Object(data) = &mut self.data {
                    data.insert("realm".to_owned(), serde_json::json!({ "roles": roles }));
                }
                catalogue
            }
            Err(error) => {
                self.errors.push(error);
                Catalogue::new()
            }
        };
        self.map(mappings);
        let (facts, problems) = check::check(&self.modules, &self.whose, &self.data, &catalogue::OWN);
        // A file that could not be parsed is missing everywhere else: what that leads to would only hide it.
        if self.errors.is_empty() {
            self.errors.extend(problems.iter().map(|problem| self.sources.problem(problem)));
        }
        for account in self.accounts.values_mut() {
            for (index, attribute) in account.attributes.iter_mut().enumerate() {
                if let Some(reads) = facts.reads.get(&(account.package.clone(), format!("a{index}"))) {
                    attribute.reads.clone_from(reads);
                }
            }
            account.reads = Reads::of_mapping(account.attributes.iter().flat_map(|attribute| &attribute.reads));
        }
        let mut modules = self.modules;
        rewrite::part_names(&mut modules);
        modules.iter_mut().for_each(rewrite::bind_heads);
        let program = if self.errors.is_empty() {
            let mapped = self.accounts.values().filter_map(Account::values);
            let rules = std::iter::once(DECISION.to_owned()).chain(mapped).collect();
            let refused = |refused: Refused| self.sources.engine_error(&refused.error.to_string(), &refused.printed);
            Program::new(&modules, &facts.fixed, rules, &self.data, limits).map_err(refused).map_err(|error| self.errors.push(error)).ok()
        } else {
            None
        };
        let Some(program) = program else {
            self.errors.sort();
            self.errors.dedup();
            return Err(self.errors);
        };
        let printed: Vec<Printed> = modules.iter().map(print).collect();
        Ok(Compiled {
            modules: Arc::new(modules),
            notes: Arc::new(notes(&self.sources, &program)),
            sources: Arc::new(self.sources),
            fingerprint: fingerprint(&printed, &self.data),
            printed: Arc::new(printed),
            program,
            data: self.data,
            accounts: self.accounts,
            reads: Reads::of(&facts.decision_reads),
            catalogue,
            facts,
            limits,
            words: Words::Plain,
            twins: OnceLock::new(),
        })
    }

    /// Takes in the Policies: libraries, modules, data.
    fn take(&mut self, policies: &[PolicySource]) {
        let mut libraries = BTreeMap::new();
        for policy in policies {
            for name in &policy.libraries {
                match LIBRARIES.iter().find(|library| library.name == name) {
                    Some(library) => {
                        libraries.insert(library.name, library);
                    }
                    None => {
                        let known: Vec<&str> = LIBRARIES.iter().map(|library| library.name).collect();
                        let error =
                            PolicyError { file: policy.policy.to_string(), ..PolicyError::bare(format!("there is no library `{name}`")) };
                        self.errors.push(error.hint(format!("there are {}", known.join(", "))));
                    }
                }
            }
        }
        for (name, library) in &libraries {
            self.module(&format!("provost/{name}.rego"), library.text, Whose::Library);
        }
        let mut files = BTreeSet::new();
        for policy in policies {
            for (file, text) in policy.modules.iter().filter(|(file, _)| !file.ends_with("_test.rego")) {
                let name = format!("{}/{file}", policy.policy);
                if files.insert(name.clone()) {
                    self.module(&name, text, Whose::Author);
                } else {
                    self.errors.push(PolicyError { file: name, ..PolicyError::bare("two modules have this name") });
                }
            }
        }
        let packages: BTreeSet<Vec<String>> = self.modules.iter().map(|module| module.package.clone()).collect();
        for policy in policies {
            for (file, data) in &policy.data {
                self.add_data(&format!("{}/{file}", policy.policy), data, &packages);
            }
        }
        for library in libraries.values() {
            self.errors.extend((library.check)(&self.data));
        }
    }

    /// Scans and parses one module.
    fn module(&mut self, name: &str, text: &str, whose: Whose) {
        let file = self.sources.add(name, text, 0, whose);
        if let Some(module) = self.parse(file, text, Form::Module) {
            self.modules.push(module);
            self.whose.push(whose);
        }
    }

    fn parse(&mut self, file: usize, text: &str, form: Form) -> Option<Module> {
        if let Err(unfit) = scan(text, form) {
            let at = At { file, line: unfit.line, column: unfit.column };
            self.errors.push(self.sources.error_at(at, unfit.message).hint(unfit.hint));
            return None;
        }
        let wrapped = match form {
            Form::Module => text.to_owned(),
            Form::Expression => mapping::wrapped(text),
        };
        match tree::parse(file, &file.to_string(), &wrapped) {
            Ok(module) => Some(module),
            Err(error) => {
                let said = said(&error.to_string());
                let at = self.sources.shifted(At { file, line: said.line, column: said.column });
                self.errors.push(self.sources.error_at(at, said.message));
                None
            }
        }
    }

    /// Merges one file of data. Two files may say the same of a leaf, and nothing else.
    fn add_data(&mut self, file: &str, data: &Value, packages: &BTreeSet<Vec<String>>) {
        let mut wrong = |message: String, hint: &str| {
            self.errors.push(PolicyError { file: file.to_owned(), ..PolicyError::bare(message).hint(hint) });
        };
        let Value::Object(fields) = data else {
            return wrong("data must be an object".to_owned(), "put it under a name");
        };
        for name in fields.keys().filter(|name| *name == "realm" || name.starts_with(rewrite::GENERATED)) {
            wrong(format!("data may not stand at `{name}`"), "`realm` and names that begin with `__` belong to Provost");
        }
        for leaf in check::leaves(data) {
            if let Some(message) = check::over_rules(packages, &leaf) {
                wrong(message, "the engine would take the data in place of the rules; rename one of them");
            }
        }
        let mut clashes = Vec::new();
        merge(&mut self.data, data, &mut Vec::new(), &mut clashes);
        for path in clashes {
            // Who set it: this very path, something below it, or something above it.
            let below = self.leaves.range(path.clone()..).next().filter(|(leaf, _)| leaf.starts_with(&path)).map(|(_, file)| file);
            let above = || (0..path.len()).rev().find_map(|length| self.leaves.get(path.get(..length)?));
            let other = below.or_else(above).map_or("another file", String::as_str);
            wrong(format!("`data.{}` is also set in {other}", path.join(".")), "only one of them can hold");
        }
        for leaf in check::leaves(data) {
            self.leaves.entry(leaf).or_insert_with(|| file.to_owned());
        }
    }

    /// Compiles the mappings into one module an account.
    fn map(&mut self, mappings: &Mappings) {
        for (number, (key, sources)) in mappings.iter().enumerate() {
            let package = format!("t{number}");
            let mut attributes = Vec::new();
            let mut terms = Vec::new();
            for (name, MappingSource { expression, form, sensitive, place }) in sources {
                let file = self.sources.add(place, expression, mapping::LINES_BEFORE, Whose::Author);
                let Some(module) = self.parse(file, expression, Form::Expression) else { continue };
                let Some(term) = mapping::unwrapped(module) else {
                    let at = At { file, line: 1, column: 1 };
                    self.errors.push(self.sources.error_at(at, "this is not one expression".to_owned()));
                    continue;
                };
                let problems = mapping::reserved(&term);
                self.errors.extend(problems.iter().map(|problem| self.sources.problem(problem)));
                attributes.push(Attribute {
                    name: name.clone(),
                    form: *form,
                    at: term.at,
                    plain: Plain::of(expression, &term),
                    reads: Default::default(),
                    sensitive: *sensitive,
                });
                terms.push(term);
            }
            if let Some(module) = mapping::module(&package, &attributes, &terms) {
                self.modules.push(module);
                self.whose.push(Whose::Ours);
            }
            self.accounts.insert(key.clone(), Account { package, attributes, reads: Reads::default() });
        }
    }
}

/// Puts `new` into `data`; paths at which both say something else stay as they were.
fn merge(data: &mut Value, new: &Value, path: &mut Vec<String>, clashes: &mut Vec<Vec<String>>) {
    match (data, new) {
        (Value::Object(data), Value::Object(new)) => {
            for (name, value) in new {
                path.push(name.clone());
                match data.get_mut(name) {
                    Some(known) => merge(known, value, path, clashes),
                    None => {
                        data.insert(name.clone(), value.clone());
                    }
                }
                path.pop();
            }
        }
        (known, new) => {
            if known != new {
                clashes.push(path.clone());
            }
        }
    }
}
