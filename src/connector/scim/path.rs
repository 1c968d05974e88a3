//! Names of attributes, in the notation of SCIM's own PATCH (RFC 7644, 3.5.2): `userName`, `name.givenName`, `emails` (all values),
//! `emails[type eq "work"].value`, and with a URN before a `:` what an extension holds.
//!
//! A path reads a value out of a resource, puts one into a resource (for POST and PUT), and says by which operations PATCH does the same.
//! Nothing of a person ever gets into a path but inside a JSON string.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value as Json, json};

use crate::model::value::Value;

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

/// What is to be in an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// This value.
    One(Json),
    /// These, each with the sub-attribute `value`.
    Many(Vec<Json>),
    /// These, plain ones.
    Plain(Vec<Json>),
    /// Nothing.
    Nothing,
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

    /// Puts it there, or takes it away.
    pub(super) fn put(&self, resource: &mut Resource, content: &Content) {
        let container = match &self.schema {
            None => resource,
            Some(schema) => {
                if *content == Content::Nothing && get(resource, schema).is_none() {
                    return;
                }
                declare(resource, schema);
                let name = stored(resource, schema);
                let Some(inner) = object(resource.entry(name).or_insert(Json::Null)) else { return };
                inner
            }
        };
        let name = stored(container, &self.attribute);
        match (content, &self.select, &self.sub) {
            (Content::Nothing, None, None) => {
                container.remove(&name);
            }
            (Content::Nothing, ..) => {
                if let Some(place) = container.get_mut(&name)
                    && self.take(place)
                {
                    container.remove(&name);
                }
            }
            (Content::Plain(values), ..) => {
                container.insert(name, Json::Array(values.clone()));
            }
            (Content::Many(values), ..) => {
                let sub = self.sub.as_deref().unwrap_or(VALUE);
                let mut items = container.get(&name).and_then(Json::as_array).cloned().unwrap_or_default();
                items.retain(|item| item.get(sub).is_some_and(|value| values.contains(value)));
                let missing = values.iter().filter(|value| !items.iter().any(|item| item.get(sub) == Some(value)));
                let added: Vec<Json> = missing.map(|value| json!({sub: value})).collect();
                items.extend(added);
                container.insert(name, Json::Array(items));
            }
            (Content::One(value), None, None) => {
                container.insert(name, value.clone());
            }
            (Content::One(value), None, Some(sub)) => {
                if let Some(inner) = object(container.entry(name).or_insert(Json::Null)) {
                    let sub = stored(inner, sub);
                    inner.insert(sub, value.clone());
                }
            }
            (Content::One(value), Some(select), sub) => {
                let place = container.entry(name).or_insert(Json::Null);
                if !place.is_array() {
                    *place = Json::Array(Vec::new());
                }
                let Json::Array(items) = place else { return };
                let sub = sub.as_deref().unwrap_or(VALUE);
                match items.iter_mut().filter_map(Json::as_object_mut).find(|item| select.meets(item)) {
                    Some(item) => {
                        item.insert(sub.to_owned(), value.clone());
                    }
                    None => items.push(select.with(sub, value)),
                }
            }
        }
    }

    /// The operations by which PATCH does the same to a resource that is as it was read.
    pub(super) fn operations(&self, resource: &Resource, content: &Content) -> Vec<Json> {
        let path = self.to_string();
        let there = self.read(resource).is_some();
        let sub = self.sub.as_deref().unwrap_or(VALUE);
        match (content, &self.select) {
            (Content::Nothing, _) if !there => Vec::new(),
            // The value is what such an entry is: without it the rest means nothing.
            (Content::Nothing, Some(select)) if sub == VALUE => {
                vec![json!({"op": "remove", "path": format!("{}[{select}]", self.whole())})]
            }
            (Content::Nothing, _) => vec![json!({"op": "remove", "path": path})],
            (Content::Plain(values), _) => vec![json!({"op": "replace", "path": self.whole(), "value": values})],
            (Content::Many(values), _) => self.changed(resource, values, sub),
            // What selects nothing cannot be replaced (3.5.2.3).
            (Content::One(value), Some(select)) if !self.selected(resource, select) => {
                vec![json!({"op": "add", "path": self.whole(), "value": [select.with(sub, value)]})]
            }
            (Content::One(value), Some(select)) => {
                let op = if there { "replace" } else { "add" };
                vec![json!({"op": op, "path": format!("{}[{select}].{sub}", self.whole()), "value": value})]
            }
            (Content::One(value), None) => vec![json!({"op": if there { "replace" } else { "add" }, "path": path, "value": value})],
        }
    }

    /// From the values that are there to those that are to be.
    fn changed(&self, resource: &Resource, values: &[Json], sub: &str) -> Vec<Json> {
        let items = self.items(resource);
        let there: Vec<&Json> = items.iter().filter_map(|item| item.get(sub)).collect();
        let gone = there.iter().filter(|value| !values.contains(value));
        let mut operations: Vec<Json> =
            gone.map(|value| json!({"op": "remove", "path": format!("{}[{sub} eq {value}]", self.whole())})).collect();
        let added: Vec<Json> = values.iter().filter(|value| !there.contains(value)).map(|value| json!({sub: value})).collect();
        if !added.is_empty() {
            operations.push(json!({"op": "add", "path": self.whole(), "value": added}));
        }
        operations
    }

    fn selected(&self, resource: &Resource, select: &Select) -> bool {
        self.items(resource).iter().filter_map(Json::as_object).any(|item| select.meets(item))
    }

    fn items<'r>(&self, resource: &'r Resource) -> &'r [Json] {
        self.container(resource).and_then(|inner| get(inner, &self.attribute)).and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    fn container<'r>(&self, resource: &'r Resource) -> Option<&'r Resource> {
        match &self.schema {
            None => Some(resource),
            Some(schema) => get(resource, schema)?.as_object(),
        }
    }

    /// Takes the part away that is named; whether nothing is left.
    fn take(&self, place: &mut Json) -> bool {
        let sub = self.sub.as_deref().unwrap_or(VALUE);
        match place {
            Json::Array(items) => {
                for item in items.iter_mut() {
                    let Some(inner) = item.as_object_mut() else { continue };
                    if self.select.as_ref().is_none_or(|select| select.meets(inner)) {
                        if sub == VALUE {
                            *item = Json::Null;
                        } else {
                            let name = stored(inner, sub);
                            inner.remove(&name);
                        }
                    }
                }
                items.retain(|item| !item.is_null());
                items.is_empty()
            }
            Json::Object(inner) => {
                let name = stored(inner, sub);
                inner.remove(&name);
                inner.is_empty()
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => true,
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

    /// An entry that it meets, with this in it.
    fn with(&self, sub: &str, value: &Json) -> Json {
        let own = match &self.value {
            Literal::Text(text) => Json::String(text.clone()),
            Literal::Bool(bool) => Json::Bool(*bool),
        };
        json!({self.sub.as_str(): own, sub: value})
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

/// Writes that a resource holds something of an extension.
pub(super) fn declare(resource: &mut Resource, schema: &str) {
    let schemas = resource.entry("schemas").or_insert_with(|| Json::Array(Vec::new()));
    if let Json::Array(all) = schemas
        && !all.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(schema)))
    {
        all.push(Json::String(schema.to_owned()));
    }
}

/// What stands there, whatever the letter case of its name (RFC 7643, 2.1).
pub(super) fn get<'r>(resource: &'r Resource, name: &str) -> Option<&'r Json> {
    resource.get(name).or_else(|| resource.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The name as the resource writes it.
fn stored(resource: &Resource, name: &str) -> String {
    if resource.contains_key(name) {
        return name.to_owned();
    }
    resource.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned().unwrap_or_else(|| name.to_owned())
}

fn object(place: &mut Json) -> Option<&mut Resource> {
    if !place.is_object() {
        *place = Json::Object(Map::new());
    }
    place.as_object_mut()
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
