//! Which line asked for what: each rule has a generated twin that gives its own place beside the value.

use std::collections::BTreeMap;

use regorus::Value as Rego;

use super::compiled::Compiled;
use super::document;
use super::error::DecideError;
use super::member;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountName, RoleName, TargetName};
use crate::realm::input::{Input, Parameters};

/// Something that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asking {
    /// A role.
    Role(RoleName, Parameters),
    /// An account, nothing more.
    Account(TargetName, AccountName),
    /// An entitlement.
    Entitlement(AccountName, EntitlementKey),
    /// A violation, by its rule.
    Violation(String),
}

/// For all that rules ask for, the places (`access/birthright.rego:14`) that do. What the catalogue gives is not in it: its reasons name
/// binding and role.
///
/// # Errors
/// As [`decide`](super::decide()).
pub fn twins(compiled: &Compiled, input: &Input) -> Result<BTreeMap<Asking, Vec<String>>, DecideError> {
    let evaluation = compiled
        .twin_evaluation(document::input(input, &|manager| document::json(manager)))
        .map_err(|error| DecideError::Bug(error.to_string()))?;
    let mut places: BTreeMap<Asking, Vec<String>> = BTreeMap::new();
    for set in super::rewrite::ASKED {
        let pairs = evaluation.rule(&format!("data.provost.__at_{set}"))?;
        for pair in pairs.as_set().into_iter().flat_map(|pairs| pairs.iter_sorted()) {
            let Some((place, value)) =
                pair.as_array().ok().and_then(|pair| Some((pair.first()?.as_string().ok()?.to_string(), pair.get(1)?)))
            else {
                continue;
            };
            if let Some(asking) = asking(set, value) {
                places.entry(asking).or_default().push(place);
            }
        }
    }
    for places in places.values_mut() {
        places.sort();
        places.dedup();
    }
    Ok(places)
}

/// What a member of one of the sets asks for; what cannot be read is an error of the decision, not of this.
fn asking(set: &str, value: &Rego) -> Option<Asking> {
    match set {
        "roles" => member::role(value).ok().map(|role| Asking::Role(role.name, role.parameters)),
        "accounts" => member::account(value).ok().map(|account| Asking::Account(account.target, account.account)),
        "entitlements" => member::entitlement(value).ok().map(|member| Asking::Entitlement(member.account, member.key)),
        "violations" => member::violation(value).ok().map(|violation| Asking::Violation(violation.rule)),
        _ => None,
    }
}
