//! What is put into a resource, for POST and PUT, and the operations by which PATCH does the same.

use serde_json::{Map, Value as Json, json};

use super::{Literal, Path, Resource, Select, VALUE, get};

/// What is to be in an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Content {
    /// This value.
    One(Json),
    /// These, each with the sub-attribute `value`.
    Many(Vec<Json>),
    /// These, plain ones.
    Plain(Vec<Json>),
    /// Nothing.
    Nothing,
}

impl Path {
    /// Puts it there, or takes it away.
    pub(in super::super) fn put(&self, resource: &mut Resource, content: &Content) {
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
    pub(in super::super) fn operations(&self, resource: &Resource, content: &Content) -> Vec<Json> {
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

impl Select {
    /// An entry that it meets, with this in it.
    fn with(&self, sub: &str, value: &Json) -> Json {
        let own = match &self.value {
            Literal::Text(text) => Json::String(text.clone()),
            Literal::Bool(bool) => Json::Bool(*bool),
        };
        json!({self.sub.as_str(): own, sub: value})
    }
}

/// Writes that a resource holds something of an extension.
pub(in super::super) fn declare(resource: &mut Resource, schema: &str) {
    let schemas = resource.entry("schemas").or_insert_with(|| Json::Array(Vec::new()));
    if let Json::Array(all) = schemas
        && !all.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(schema)))
    {
        all.push(Json::String(schema.to_owned()));
    }
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
