//! Writes a tree as Rego again, and remembers which place of the original each part came from.

use super::tree::{At, Body, Head, Kind, Literal, Module, Query, Rule, Statement, Term};

/// A module as text for the engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Printed {
    pub text: String,
    /// Line and column in `text`, and where that came from; in order.
    marks: Vec<((u32, u32), At)>,
}

impl Printed {
    /// Where this place of the printed text came from.
    pub(crate) fn origin(&self, line: u32, column: u32) -> Option<At> {
        let after = self.marks.partition_point(|(place, _)| *place <= (line, column));
        self.marks.get(after.saturating_sub(1)).map(|(_, at)| *at)
    }
}

/// Writes a module.
pub(crate) fn print(module: &Module) -> Printed {
    let mut out = Writer { printed: Printed::default(), line: 1, line_start: 0 };
    out.mark(module.at);
    out.push("package ");
    out.path(&module.package);
    out.push("\n");
    for import in &module.imports {
        out.mark(import.at);
        out.push("import ");
        out.path(&import.path);
        out.push(" as ");
        out.push(&import.alias);
        out.push("\n");
    }
    for rule in &module.rules {
        out.rule(rule);
    }
    out.printed
}

struct Writer {
    printed: Printed,
    line: u32,
    line_start: usize,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.printed.text.push_str(text);
        if text.ends_with('\n') {
            self.line = self.line.saturating_add(1);
            self.line_start = self.printed.text.len();
        }
    }

    fn mark(&mut self, at: At) {
        let column = u32::try_from(self.printed.text.len() - self.line_start + 1).unwrap_or(u32::MAX);
        self.printed.marks.push(((self.line, column), at));
    }

    fn path(&mut self, path: &[String]) {
        for (index, part) in path.iter().enumerate() {
            if index == 0 {
                self.push(part);
            } else {
                self.push("[");
                self.text(part);
                self.push("]");
            }
        }
    }

    fn text(&mut self, text: &str) {
        // A text in JSON is a text in Rego.
        self.push(&serde_json::Value::from(text).to_string());
    }

    fn rule(&mut self, rule: &Rule) {
        self.mark(rule.at);
        if matches!(rule.head, Head::Default(..)) {
            self.push("default ");
        }
        self.term(&rule.name);
        match &rule.head {
            Head::Value(value) => self.value(value.as_ref()),
            Head::Set(key) => {
                self.push(" contains ");
                self.term(key);
            }
            Head::Function(args, value) => {
                self.list("(", args, ")");
                self.value(value.as_ref());
            }
            Head::Default(args, value) => {
                if !args.is_empty() {
                    self.list("(", args, ")");
                }
                self.value(Some(value));
            }
        }
        for (index, body) in rule.bodies.iter().enumerate() {
            self.body(body, index == 0);
        }
        self.push("\n");
    }

    fn value(&mut self, value: Option<&Term>) {
        if let Some(value) = value {
            self.push(" := ");
            self.term(value);
        }
    }

    fn body(&mut self, body: &Body, first: bool) {
        if body.is_else {
            self.push(" else");
            self.value(body.value.as_ref());
        }
        if body.query.is_empty() {
            return;
        }
        self.push(if first || body.is_else { " if {\n" } else { " {\n" });
        self.query(&body.query);
        self.push("}");
    }

    fn query(&mut self, query: &Query) {
        for (index, statement) in query.iter().enumerate() {
            // A new line alone does not part them: a parenthesis on it would be a call of what stands before.
            self.push(if index > 0 { ";\n" } else { "" });
            self.statement(statement);
        }
        self.push("\n");
    }

    fn statement(&mut self, statement: &Statement) {
        self.mark(statement.at);
        match &statement.literal {
            Literal::Some(vars) => {
                self.push("some ");
                self.push(&vars.join(", "));
            }
            Literal::SomeIn { key, value, collection } => {
                self.push("some ");
                if let Some(key) = key {
                    self.term(key);
                    self.push(", ");
                }
                self.term(value);
                self.push(" in ");
                self.term(collection);
            }
            Literal::Expr(term) => self.top(term),
            Literal::Not(term) => {
                self.push("not ");
                self.top(term);
            }
            Literal::Every { key, value, domain, query } => {
                self.push("every ");
                if let Some(key) = key {
                    self.push(key);
                    self.push(", ");
                }
                self.push(value);
                self.push(" in ");
                self.term(domain);
                self.push(" {\n");
                self.query(query);
                self.push("}");
            }
        }
        for (target, value) in &statement.with {
            self.push(" with ");
            self.term(target);
            self.push(" as ");
            self.term(value);
        }
    }

    /// A term at the top of a statement. Without parentheses: the parser reads it twice, and what is inside them twice again.
    fn top(&mut self, term: &Term) {
        if let Kind::Infix(op, left, right) = &term.kind {
            self.mark(term.at);
            self.term(left);
            self.push(" ");
            self.push(op);
            self.push(" ");
            if matches!(*op, "=" | ":=") { self.top(right) } else { self.term(right) }
        } else if let Kind::In(key, value, collection) = &term.kind {
            self.mark(term.at);
            self.membership(key.as_deref(), value, collection);
        } else {
            self.term(term);
        }
    }

    fn membership(&mut self, key: Option<&Term>, value: &Term, collection: &Term) {
        if let Some(key) = key {
            self.term(key);
            self.push(", ");
        }
        self.term(value);
        self.push(" in ");
        self.term(collection);
    }

    /// A term anywhere: operators in parentheses.
    fn term(&mut self, term: &Term) {
        self.mark(term.at);
        match &term.kind {
            Kind::Text(text) => self.text(text),
            Kind::Scalar(text) | Kind::Var(text) => self.push(text),
            Kind::Array(items) => self.list("[", items, "]"),
            Kind::Set(items) if items.is_empty() => self.push("set()"),
            Kind::Set(items) => self.list("{", items, "}"),
            Kind::Object(fields) => {
                self.push("{");
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        self.push(", ");
                    }
                    self.term(key);
                    self.push(": ");
                    self.term(value);
                }
                self.push("}");
            }
            Kind::ArrayOf(item, query) => self.comprehension("[", &[item], query, "]"),
            Kind::SetOf(item, query) => self.comprehension("{", &[item], query, "}"),
            Kind::ObjectOf(key, value, query) => self.comprehension("{", &[key, value], query, "}"),
            Kind::Call(function, arguments) => {
                self.term(function);
                self.list("(", arguments, ")");
            }
            Kind::Minus(inner) => {
                self.push("-");
                self.term(inner);
            }
            Kind::Dot(base, field, at) => {
                self.term(base);
                self.push(".");
                self.mark(*at);
                self.push(field);
            }
            Kind::Index(base, index) => {
                self.term(base);
                self.push("[");
                self.term(index);
                self.push("]");
            }
            Kind::Infix(op, left, right) => {
                self.push("(");
                self.term(left);
                self.push(" ");
                self.push(op);
                self.push(" ");
                self.term(right);
                self.push(")");
            }
            Kind::In(key, value, collection) => {
                self.push("(");
                self.membership(key.as_deref(), value, collection);
                self.push(")");
            }
        }
    }

    fn list(&mut self, open: &str, items: &[Term], close: &str) {
        self.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.term(item);
        }
        self.push(close);
    }

    fn comprehension(&mut self, open: &str, heads: &[&Term], query: &Query, close: &str) {
        self.push(open);
        for (index, head) in heads.iter().enumerate() {
            if index > 0 {
                self.push(": ");
            }
            self.term(head);
        }
        self.push(" |\n");
        self.query(query);
        self.push(close);
    }
}
