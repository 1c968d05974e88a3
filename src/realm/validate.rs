//! The offline check: a manifest's spec against the definition that the API server would hold it to. First its shape (fields, types, sizes,
//! patterns, keys that come twice), by a walk over our own schema; then, once it is typed, the CEL rules.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

use super::load::node::{Node, Spot};
use super::object::ResourceKind;
use crate::api::all_crds;

mod shape;

use self::shape::Shape;

/// One thing that the definition refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub spot: Spot,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a kind's spec is held to.
struct Definition {
    shape: Shape,
    rules: CompiledSchema,
}

/// Compiled once: building the rules takes far longer than running them.
static DEFINITIONS: LazyLock<BTreeMap<&'static str, Definition>> = LazyLock::new(|| {
    let mut definitions = BTreeMap::new();
    for crd in all_crds() {
        let Some(kind) = ResourceKind::OURS.iter().find(|kind| kind.as_str() == crd.spec.names.kind) else { continue };
        let schema = crd.spec.versions.first().and_then(|version| version.schema.as_ref());
        let spec = serde_json::to_value(schema).ok().and_then(|schema| schema.pointer("/openAPIV3Schema/properties/spec").cloned());
        if let Some(spec) = spec {
            definitions.insert(kind.as_str(), Definition { shape: Shape::of(&spec), rules: compile_schema(&spec) });
        }
    }
    definitions
});

thread_local! {
    static VALIDATOR: Validator = Validator::new();
}

/// Whether a spec has the fields, types and sizes of its kind. A kind without a definition (ConfigMap) is not looked at.
#[must_use]
pub fn check_shape(kind: ResourceKind, spec: &Node) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(definition) = DEFINITIONS.get(kind.as_str()) {
        definition.shape.check("spec", spec, &mut violations);
    }
    violations
}

/// Whether a spec keeps the rules of its kind. `spec` is the typed spec as it serializes; `node` is where it was written.
#[must_use]
pub fn check_rules(kind: ResourceKind, spec: &Value, node: &Node) -> Vec<Violation> {
    let Some(definition) = DEFINITIONS.get(kind.as_str()) else { return Vec::new() };
    let spec = without_nulls(spec);
    let result = VALIDATOR.with(|validator| validator.validate_compiled(&definition.rules, &spec, None));
    let errors = result.err().map(kube::core::cel::ValidationErrors::into_vec).unwrap_or_default();
    errors
        .into_iter()
        .map(|error| {
            let place = node.follow(&error.field_path);
            let path =
                if error.field_path.is_empty() { "spec".to_owned() } else { format!("spec.{}", error.field_path.trim_start_matches('.')) };
            Violation { spot: place.spot, message: format!("{path}: {}", error.message), hint: None }
        })
        .collect()
}

/// The API server runs no rule on a null.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let kept = entries.iter().filter(|(_, entry)| !entry.is_null());
            Value::Object(kept.map(|(key, entry)| (key.clone(), without_nulls(entry))).collect())
        }
        Value::Array(members) => Value::Array(members.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_never_changes_is_refused_where_it_changes() {
        let approval = json!({"decision": "Approve", "changes": ["Disable dir e1 leavers"], "digest": "d"});
        let rejected = json!({"decision": "Reject", "changes": ["Disable dir e1 leavers"], "digest": "d"});
        let rows = [
            ("externalId stays", ResourceKind::Person, json!({"externalId": "1"}), json!({"externalId": "1", "title": "x"}), true),
            ("externalId changes", ResourceKind::Person, json!({"externalId": "1"}), json!({"externalId": "2"}), false),
            ("externalId comes", ResourceKind::Person, json!({}), json!({"externalId": "2"}), false),
            ("externalId goes", ResourceKind::Person, json!({"externalId": "1"}), json!({}), false),
            ("the realm's id changes", ResourceKind::Realm, json!({"id": "a"}), json!({"id": "b"}), false),
            ("the realm's id stays", ResourceKind::Realm, json!({"id": "a"}), json!({"id": "a", "freeze": true}), true),
            ("an Approval stays", ResourceKind::Approval, approval.clone(), approval.clone(), true),
            ("an Approval is edited", ResourceKind::Approval, approval, rejected, false),
        ];
        for (name, kind, old, new, kept) in rows {
            let rules = &DEFINITIONS[kind.as_str()].rules;
            let result = Validator::new().validate_compiled(rules, &new, Some(&old));
            assert_eq!(result.is_ok(), kept, "{name}: {result:?}");
        }
    }

    #[test]
    fn every_kind_has_a_definition_and_its_rules_compile() {
        for kind in ResourceKind::OURS {
            assert!(!DEFINITIONS[kind.as_str()].rules.has_errors(), "{kind}");
        }
    }
}
