//! What `input` looks like: the same words as `realm::input::Input` serializes, and for a person the schema of the resource itself.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::api::person::PersonSpec;
use crate::policy::tree::Step;

/// What may stand at a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Anything.
    Free,
    /// A text, a number, true or false.
    Scalar,
    /// These fields and no others.
    Object(BTreeMap<String, Shape>),
    /// Fields of any name.
    Map(Box<Shape>),
    /// Elements.
    List(Box<Shape>),
}

/// What is wrong with a path: at which step, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Astray {
    /// Index of the step.
    pub step: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// All of `input`.
pub(crate) static INPUT: LazyLock<Shape> = LazyLock::new(|| {
    let person = person();
    let key =
        [("key", Shape::Scalar), ("target", Shape::Scalar), ("kind", Shape::Scalar), ("name", Shape::Scalar), ("right", Shape::Scalar)];
    let held = object(key.iter().cloned().chain([("account", Shape::Scalar)]));
    let grant = object(key.iter().cloned().chain([("account", Shape::Scalar), ("reason", Shape::Scalar), ("until", Shape::Scalar)]));
    let role = object([
        ("name", Shape::Scalar),
        ("parameters", map(Shape::Scalar)),
        ("binding", Shape::Scalar),
        ("path", list(Shape::Scalar)),
        ("notBefore", Shape::Scalar),
        ("until", Shape::Scalar),
        ("justification", Shape::Scalar),
        ("grants", list(grant)),
    ]);
    object([
        ("managers", list(person.clone())),
        ("person", person),
        ("roles", list(role)),
        ("targets", map(object([("type", Shape::Scalar), ("labels", map(Shape::Scalar))]))),
        ("observed", list(held)),
        ("unread", list(Shape::Scalar)),
        ("accounts", map(map(Shape::Free))),
        ("today", Shape::Scalar),
        // For mappings alone.
        ("account", Shape::Scalar),
        ("target", Shape::Scalar),
    ])
});

/// A person: the spec, `metadata` and `lifecycle`.
fn person() -> Shape {
    let schema = serde_json::to_value(schemars::schema_for!(PersonSpec)).unwrap_or_default();
    let mut shape = read(&schema, &schema);
    if let Shape::Object(fields) = &mut shape {
        fields.insert("metadata".to_owned(), object([("name", Shape::Scalar), ("labels", map(Shape::Scalar))]));
        fields.insert("lifecycle".to_owned(), object([("state", Shape::Scalar)]));
    }
    shape
}

/// Reads a JSON schema; what it does not know is free.
fn read(schema: &Value, root: &Value) -> Shape {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).map_or(Shape::Free, |schema| read(schema, root));
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        // An optional field is written as a choice between its schema and null.
        let mut choices = choices.iter().filter(|choice| choice.get("type").and_then(Value::as_str) != Some("null"));
        return match (choices.next(), choices.next()) {
            (Some(only), None) => read(only, root),
            (Some(_) | None, _) => Shape::Free,
        };
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        return Shape::Object(properties.iter().map(|(name, field)| (name.clone(), read(field, root))).collect());
    }
    if let Some(items) = schema.get("items") {
        return list(read(items, root));
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    if schema.get("enum").is_some()
        || (!types.is_empty() && types.iter().all(|one| matches!(*one, "string" | "boolean" | "integer" | "number")))
    {
        Shape::Scalar
    } else {
        Shape::Free
    }
}

fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Shape)>) -> Shape {
    Shape::Object(fields.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect())
}

fn map(of: Shape) -> Shape {
    Shape::Map(Box::new(of))
}

fn list(of: Shape) -> Shape {
    Shape::List(Box::new(of))
}

impl Shape {
    /// Whether the path leads somewhere.
    ///
    /// # Errors
    /// Where it leads astray.
    pub(crate) fn follow<'a>(&self, steps: impl IntoIterator<Item = &'a Step>) -> Result<(), Astray> {
        let mut shape = self;
        for (index, step) in steps.into_iter().enumerate() {
            let astray = |message: String, hint: Option<String>| Err(Astray { step: index, message, hint });
            shape = match (shape, step) {
                (Shape::Free, _) | (Shape::Object(_), Step::Any) => return Ok(()),
                (Shape::Object(fields), Step::Field(name)) => match fields.get(name) {
                    Some(field) => field,
                    None => {
                        let hint = super::nearest(name, fields.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                        let names = || format!("there are {}", fields.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
                        return astray(format!("there is no `{name}` here"), hint.or_else(|| Some(names())));
                    }
                },
                (Shape::Map(of), _) | (Shape::List(of), Step::Any) => of,
                (Shape::List(_), Step::Field(name)) => {
                    return astray(
                        format!("this is a list, and `{name}` is no index"),
                        Some("take one element by `[0]`, or each by `[_]`".to_owned()),
                    );
                }
                (Shape::Scalar, _) => return astray("nothing is inside a text, a number or a truth value".to_owned(), None),
            };
        }
        Ok(())
    }
}
