//! A module's syntax tree, in the few shapes that checking, rewriting and printing need.

mod parse;
mod rename;
mod walk;

pub(crate) use parse::{builtin, builtins, parse};
pub(crate) use walk::{Node, walk_term};

/// A place in a source: which file, line and column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// Index of the source.
    pub file: usize,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// One module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Module {
    pub at: At,
    pub package: Vec<String>,
    pub imports: Vec<Import>,
    pub rules: Vec<Rule>,
}

/// `import PATH as ALIAS`; imports of keywords are left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Import {
    pub at: At,
    pub path: Vec<String>,
    pub alias: String,
}

/// One definition of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub at: At,
    /// What is defined: a name, or a reference that begins with it.
    pub name: Term,
    pub head: Head,
    pub bodies: Vec<Body>,
}

/// What a rule's head is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Head {
    /// `name := value`, `name[key] := value`; none: true.
    Value(Option<Term>),
    /// `name contains key`
    Set(Term),
    /// `name(args) := value`; none: true.
    Function(Vec<Term>, Option<Term>),
    /// `default name(args) := value`
    Default(Vec<Term>, Term),
}

/// One body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Body {
    pub is_else: bool,
    /// Of an `else`: its own value.
    pub value: Option<Term>,
    pub query: Query,
}

pub(crate) type Query = Vec<Statement>;

/// One statement of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub at: At,
    pub literal: Literal,
    /// `with TERM as TERM`
    pub with: Vec<(Term, Term)>,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Some(Vec<String>),
    SomeIn { key: Option<Term>, value: Term, collection: Term },
    Expr(Term),
    Not(Term),
    Every { key: Option<String>, value: String, domain: Term, query: Query },
}

/// A term and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub at: At,
    pub kind: Kind,
}

/// The kinds of terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Text(String),
    /// A number, `true`, `false` or `null`, as written.
    Scalar(String),
    Var(String),
    Array(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<(Term, Term)>),
    ArrayOf(Box<Term>, Query),
    SetOf(Box<Term>, Query),
    ObjectOf(Box<Term>, Box<Term>, Query),
    Call(Box<Term>, Vec<Term>),
    Minus(Box<Term>),
    /// `TERM.field`, and where the field begins.
    Dot(Box<Term>, String, At),
    /// `TERM[TERM]`
    Index(Box<Term>, Box<Term>),
    /// Any operator between two terms, `:=` and `=` too.
    Infix(&'static str, Box<Term>, Box<Term>),
    /// `key, value in collection`
    In(Option<Box<Term>>, Box<Term>, Box<Term>),
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// This very field.
    Field(String),
    /// Any field, any element.
    Any,
}

/// A path: the name at its root, and each step with its place.
pub(crate) struct Path<'a> {
    pub root: &'a str,
    pub steps: Vec<(Step, At)>,
}

impl Term {
    pub(crate) fn new(at: At, kind: Kind) -> Self {
        Self { at, kind }
    }

    pub(crate) fn var(at: At, name: &str) -> Self {
        Self::new(at, Kind::Var(name.to_owned()))
    }

    /// The path that this term is, where its root is a name.
    pub(crate) fn path(&self) -> Option<Path<'_>> {
        let (base, steps) = self.unroll();
        if let Kind::Var(root) = &base.kind { Some(Path { root, steps }) } else { None }
    }

    /// The names in this very term: a variable, a field.
    pub(crate) fn names(&self) -> Option<(&str, At)> {
        if let Kind::Var(name) = &self.kind {
            Some((name, self.at))
        } else if let Kind::Dot(_, name, at) = &self.kind {
            Some((name, *at))
        } else if let Kind::Index(_, index) = &self.kind
            && let Kind::Text(name) = &index.kind
        {
            Some((name, index.at))
        } else {
            None
        }
    }

    /// The term under all `.field` and `[index]`, and these in order.
    pub(crate) fn unroll(&self) -> (&Term, Vec<(Step, At)>) {
        let mut steps = Vec::new();
        let mut term = self;
        loop {
            if let Kind::Dot(base, field, at) = &term.kind {
                steps.push((Step::Field(field.clone()), *at));
                term = base;
            } else if let Kind::Index(base, index) = &term.kind {
                let step = if let Kind::Text(text) = &index.kind { Step::Field(text.clone()) } else { Step::Any };
                steps.push((step, index.at));
                term = base;
            } else {
                break;
            }
        }
        steps.reverse();
        (term, steps)
    }

    /// Calls `see` for each term directly inside this one, and `query` for each query.
    fn inside<'a>(&'a self, see: &mut dyn FnMut(&'a Term), query: &mut dyn FnMut(&'a Query)) {
        match &self.kind {
            Kind::Text(_) | Kind::Scalar(_) | Kind::Var(_) => {}
            Kind::Array(items) | Kind::Set(items) => items.iter().for_each(see),
            Kind::Object(fields) => {
                for (key, value) in fields {
                    see(key);
                    see(value);
                }
            }
            Kind::ArrayOf(term, inner) | Kind::SetOf(term, inner) => {
                see(term);
                query(inner);
            }
            Kind::ObjectOf(key, value, inner) => {
                see(key);
                see(value);
                query(inner);
            }
            Kind::Call(function, arguments) => {
                see(function);
                arguments.iter().for_each(see);
            }
            Kind::Minus(term) | Kind::Dot(term, ..) => see(term),
            Kind::Index(left, right) | Kind::Infix(_, left, right) => {
                see(left);
                see(right);
            }
            Kind::In(key, value, collection) => {
                if let Some(key) = key {
                    see(key);
                }
                see(value);
                see(collection);
            }
        }
    }
}
