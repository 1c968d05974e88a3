//! What the service says of itself: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644, 4). What it does not say is taken from
//! RFC 7643; a service that is silent is asked all the same, and its refusals say the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use self::field::{Field, Form, builtin, describe, id_of};
use super::path::{CORE, Content, Path, Resource, get};
use crate::model::failure::Failure;
use crate::model::ids::AttributeName;
use crate::model::schema::{ACCOUNT_NAME, AttributeRule, Capabilities, PRIMARY_EMAIL, Schema};
use crate::model::value::Value;

mod field;

/// The enterprise extension.
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of groups.
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The only kind of entitlements.
pub(super) const KIND: &str = "group";
/// The most resources of one page.
const PAGE: u64 = 200;

/// Attributes that say what the account is, not what a mapping writes.
pub(super) const OWN: [&str; 7] = ["id", "externalid", "active", "password", "schemas", "meta", "groups"];

/// The default mapping: what everybody who has a user of SCIM fills in. `userName` of a second account is `NAME-ACCOUNT`; an address
/// marked primary goes before the first one.
const DEFAULT_MAPPING: [(&str, &str); 9] = [
    ("userName", ACCOUNT_NAME),
    ("displayName", "input.person.displayName"),
    ("name.givenName", "input.person.name.givenName"),
    ("name.familyName", "input.person.name.familyName"),
    (r#"emails[type eq "work"].value"#, PRIMARY_EMAIL),
    ("title", "input.person.title"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "input.person.department"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "input.person.employeeNumber"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", "input.person.costCenter"),
];

/// How the service changes what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edits {
    /// By PATCH.
    Patch,
    /// By PUT of the whole resource.
    Put,
}

/// What is known of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    /// PATCH, or PUT.
    pub(super) edits: Edits,
    /// Accounts can be searched.
    pub(super) filter: bool,
    /// Resources carry versions that a write can ask for.
    pub(super) etag: bool,
    /// The most resources of one page.
    pub(super) page: u64,
    /// Where accounts are.
    pub(super) users: Vec<String>,
    /// Where groups are; none where there are none.
    pub(super) groups: Option<Vec<String>>,
    fields: BTreeMap<String, Field>,
}

impl Service {
    /// Reads the three answers; `None` where the service has no such page.
    pub(super) fn new(config: Option<&Json>, types: Option<&Json>, schemas: Option<&Json>) -> Self {
        let supported = |name: &str| config?.get(name)?.get("supported")?.as_bool();
        let most = config.and_then(|config| config.get("filter")?.get("maxResults")?.as_u64()).filter(|most| *most > 0);
        let all: Vec<&Json> = types.map(entries).unwrap_or_default();
        let endpoint = |schema: &str, usual: &str| {
            let of = |kind: &&&Json| kind.get("schema").and_then(Json::as_str).is_some_and(|own| own.eq_ignore_ascii_case(schema));
            match all.iter().find(of) {
                Some(kind) => Some(segments(kind.get("endpoint").and_then(Json::as_str)).unwrap_or_else(|| vec![usual.to_owned()])),
                None if all.is_empty() => Some(vec![usual.to_owned()]),
                None => None,
            }
        };
        let builtin = builtin();
        let described: Vec<&Json> = schemas.map(entries).unwrap_or_default();
        let own = |id: &str| described.iter().any(|schema| id_of(schema).eq_ignore_ascii_case(id));
        let mut fields = BTreeMap::new();
        for schema in &described {
            if !id_of(schema).eq_ignore_ascii_case(GROUP) && id_of(schema).to_lowercase().starts_with("urn:") {
                describe(&mut fields, schema);
            }
        }
        // A service that describes its users knows better which extensions it has.
        if !own(CORE) {
            builtin.iter().filter(|schema| !own(id_of(schema))).for_each(|schema| describe(&mut fields, schema));
        }
        Self {
            edits: if supported("patch") == Some(false) { Edits::Put } else { Edits::Patch },
            filter: supported("filter") != Some(false),
            etag: supported("etag") == Some(true),
            page: most.unwrap_or(PAGE).min(PAGE),
            users: endpoint(CORE, "Users").unwrap_or_else(|| vec!["Users".to_owned()]),
            groups: endpoint(GROUP, "Groups"),
            fields,
        }
    }

    /// The schema as a plan needs it.
    pub(super) fn schema(&self) -> Schema {
        let mut attributes = BTreeMap::new();
        for (key, field) in self.fields.iter().filter(|(_, field)| field.form != Form::Complex && field.readable) {
            let rule = self.rule(key, field);
            attributes.extend(AttributeName::parse(field.name.as_str()).map(|name| (name, rule.clone())));
            let Some((parent, sub)) = field.name.rsplit_once('.').filter(|_| self.parent(key).is_some_and(|parent| parent.many)) else {
                continue;
            };
            if sub == "value" {
                // The attribute itself stands for all of its values.
                attributes.extend(AttributeName::parse(parent).map(|name| (name, rule.clone())));
            }
            let types =
                self.fields.get(&format!("{}.type", parent.to_lowercase())).map(|types| types.canonical.as_slice()).unwrap_or_default();
            let usual = ["work", "home", "other", "mobile", "fax", "pager"].map(str::to_owned);
            for type_ in types.iter().chain(&usual) {
                let name = format!("{parent}[type eq {}].{sub}", Json::String(type_.clone()));
                let one = AttributeRule { many: false, required: false, ..rule.clone() };
                attributes.extend(AttributeName::parse(name).map(|name| (name, one)));
            }
        }
        for own in ["id", "externalId", "active"] {
            let rule = AttributeRule { read_only: true, unique: own != "active", ..AttributeRule::default() };
            attributes.extend(AttributeName::parse(own).map(|name| (name, rule)));
        }
        attributes.entry(user_name()).or_insert(AttributeRule {
            required: true,
            unique: true,
            ignore_case: true,
            ..AttributeRule::default()
        });
        let default_mapping = DEFAULT_MAPPING.into_iter().filter(|(name, _)| *name == "userName" || self.knows(name));
        Schema {
            attributes,
            // A service may take more than its schemas say.
            closed: false,
            can: Capabilities {
                disable: self.fields.get("active").is_none_or(|active| !active.read_only),
                end_sessions: false,
                stable_ids: true,
                owner_key: self.filter,
                create_entitlements: self.groups.iter().map(|_| KIND.to_owned()).collect::<BTreeSet<_>>(),
            },
            own_login: None,
            default_mapping: default_mapping.filter_map(|(name, rego)| Some((AttributeName::parse(name).ok()?, rego.to_owned()))).collect(),
        }
    }

    /// Whether the attribute holds many values.
    pub(super) fn is_many(&self, path: &Path) -> bool {
        !path.selects() && self.fields.get(&path.whole().to_lowercase()).is_some_and(|field| field.many)
    }

    /// What the resource holds, of the type that the schema says.
    pub(super) fn value(&self, path: &Path, resource: &Resource) -> Option<Value> {
        let value = path.read(resource)?;
        match (&value, self.form(path)) {
            (Value::Text(text), Form::Bool) => Some(text.to_lowercase().parse().map_or(value.clone(), Value::Bool)),
            (Value::Many(_), _) if self.is_many(path) => Some(value),
            (Value::Many(many), _)
                if many.len() == 1 && !self.fields.is_empty() && self.fields.contains_key(&path.whole().to_lowercase()) =>
            {
                many.first().cloned().map(Value::Text)
            }
            (Value::Text(text), _) if self.is_many(path) => Some(Value::Many(BTreeSet::from([text.clone()]))),
            (Value::Text(_) | Value::Bool(_) | Value::Many(_) | Value::Account(_) | Value::Later(_), _) => Some(value),
        }
    }

    /// What is to be written for a value.
    ///
    /// # Errors
    /// [`Failure::Invalid`] where it is none of the attribute's, [`Failure::Bug`] for a reference that nobody resolved.
    pub(super) fn content(&self, path: &Path, value: &Value) -> Result<Content, Failure> {
        let invalid = |why: String| Failure::Invalid { attribute: attribute(path), why };
        match value {
            Value::Account(_) | Value::Later(_) => Err(Failure::Bug(format!("{path} is to be written before it is known"))),
            Value::Bool(bool) if self.form(path) == Form::Text && self.fields.contains_key(&path.field()) => {
                Ok(Content::One(Json::String(bool.to_string())))
            }
            Value::Bool(bool) => Ok(Content::One(Json::Bool(*bool))),
            Value::Text(text) if !self.is_many(path) => self.json(path, text).map(Content::One),
            Value::Many(many) if many.len() == 1 && !self.is_many(path) => {
                many.first().map_or(Ok(Content::Nothing), |text| self.json(path, text).map(Content::One))
            }
            Value::Many(_) if path.selects() || self.fields.get(&path.whole().to_lowercase()).is_some_and(|field| !field.many) => {
                Err(invalid("it holds one value, and the mapping gives many".to_owned()))
            }
            Value::Text(_) | Value::Many(_) => {
                let values = value.texts().iter().map(|text| self.json(path, text)).collect::<Result<Vec<_>, _>>()?;
                let plain = self.fields.get(&path.whole().to_lowercase()).is_some_and(|field| field.form != Form::Complex);
                Ok(if plain { Content::Plain(values) } else { Content::Many(values) })
            }
        }
    }

    fn json(&self, path: &Path, text: &str) -> Result<Json, Failure> {
        let parsed = match self.form(path) {
            Form::Text | Form::Complex => return Ok(Json::String(text.to_owned())),
            Form::Bool => text.to_lowercase().parse().ok().map(Json::Bool),
            Form::Number => text.parse().ok().map(Json::Number),
        };
        let what = if self.form(path) == Form::Bool { "true or false" } else { "a number" };
        parsed.ok_or_else(|| Failure::Invalid { attribute: attribute(path), why: format!("it takes {what}") })
    }

    fn form(&self, path: &Path) -> Form {
        let key = path.field();
        let value = format!("{}.value", path.whole().to_lowercase());
        match self.fields.get(&key) {
            Some(field) if field.form == Form::Complex => self.fields.get(&value).map_or(Form::Text, |field| field.form),
            Some(field) => field.form,
            None => Form::Text,
        }
    }

    fn knows(&self, name: &str) -> bool {
        Path::parse(name).is_ok_and(|path| self.fields.get(&path.field()).is_some_and(|field| !field.read_only && field.readable))
    }

    fn parent(&self, key: &str) -> Option<&Field> {
        // The dots of a URN stand before its last colon.
        let (schema, name) = key.rsplit_once(':').map_or(("", key), |(schema, name)| (schema, name));
        let (parent, _) = name.split_once('.')?;
        self.fields.get(&if schema.is_empty() { parent.to_owned() } else { format!("{schema}:{parent}") })
    }

    fn rule(&self, key: &str, field: &Field) -> AttributeRule {
        let parent = self.parent(key);
        AttributeRule {
            many: field.many || parent.is_some_and(|parent| parent.many),
            ignore_case: !field.case_exact && field.form == Form::Text,
            required: field.required && parent.is_none_or(|parent| parent.required),
            read_only: field.read_only || parent.is_some_and(|parent| parent.read_only) || OWN.iter().any(|own| is_own(key, own)),
            unique: field.unique,
            self_service: false,
        }
    }
}

/// The attribute as a manifest names it.
pub(super) fn attribute(path: &Path) -> AttributeName {
    AttributeName::parse(path.to_string()).unwrap_or_else(|_| user_name())
}

/// The account's changeable name.
#[expect(clippy::expect_used, reason = "a literal that is a name")]
pub(super) fn user_name() -> AttributeName {
    AttributeName::parse("userName").expect("userName is a name")
}

/// Whether the attribute is, or is a part of, one that Provost itself keeps.
pub(super) fn is_own(key: &str, own: &str) -> bool {
    let key = key.to_lowercase();
    key.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn entries(body: &Json) -> Vec<&Json> {
    match body {
        Json::Array(all) => all.iter().collect(),
        Json::Object(list) => get(list, "Resources").and_then(Json::as_array).map(|all| all.iter().collect()).unwrap_or_default(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Vec::new(),
    }
}

/// The path of an endpoint below the base; what is no plain path is not followed.
fn segments(endpoint: Option<&str>) -> Option<Vec<String>> {
    let endpoint = endpoint?.trim_matches('/');
    let plain = |segment: &str| {
        !segment.is_empty() && !segment.starts_with('.') && segment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    endpoint.split('/').all(plain).then(|| endpoint.split('/').map(str::to_owned).collect())
}
