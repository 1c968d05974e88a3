//! A module's syntax tree, in the few shapes that checking, rewriting and printing need. The only place that reads the engine's own tree.

use regorus::unstable as rego;
use regorus::{Engine, Value};

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
        match &base.kind {
            Kind::Var(root) => Some(Path { root, steps }),
            Kind::Text(_)
            | Kind::Scalar(_)
            | Kind::Array(_)
            | Kind::Set(_)
            | Kind::Object(_)
            | Kind::ArrayOf(..)
            | Kind::SetOf(..)
            | Kind::ObjectOf(..)
            | Kind::Call(..)
            | Kind::Minus(_)
            | Kind::Dot(..)
            | Kind::Index(..)
            | Kind::Infix(..)
            | Kind::In(..) => None,
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

/// What a walk meets.
pub(crate) enum Node<'a> {
    /// A term; what is inside it follows.
    Term(&'a Term),
    /// A statement; its terms follow.
    Statement(&'a Statement),
}

/// Calls `see` for the term and all inside it.
pub(crate) fn walk_term<'a>(term: &'a Term, see: &mut dyn FnMut(Node<'a>)) {
    see(Node::Term(term));
    let mut terms = Vec::new();
    let mut queries = Vec::new();
    term.inside(&mut |inner| terms.push(inner), &mut |query| queries.push(query));
    for inner in terms {
        walk_term(inner, see);
    }
    for query in queries {
        walk_query(query, see);
    }
}

/// Calls `see` for all statements and terms of a query.
pub(crate) fn walk_query<'a>(query: &'a Query, see: &mut dyn FnMut(Node<'a>)) {
    for statement in query {
        see(Node::Statement(statement));
        match &statement.literal {
            Literal::Some(_) => {}
            Literal::SomeIn { key, value, collection } => {
                if let Some(key) = key {
                    walk_term(key, see);
                }
                walk_term(value, see);
                walk_term(collection, see);
            }
            Literal::Expr(term) | Literal::Not(term) => walk_term(term, see),
            Literal::Every { domain, query, .. } => {
                walk_term(domain, see);
                walk_query(query, see);
            }
        }
        for (target, value) in &statement.with {
            walk_term(target, see);
            walk_term(value, see);
        }
    }
}

impl Rule {
    /// Calls `see` for all statements and terms of the rule; of its name only what stands in brackets.
    pub(crate) fn walk<'a>(&'a self, see: &mut dyn FnMut(Node<'a>)) {
        let mut term = &self.name;
        loop {
            if let Kind::Dot(base, ..) = &term.kind {
                term = base;
            } else if let Kind::Index(base, index) = &term.kind {
                walk_term(index, see);
                term = base;
            } else {
                break;
            }
        }
        match &self.head {
            Head::Value(value) => value.iter().for_each(|value| walk_term(value, see)),
            Head::Set(key) => walk_term(key, see),
            Head::Function(args, value) => args.iter().chain(value).for_each(|term| walk_term(term, see)),
            Head::Default(args, value) => args.iter().chain([value]).for_each(|term| walk_term(term, see)),
        }
        for body in &self.bodies {
            body.value.iter().for_each(|value| walk_term(value, see));
            walk_query(&body.query, see);
        }
    }
}

/// Parses one module. `name` comes back in the engine's error text.
///
/// # Errors
/// The engine's own error.
pub(crate) fn parse(file: usize, name: &str, text: &str) -> Result<Module, anyhow::Error> {
    let mut engine = Engine::new();
    super::limits::apply(&mut engine, super::limits::Limits::default());
    engine.add_policy(name.to_owned(), text.to_owned())?;
    let modules = engine.get_modules();
    let lines = Lines::new(file, text);
    match modules.first() {
        Some(module) => Ok(lines.module(module)),
        None => Err(anyhow::Error::msg("the engine gave no module")),
    }
}

/// Makes our tree of the engine's.
struct Lines {
    file: usize,
    starts: Vec<usize>,
}

impl Lines {
    fn new(file: usize, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, starts }
    }

    /// The engine gives a reference the line of its last separator; where it starts in the text is always right.
    fn at(&self, span: &rego::Span) -> At {
        let start = usize::try_from(span.start).unwrap_or(0);
        let line = self.starts.partition_point(|line| *line <= start).max(1);
        let column = start - self.starts.get(line - 1).copied().unwrap_or(0) + 1;
        At { file: self.file, line: u32::try_from(line).unwrap_or(0), column: u32::try_from(column).unwrap_or(0) }
    }

    fn module(&self, module: &rego::Module) -> Module {
        let imports = module.imports.iter().filter_map(|import| self.import(import)).collect();
        let mut package = Vec::new();
        static_path(&module.package.refr, &mut package);
        Module {
            at: self.at(&module.package.span),
            package,
            imports,
            rules: module.policy.iter().map(|rule| self.rule(rule)).collect(),
        }
    }

    fn import(&self, import: &rego::Import) -> Option<Import> {
        let mut path = Vec::new();
        static_path(&import.refr, &mut path);
        if matches!(path.first().map(String::as_str), Some("future" | "rego")) {
            return None;
        }
        let alias = match &import.r#as {
            Some(alias) => alias.text().to_owned(),
            None => path.last().cloned().unwrap_or_default(),
        };
        Some(Import { at: self.at(&import.span), path, alias })
    }

    fn rule(&self, rule: &rego::Rule) -> Rule {
        match rule {
            rego::Rule::Spec { span, head, bodies } => {
                let (name, head) = match head {
                    rego::RuleHead::Compr { refr, assign, .. } => {
                        (refr, Head::Value(assign.as_ref().map(|assign| self.term(&assign.value))))
                    }
                    rego::RuleHead::Set { refr, key, .. } => (refr, key.as_ref().map_or(Head::Value(None), |key| Head::Set(self.term(key)))),
                    rego::RuleHead::Func { refr, args, assign, .. } => {
                        (refr, Head::Function(self.terms(args), assign.as_ref().map(|assign| self.term(&assign.value))))
                    }
                };
                Rule {
                    at: self.at(span),
                    name: self.term(name),
                    head,
                    bodies: bodies
                        .iter()
                        .map(|body| Body {
                            is_else: body.is_else,
                            value: body.assign.as_ref().map(|assign| self.term(&assign.value)),
                            query: self.query(&body.query),
                        })
                        .collect(),
                }
            }
            rego::Rule::Default { span, refr, args, value, .. } => Rule {
                at: self.at(span),
                name: self.term(refr),
                head: Head::Default(self.terms(args), self.term(value)),
                bodies: Vec::new(),
            },
        }
    }

    fn query(&self, query: &rego::Query) -> Query {
        query
            .stmts
            .iter()
            .map(|statement| Statement {
                at: self.at(&statement.span),
                literal: match &statement.literal {
                    rego::Literal::SomeVars { vars, .. } => Literal::Some(vars.iter().map(|var| var.text().to_owned()).collect()),
                    rego::Literal::SomeIn { key, value, collection, .. } => Literal::SomeIn {
                        key: key.as_ref().map(|key| self.term(key)),
                        value: self.term(value),
                        collection: self.term(collection),
                    },
                    rego::Literal::Expr { expr, .. } => Literal::Expr(self.term(expr)),
                    rego::Literal::NotExpr { expr, .. } => Literal::Not(self.term(expr)),
                    rego::Literal::Every { key, value, domain, query, .. } => Literal::Every {
                        key: key.as_ref().map(|key| key.text().to_owned()),
                        value: value.text().to_owned(),
                        domain: self.term(domain),
                        query: self.query(query),
                    },
                },
                with: statement.with_mods.iter().map(|with| (self.term(&with.refr), self.term(&with.r#as))).collect(),
            })
            .collect()
    }

    fn terms(&self, terms: &[rego::Ref<rego::Expr>]) -> Vec<Term> {
        terms.iter().map(|term| self.term(term)).collect()
    }

    fn boxed(&self, expr: &rego::Expr) -> Box<Term> {
        Box::new(self.term(expr))
    }

    fn term(&self, expr: &rego::Expr) -> Term {
        use rego::Expr as E;
        let kind = match expr {
            E::String { value, .. } | E::RawString { value, .. } => Kind::Text(text_of(value)),
            E::Number { value, .. } | E::Bool { value, .. } | E::Null { value, .. } => Kind::Scalar(value.to_string()),
            E::Var { value, .. } => Kind::Var(text_of(value)),
            E::Array { items, .. } => Kind::Array(self.terms(items)),
            E::Set { items, .. } => Kind::Set(self.terms(items)),
            E::Object { fields, .. } => Kind::Object(fields.iter().map(|(_, key, value)| (self.term(key), self.term(value))).collect()),
            E::ArrayCompr { term, query, .. } => Kind::ArrayOf(self.boxed(term), self.query(query)),
            E::SetCompr { term, query, .. } => Kind::SetOf(self.boxed(term), self.query(query)),
            E::ObjectCompr { key, value, query, .. } => Kind::ObjectOf(self.boxed(key), self.boxed(value), self.query(query)),
            E::Call { fcn, params, .. } => Kind::Call(self.boxed(fcn), self.terms(params)),
            E::UnaryExpr { expr, .. } => Kind::Minus(self.boxed(expr)),
            E::RefDot { refr, field, .. } => Kind::Dot(self.boxed(refr), text_of(&field.1), self.at(&field.0)),
            E::RefBrack { refr, index, .. } => Kind::Index(self.boxed(refr), self.boxed(index)),
            E::BinExpr { op, lhs, rhs, .. } => {
                let op = match op {
                    rego::BinOp::Intersection => "&",
                    rego::BinOp::Union => "|",
                };
                Kind::Infix(op, self.boxed(lhs), self.boxed(rhs))
            }
            E::BoolExpr { op, lhs, rhs, .. } => {
                let op = match op {
                    rego::BoolOp::Lt => "<",
                    rego::BoolOp::Le => "<=",
                    rego::BoolOp::Eq => "==",
                    rego::BoolOp::Ge => ">=",
                    rego::BoolOp::Gt => ">",
                    rego::BoolOp::Ne => "!=",
                };
                Kind::Infix(op, self.boxed(lhs), self.boxed(rhs))
            }
            E::ArithExpr { op, lhs, rhs, .. } => {
                let op = match op {
                    rego::ArithOp::Add => "+",
                    rego::ArithOp::Sub => "-",
                    rego::ArithOp::Mul => "*",
                    rego::ArithOp::Div => "/",
                    rego::ArithOp::Mod => "%",
                };
                Kind::Infix(op, self.boxed(lhs), self.boxed(rhs))
            }
            E::AssignExpr { op, lhs, rhs, .. } => {
                let op = match op {
                    rego::AssignOp::Eq => "=",
                    rego::AssignOp::ColEq => ":=",
                };
                Kind::Infix(op, self.boxed(lhs), self.boxed(rhs))
            }
            E::Membership { key, value, collection, .. } => {
                Kind::In(key.as_ref().map(|key| self.boxed(key)), self.boxed(value), self.boxed(collection))
            }
        };
        // The engine leaves the quote out of a text's span.
        let mut at = self.at(expr.span());
        if matches!(expr, E::String { .. } | E::RawString { .. }) {
            at.column = at.column.saturating_sub(1).max(1);
        }
        Term { at, kind }
    }
}

fn text_of(value: &Value) -> String {
    value.as_string().map(|text| text.to_string()).unwrap_or_default()
}

/// The components of a path of names and quoted texts.
fn static_path(expr: &rego::Expr, path: &mut Vec<String>) {
    if let rego::Expr::RefDot { refr, field, .. } = expr {
        static_path(refr, path);
        path.push(text_of(&field.1));
    } else if let rego::Expr::RefBrack { refr, index, .. } = expr {
        static_path(refr, path);
        if let rego::Expr::String { value, .. } | rego::Expr::RawString { value, .. } = index.as_ref() {
            path.push(text_of(value));
        }
    } else if let rego::Expr::Var { value, .. } = expr {
        path.push(text_of(value));
    }
}
