//! The RoleBindings of a realm, found by a person's name and by one field of what is said of them, never by looking at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use jiff::Timestamp;

use super::Realm;
use crate::api::binding::RoleBindingSpec;
use crate::api::person::PersonSpec;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::ObjectName;
use crate::realm::input::Holding;
use crate::realm::object::Meta;
use crate::realm::roles::{RoleError, Roles};

/// The fields of Person.spec that a `subjectMatch` may begin with.
pub(super) const FIELDS: [&str; 22] = [
    "externalId",
    "formerIds",
    "userName",
    "type",
    "name",
    "displayName",
    "emails",
    "phoneNumbers",
    "owners",
    "manager",
    "title",
    "employeeNumber",
    "department",
    "division",
    "organization",
    "costCenter",
    "location",
    "timezone",
    "suspended",
    "attributes",
    "accounts",
    "deletionPolicy",
];

/// One RoleBinding, and what it gives to each of its people.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) meta: Meta,
    pub(super) spec: RoleBindingSpec,
    held: OnceLock<Result<Vec<Holding>, RoleError>>,
}

impl Bound {
    /// What it gives: the same to all of its people, so that it is computed once.
    pub(super) fn held(&self, roles: &Roles) -> Result<&[Holding], &RoleError> {
        self.held.get_or_init(|| roles.hold(&self.meta.name, &self.spec)).as_deref()
    }

    pub(super) fn is_valid_at(&self, t: Timestamp) -> bool {
        self.spec.not_before.is_none_or(|moment| moment.0 <= t) && !self.is_over_at(t)
    }

    pub(super) fn is_over_at(&self, t: Timestamp) -> bool {
        self.spec.not_after.is_some_and(|moment| moment.0 <= t)
    }

    /// When it begins or ends next.
    pub(super) fn next(&self, t: Timestamp) -> Option<Timestamp> {
        [self.spec.not_before, self.spec.not_after].into_iter().flatten().map(|moment| moment.0).filter(|moment| *moment > t).min()
    }
}

/// All RoleBindings that could be read.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    objects: BTreeMap<ObjectName, Bound>,
    index: BindingIndex,
}

impl Bindings {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Bound> {
        self.objects.values()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &ObjectName> {
        self.objects.keys()
    }

    /// Puts an object in the place of the one of that name, or takes it out. Gives the specs whose people this touches.
    pub(super) fn exchange(&mut self, name: &ObjectName, new: Option<(Meta, RoleBindingSpec)>) -> Vec<RoleBindingSpec> {
        let old = self.objects.get(name);
        let unchanged = match (old, &new) {
            (Some(old), Some((meta, spec))) => old.meta == *meta && old.spec == *spec,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if unchanged {
            return Vec::new();
        }
        let mut touched = Vec::new();
        if let Some(old) = self.objects.remove(name) {
            self.index.remove(name, &old.spec);
            touched.push(old.spec);
        }
        if let Some((meta, spec)) = new {
            self.index.add(name, &spec);
            touched.push(spec.clone());
            self.objects.insert(name.clone(), Bound { meta, spec, held: OnceLock::new() });
        }
        touched
    }

    /// A role changed: what each gives is computed anew.
    pub(super) fn forget_held(&mut self) {
        for bound in self.objects.values_mut() {
            bound.held = OnceLock::new();
        }
    }

    /// The bindings that mean this person, valid now or not.
    pub(super) fn of(&self, name: &ObjectName, laid_over: &PersonSpec) -> Vec<&Bound> {
        let candidates = self.index.candidates(name, laid_over);
        candidates.into_iter().filter_map(|binding| self.objects.get(binding)).filter(|bound| means(&bound.spec, name, laid_over)).collect()
    }
}

impl Realm {
    /// What the bindings give that are valid at `t`, to whomever they mean, and which of them give it.
    #[must_use]
    pub fn bound_entitlements(&self, t: Timestamp) -> BTreeMap<EntitlementKey, BTreeSet<ObjectName>> {
        let mut given: BTreeMap<EntitlementKey, BTreeSet<ObjectName>> = BTreeMap::new();
        for bound in self.bindings.iter().filter(|bound| bound.is_valid_at(t)) {
            for grant in bound.held(self.roles()).into_iter().flatten().flat_map(|holding| &holding.grants) {
                given.entry(grant.key.clone()).or_default().insert(bound.meta.name.clone());
            }
        }
        given
    }
}

/// Bindings by the name of a subject, and by the values of one field of `subjectMatch`.
#[derive(Debug, Default)]
pub(super) struct BindingIndex {
    by_subject: BTreeMap<String, BTreeSet<ObjectName>>,
    by_field: BTreeMap<String, BTreeMap<String, BTreeSet<ObjectName>>>,
}

impl BindingIndex {
    pub(super) fn add(&mut self, name: &ObjectName, spec: &RoleBindingSpec) {
        for subject in &spec.subjects {
            self.by_subject.entry(subject.name.clone()).or_default().insert(name.clone());
        }
        if let Some((field, values)) = key_field(spec) {
            let by_value = self.by_field.entry(field.clone()).or_default();
            for value in values {
                by_value.entry(value.clone()).or_default().insert(name.clone());
            }
        }
    }

    fn remove(&mut self, name: &ObjectName, spec: &RoleBindingSpec) {
        for subject in &spec.subjects {
            unlink(&mut self.by_subject, &subject.name, name);
        }
        if let Some((field, values)) = key_field(spec)
            && let Some(by_value) = self.by_field.get_mut(field)
        {
            values.iter().for_each(|value| unlink(by_value, value, name));
            if by_value.is_empty() {
                self.by_field.remove(field);
            }
        }
    }

    /// All bindings that may mean this person, and few others.
    pub(super) fn candidates(&self, name: &ObjectName, laid_over: &PersonSpec) -> BTreeSet<&ObjectName> {
        let mut found: BTreeSet<&ObjectName> = self.by_subject.get(name.as_str()).into_iter().flatten().collect();
        for (field, by_value) in &self.by_field {
            for value in texts(laid_over, field) {
                found.extend(by_value.get(&value).into_iter().flatten());
            }
        }
        found
    }

    /// Whether anybody is meant by what is said of them.
    pub(super) fn matches_fields(&self) -> bool {
        !self.by_field.is_empty()
    }

    pub(super) fn subjects(&self) -> impl Iterator<Item = &str> {
        self.by_subject.keys().map(String::as_str)
    }
}

fn unlink(index: &mut BTreeMap<String, BTreeSet<ObjectName>>, key: &str, name: &ObjectName) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}

/// The field of `subjectMatch` with the fewest values: the one by which a binding is found.
fn key_field(spec: &RoleBindingSpec) -> Option<(&String, &Vec<String>)> {
    spec.subject_match.as_ref()?.iter().min_by_key(|(_, values)| values.len())
}

/// Whether the binding means this person: by name, or by every field with any of its values.
pub(super) fn means(spec: &RoleBindingSpec, name: &ObjectName, laid_over: &PersonSpec) -> bool {
    let by_name = || spec.subjects.iter().any(|subject| subject.name == name.as_str());
    let by_fields = || {
        let fields = spec.subject_match.as_ref().filter(|fields| !fields.is_empty());
        fields.is_some_and(|fields| {
            fields.iter().all(|(field, values)| {
                let texts = texts(laid_over, field);
                values.iter().any(|value| texts.contains(value))
            })
        })
    };
    by_name() || by_fields()
}

/// What a person's spec says in a field, as texts: `department`, `attributes.site`, `emails.value`.
fn texts(spec: &PersonSpec, field: &str) -> Vec<String> {
    let one = |text: &Option<String>| text.iter().cloned().collect();
    match field {
        "type" => vec![spec.type_.clone().unwrap_or_else(|| super::input::DEFAULT_TYPE.to_owned())],
        "manager" => one(&spec.manager),
        "title" => one(&spec.title),
        "department" => one(&spec.department),
        "division" => one(&spec.division),
        "organization" => one(&spec.organization),
        "costCenter" => one(&spec.cost_center),
        "location" => one(&spec.location),
        _ => {
            let mut found = Vec::new();
            if let Some(path) = field.strip_prefix("attributes.") {
                walk_map(&spec.attributes, path, &mut found);
            } else if let Ok(all) = serde_json::to_value(spec) {
                walk(&all, field, &mut found);
            }
            found
        }
    }
}

fn walk(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, path, found)),
        serde_json::Value::Object(map) if !path.is_empty() => walk_map(map, path, found),
        serde_json::Value::String(text) if path.is_empty() => found.push(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) if path.is_empty() => found.push(value.to_string()),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Object(_) => {}
    }
}

/// A key with dots in it goes before a path.
fn walk_map(map: &crate::api::person::Free, path: &str, found: &mut Vec<String>) {
    if let Some(value) = map.get(path) {
        walk(value, "", found);
    } else if let Some((first, rest)) = path.split_once('.')
        && let Some(value) = map.get(first)
    {
        walk(value, rest, found);
    }
}
