//! Changes made to the trees before the engine gets them: heads are bound in the body, and each rule that asks for something gets a
//! twin that says its line.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{defined, locals};
use super::tree::{At, Body, Head, Kind, Literal, Module, Query, Rule, Statement, Term};

/// What the policies are asked for, all in package `provost`.
pub(crate) const ASKED: [&str; 4] = ["roles", "accounts", "entitlements", "violations"];
/// Begins every name that we generate; no policy may use it.
pub(crate) const GENERATED: &str = "__";

/// Gives variables that bear the name of a rule or an import one of their own: the engine refuses `some team in …` where there is a
/// rule `team`.
pub(crate) fn part_names(modules: &mut [Module]) {
    let mut rules: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for module in modules.iter() {
        let names = module.rules.iter().filter_map(|rule| defined_name(&rule.name).map(str::to_owned));
        rules.entry(module.package.clone()).or_default().extend(names);
    }
    for module in modules {
        let taken: BTreeSet<String> = rules
            .get(&module.package)
            .into_iter()
            .flatten()
            .cloned()
            .chain(module.imports.iter().map(|import| import.alias.clone()))
            .collect();
        for rule in &mut module.rules {
            let shadowing: BTreeSet<String> = locals(rule).into_iter().filter(|local| taken.contains(*local)).map(str::to_owned).collect();
            if !shadowing.is_empty() {
                rule.rename(&|name| shadowing.contains(name).then(|| format!("__l_{name}")));
            }
        }
    }
}

fn defined_name(name: &Term) -> Option<&str> {
    if let Kind::Var(name) = &name.unroll().0.kind { Some(name) } else { None }
}

/// Binds what a head computes in the body (`contains k if {…; k := HEAD}`): where a head is undefined for one of several iterations, the
/// interpreter would lose the values of the others.
pub(crate) fn bind_heads(module: &mut Module) {
    for rule in &mut module.rules {
        bind(rule);
    }
}

fn bind(rule: &mut Rule) {
    let mut bound: Vec<(String, Term)> = Vec::new();
    bind_name(&mut rule.name, &mut bound);
    let mut own = Vec::new();
    match &mut rule.head {
        Head::Set(key) => bind_term(key, "__k", &mut own),
        Head::Value(Some(value)) | Head::Function(_, Some(value)) => bind_term(value, "__v", &mut own),
        Head::Value(None) | Head::Function(_, None) | Head::Default(..) => {}
    }
    if (!bound.is_empty() || !own.is_empty()) && rule.bodies.is_empty() {
        rule.bodies.push(Body { is_else: false, value: None, query: Vec::new() });
    }
    for body in &mut rule.bodies {
        body.query.extend(bound.iter().map(assignment));
        if body.is_else {
            let mut own = Vec::new();
            if let Some(value) = &mut body.value {
                bind_term(value, "__v", &mut own);
            }
            // An `else` without a body has none; one with a bound value gets one.
            body.query.extend(own.iter().map(assignment));
        } else {
            body.query.extend(own.iter().map(assignment));
        }
    }
}

/// What stands in the brackets of `name[key]`.
fn bind_name(name: &mut Term, bound: &mut Vec<(String, Term)>) {
    if let Kind::Dot(base, ..) = &mut name.kind {
        bind_name(base, bound);
    } else if let Kind::Index(base, index) = &mut name.kind {
        bind_name(base, bound);
        let var = format!("__i{}", bound.len());
        bind_term(index, &var, bound);
    }
}

/// Puts a variable in place of a term that has to be computed.
fn bind_term(term: &mut Term, var: &str, bound: &mut Vec<(String, Term)>) {
    if matches!(term.kind, Kind::Text(_) | Kind::Scalar(_) | Kind::Var(_)) {
        return;
    }
    let at = term.at;
    let computed = std::mem::replace(term, Term::var(at, var));
    bound.push((var.to_owned(), computed));
}

fn assignment((var, value): &(String, Term)) -> Statement {
    assign(value.at, var, value.clone())
}

/// `var := value`
pub(crate) fn assign(at: At, var: &str, value: Term) -> Statement {
    let term = Term::new(at, Kind::Infix(":=", Box::new(Term::var(at, var)), Box::new(value)));
    Statement { at, literal: Literal::Expr(term), with: Vec::new() }
}

/// Where the values stand that are found once for all, below `data`.
pub(crate) const FIXED: &str = "__fixed";

/// Makes of each of these rules one that only names the value that was found for it: `NAME := data.__fixed["PACKAGE.NAME"]`.
pub(crate) fn name_fixed<'a>(modules: &mut [Module], fixed: impl IntoIterator<Item = &'a Vec<String>>) {
    for path in fixed {
        let Some((name, package)) = path.split_last() else { continue };
        let mut first = None;
        for (index, module) in modules.iter_mut().enumerate().filter(|(_, module)| module.package == package) {
            module.rules.retain(|rule| {
                let is_it = defined(package, rule).0 == *path;
                if is_it && first.is_none() {
                    first = Some((index, rule.at));
                }
                !is_it
            });
        }
        let Some((index, at)) = first else { continue };
        let all = Term::new(at, Kind::Dot(Box::new(Term::var(at, "data")), FIXED.to_owned(), at));
        let value = Term::new(at, Kind::Index(Box::new(all), Box::new(Term::new(at, Kind::Text(path.join("."))))));
        let rule = Rule { at, name: Term::var(at, name), head: Head::Value(Some(value)), bodies: Vec::new() };
        modules.get_mut(index).into_iter().for_each(|module| module.rules.push(rule.clone()));
    }
}

/// `name contains key if query`
pub(crate) fn set_rule(at: At, name: &str, key: Term, query: Query) -> Rule {
    Rule { at, name: Term::var(at, name), head: Head::Set(key), bodies: vec![Body { is_else: false, value: None, query }] }
}

/// For each rule of the module that asks for something, its twin: `__at_entitlements contains ["file:line", KEY] if BODY`, in a module
/// beside it. `None` where there is none.
pub(crate) fn twins(module: &Module, place: &dyn Fn(At) -> String) -> Option<Module> {
    if module.package != ["provost"] {
        return None;
    }
    let mut rules = Vec::new();
    for rule in &module.rules {
        let (Kind::Var(name), Head::Set(key)) = (&rule.name.kind, &rule.head) else { continue };
        if !ASKED.contains(&name.as_str()) {
            continue;
        }
        let place = Term::new(rule.at, Kind::Text(place(rule.at)));
        let mut twin = rule.clone();
        twin.name = Term::var(rule.at, &format!("__at_{name}"));
        twin.head = Head::Set(Term::new(rule.at, Kind::Array(vec![place, key.clone()])));
        rules.push(twin);
    }
    (!rules.is_empty()).then(|| Module { rules, ..module.clone() })
}

/// The module that makes all twins exist.
pub(crate) fn twin_stub() -> Module {
    let at = At { file: 0, line: 1, column: 1 };
    let never = |name: &&str| {
        let collection = Term::new(at, Kind::Array(Vec::new()));
        let literal = Literal::SomeIn { key: None, value: Term::var(at, "__x"), collection };
        set_rule(at, &format!("__at_{name}"), Term::var(at, "__x"), vec![Statement { at, literal, with: Vec::new() }])
    };
    Module { at, package: vec!["provost".to_owned()], imports: Vec::new(), rules: ASKED.iter().map(never).collect() }
}
