//! Giving variables another name.

use super::{Head, Kind, Literal, Query, Rule, Term};

impl Rule {
    /// Gives the variables another name; neither what is defined nor what is called.
    pub(crate) fn rename(&mut self, name: &dyn Fn(&str) -> Option<String>) {
        rename_inside(&mut self.name, name);
        match &mut self.head {
            Head::Value(value) => value.iter_mut().for_each(|value| value.rename(name)),
            Head::Set(key) => key.rename(name),
            Head::Function(args, value) => args.iter_mut().chain(value).for_each(|term| term.rename(name)),
            Head::Default(args, value) => args.iter_mut().chain([value]).for_each(|term| term.rename(name)),
        }
        for body in &mut self.bodies {
            body.value.iter_mut().for_each(|value| value.rename(name));
            rename_query(&mut body.query, name);
        }
    }
}

/// Of what is defined, only what stands in brackets.
fn rename_inside(defined: &mut Term, name: &dyn Fn(&str) -> Option<String>) {
    if let Kind::Dot(base, ..) = &mut defined.kind {
        rename_inside(base, name);
    } else if let Kind::Index(base, index) = &mut defined.kind {
        rename_inside(base, name);
        index.rename(name);
    }
}

fn rename_query(query: &mut Query, name: &dyn Fn(&str) -> Option<String>) {
    let renamed = |var: &mut String| {
        if let Some(new) = name(var) {
            *var = new;
        }
    };
    for statement in query {
        match &mut statement.literal {
            Literal::Some(vars) => vars.iter_mut().for_each(renamed),
            Literal::SomeIn { key, value, collection } => {
                key.iter_mut().chain([value, collection]).for_each(|term| term.rename(name));
            }
            Literal::Expr(term) | Literal::Not(term) => term.rename(name),
            Literal::Every { key, value, domain, query } => {
                key.iter_mut().chain([value]).for_each(renamed);
                domain.rename(name);
                rename_query(query, name);
            }
        }
        for (_, value) in &mut statement.with {
            value.rename(name);
        }
    }
}

impl Term {
    fn rename(&mut self, name: &dyn Fn(&str) -> Option<String>) {
        match &mut self.kind {
            Kind::Text(_) | Kind::Scalar(_) => {}
            Kind::Var(var) => {
                if let Some(new) = name(var) {
                    *var = new;
                }
            }
            Kind::Array(items) | Kind::Set(items) => items.iter_mut().for_each(|item| item.rename(name)),
            Kind::Object(fields) => {
                for (key, value) in fields {
                    key.rename(name);
                    value.rename(name);
                }
            }
            Kind::ArrayOf(item, query) | Kind::SetOf(item, query) => {
                item.rename(name);
                rename_query(query, name);
            }
            Kind::ObjectOf(key, value, query) => {
                key.rename(name);
                value.rename(name);
                rename_query(query, name);
            }
            Kind::Call(_, arguments) => arguments.iter_mut().for_each(|argument| argument.rename(name)),
            Kind::Minus(term) | Kind::Dot(term, ..) => term.rename(name),
            Kind::Index(left, right) | Kind::Infix(_, left, right) => {
                left.rename(name);
                right.rename(name);
            }
            Kind::In(key, value, collection) => {
                key.iter_mut().for_each(|key| key.rename(name));
                value.rename(name);
                collection.rename(name);
            }
        }
    }
}
