//! Follows parts of `input` through variables, helper rules and arguments, and says where a path leads nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::calls::{callee, dotted};
use super::index::{Definition, GroupKind, Index, Meaning, uses};
use super::schema::INPUT;
use crate::policy::tree::{At, Body, Head, Kind, Literal, Node, Rule, Step, Term};

/// Steps behind which a path is not followed further.
const LONGEST: usize = 12;
/// Rounds in which what is known grows; rules have no cycles, so that it ends.
const ROUNDS: usize = 24;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// This part of `input`.
    Input(Vec<Step>),
    /// The collection whose members the rule gives.
    Members(usize),
    /// Something else. Where nothing is known yet, not even this is.
    Other,
}

type Origins = BTreeSet<Origin>;

/// What is known of one rule.
#[derive(Default, Clone, PartialEq)]
struct Known {
    /// Of its value.
    whole: Origins,
    /// Of its members.
    members: Origins,
    /// Of its arguments.
    arguments: BTreeMap<usize, Origins>,
}

struct Flow<'a, 'b> {
    index: &'a Index<'b>,
    known: Vec<Known>,
}

type Variables<'a> = BTreeMap<&'a str, Origins>;

/// Says of each path into `input`, also one that begins elsewhere, whether it is in the schema.
pub(crate) fn astray(index: &Index<'_>, problems: &mut Vec<Problem>) {
    let mut flow = Flow { index, known: vec![Known::default(); index.groups.len()] };
    for _ in 0..ROUNDS {
        let before = flow.known.clone();
        for (group, rules) in index.groups.iter().enumerate() {
            for definition in &rules.rules {
                flow.learn(group, definition);
            }
        }
        if before == flow.known {
            break;
        }
    }
    for (group, rules) in index.groups.iter().enumerate() {
        for definition in &rules.rules {
            flow.judge(group, definition, problems);
        }
    }
}

impl<'b> Flow<'_, 'b> {
    /// The variables of a definition.
    fn variables(&self, group: usize, definition: &Definition<'b>) -> Variables<'b> {
        let mut variables = Variables::new();
        if let Head::Function(args, _) = &definition.rule.head {
            for (index, arg) in args.iter().enumerate() {
                if let (Kind::Var(name), Some(origins)) = (&arg.kind, self.known.get(group).and_then(|known| known.arguments.get(&index))) {
                    variables.entry(name).or_default().extend(origins.iter().cloned());
                }
            }
        }
        // Statements stand in any order; what a variable is may be known after what uses it.
        loop {
            let before = variables.clone();
            definition.rule.walk(&mut |node| self.bind(definition, node, &mut variables));
            if before == variables {
                return variables;
            }
        }
    }

    fn bind(&self, definition: &Definition<'b>, node: Node<'b>, variables: &mut Variables<'b>) {
        match node {
            Node::Term(term) => {
                if let Kind::Infix(":=" | "=", left, right) = &term.kind {
                    for (name, value) in [(left, right), (right, left)] {
                        if let Kind::Var(name) = &name.kind {
                            let origins = self.origins(definition, value, variables);
                            variables.entry(name).or_default().extend(origins);
                        }
                    }
                }
            }
            Node::Statement(statement) => {
                let (name, collection) = match &statement.literal {
                    Literal::SomeIn { value, collection, .. } => {
                        let Kind::Var(name) = &value.kind else { return };
                        (name, collection)
                    }
                    Literal::Every { value, domain, .. } => (value, domain),
                    Literal::Some(_) | Literal::Expr(_) | Literal::Not(_) => return,
                };
                let origins = self.origins(definition, collection, variables);
                let elements = self.behind(&origins, &[Step::Any]);
                variables.entry(name).or_default().extend(elements);
            }
        }
    }

    /// Where the value of a term may come from; nothing where that is not known.
    fn origins(&self, definition: &Definition<'b>, term: &Term, variables: &Variables<'b>) -> Origins {
        if let Some(path) = term.path() {
            return match self.index.meaning(definition, &path) {
                Meaning::Input(steps) => Origins::from([Origin::Input(steps)]),
                Meaning::Local(name, steps) => variables.get(name.as_str()).map(|origins| self.behind(origins, &steps)).unwrap_or_default(),
                Meaning::Data(steps) => match self.index.at(&steps) {
                    Some((group, length)) => self.behind(&self.value(group), steps.get(length..).unwrap_or_default()),
                    None => Origins::from([Origin::Other]),
                },
            };
        }
        let (base, steps) = term.unroll();
        let steps: Vec<Step> = steps.into_iter().map(|(step, _)| step).collect();
        let Kind::Call(function, arguments) = &base.kind else { return Origins::from([Origin::Other]) };
        let origins = if let Some(group) = callee(self.index, definition, function) {
            self.value(group)
        } else if let (Some("object.get"), [object, key, default]) = (dotted(function).as_deref(), arguments.as_slice()) {
            let step = if let Kind::Text(key) = &key.kind { Step::Field(key.clone()) } else { Step::Any };
            let mut origins = self.behind(&self.origins(definition, object, variables), &[step]);
            let default = self.origins(definition, default, variables);
            // A default of a fixed value says nothing of what is found.
            origins.extend(default.into_iter().filter(|origin| *origin != Origin::Other));
            origins
        } else {
            Origins::from([Origin::Other])
        };
        self.behind(&origins, &steps)
    }

    fn value(&self, group: usize) -> Origins {
        match self.index.groups.get(group).map(|group| group.kind) {
            Some(GroupKind::Value | GroupKind::Function(_)) => self.known.get(group).map(|known| known.whole.clone()).unwrap_or_default(),
            Some(GroupKind::Set | GroupKind::Object) => Origins::from([Origin::Members(group)]),
            None => Origins::new(),
        }
    }

    fn behind(&self, origins: &Origins, steps: &[Step]) -> Origins {
        let mut found = Origins::new();
        for origin in origins {
            match (origin, steps.split_first()) {
                (_, None) => {
                    found.insert(origin.clone());
                }
                (Origin::Input(begin), Some(_)) if begin.len() + steps.len() <= LONGEST => {
                    found.insert(Origin::Input(begin.iter().chain(steps).cloned().collect()));
                }
                (Origin::Input(_) | Origin::Other, Some(_)) => {
                    found.insert(Origin::Other);
                }
                (Origin::Members(group), Some((_, rest))) => {
                    if let Some(known) = self.known.get(*group) {
                        found.extend(self.behind(&known.members, rest));
                    }
                }
            }
        }
        found
    }

    /// Takes in what one definition says of its own rule, and of the functions that it calls.
    fn learn(&mut self, group: usize, definition: &Definition<'b>) {
        let variables = self.variables(group, definition);
        let rule: &Rule = definition.rule;
        let mut whole = Origins::new();
        let mut members = Origins::new();
        let values = rule.bodies.iter().filter_map(|body: &Body| body.value.as_ref());
        match &rule.head {
            Head::Set(key) => members.extend(self.origins(definition, key, &variables)),
            Head::Value(value) | Head::Function(_, value) => {
                for value in value.iter().chain(values) {
                    whole.extend(self.origins(definition, value, &variables));
                }
            }
            Head::Default(_, value) => whole.extend(self.origins(definition, value, &variables)),
        }
        let mut arguments: Vec<(usize, usize, Origins)> = Vec::new();
        rule.walk(&mut |node| {
            if let Node::Term(term) = node
                && let Kind::Call(function, given) = &term.kind
                && let Some(callee) = callee(self.index, definition, function)
            {
                for (position, argument) in given.iter().enumerate() {
                    arguments.push((callee, position, self.origins(definition, argument, &variables)));
                }
            }
        });
        if let Some(known) = self.known.get_mut(group) {
            if self.index.groups.get(group).is_some_and(|group| group.kind == GroupKind::Object) {
                known.members.extend(whole);
            } else {
                known.whole.extend(whole);
                known.members.extend(members);
            }
        }
        for (callee, position, origins) in arguments {
            if let Some(known) = self.known.get_mut(callee) {
                known.arguments.entry(position).or_default().extend(origins);
            }
        }
    }

    /// Says where a step of a path leads nowhere. What went astray before is said where that was.
    fn judge(&self, group: usize, definition: &Definition<'b>, problems: &mut Vec<Problem>) {
        let variables = self.variables(group, definition);
        let mut judge = |term: &Term, places: &[At]| {
            let origins = self.origins(definition, term, &variables);
            // Where one of several sources has the field, the path is sound.
            let mut wrong = None;
            for origin in &origins {
                let Origin::Input(steps) = origin else { return };
                match INPUT.follow(steps) {
                    Ok(()) => return,
                    Err(astray) => wrong = Some((astray, steps.len())),
                }
            }
            // The steps that stand here are the last ones of the path.
            if let Some((astray, length)) = wrong
                && let Some(at) = (astray.step + places.len()).checked_sub(length).and_then(|here| places.get(here))
            {
                problems.push(Problem { at: *at, message: format!("{}: {}", written(&origins), astray.message), hint: astray.hint });
            }
        };
        for found in uses(definition.rule) {
            let places: Vec<At> = found.path.steps.iter().map(|(_, at)| *at).collect();
            judge(found.term, &places);
        }
        // Paths that begin at a call.
        let mut inner: BTreeSet<*const Term> = BTreeSet::new();
        definition.rule.walk(&mut |node| {
            let Node::Term(term) = node else { return };
            let (base, steps) = term.unroll();
            let Kind::Call(function, arguments) = &base.kind else { return };
            if !inner.insert(std::ptr::from_ref(base)) {
                return;
            }
            let key = match (dotted(function).as_deref(), arguments.as_slice()) {
                (Some("object.get"), [_, key, _]) => Some(key.at),
                (Some(_) | None, _) => None,
            };
            let places: Vec<At> = key.into_iter().chain(steps.iter().map(|(_, at)| *at)).collect();
            judge(term, &places);
        });
    }
}

/// `input.person.departement`
fn written(origins: &Origins) -> String {
    let mut text = "`input".to_owned();
    if let Some(Origin::Input(steps)) = origins.iter().next() {
        for step in steps {
            match step {
                Step::Field(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Any => text.push_str("[_]"),
            }
        }
    }
    text.push('`');
    text
}
