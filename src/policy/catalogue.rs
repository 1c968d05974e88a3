//! The catalogue: BusinessRoles as the policies see them, and whether what a rule asks for fits them.
//!
//! [`compile`](super::compile()) takes the roles as one JSON object and makes `data.realm.roles` of it. The shape it needs:
//!
//! ```json
//! {
//!   "project-member": {
//!     "parameters": {"project": {"type": "string", "enum": ["apollo", "intranet"], "required": true}},
//!     "grants": [{"target": "git", "kind": "repository", "name": "${project}", "right": "write", "account": "", "role": "project-member"}],
//!     "closure": ["staff"]
//!   }
//! }
//! ```
//!
//! `grants` has all that the role gives, also through the roles that it includes; `role` says through which of them (left out: itself).
//! `closure` names all roles that it includes, directly or not, without itself. `type` is `string` (default), `integer` or `boolean`.
//! Everything may be left out but `target`, `kind` and `name` of a grant; other fields of a role are handed on to the policies as they are.
//!
//! Policies see under `data.realm.roles.NAME`: `parameters`, `closure`, `grants` (ready members of `entitlements`, with `key` and
//! `reason`) and `templates` (the same without `key`, where parameters are still to be filled in).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::PolicyError;
use crate::api::role::{Parameter, ParameterType};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{EntitlementName, Kind, Right, RoleName, TargetName};
use crate::realm::input::Parameters;

/// The catalogue's module.
pub(crate) const MODULE: &str = include_str!("../../policies/catalogue.rego");
/// The module that makes what is asked for exist.
pub(crate) const STUB: &str = include_str!("../../policies/stub.rego");
/// Names in package `provost` that no policy may define.
pub(crate) const OWN: [&str; 4] = ["held", "effective", "key_of", "key_name"];

/// What must be known of a role to judge a rule that asks for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RoleShape {
    parameters: BTreeMap<String, Parameter>,
    /// Included roles.
    pub closure: Vec<RoleName>,
}

/// All roles by name.
pub(crate) type Catalogue = BTreeMap<RoleName, RoleShape>;

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    grants: Vec<Grant>,
    #[serde(default)]
    closure: Vec<RoleName>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    target: TargetName,
    kind: Kind,
    name: EntitlementName,
    #[serde(default)]
    right: Option<Right>,
    #[serde(default)]
    account: String,
    #[serde(default)]
    role: Option<RoleName>,
}

/// Makes `data.realm.roles` of the roles.
///
/// # Errors
/// What is not of the shape above.
pub(crate) fn read(roles: &Value) -> Result<(Catalogue, Value), PolicyError> {
    let given: BTreeMap<RoleName, Given> = match roles {
        Value::Null => BTreeMap::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => serde_json::from_value(roles.clone())
            .map_err(|error| PolicyError::bare(format!("the BusinessRoles are not as expected: {error}")))?,
    };
    let mut catalogue = Catalogue::new();
    let mut data = Map::new();
    for (name, role) in given {
        let mut grants = Vec::new();
        let mut templates = Vec::new();
        for grant in &role.grants {
            let member = member(&name, grant);
            if grant.name.as_str().contains("${") { templates.push(member) } else { grants.push(member) }
        }
        let mut entry = role.rest;
        entry.insert("parameters".to_owned(), json!(role.parameters));
        entry.insert("closure".to_owned(), json!(role.closure));
        entry.insert("grants".to_owned(), Value::Array(grants));
        entry.insert("templates".to_owned(), Value::Array(templates));
        data.insert(name.as_str().to_owned(), Value::Object(entry));
        catalogue.insert(name, RoleShape { parameters: role.parameters, closure: role.closure });
    }
    Ok((catalogue, Value::Object(data)))
}

/// The member of `entitlements` that a grant is.
fn member(role: &RoleName, grant: &Grant) -> Value {
    let through = match &grant.role {
        Some(through) if through != role => format!("role {role} → {through} (by rule)"),
        Some(_) | None => format!("role {role} (by rule)"),
    };
    let mut member = json!({
        "target": grant.target, "kind": grant.kind, "name": grant.name, "account": grant.account, "reason": through,
    });
    if let Value::Object(fields) = &mut member {
        if let Some(right) = &grant.right {
            fields.insert("right".to_owned(), json!(right));
        }
        if !grant.name.as_str().contains("${") {
            let (target, kind, name) = (grant.target.clone(), grant.kind.clone(), grant.name.clone());
            fields.insert("key".to_owned(), json!(EntitlementKey { target, kind, name, right: grant.right.clone() }));
        }
    }
    member
}

impl RoleShape {
    /// Whether these parameters fit: all known, all that are required there, each of its type and among its values.
    ///
    /// # Errors
    /// What does not fit, as a fragment.
    pub(crate) fn fit(&self, parameters: &Parameters) -> Result<(), String> {
        for (name, value) in parameters {
            let Some(rule) = self.parameters.get(name) else { return Err(format!("it has no parameter `{name}`")) };
            let typed = match rule.type_.unwrap_or(ParameterType::String) {
                ParameterType::String => true,
                ParameterType::Integer => value.parse::<i64>().is_ok(),
                ParameterType::Boolean => matches!(value.as_str(), "true" | "false"),
            };
            if !typed {
                return Err(format!("its parameter `{name}` cannot be `{value}`"));
            }
            if !rule.enum_.is_empty() && !rule.enum_.contains(value) {
                return Err(format!("its parameter `{name}` can be {}, not `{value}`", rule.enum_.join(", ")));
            }
        }
        match self.parameters.iter().find(|(name, rule)| rule.required && !parameters.contains_key(*name)) {
            Some((name, _)) => Err(format!("it needs the parameter `{name}`")),
            None => Ok(()),
        }
    }

    /// Those of the outer role's parameters that this included role has too.
    pub(crate) fn handed(&self, outer: &Parameters) -> Parameters {
        outer.iter().filter(|(name, _)| self.parameters.contains_key(*name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}
