//! Looking at every term and statement of a rule.

use super::{Head, Kind, Literal, Query, Rule, Statement, Term};

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
