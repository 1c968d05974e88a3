//! Policies from text to decision.

mod bad;
mod decisions;
mod engine;
mod mappings;
mod sod;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, AttributeName, ObjectName, PersonId, RoleName, TargetName};
use crate::policy::decision::Decision;
use crate::realm::input::{Held, Holding, Input, RoleGrant, TargetFacts};

pub(super) fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

pub(super) fn key(text: &str) -> EntitlementKey {
    EntitlementKey::parse(text).unwrap()
}

pub(super) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) const NOW: &str = "2026-11-24T12:00:00Z";

/// One Policy `p` with these files; what is no `.rego` is data.
pub(super) fn policy(files: &[(&str, &str)]) -> PolicySource {
    let (modules, data): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name.ends_with(".rego"));
    PolicySource {
        policy: ObjectName::parse("p").unwrap(),
        modules: modules.into_iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        data: data.into_iter().map(|(name, text)| ((*name).to_owned(), serde_json::from_str(text).unwrap())).collect(),
        libraries: Vec::new(),
    }
}

pub(super) fn compiled(files: &[(&str, &str)]) -> Compiled {
    compile_with(&[policy(files)], &json!({}))
}

/// With a limit of time that no test needs to wait for.
pub(super) fn compile_with(policies: &[PolicySource], roles: &Value) -> Compiled {
    let limits = Limits { time: Duration::from_millis(500) };
    match compile_within(policies, roles, &Mappings::new(), limits) {
        Ok(compiled) => compiled,
        Err(errors) => panic!("{}", errors.iter().map(PolicyError::render).collect::<String>()),
    }
}

/// All that is wrong, a line each: `p/a.rego:3:1: message (hint)`.
pub(super) fn errors(files: &[(&str, &str)]) -> Vec<String> {
    check(&[policy(files)], &json!({}), &Mappings::new()).iter().map(ToString::to_string).collect()
}

pub(super) fn input(person: Value) -> Input {
    Input {
        id: PersonId::parse("1").unwrap(),
        person,
        managers: Vec::new(),
        managers_unknown: false,
        roles: Vec::new(),
        targets: Arc::new(BTreeMap::from([(target("dir"), TargetFacts { type_: "ldap".to_owned(), labels: BTreeMap::new() })])),
        observed: BTreeSet::new(),
        unread: BTreeSet::new(),
        accounts: BTreeMap::new(),
        today: "2026-11-24".to_owned(),
        midnight: Some(moment("2026-11-25T00:00:00Z")),
        holdings_next: None,
    }
}

pub(super) fn held(text: &str) -> Held {
    Held { key: key(text), account: AccountName::ordinary() }
}

pub(super) fn holding(role: &str, grants: &[&str], until: Option<&str>) -> Holding {
    Holding {
        name: RoleName::parse(role).unwrap(),
        parameters: BTreeMap::new(),
        binding: ObjectName::parse("b").unwrap(),
        path: Vec::new(),
        not_before: None,
        until: until.map(moment),
        justification: None,
        grants: grants
            .iter()
            .map(|text| RoleGrant {
                key: key(text),
                account: AccountName::ordinary(),
                reason: format!("role {role} (binding b)"),
                until: until.map(moment),
            })
            .collect(),
    }
}

pub(super) fn decided(compiled: &Compiled, input: &Input) -> Decision {
    decide(compiled, input, moment(NOW)).unwrap_or_else(|error| panic!("{error}"))
}

/// `KEY` or `KEY#ACCOUNT`, sorted.
pub(super) fn entitlements(decision: &Decision) -> Vec<String> {
    let name = |account: &AccountName| if account.is_ordinary() { String::new() } else { format!("#{account}") };
    decision.entitlements.keys().map(|(account, key)| format!("{key}{}", name(account))).collect()
}

pub(super) fn attribute(name: &str) -> AttributeName {
    AttributeName::parse(name).unwrap()
}
