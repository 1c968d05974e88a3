//! From text to tree. The only place that reads the engine's own tree, which is hidden and of this very version.

use regorus::unstable as rego;
use regorus::{Engine, Value};

use super::{At, Body, Head, Import, Kind, Literal, Module, Query, Rule, Statement, Term};

/// Parses one module. `name` comes back in the engine's error text.
///
/// # Errors
/// The engine's own error.
pub(crate) fn parse(file: usize, name: &str, text: &str) -> Result<Module, anyhow::Error> {
    let mut engine = Engine::new();
    crate::policy::limits::apply(&mut engine, crate::policy::limits::Limits::default());
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
        Module { at: self.at(&module.package.span), package, imports, rules: module.policy.iter().map(|rule| self.rule(rule)).collect() }
    }

    fn import(&self, import: &rego::Import) -> Option<Import> {
        let mut path = Vec::new();
        static_path(&import.refr, &mut path);
        if matches!(path.first().map(String::as_str), Some("future" | "rego")) {
            return None;
        }
        let alias = match &import.r#as {
            Some(alias) => alias.text().to_owned(),
            // `import input` says nothing new.
            None if path.len() == 1 => return None,
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
                    rego::RuleHead::Set { refr, key, .. } => {
                        (refr, key.as_ref().map_or(Head::Value(None), |key| Head::Set(self.term(key))))
                    }
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
            E::Number { span, value, .. } => Kind::Scalar(number(span.text(), value)),
            E::Bool { value, .. } | E::Null { value, .. } => Kind::Scalar(value.to_string()),
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

/// A number as it was written: as a value it is shown with fewer digits than it has.
fn number(written: &str, value: &Value) -> String {
    let same = Value::from_numeric_string(written).is_ok_and(|read| read == *value);
    if same { written.to_owned() } else { value.to_string() }
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

/// How many arguments the builtin of that name takes; none where there is no such builtin.
pub(crate) fn builtin(name: &str) -> Option<usize> {
    rego::BUILTINS.get(name).map(|(_, count)| usize::from(*count))
}

/// The names of all builtins.
pub(crate) fn builtins() -> impl Iterator<Item = &'static str> {
    rego::BUILTINS.keys().copied()
}
