//! BusinessRoles: what each includes, which parameters it needs, and what a binding of it gives. Computed once for all roles of a realm.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde_json::json;

use super::input::{Holding, Parameters, RoleGrant};
use crate::api::binding::RoleBindingSpec;
use crate::api::person::Free;
use crate::api::role::{BusinessRoleSpec, Parameter, ParameterType, RoleEntitlement};
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, EntitlementName, Kind, NameError, ObjectName, Right, RoleName, TargetName};

mod parameters;

use parameters::{fill, given, placeholders, taken_over};

/// What is wrong with a BusinessRole, or with a RoleBinding of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// A binding names a role that is not there.
    #[error("no BusinessRole is called `{0}`")]
    Unknown(String),
    /// The role is there and cannot be read.
    #[error("the BusinessRole `{0}` cannot be read")]
    Unreadable(RoleName),
    /// A binding names a role that has errors itself.
    #[error("the BusinessRole `{role}` has an error: {why}")]
    Broken {
        /// The role.
        role: RoleName,
        /// Its error.
        why: String,
    },
    /// The role includes itself.
    #[error("`includes` goes round in a circle: {0}; take one of these inclusions out")]
    Cycle(String),
    /// An entitlement's name uses a parameter that the role does not have.
    #[error("`{entitlement}` uses `${{{parameter}}}`, which is no parameter of the role: declare it in `parameters`")]
    Placeholder {
        /// The entitlement.
        entitlement: String,
        /// The parameter.
        parameter: String,
    },
    /// An included role needs a parameter that the outer one does not have.
    #[error("the included role `{include}` needs the parameter `{parameter}`: declare it in `parameters` here too")]
    Inner {
        /// The included role.
        include: RoleName,
        /// The parameter.
        parameter: String,
    },
    /// A parameter is needed and not given.
    #[error("the parameter `{0}` of the role is missing")]
    Missing(String),
    /// A parameter is given that the role does not have.
    #[error("`{0}` is no parameter of the role")]
    Undeclared(String),
    /// A parameter has a value that it may not have.
    #[error("the parameter `{parameter}` cannot be {value}: {allowed}")]
    Value {
        /// The parameter.
        parameter: String,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// A name that cannot be one.
    #[error("{0}")]
    Name(#[from] NameError),
}

/// All BusinessRoles of a realm, with what they include.
#[derive(Debug, Default)]
pub struct Roles {
    roles: BTreeMap<RoleName, Result<Role, RoleError>>,
}

/// One role that can be used.
#[derive(Debug, Clone)]
struct Role {
    parameters: BTreeMap<String, Parameter>,
    gives: Vec<Gives>,
    /// Itself, then all that it includes, the nearest first.
    members: Vec<Member>,
}

/// One entitlement of a role, read once.
#[derive(Debug, Clone)]
struct Gives {
    target: TargetName,
    kind: Kind,
    name: String,
    right: Option<Right>,
    account: AccountName,
}

/// A role among those that another one includes.
#[derive(Debug, Clone)]
struct Member {
    role: RoleName,
    /// Whose parameters it takes: a place in the list of members.
    outer: Option<usize>,
}

impl Roles {
    /// Reads all roles. `unreadable`: names of those that are there and cannot be read.
    #[must_use]
    pub fn resolve<'a>(specs: impl IntoIterator<Item = (&'a ObjectName, &'a BusinessRoleSpec)>, unreadable: &BTreeSet<RoleName>) -> Self {
        let specs: BTreeMap<RoleName, &BusinessRoleSpec> = specs
            .into_iter()
            .filter_map(|(name, spec)| Some((RoleName::parse(name.as_str()).ok()?, spec)))
            .filter(|(name, _)| !unreadable.contains(name))
            .collect();
        let includes: BTreeMap<RoleName, Result<Vec<RoleName>, RoleError>> =
            specs.iter().map(|(name, spec)| (name.clone(), included(spec, &specs, unreadable))).collect();
        let mut roles = Self::default();
        for name in unreadable {
            roles.roles.insert(name.clone(), Err(RoleError::Unreadable(name.clone())));
        }
        for name in inner_first(&includes) {
            if let (Some(spec), Some(includes)) = (specs.get(&name), includes.get(&name)) {
                let role = includes.clone().and_then(|includes| roles.role(&name, spec, &includes));
                roles.roles.insert(name, role);
            }
        }
        let left: Vec<&RoleName> = specs.keys().filter(|name| !roles.roles.contains_key(*name)).collect();
        for name in left {
            let error = match circle(name, &includes) {
                Some(circle) => RoleError::Cycle(circle.iter().map(RoleName::as_str).collect::<Vec<_>>().join(" → ")),
                None => RoleError::Broken { role: name.clone(), why: "a role that it includes includes itself".to_owned() },
            };
            roles.roles.insert(name.clone(), Err(error));
        }
        roles
    }

    /// What a binding gives to each of its people: the role and all that it includes, each with its own grants.
    ///
    /// # Errors
    /// [`RoleError`] where the role is unknown or has errors, or the parameters do not fit.
    pub fn hold(&self, binding: &ObjectName, spec: &RoleBindingSpec) -> Result<Vec<Holding>, RoleError> {
        let role = self.usable(&RoleName::parse(spec.role.as_str())?)?;
        let outermost = given(&role.parameters, &spec.parameters)?;
        let not_before = spec.not_before.map(|moment| moment.0);
        let until = spec.not_after.map(|moment| moment.0);
        let mut holdings: Vec<Holding> = Vec::with_capacity(role.members.len());
        for member in &role.members {
            let inner = self.usable(&member.role)?;
            let parameters = match member.outer.and_then(|outer| holdings.get(outer)) {
                Some(outer) => taken_over(&inner.parameters, &outer.parameters)?,
                None => outermost.clone(),
            };
            let path = match member.outer.and_then(|outer| holdings.get(outer)) {
                Some(outer) => outer.path.iter().chain([&outer.name]).cloned().collect(),
                None => Vec::new(),
            };
            let reason = reason(&member.role, &path, binding);
            let grants = inner.gives.iter().map(|gives| gives.filled(&parameters, &reason, until)).collect::<Result<_, _>>()?;
            holdings.push(Holding {
                name: member.role.clone(),
                parameters,
                binding: binding.clone(),
                path,
                not_before,
                until,
                justification: spec.justification.clone(),
                grants,
            });
        }
        Ok(holdings)
    }

    /// `data.realm.roles`, for roles held by rule. A role with errors is not in it, so that a rule that names it does not fit.
    #[must_use]
    pub fn data(&self) -> serde_json::Value {
        self.roles.iter().filter_map(|(name, role)| Some((name.to_string(), self.data_of(role.as_ref().ok()?)))).collect()
    }

    /// The roles that have errors.
    pub fn errors(&self) -> impl Iterator<Item = (&RoleName, &RoleError)> {
        self.roles.iter().filter_map(|(name, role)| Some((name, role.as_ref().err()?)))
    }

    fn usable(&self, name: &RoleName) -> Result<&Role, RoleError> {
        match self.roles.get(name) {
            Some(Ok(role)) => Ok(role),
            // The innermost error is the one to mend.
            Some(Err(error @ (RoleError::Unreadable(_) | RoleError::Broken { .. }))) => Err(error.clone()),
            Some(Err(why)) => Err(RoleError::Broken { role: name.clone(), why: why.to_string() }),
            None => Err(RoleError::Unknown(name.to_string())),
        }
    }

    /// One role; those that it includes have been read before.
    fn role(&self, name: &RoleName, spec: &BusinessRoleSpec, includes: &[RoleName]) -> Result<Role, RoleError> {
        let mut parameters = spec.parameters.clone();
        let mut need = |parameter: &str| parameters.get_mut(parameter).map(|rule| rule.required = true);
        let mut gives = Vec::with_capacity(spec.entitlements.len());
        for entitlement in &spec.entitlements {
            for parameter in placeholders(&entitlement.name) {
                need(parameter).ok_or_else(|| RoleError::Placeholder {
                    entitlement: format!("{}/{}/{}", entitlement.target, entitlement.kind, entitlement.name),
                    parameter: parameter.to_owned(),
                })?;
            }
            gives.push(Gives::read(entitlement)?);
        }
        for include in includes {
            for (parameter, _) in self.usable(include)?.parameters.iter().filter(|(_, rule)| rule.required) {
                need(parameter).ok_or_else(|| RoleError::Inner { include: include.clone(), parameter: parameter.clone() })?;
            }
        }
        Ok(Role { parameters, gives, members: self.members(name, includes) })
    }

    /// The role and all that it includes, each once, by the shortest way.
    fn members(&self, name: &RoleName, includes: &[RoleName]) -> Vec<Member> {
        let mut members = vec![Member { role: name.clone(), outer: None }];
        let mut met = BTreeSet::from([name.clone()]);
        let mut queue: VecDeque<usize> = VecDeque::from([0]);
        while let Some(outer) = queue.pop_front() {
            let Some(member) = members.get(outer).cloned() else { break };
            let direct: Vec<RoleName> = if outer == 0 { includes.to_vec() } else { self.direct(&member.role) };
            for role in direct {
                if met.insert(role.clone()) {
                    queue.push_back(members.len());
                    members.push(Member { role, outer: Some(outer) });
                }
            }
        }
        members
    }

    fn direct(&self, name: &RoleName) -> Vec<RoleName> {
        match self.roles.get(name) {
            Some(Ok(role)) => role.members.iter().filter(|member| member.outer == Some(0)).map(|member| member.role.clone()).collect(),
            Some(Err(_)) | None => Vec::new(),
        }
    }

    fn data_of(&self, role: &Role) -> serde_json::Value {
        let parameters: Free = role
            .parameters
            .iter()
            .map(|(name, rule)| {
                let rule = json!({"type": rule.type_.unwrap_or(ParameterType::String), "enum": rule.enum_, "required": rule.required});
                (name.clone(), rule)
            })
            .collect();
        let grants: Vec<serde_json::Value> = role
            .members
            .iter()
            .filter_map(|member| Some((member, self.usable(&member.role).ok()?)))
            .flat_map(|(member, inner)| inner.gives.iter().map(|gives| gives.data(&member.role)))
            .collect();
        let closure: Vec<&str> = role.members.iter().skip(1).map(|member| member.role.as_str()).collect();
        json!({"parameters": parameters, "grants": grants, "closure": closure})
    }
}

impl Gives {
    fn read(entitlement: &RoleEntitlement) -> Result<Self, RoleError> {
        EntitlementName::parse(entitlement.name.as_str())?;
        Ok(Self {
            target: TargetName::parse(entitlement.target.as_str())?,
            kind: Kind::parse(entitlement.kind.as_str())?,
            name: entitlement.name.clone(),
            right: entitlement.right.as_deref().map(Right::parse).transpose()?,
            account: AccountName::new(entitlement.account.as_str()),
        })
    }

    fn filled(&self, parameters: &Parameters, reason: &str, until: Option<Timestamp>) -> Result<RoleGrant, RoleError> {
        let key = EntitlementKey {
            target: self.target.clone(),
            kind: self.kind.clone(),
            name: EntitlementName::parse(fill(&self.name, parameters))?,
            right: self.right.clone(),
        };
        Ok(RoleGrant { key, account: self.account.clone(), reason: reason.to_owned(), until })
    }

    fn data(&self, role: &RoleName) -> serde_json::Value {
        let mut grant = json!({"target": self.target, "kind": self.kind, "name": self.name, "account": self.account, "role": role});
        if let (Some(right), Some(grant)) = (&self.right, grant.as_object_mut()) {
            grant.insert("right".to_owned(), json!(right));
        }
        grant
    }
}

fn reason(role: &RoleName, path: &[RoleName], binding: &ObjectName) -> String {
    if path.is_empty() {
        format!("role {role} (binding {binding})")
    } else {
        format!("role {role} through {} (binding {binding})", path.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", "))
    }
}

/// The roles that this one names in `includes`, which must all be there.
fn included(
    spec: &BusinessRoleSpec,
    specs: &BTreeMap<RoleName, &BusinessRoleSpec>,
    unreadable: &BTreeSet<RoleName>,
) -> Result<Vec<RoleName>, RoleError> {
    let known = |name: &String| {
        let role = RoleName::parse(name.as_str())?;
        if unreadable.contains(&role) {
            Err(RoleError::Unreadable(role))
        } else if specs.contains_key(&role) {
            Ok(role)
        } else {
            Err(RoleError::Unknown(name.clone()))
        }
    };
    spec.includes.iter().map(known).collect()
}

/// All roles, each behind those that it includes. Roles of a circle, and those that include one, are left out.
fn inner_first(includes: &BTreeMap<RoleName, Result<Vec<RoleName>, RoleError>>) -> Vec<RoleName> {
    let mut waits_for: BTreeMap<&RoleName, BTreeSet<&RoleName>> = BTreeMap::new();
    let mut outer: BTreeMap<&RoleName, Vec<&RoleName>> = BTreeMap::new();
    for (name, inner) in includes {
        let inner: BTreeSet<&RoleName> = inner.iter().flatten().collect();
        for role in &inner {
            outer.entry(role).or_default().push(name);
        }
        waits_for.insert(name, inner);
    }
    let mut ready: VecDeque<&RoleName> = waits_for.iter().filter(|(_, inner)| inner.is_empty()).map(|(name, _)| *name).collect();
    let mut order = Vec::with_capacity(includes.len());
    while let Some(name) = ready.pop_front() {
        order.push(name.clone());
        for role in outer.get(name).into_iter().flatten() {
            if let Some(inner) = waits_for.get_mut(role)
                && inner.remove(name)
                && inner.is_empty()
            {
                ready.push_back(role);
            }
        }
    }
    order
}

/// The shortest way from a role back to itself.
fn circle(name: &RoleName, includes: &BTreeMap<RoleName, Result<Vec<RoleName>, RoleError>>) -> Option<Vec<RoleName>> {
    let mut from: BTreeMap<&RoleName, &RoleName> = BTreeMap::new();
    let mut queue = VecDeque::from([name]);
    while let Some(role) = queue.pop_front() {
        for inner in includes.get(role)?.iter().flatten() {
            if inner == name {
                let mut way = vec![name.clone(), role.clone()];
                let mut at = role;
                while let Some(outer) = from.get(at) {
                    way.push((*outer).clone());
                    at = outer;
                }
                if role == name {
                    way.truncate(1);
                    way.push(name.clone());
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(inner) {
                from.insert(inner, role);
                queue.push_back(inner);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
