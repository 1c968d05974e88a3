//! The CustomResourceDefinitions: what the types say, made fit for the API server. One stable rendering, for `provost crds` and for `crds/`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use super::{approval, binding, departure, lockout, person, policy, realm, role, target};

/// All definitions, in the order in which a reader meets the kinds.
#[must_use]
pub fn all_crds() -> Vec<CustomResourceDefinition> {
    [
        realm::Realm::crd(),
        person::Person::crd(),
        role::BusinessRole::crd(),
        binding::RoleBinding::crd(),
        policy::Policy::crd(),
        target::TargetSystem::crd(),
        approval::Approval::crd(),
        lockout::Lockout::crd(),
        departure::Departure::crd(),
    ]
    .into_iter()
    .map(finish)
    .collect()
}

/// All definitions as one YAML stream.
#[must_use]
pub fn crds_yaml() -> String {
    all_crds().iter().map(|crd| format!("---\n{}", yaml(crd))).collect()
}

/// The files of `crds/`: name → content.
#[must_use]
pub fn crd_files() -> Vec<(String, String)> {
    all_crds()
        .iter()
        .map(|crd| {
            let name = crd.metadata.name.clone().unwrap_or_else(|| format!("{}.{}", crd.spec.names.plural, crd.spec.group));
            (format!("{name}.yaml"), format!("# Made from the types by `provost crds`; not to be edited.\n{}", yaml(crd)))
        })
        .collect()
}

fn yaml(crd: &CustomResourceDefinition) -> String {
    // Both steps only fail on maps whose keys are no texts, of which a definition has none.
    serde_json::to_value(crd).ok().and_then(|value| serde_saphyr::to_string(&value).ok()).unwrap_or_default()
}

/// What the derive does not do: see [`tidy`]; and `status` reads `observedGeneration: -1` before anybody has looked at the object, so that
/// nothing takes an unseen object for a finished one.
fn finish(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let Ok(mut value) = serde_json::to_value(&crd) else { return crd };
    let versions = value.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        let Some(schema) = version.pointer_mut("/schema/openAPIV3Schema") else { continue };
        // The derive describes the object by its type's name alone: what the spec says of itself is what a reader wants there.
        if let Some(text) = schema.pointer("/properties/spec/description").cloned() {
            put(schema, "description", text);
        }
        if let Some(spec) = schema.pointer_mut("/properties/spec") {
            put(spec, "description", json!("What is declared."));
        }
        tidy(schema);
        if let Some(status) = schema.pointer_mut("/properties/status") {
            put(status, "default", json!({"observedGeneration": -1}));
        }
    }
    serde_json::from_value(value).unwrap_or(crd)
}

/// Takes out what would hurt: `nullable` (a surname `Null` would be taken, and lost), defaults (inside lists they never settle in some
/// tools; ours are in the descriptions) and formats that Kubernetes does not know. The one place that keeps `nullable` are the values of
/// a mapping, where `null` unmaps an attribute.
fn tidy(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    schema.remove("nullable");
    schema.remove("default");
    // The API server prunes what no property names; it refuses a schema that says so.
    if schema.get("additionalProperties") == Some(&json!(false)) {
        schema.remove("additionalProperties");
    }
    whole_numbers(schema);
    // `kubectl explain` wraps by itself.
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let text = json!(text.replace('\n', " "));
        schema.insert("description".into(), text);
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            tidy(property);
            if name == "mapping"
                && let Some(value) = property.pointer_mut("/additionalProperties")
            {
                put(value, "nullable", json!(true));
            }
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(inner) {
            tidy(inner);
        }
    }
}

fn put(schema: &mut Value, key: &str, value: Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(key.to_owned(), value);
    }
}

/// `uint8` to `uint64` are no formats of Kubernetes; what fits becomes `int32` with its bounds.
fn whole_numbers(schema: &mut Map<String, Value>) {
    let format = match schema.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "uint32") => "int32",
        Some("uint64" | "uint") => "int64",
        _ => return,
    };
    schema.insert("format".into(), json!(format));
    schema.entry("minimum").or_insert_with(|| json!(0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::cel::compile_schema;
    use std::path::Path;

    fn schemas() -> Vec<(String, Value)> {
        all_crds()
            .iter()
            .map(|crd| {
                let schema = serde_json::to_value(&crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema).unwrap();
                (crd.spec.names.kind.clone(), schema)
            })
            .collect()
    }

    /// Calls `look` with each schema below, its path, and whether it is inside a list.
    fn walk(path: &str, schema: &Value, in_list: bool, look: &mut dyn FnMut(&str, &Value, bool)) {
        look(path, schema, in_list);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(&format!("{path}.{name}"), property, in_list, look);
        }
        if schema["items"].is_object() {
            walk(&format!("{path}[]"), &schema["items"], true, look);
        }
        if schema["additionalProperties"].is_object() {
            walk(&format!("{path}{{}}"), &schema["additionalProperties"], in_list, look);
        }
    }

    #[test]
    fn every_field_says_what_it_is_and_how_large_it_may_be() {
        let mut wrong = Vec::new();
        for (kind, schema) in schemas() {
            walk(&kind, &schema, false, &mut |path, schema, in_list| {
                let lacks = |key: &str| schema[key].is_null();
                let named = !path.ends_with("[]") && !path.ends_with("{}");
                if named && schema["description"].as_str().unwrap_or_default().len() < 5 {
                    wrong.push(format!("{path}: no description"));
                }
                let text = schema["description"].as_str().unwrap_or_default();
                for value in schema["enum"].as_array().into_iter().flatten() {
                    if !text.contains(value.as_str().unwrap()) {
                        wrong.push(format!("{path}: the description does not name {value}"));
                    }
                }
                match schema["type"].as_str() {
                    Some("string") if lacks("maxLength") && lacks("enum") => wrong.push(format!("{path}: no maxLength")),
                    Some("array") if lacks("maxItems") => wrong.push(format!("{path}: no maxItems")),
                    Some("array") if lacks("x-kubernetes-list-type") => wrong.push(format!("{path}: no list type")),
                    Some("object") if lacks("properties") && lacks("maxProperties") && !path.ends_with(".spec") => {
                        wrong.push(format!("{path}: no maxProperties"));
                    }
                    None if lacks("x-kubernetes-preserve-unknown-fields") => wrong.push(format!("{path}: no type")),
                    _ => {}
                }
                if schema["additionalProperties"] == json!(false) {
                    wrong.push(format!("{path}: additionalProperties: false"));
                }
                if !lacks("nullable") && !path.contains(".mapping{}") {
                    wrong.push(format!("{path}: nullable"));
                }
                if !lacks("default") && (in_list || !path.ends_with(".status")) {
                    wrong.push(format!("{path}: default"));
                }
                for odd in ["anyOf", "oneOf", "allOf", "$ref", "const"] {
                    if !lacks(odd) {
                        wrong.push(format!("{path}: {odd}"));
                    }
                }
                if schema["format"].as_str().is_some_and(|format| !["int32", "int64", "date-time"].contains(&format)) {
                    wrong.push(format!("{path}: format {}", schema["format"]));
                }
            });
        }
        assert_eq!(wrong, Vec::<String>::new(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn every_rule_compiles_and_points_at_a_field_that_is_there() {
        let mut rules = 0;
        for (kind, schema) in schemas() {
            walk(&kind, &schema, false, &mut |path, schema, _| {
                for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                    rules += 1;
                    assert!(rule["message"].as_str().is_some_and(|text| text.len() > 10 && text.len() < 512), "{path}: {rule}");
                    if let Some(field) = rule["fieldPath"].as_str() {
                        assert!(schema["properties"][field.trim_start_matches('.')].is_object(), "{path}: {rule}");
                    }
                }
            });
            let compiled = compile_schema(&schema);
            assert!(!compiled.has_errors(), "{kind}: {:?}", compiled.compilation_errors());
        }
        assert!(rules > 40, "{rules}");
    }

    #[test]
    fn a_status_reads_as_unseen_until_somebody_has_looked() {
        for (kind, schema) in schemas() {
            assert_eq!(schema["properties"]["status"]["default"], json!({"observedGeneration": -1}), "{kind}");
        }
    }

    #[test]
    fn columns_show_fields_that_are_there() {
        for crd in all_crds() {
            let version = &crd.spec.versions[0];
            let schema = serde_json::to_value(&version.schema.as_ref().unwrap().open_api_v3_schema).unwrap();
            for column in version.additional_printer_columns.as_ref().unwrap() {
                let path = column.json_path.replace(r#"[?(@.type=="#, "|").split('|').next().unwrap().to_owned();
                let mut place = &schema;
                if path.starts_with(".metadata") {
                    continue;
                }
                for part in path.trim_start_matches('.').split('.') {
                    place = if place["properties"].is_object() { &place["properties"][part] } else { &place["additionalProperties"] };
                }
                assert!(place.is_object(), "{}: {}", crd.spec.names.kind, column.json_path);
            }
            assert_eq!(crd.spec.names.categories.as_deref(), Some(&["provost".to_owned()][..]));
        }
    }

    /// `UPDATE_CRDS=1 cargo test crds` writes them anew.
    #[test]
    fn the_files_on_disk_are_those_that_the_types_make() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        let update = std::env::var_os("UPDATE_CRDS").is_some_and(|value| value == "1");
        let files = crd_files();
        for (name, text) in &files {
            let path = folder.join(name);
            if update {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, text).unwrap();
            }
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(there == *text, "crds/{name} is stale: UPDATE_CRDS=1 cargo test crds");
        }
        let there: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(there.len(), files.len(), "crds/ has files of no kind: {there:?}");
    }
}
