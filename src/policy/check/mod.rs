//! What the engine does not check: that every function and every path exists, that no rule depends on itself, that nothing asked for
//! depends on what is held. In: the trees of all modules and their data. Out: every problem at once.

mod calls;
mod data;
mod flow;
mod index;
mod schema;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rewrite::{ASKED, GENERATED};
use super::tree::{At, Head, Kind, Literal, Module, Node, Step};
pub(crate) use data::{leaves, over_rules};
pub(crate) use index::locals;
use index::{GroupKind, Index};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub at: At,
    pub message: String,
    pub hint: Option<String>,
}

/// What the check knows of the rules besides their problems.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    /// Whether what is asked for depends on the date.
    pub reads_today: bool,
    /// For each mapping, by its package and attribute: the parts of `input` that it reads, also through rules.
    pub reads: BTreeMap<(String, String), BTreeSet<Vec<Step>>>,
    /// The same of all that is decided together.
    pub decides: BTreeSet<Vec<Step>>,
}

/// Which module is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A policy's.
    Author,
    /// A library's.
    Library,
    /// The catalogue's, or generated.
    Ours,
}

/// Checks all modules together. `whose` answers for each module, in the same order.
pub(crate) fn check(modules: &[Module], whose: &[Whose], data: &Value, own: &[&str]) -> (Facts, Vec<Problem>) {
    let authors: BTreeSet<usize> =
        modules.iter().zip(whose).filter(|(_, whose)| **whose == Whose::Author).map(|(module, _)| module.at.file).collect();
    let mut problems = Vec::new();
    for (module, whose) in modules.iter().zip(whose) {
        if *whose == Whose::Author {
            names(module, own, &mut problems);
        }
    }
    let index = Index::new(modules);
    kinds(&index, &mut problems);
    let reached = calls::reached(&index, &mut problems);
    let before = problems.len();
    calls::cycles(&index, &reached, &mut problems);
    // Values are followed through rules only where that comes to an end.
    if problems.len() == before {
        flow::astray(&index, &mut problems);
    }
    variables::unbound(&index, &mut problems);
    data::paths(&index, data, &mut problems);
    let facts = reads(&index, &reached, &authors, &mut problems);
    (facts, problems)
}

/// Names that belong to us, and what no policy may say.
fn names(module: &Module, own: &[&str], problems: &mut Vec<Problem>) {
    let mut problem = |at: At, message: String, hint: &str| {
        problems.push(Problem { at, message, hint: Some(hint.to_owned()) });
    };
    let reserved = "names that begin with `__` are generated";
    if module.package.first().is_some_and(|part| part == "realm") {
        problem(module.at, "package `realm` belongs to Provost".to_owned(), "`data.realm.roles` are the BusinessRoles");
    }
    if module.package.iter().any(|part| part.starts_with(GENERATED)) {
        problem(module.at, format!("package `{}` has a reserved name", module.package.join(".")), reserved);
    }
    for import in &module.imports {
        if import.alias.starts_with(GENERATED) || import.path.iter().any(|part| part.starts_with(GENERATED)) {
            problem(import.at, format!("`{}` is a reserved name", import.path.join(".")), reserved);
        }
    }
    let provost = module.package == ["provost"];
    for rule in &module.rules {
        let base = rule.name.unroll().0;
        if let Kind::Var(name) = &base.kind {
            if provost && own.contains(&name.as_str()) {
                problem(rule.at, format!("`{name}` is Provost's own"), "choose another name, or another package");
            }
            if provost && ASKED.contains(&name.as_str()) && (!matches!(rule.head, Head::Set(_)) || base != &rule.name) {
                problem(rule.at, format!("`{name}` is a set"), &format!("write `{name} contains … if …`"));
            }
        }
        if let Head::Default(args, _) = &rule.head
            && !args.is_empty()
        {
            problem(
                rule.at,
                "a function has no default".to_owned(),
                "the engines do not agree on it; write a second definition with its own condition",
            );
        }
        let mut seen = BTreeSet::new();
        let mut reserve = |name: &str, at: At| {
            if name.starts_with(GENERATED) && seen.insert(name.to_owned()) {
                problem(at, format!("`{name}` is a reserved name"), reserved);
            }
        };
        if let Kind::Var(name) = &base.kind {
            reserve(name, rule.at);
        }
        let mut with = Vec::new();
        rule.walk(&mut |node| match node {
            Node::Term(term) => term.names().into_iter().for_each(|(name, at)| reserve(name, at)),
            Node::Statement(statement) => {
                match &statement.literal {
                    Literal::Some(vars) => vars.iter().for_each(|name| reserve(name, statement.at)),
                    Literal::Every { key, value, .. } => key.iter().chain([value]).for_each(|name| reserve(name, statement.at)),
                    Literal::SomeIn { .. } | Literal::Expr(_) | Literal::Not(_) => {}
                }
                if !statement.with.is_empty() {
                    with.push(statement.at);
                }
            }
        });
        for at in with {
            problem(at, "`with` replaces what a decision is made from".to_owned(), "it belongs in tests (`*_test.rego`)");
        }
    }
}

/// One path, one kind of rule; and no rule where a package is.
fn kinds(index: &Index<'_>, problems: &mut Vec<Problem>) {
    for group in &index.groups {
        for definition in &group.rules {
            let (_, kind) = index::defined(definition.module, definition.rule);
            if kind != group.kind
                && !matches!((kind, group.kind), (GroupKind::Value, GroupKind::Object) | (GroupKind::Object, GroupKind::Value))
            {
                let message = format!("`{}` is defined in two ways: as {} and as {}", group.path.join("."), said(group.kind), said(kind));
                problems.push(Problem { at: definition.rule.at, message, hint: None });
            }
        }
        if let Some(package) = index.packages.iter().find(|package| package.starts_with(&group.path))
            && let Some(definition) = group.rules.first()
        {
            let message = format!("rule `{}` stands where package `{}` is", group.path.join("."), package.join("."));
            problems.push(Problem { at: definition.rule.at, message, hint: Some("rename one of them".to_owned()) });
        }
    }
}

fn said(kind: GroupKind) -> String {
    match kind {
        GroupKind::Value => "one value".to_owned(),
        GroupKind::Set => "a set".to_owned(),
        GroupKind::Object => "an object".to_owned(),
        GroupKind::Function(count) => format!("a function of {count}"),
    }
}

/// What is asked for must not depend on what is held, or it would flap.
fn reads(index: &Index<'_>, reached: &[calls::Reached], authors: &BTreeSet<usize>, problems: &mut Vec<Problem>) -> Facts {
    let mut facts = Facts::default();
    let named = |name: &str| index.find(&["provost".to_owned(), name.to_owned()]);
    let asking = calls::closure(reached, ["roles", "accounts", "entitlements"].into_iter().filter_map(named));
    let deciding = calls::closure(reached, ASKED.into_iter().filter_map(named));
    let read = |groups: &BTreeSet<usize>| -> BTreeSet<Vec<Step>> {
        let reached = groups.iter().filter_map(|group| reached.get(*group));
        reached.flat_map(|reached| &reached.input).map(|(steps, _)| steps.clone()).collect()
    };
    facts.decides = read(&deciding);
    let mut mapping = BTreeSet::new();
    for (group, rules) in index.groups.iter().enumerate() {
        let [generated, account, attribute] = rules.path.as_slice() else { continue };
        if generated != super::mapping::PACKAGE {
            continue;
        }
        let all = calls::closure(reached, [group]);
        facts.reads.insert((account.clone(), attribute.clone()), read(&all));
        mapping.extend(all);
    }
    let mut say = |at: At, message: String, hint: &str| {
        let problem = Problem { at, message, hint: Some(hint.to_owned()) };
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    };
    // What a module of ours reads is said where an author's rule, or a mapping, reaches it.
    let blamed = |group: usize, at: At, from: &BTreeSet<usize>| {
        if authors.contains(&at.file) {
            return vec![at];
        }
        let uses = from.iter().filter_map(|user| reached.get(*user)).flat_map(|reached| &reached.rules);
        let reaching = uses.filter(|(used, at)| authors.contains(&at.file) && calls::closure(reached, [**used]).contains(&group));
        let places: Vec<At> = reaching.map(|(_, at)| *at).collect();
        if places.is_empty() { vec![at] } else { places }
    };
    for group in 0..index.groups.len() {
        let asks = asking.contains(&group);
        let maps = mapping.contains(&group);
        let decides = deciding.contains(&group);
        for (steps, at) in reached.get(group).into_iter().flat_map(|reached| &reached.input) {
            let what = if asks { "what is asked for" } else { "a mapping" };
            let from = if asks { &asking } else { &mapping };
            let mut say = |at: At, message: String, hint: &str| {
                for at in blamed(group, at, from) {
                    say(at, message.clone(), hint);
                }
            };
            match steps.first() {
                Some(Step::Field(name)) if matches!(name.as_str(), "observed" | "unread") && (asks || maps) => {
                    say(*at, format!("{what} must not depend on what is held (`input.{name}`)"), "only `violations` may read it");
                }
                None | Some(Step::Any) if asks || maps => {
                    say(
                        *at,
                        format!("{what} must not depend on what is held, and `input` as a whole has that"),
                        "pass `input.person`, or what else is needed of it",
                    );
                }
                Some(Step::Field(name)) if matches!(name.as_str(), "account" | "target") && decides => {
                    say(
                        *at,
                        format!("`input.{name}` is there for mappings alone"),
                        "what an entitlement concerns stands in its own fields",
                    );
                }
                Some(Step::Field(name)) if name == "today" && decides => facts.reads_today = true,
                None | Some(Step::Any) if decides => facts.reads_today = true,
                Some(_) | None => {}
            }
        }
    }
    facts
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = 1 + name.chars().count() / 4;
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, known)| known)
}
