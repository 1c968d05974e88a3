//! What the RVM's modules need beside: it goes on behind `x := VALUE` where the value is undefined, and takes an undefined head of a
//! comprehension for a member. So heads of comprehensions are bound in the body too, and behind each assignment stands `x == x`, which
//! does not hold then. The interpreter needs neither.

use super::rewrite::assign;
use super::tree::{At, Head, Kind, Literal, Module, Query, Statement, Term};

/// Makes a module fit for the RVM.
pub(crate) fn settle(module: &mut Module) {
    let mut settling = Settling { bound: 0 };
    for rule in &mut module.rules {
        settling.term(&mut rule.name);
        match &mut rule.head {
            Head::Value(value) => value.iter_mut().for_each(|value| settling.term(value)),
            Head::Set(key) => settling.term(key),
            Head::Function(arguments, value) => arguments.iter_mut().chain(value).for_each(|term| settling.term(term)),
            // A default is a constant.
            Head::Default(..) => {}
        }
        for body in &mut rule.bodies {
            body.value.iter_mut().for_each(|value| settling.term(value));
            settling.query(&mut body.query);
        }
    }
}

struct Settling {
    /// Heads of comprehensions bound so far in the module.
    bound: usize,
}

impl Settling {
    fn query(&mut self, query: &mut Query) {
        let mut settled = Vec::with_capacity(query.len());
        for mut statement in std::mem::take(query) {
            self.statement(&mut statement);
            let check = assigned(&statement).map(|var| equal(statement.at, &var));
            settled.push(statement);
            settled.extend(check);
        }
        *query = settled;
    }

    fn statement(&mut self, statement: &mut Statement) {
        match &mut statement.literal {
            Literal::Some(_) => {}
            Literal::SomeIn { key, value, collection } => key.iter_mut().chain([value, collection]).for_each(|term| self.term(term)),
            Literal::Expr(term) | Literal::Not(term) => self.term(term),
            Literal::Every { domain, query, .. } => {
                self.term(domain);
                self.query(query);
            }
        }
        statement.with.iter_mut().for_each(|(_, value)| self.term(value));
    }

    fn term(&mut self, term: &mut Term) {
        match &mut term.kind {
            Kind::Text(_) | Kind::Scalar(_) | Kind::Var(_) => {}
            Kind::Array(items) | Kind::Set(items) => items.iter_mut().for_each(|item| self.term(item)),
            Kind::Object(fields) => fields.iter_mut().for_each(|(key, value)| {
                self.term(key);
                self.term(value);
            }),
            Kind::ArrayOf(item, query) | Kind::SetOf(item, query) => {
                self.bind(item, query);
                self.query(query);
            }
            Kind::ObjectOf(key, value, query) => {
                self.bind(key, query);
                self.bind(value, query);
                self.query(query);
            }
            Kind::Call(_, arguments) => arguments.iter_mut().for_each(|argument| self.term(argument)),
            Kind::Minus(inner) | Kind::Dot(inner, ..) => self.term(inner),
            Kind::Index(left, right) | Kind::Infix(_, left, right) => {
                self.term(left);
                self.term(right);
            }
            Kind::In(key, value, collection) => key.iter_mut().chain([value, collection]).for_each(|term| self.term(term)),
        }
    }

    /// Binds the head of a comprehension in its body.
    fn bind(&mut self, head: &mut Term, query: &mut Query) {
        if matches!(head.kind, Kind::Text(_) | Kind::Scalar(_) | Kind::Var(_)) {
            return;
        }
        let var = format!("__c{}", self.bound);
        self.bound += 1;
        let at = head.at;
        let value = std::mem::replace(head, Term::var(at, &var));
        query.push(assign(at, &var, value));
    }
}

/// The variable that a statement assigns, where the value may be undefined.
fn assigned(statement: &Statement) -> Option<String> {
    let Literal::Expr(term) = &statement.literal else { return None };
    let Kind::Infix(":=", var, value) = &term.kind else { return None };
    let Kind::Var(var) = &var.kind else { return None };
    let defined = matches!(value.kind, Kind::Text(_) | Kind::Scalar(_) | Kind::ArrayOf(..) | Kind::SetOf(..) | Kind::ObjectOf(..));
    (!defined && var != "_").then(|| var.clone())
}

/// `var == var`
fn equal(at: At, var: &str) -> Statement {
    let term = Term::new(at, Kind::Infix("==", Box::new(Term::var(at, var)), Box::new(Term::var(at, var))));
    Statement { at, literal: Literal::Expr(term), with: Vec::new() }
}
