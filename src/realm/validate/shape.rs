//! The walk over a schema: what CEL does not cover.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use super::Violation;
use crate::api::time::{DAY_PATTERN, Day, Moment, SPAN_PATTERN, Span};
use crate::realm::load::node::{Content, Node};
use crate::realm::load::similar;

/// A schema, made ready for checking.
pub(super) struct Shape {
    what: What,
    nullable: bool,
}

enum What {
    /// Anything with fields.
    Free {
        most: usize,
    },
    /// Named fields.
    Fields {
        fields: BTreeMap<String, Shape>,
        required: Vec<String>,
        least: usize,
    },
    /// Any keys, one kind of value.
    Map {
        value: Box<Shape>,
        least: usize,
        most: usize,
    },
    List {
        member: Box<Shape>,
        least: usize,
        most: usize,
        distinct: Distinct,
    },
    Text {
        least: usize,
        most: usize,
        form: Form,
    },
    Choice(Vec<String>),
    Whole {
        least: i64,
        most: i64,
    },
    Number,
    Bool,
}

enum Distinct {
    /// Members may be equal.
    No,
    /// No two members are equal.
    Whole,
    /// No two members agree in all these fields.
    By(Vec<String>),
}

enum Form {
    Any,
    Pattern(Regex),
    Day,
    Moment,
    Span,
}

impl Shape {
    /// Reads a schema of ours; each keyword that they use is known here.
    pub(super) fn of(schema: &Value) -> Self {
        let size =
            |key: &str, default: usize| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
        let whole = |key: &str, default: i64| {
            schema.get(key).and_then(Value::as_f64).and_then(|n| format!("{n:.0}").parse().ok()).unwrap_or(default)
        };
        let nullable = schema.get("nullable") == Some(&Value::Bool(true));
        let texts = |key: &str| -> Vec<String> {
            schema.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let narrow = schema.get("format").and_then(Value::as_str) == Some("int32");
        let bounds = if narrow { (i64::from(i32::MIN), i64::from(i32::MAX)) } else { (i64::MIN, i64::MAX) };
        let what = match schema.get("type").and_then(Value::as_str) {
            Some("string") if schema.get("enum").is_some() => What::Choice(texts("enum")),
            Some("string") => What::Text { least: size("minLength", 0), most: size("maxLength", usize::MAX), form: Form::of(schema) },
            Some("integer") => What::Whole { least: whole("minimum", bounds.0), most: whole("maximum", bounds.1) },
            Some("number") => What::Number,
            Some("boolean") => What::Bool,
            Some("array") => What::List {
                member: Box::new(Self::of(schema.get("items").unwrap_or(&Value::Null))),
                least: size("minItems", 0),
                most: size("maxItems", usize::MAX),
                distinct: match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
                    Some("map") => Distinct::By(texts("x-kubernetes-list-map-keys")),
                    Some("set") => Distinct::Whole,
                    Some(_) | None => Distinct::No,
                },
            },
            _ => match (schema.get("properties"), schema.get("additionalProperties")) {
                _ if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) => {
                    What::Free { most: size("maxProperties", usize::MAX) }
                }
                (None, Some(value)) => {
                    What::Map { value: Box::new(Self::of(value)), least: size("minProperties", 0), most: size("maxProperties", usize::MAX) }
                }
                (fields, _) => What::Fields {
                    fields: fields
                        .and_then(Value::as_object)
                        .into_iter()
                        .flatten()
                        .map(|(name, field)| (name.clone(), Self::of(field)))
                        .collect(),
                    required: texts("required"),
                    least: size("minProperties", 0),
                },
            },
        };
        Self { what, nullable }
    }

    /// Checks one part and all below it.
    pub(super) fn check(&self, path: &str, node: &Node, out: &mut Vec<Violation>) {
        if node.content == Content::Null && self.nullable {
            return;
        }
        match (&self.what, &node.content) {
            (What::Free { most }, Content::Map(entries)) => sized(path, node, entries.len(), 0, *most, "entries", out),
            (What::Fields { fields, required, least }, Content::Map(entries)) => {
                sized(path, node, entries.len(), *least, usize::MAX, "entries", out);
                for (key, value) in entries {
                    match fields.get(&key.name) {
                        Some(field) => field.check(&format!("{path}.{}", key.name), value, out),
                        None => out.push(Violation {
                            spot: key.spot,
                            message: format!("unknown field `{}` in {path}", key.name),
                            hint: similar(&key.name, fields.keys()),
                        }),
                    }
                }
                for name in required.iter().filter(|name| node.get(name).is_none()) {
                    out.push(Violation { spot: node.spot, message: format!("{path}.{name} is missing"), hint: None });
                }
            }
            (What::Map { value, least, most }, Content::Map(entries)) => {
                sized(path, node, entries.len(), *least, *most, "entries", out);
                for (key, entry) in entries {
                    value.check(&format!("{path}.{}", key.name), entry, out);
                }
            }
            (What::List { member, least, most, distinct }, Content::List(members)) => {
                sized(path, node, members.len(), *least, *most, "members", out);
                for (index, entry) in members.iter().enumerate() {
                    member.check(&format!("{path}[{index}]"), entry, out);
                }
                distinct.check(path, members, out);
            }
            (What::Text { least, most, form }, Content::Text(text)) => match form.refuses(text) {
                Some(why) => out.push(Violation { spot: node.spot, message: format!("{path}: {why}"), hint: None }),
                None => sized(path, node, text.chars().count(), *least, *most, "characters", out),
            },
            (What::Choice(choices), Content::Text(text)) if !choices.contains(text) => out.push(Violation {
                spot: node.spot,
                message: format!("{path} cannot be {text:?}: it is one of {}", choices.join(", ")),
                hint: similar(text, choices.iter()),
            }),
            (What::Whole { least, most }, Content::Number(number)) => match number.as_i64() {
                Some(n) if n < *least || n > *most => out.push(Violation {
                    spot: node.spot,
                    message: format!("{path} is {n}: it must lie between {least} and {most}"),
                    hint: None,
                }),
                Some(_) => {}
                None => out.push(self.mismatch(path, node)),
            },
            (What::Choice(_), Content::Text(_)) | (What::Number, Content::Number(_)) | (What::Bool, Content::Bool(_)) => {}
            _ => out.push(self.mismatch(path, node)),
        }
    }

    fn mismatch(&self, path: &str, node: &Node) -> Violation {
        let wanted = match &self.what {
            What::Free { .. } | What::Fields { .. } | What::Map { .. } => "a map",
            What::List { .. } => "a list",
            What::Text { .. } | What::Choice(_) => "a text",
            What::Whole { .. } => "a whole number",
            What::Number => "a number",
            What::Bool => "true or false",
        };
        let written = node.written.as_deref().unwrap_or_default();
        let hint = match (&self.what, &node.content) {
            (_, Content::Null) if written.is_empty() || !matches!(self.what, What::Text { .. }) => {
                Some("give it a value, or leave it out".to_owned())
            }
            (What::Text { .. } | What::Choice(_), Content::Null | Content::Bool(_) | Content::Number(_)) => {
                Some(format!("quote it, if a text is meant: \"{written}\""))
            }
            (What::Whole { .. } | What::Number | What::Bool, Content::Text(text)) if !text.is_empty() => {
                Some(format!("a quoted value is always a text: write {wanted} without quotes"))
            }
            _ => None,
        };
        Violation { spot: node.spot, message: format!("{path} must be {wanted}, and here stands {}", node.described()), hint }
    }
}

impl Distinct {
    fn check(&self, path: &str, members: &[Node], out: &mut Vec<Violation>) {
        let mut seen = BTreeSet::new();
        for (index, member) in members.iter().enumerate() {
            let key = match self {
                Self::No => return,
                Self::Whole => member.to_json().to_string(),
                Self::By(keys) => {
                    keys.iter().map(|key| member.get(key).map(Node::to_json).unwrap_or_default().to_string()).collect::<Vec<_>>().join(", ")
                }
            };
            if !seen.insert(key.clone()) {
                let what = match self {
                    Self::By(keys) => format!("the {} ", keys.join(", ")),
                    Self::No | Self::Whole => String::new(),
                };
                out.push(Violation { spot: member.spot, message: format!("{path}[{index}] repeats {what}{key}"), hint: None });
            }
        }
    }
}

impl Form {
    fn of(schema: &Value) -> Self {
        match (schema.get("format").and_then(Value::as_str), schema.get("pattern").and_then(Value::as_str)) {
            (Some("date-time"), _) => Self::Moment,
            (_, Some(DAY_PATTERN)) => Self::Day,
            (_, Some(SPAN_PATTERN)) => Self::Span,
            (_, Some(pattern)) => Regex::new(pattern).map_or(Self::Any, Self::Pattern),
            _ => Self::Any,
        }
    }

    fn refuses(&self, text: &str) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Pattern(pattern) if pattern.is_match(text) => None,
            Self::Pattern(pattern) => Some(format!("{text:?} does not have the form {pattern}")),
            Self::Day => text.parse::<Day>().err(),
            Self::Moment => text.parse::<Moment>().err(),
            Self::Span => text.parse::<Span>().err(),
        }
    }
}

fn sized(path: &str, node: &Node, size: usize, least: usize, most: usize, of: &str, out: &mut Vec<Violation>) {
    let message = if size < least && size == 0 {
        format!("{path} is empty")
    } else if size < least {
        format!("{path} has {size} {of}: at least {least} are needed")
    } else if size > most {
        format!("{path} has {size} {of}: at most {most} are taken")
    } else {
        return;
    };
    out.push(Violation { spot: node.spot, message, hint: None });
}
