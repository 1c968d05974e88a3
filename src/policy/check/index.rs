//! Which rules there are, and what a name in a rule means.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::tree::{At, Head, Kind, Literal, Module, Node, Path, Rule, Step, Term};

/// All definitions under one path.
pub(crate) struct Group<'a> {
    /// Without `data`.
    pub path: Vec<String>,
    pub kind: GroupKind,
    pub rules: Vec<Definition<'a>>,
}

/// What a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GroupKind {
    /// One value.
    Value,
    /// A set, by `contains`.
    Set,
    /// An object, by `name[key]`.
    Object,
    /// A function of so many arguments.
    Function(usize),
}

/// One definition.
pub(crate) struct Definition<'a> {
    pub module: &'a Module,
    pub rule: &'a Rule,
    /// Names that this definition declares itself: they stand before rules and imports.
    pub locals: BTreeSet<&'a str>,
}

/// The rules of all modules.
pub(crate) struct Index<'a> {
    pub groups: Vec<Group<'a>>,
    by_path: BTreeMap<Vec<String>, usize>,
    pub packages: BTreeSet<Vec<String>>,
}

/// What a path means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    /// A variable of the definition, and the steps behind it.
    Local(String, Vec<Step>),
    Input(Vec<Step>),
    Data(Vec<Step>),
}

/// The path that a rule defines, and what kind of rule that makes it.
pub(crate) fn defined(package: &[String], rule: &Rule) -> (Vec<String>, GroupKind) {
    let mut path = package.to_vec();
    let (base, steps) = rule.name.unroll();
    if let Kind::Var(name) = &base.kind {
        path.push(name.clone());
    }
    let mut partial = false;
    for (step, _) in steps {
        match step {
            Step::Field(name) if !partial => path.push(name),
            Step::Field(_) | Step::Any => partial = true,
        }
    }
    let kind = match &rule.head {
        Head::Set(_) => GroupKind::Set,
        Head::Function(args, _) => GroupKind::Function(args.len()),
        Head::Default(args, _) if !args.is_empty() => GroupKind::Function(args.len()),
        Head::Value(_) | Head::Default(..) if partial => GroupKind::Object,
        Head::Value(_) | Head::Default(..) => GroupKind::Value,
    };
    (path, kind)
}

impl<'a> Index<'a> {
    pub(crate) fn new(modules: &'a [Module]) -> Self {
        let mut index = Self { groups: Vec::new(), by_path: BTreeMap::new(), packages: BTreeSet::new() };
        for module in modules {
            index.packages.insert(module.package.clone());
            for rule in &module.rules {
                let (path, kind) = defined(&module.package, rule);
                let definition = Definition { module, rule, locals: locals(rule) };
                match index.by_path.get(&path).and_then(|group| index.groups.get_mut(*group)) {
                    Some(group) => group.rules.push(definition),
                    None => {
                        index.by_path.insert(path.clone(), index.groups.len());
                        index.groups.push(Group { path, kind, rules: vec![definition] });
                    }
                }
            }
        }
        index
    }

    pub(crate) fn find(&self, path: &[String]) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The rule that the beginning of this path names, and how many steps lead to it.
    pub(crate) fn at(&self, steps: &[Step]) -> Option<(usize, usize)> {
        let path = fixed(steps);
        (1..=path.len()).find_map(|length| Some((self.find(path.get(..length)?)?, length)))
    }

    /// All rules that this path may reach: what it names, what it is inside of, and what is below it.
    pub(crate) fn reached(&self, steps: &[Step]) -> Vec<usize> {
        if let Some((group, _)) = self.at(steps) {
            return vec![group];
        }
        let prefix = fixed(steps);
        self.by_path.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix)).map(|(_, group)| *group).collect()
    }

    /// What a path in a definition means.
    pub(crate) fn meaning(&self, definition: &Definition<'a>, path: &Path<'_>) -> Meaning {
        let steps = || path.steps.iter().map(|(step, _)| step.clone());
        if definition.locals.contains(path.root) {
            return Meaning::Local(path.root.to_owned(), steps().collect());
        }
        let module = definition.module;
        let full: Vec<Step> = match path.root {
            "input" => return Meaning::Input(steps().collect()),
            "data" => return Meaning::Data(steps().collect()),
            root => {
                if let Some(import) = module.imports.iter().find(|import| import.alias == root) {
                    import.path.iter().cloned().map(Step::Field).chain(steps()).collect()
                } else {
                    let own: Vec<Step> = module.package.iter().cloned().chain([root.to_owned()]).map(Step::Field).chain(steps()).collect();
                    let is_rule = self.at(&own).is_some() || !self.reached(own.get(..=module.package.len()).unwrap_or_default()).is_empty();
                    if !is_rule {
                        return Meaning::Local(root.to_owned(), steps().collect());
                    }
                    return Meaning::Data(own);
                }
            }
        };
        match full.split_first() {
            Some((Step::Field(root), rest)) if root == "input" => Meaning::Input(rest.to_vec()),
            Some((_, rest)) => Meaning::Data(rest.to_vec()),
            None => Meaning::Local(path.root.to_owned(), Vec::new()),
        }
    }
}

/// The steps up to the first that is not fixed.
pub(crate) fn fixed(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .map_while(|step| match step {
            Step::Field(name) => Some(name.clone()),
            Step::Any => None,
        })
        .collect()
}

/// Names that a definition declares: arguments, `:=`, `some`, `every`.
pub(crate) fn locals(rule: &Rule) -> BTreeSet<&str> {
    let mut locals = BTreeSet::new();
    match &rule.head {
        Head::Function(args, _) | Head::Default(args, _) => args.iter().for_each(|arg| pattern(arg, &mut locals)),
        Head::Value(_) | Head::Set(_) => {}
    }
    rule.walk(&mut |node| match node {
        Node::Term(term) => {
            if let Kind::Infix(":=", left, _) = &term.kind {
                pattern(left, &mut locals);
            }
        }
        Node::Statement(statement) => match &statement.literal {
            Literal::Some(vars) => locals.extend(vars.iter().map(String::as_str)),
            Literal::SomeIn { key, value, .. } => {
                key.iter().for_each(|key| pattern(key, &mut locals));
                pattern(value, &mut locals);
            }
            Literal::Every { key, value, .. } => locals.extend(key.iter().chain([value]).map(String::as_str)),
            Literal::Expr(_) | Literal::Not(_) => {}
        },
    });
    locals
}

/// The variables of a pattern.
pub(crate) fn pattern<'a>(term: &'a Term, names: &mut BTreeSet<&'a str>) {
    if let Kind::Var(name) = &term.kind {
        names.insert(name);
    } else if let Kind::Array(items) = &term.kind {
        items.iter().for_each(|item| pattern(item, names));
    } else if let Kind::Object(fields) = &term.kind {
        fields.iter().for_each(|(_, value)| pattern(value, names));
    }
}

/// A path with the places of its steps, and whether it is the name of a called function.
pub(crate) struct Use<'a> {
    pub term: &'a Term,
    pub path: Path<'a>,
    pub at: At,
}

/// The largest paths in a definition: of `input.person.name` the whole, not its beginnings. Names of called functions are left out.
pub(crate) fn uses<'a>(rule: &'a Rule) -> Vec<Use<'a>> {
    let mut inner: BTreeSet<*const Term> = BTreeSet::new();
    let mut uses = Vec::new();
    rule.walk(&mut |node| {
        let Node::Term(term) = node else { return };
        if let Kind::Call(function, _) = &term.kind {
            exclude(function, &mut inner);
        }
        let seen = inner.contains(&std::ptr::from_ref(term));
        if let Kind::Dot(base, ..) | Kind::Index(base, _) = &term.kind {
            inner.insert(std::ptr::from_ref(base.as_ref()));
        }
        if !seen && let Some(path) = term.path() {
            uses.push(Use { term, at: term.at, path });
        }
    });
    uses
}

fn exclude(term: &Term, inner: &mut BTreeSet<*const Term>) {
    inner.insert(std::ptr::from_ref(term));
    if let Kind::Dot(base, ..) | Kind::Index(base, _) = &term.kind {
        exclude(base, inner);
    }
}
