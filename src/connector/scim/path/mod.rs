//! Names of attributes, in the notation of SCIM's own PATCH (RFC 7644, 3.5.2): `userName`, `name.givenName`, `emails` (all values),
//! `emails[type eq "work"].value`, and with a URN before a `:` what an extension holds.
//!
//! A path reads a value out of a resource; `content` puts one in, and says by which operations PATCH does the same.
//! Nothing of a person ever gets into a path but inside a JSON string.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::model::value::Value;

mod content;
#[cfg(test)]
mod tests;

pub(super) use self::content::{Content, declare};

/// The schema of users; its attributes stand in a resource without their URN.
pub(super) const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The sub-attribute that holds the essence of a value of many.
const VALUE: &str = "value";

/// A resource.
pub(super) type Resource = Map<String, Json>;

/// One attribute, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    schema: Option<String>,
    attribute: String,
    select: Option<Select>,
    sub: Option<String>,
}

/// Which of many values: `type eq "work"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Select {
    sub: String,
    value: Literal,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Literal {
    Text(String),
    Bool(bool),
}

/// A text that names no attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SCIM attribute; write it as `userName`, `name.givenName`, `emails[type eq \"work\"].value` or `URN:attribute`")]
pub(super) struct PathError(String);

impl Path {
    /// Reads the notation.
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        parse(text).ok_or_else(|| PathError(text.to_owned()))
    }

    /// `URN:attribute`.
    pub(super) fn whole(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}:{}", self.attribute),
            None => self.attribute.clone(),
        }
    }

    /// What a projection asks for: the attribute, or the one part of it.
    pub(super) fn projected(&self) -> String {
        match (&self.sub, &self.select) {
            (Some(sub), None) => format!("{}.{sub}", self.whole()),
            (None, _) | (_, Some(_)) => self.whole(),
        }
    }

    /// The filter that asks for a value.
    pub(super) fn condition(&self, value: &Json) -> String {
        match &self.select {
            // A filter has no part behind its brackets (RFC 7644, figure 1).
            Some(select) => format!("{}[{select} and {} eq {value}]", self.whole(), self.sub.as_deref().unwrap_or(VALUE)),
            None => format!("{self} eq {value}"),
        }
    }

    /// The name under which a schema has it, without selection and in lower case.
    pub(super) fn field(&self) -> String {
        let whole = self.whole();
        match (&self.sub, &self.select) {
            (Some(sub), _) => format!("{whole}.{sub}"),
            (None, Some(_)) => format!("{whole}.{VALUE}"),
            (None, None) => whole,
        }
        .to_lowercase()
    }

    /// Whether it picks one of many values.
    pub(super) fn selects(&self) -> bool {
        self.select.is_some()
    }

    /// What the resource holds there; letter case of names makes no difference.
    pub(super) fn read(&self, resource: &Resource) -> Option<Value> {
        let sub = self.sub.as_deref().unwrap_or(VALUE);
        match get(self.container(resource)?, &self.attribute)? {
            Json::Array(items) => match &self.select {
                Some(select) => {
                    items.iter().filter_map(Json::as_object).find(|item| select.meets(item)).and_then(|item| scalar(get(item, sub)?))
                }
                None => {
                    let texts: BTreeSet<String> = items
                        .iter()
                        .filter_map(|item| item.as_object().map_or(Some(item), |item| get(item, sub)))
                        .filter_map(scalar)
                        .flat_map(|value| value.texts())
                        .collect();
                    (!texts.is_empty()).then_some(Value::Many(texts))
                }
            },
            Json::Object(item) => match &self.select {
                Some(select) if !select.meets(item) => None,
                Some(_) | None => scalar(get(item, sub)?),
            },
            value @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => {
                if self.select.is_none() && self.sub.is_none() {
                    scalar(value)
                } else {
                    None
                }
            }
        }
    }

    fn container<'r>(&self, resource: &'r Resource) -> Option<&'r Resource> {
        match &self.schema {
            None => Some(resource),
            Some(schema) => get(resource, schema)?.as_object(),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole())?;
        if let Some(select) = &self.select {
            write!(f, "[{select}]")?;
        }
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

impl Select {
    fn meets(&self, item: &Resource) -> bool {
        match (get(item, &self.sub), &self.value) {
            (Some(Json::String(text)), Literal::Text(wanted)) => text.to_lowercase() == wanted.to_lowercase(),
            (Some(Json::String(text)), Literal::Bool(wanted)) => text.eq_ignore_ascii_case(&wanted.to_string()),
            (Some(Json::Bool(is)), Literal::Bool(wanted)) => is == wanted,
            (Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) | None, _) => false,
        }
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Literal::Text(text) => write!(f, "{} eq {}", self.sub, Json::String(text.clone())),
            Literal::Bool(bool) => write!(f, "{} eq {bool}", self.sub),
        }
    }
}

/// What stands there, whatever the letter case of its name (RFC 7643, 2.1).
pub(super) fn get<'r>(resource: &'r Resource, name: &str) -> Option<&'r Json> {
    resource.get(name).or_else(|| resource.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn scalar(value: &Json) -> Option<Value> {
    match value {
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Bool(bool) => Some(Value::Bool(*bool)),
        Json::Number(number) => Some(Value::Text(number.to_string())),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn parse(text: &str) -> Option<Path> {
    let (head, select, rest) = match text.split_once('[') {
        None => (text, None, ""),
        Some((head, rest)) => {
            let (select, rest) = parse_select(rest)?;
            (head, Some(select), rest)
        }
    };
    let (schema, name) = match head.rsplit_once(':') {
        Some((schema, name)) if schema.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) => (Some(schema), name),
        Some(_) => return None,
        None => (None, head),
    };
    if schema.is_some_and(|schema| !schema.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c))) {
        return None;
    }
    let (attribute, sub) = match name.split_once('.') {
        Some((attribute, sub)) if select.is_none() => (attribute, Some(sub)),
        Some(_) => return None,
        None => (name, None),
    };
    let sub = match (sub, rest) {
        (sub, "") => sub,
        (None, rest) => Some(rest.strip_prefix('.')?),
        (Some(_), _) => return None,
    };
    if !is_name(attribute) || sub.is_some_and(|sub| !is_name(sub)) {
        return None;
    }
    Some(Path {
        schema: schema.filter(|schema| !schema.eq_ignore_ascii_case(CORE)).map(str::to_owned),
        attribute: attribute.to_owned(),
        select,
        sub: sub.map(str::to_owned),
    })
}

/// `type eq "work"]` and what follows.
fn parse_select(text: &str) -> Option<(Select, &str)> {
    let (sub, rest) = text.trim_start().split_once(' ')?;
    let rest = rest.trim_start().strip_prefix("eq ")?.trim_start();
    let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Json>();
    let value = match stream.next()?.ok()? {
        Json::String(text) => Literal::Text(text),
        Json::Bool(bool) => Literal::Bool(bool),
        Json::Null | Json::Number(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    let rest = rest.get(stream.byte_offset()..)?.trim_start().strip_prefix(']')?;
    is_name(sub).then(|| (Select { sub: sub.to_owned(), value }, rest))
}

/// `ATTRNAME` (RFC 7643, 2.1), and `$ref`.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || "-_$".contains(c))
}
