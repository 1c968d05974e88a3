//! The fields of users, as Schemas describes them (RFC 7643, 7), and what RFC 7643 says where a service describes none.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::ENTERPRISE;
use crate::connector::scim::path::CORE;

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Bool,
    Number,
    /// Sub-attributes.
    Complex,
}

/// One field of the schema of users, or of one of its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) form: Form,
    pub(super) many: bool,
    pub(super) case_exact: bool,
    pub(super) required: bool,
    pub(super) unique: bool,
    pub(super) read_only: bool,
    pub(super) readable: bool,
    /// Values that its schema suggests, such as the types of addresses.
    pub(super) canonical: Vec<String>,
    /// The name as it is written.
    pub(super) name: String,
}

/// Takes the fields of one schema in.
pub(super) fn describe(fields: &mut BTreeMap<String, Field>, schema: &Json) {
    let id = id_of(schema);
    let prefix = if id.eq_ignore_ascii_case(CORE) { String::new() } else { format!("{id}:") };
    for attribute in members(schema, "attributes") {
        let Some(name) = attribute.get("name").and_then(Json::as_str) else { continue };
        let name = format!("{prefix}{name}");
        let field = Field::new(attribute, name.clone());
        for sub in members(attribute, "subAttributes") {
            if let Some(own) = sub.get("name").and_then(Json::as_str) {
                let name = format!("{name}.{own}");
                fields.insert(name.to_lowercase(), Field::new(sub, name));
            }
        }
        fields.insert(name.to_lowercase(), field);
    }
}

impl Field {
    fn new(attribute: &Json, name: String) -> Self {
        let text = |key: &str| attribute.get(key).and_then(Json::as_str).unwrap_or_default().to_lowercase();
        let is = |key: &str| attribute.get(key).and_then(Json::as_bool).unwrap_or(false);
        let form = match text("type").as_str() {
            "boolean" => Form::Bool,
            "integer" | "decimal" => Form::Number,
            "complex" => Form::Complex,
            _ => Form::Text,
        };
        // References and binary values are compared as they are (RFC 7643, 2.3.6 and 2.3.7).
        let exact = matches!(text("type").as_str(), "reference" | "binary" | "datetime");
        Self {
            form,
            many: is("multiValued"),
            case_exact: is("caseExact") || exact,
            required: is("required"),
            unique: matches!(text("uniqueness").as_str(), "server" | "global"),
            read_only: text("mutability") == "readonly",
            readable: text("returned") != "never" && text("mutability") != "writeonly",
            canonical: members(attribute, "canonicalValues").iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            name,
        }
    }
}

fn members<'j>(of: &'j Json, name: &str) -> &'j [Json] {
    of.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The URN of a schema.
pub(super) fn id_of(schema: &Json) -> &str {
    schema.get("id").and_then(Json::as_str).unwrap_or_default()
}

/// What RFC 7643 says of users, where the service itself says nothing.
pub(super) fn builtin() -> [Json; 2] {
    let text = |name: &str| json!({"name": name, "type": "string"});
    let texts = |names: &[&str]| names.iter().map(|name| text(name)).collect::<Vec<_>>();
    let many = |name: &str| {
        let mut subs = texts(&["value", "display", "type"]);
        subs.push(json!({"name": "primary", "type": "boolean"}));
        json!({"name": name, "type": "complex", "multiValued": true, "subAttributes": subs})
    };
    let mut user = texts(&["displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone"]);
    let names = ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"];
    let address = ["formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"];
    user.extend([
        json!({"name": "userName", "type": "string", "required": true, "uniqueness": "server"}),
        json!({"name": "active", "type": "boolean"}),
        json!({"name": "name", "type": "complex", "subAttributes": texts(&names)}),
        json!({"name": "addresses", "type": "complex", "multiValued": true, "subAttributes": texts(&address)}),
    ]);
    user.extend(["emails", "phoneNumbers", "ims", "photos", "entitlements", "roles"].map(many));
    let mut enterprise = texts(&["employeeNumber", "costCenter", "organization", "division", "department"]);
    enterprise.push(json!({"name": "manager", "type": "complex", "subAttributes": texts(&["value"])}));
    [json!({"id": CORE, "attributes": user}), json!({"id": ENTERPRISE, "attributes": enterprise})]
}
