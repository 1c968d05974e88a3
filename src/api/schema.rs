//! Parts of schemas that several kinds share, and the writing of CEL rules.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Anything with fields. Plain `additionalProperties: true` would make the API server refuse or prune nested values.
pub(super) fn free(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "maxProperties": 256})
}

/// What only Provost reads: replaced as a whole, so that its inside is nobody's field.
pub(super) fn opaque(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-map-type": "atomic", "maxProperties": 256
    })
}

/// File name → text.
pub(super) fn files(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 128, "additionalProperties": {"type": "string", "maxLength": 524_288}})
}

/// Field → the values it may have; neither may be empty.
pub(super) fn matches(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "minProperties": 1, "maxProperties": 16,
        "additionalProperties": {
            "type": "array", "minItems": 1, "maxItems": 256, "x-kubernetes-list-type": "set",
            "items": {"type": "string", "maxLength": 256}
        }
    })
}

/// Name → number.
pub(super) fn counts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 256,
        "additionalProperties": {"type": "integer", "format": "int32", "minimum": 0}
    })
}

/// A CEL rule of the struct that carries it.
pub(super) fn rule(rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message})
}

/// A CEL rule of the struct that carries it, which speaks of one of its fields.
pub(super) fn rule_of(field: &str, rule: &str, message: &str) -> Value {
    json!({"rule": rule, "message": message, "fieldPath": format!(".{field}")})
}

/// A field that never changes once the object is there, be it by another value, by going or by coming.
pub(super) fn immutable(field: &str) -> Value {
    let rule = format!("has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})");
    rule_of(field, &rule, &format!("{field} never changes: delete the object and make a new one"))
}

/// Two fields of which the second may not come before the first.
pub(super) fn ordered(first: &str, second: &str) -> Value {
    // Only the date counts: `…T00:00:00Z` is the same day.
    let rule = format!("!has(self.{first}) || !has(self.{second}) || self.{first}.substring(0, 10) <= self.{second}.substring(0, 10)");
    rule_of(second, &rule, &format!("{second} lies before {first}"))
}
