//! The library modules that are shipped in the binary, for `Policy.spec.use`. A version never changes its meaning.
//!
//! - `sod/v1`: segregation of duties as data. Each item of `data.sod` is `{rule, enforcement, between: [keys], yields: key, message}`
//!   (`message` and `enforcement`, default `report`, may be left out). Who holds or is asked to hold all of `between` gets a violation
//!   that names the side in `yields`, so that `withhold` and `revoke` act on that side alone. It judges `data.provost.effective`, and
//!   withholds what yields as long as a target that holds another side was never read. It adds to `data.provost.violations`; there is
//!   nothing to call.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::decision::Enforcement;
use super::error::PolicyError;
use crate::model::entitlement::EntitlementKey;

/// One library module.
pub(crate) struct Library {
    /// As in `use`.
    pub name: &'static str,
    pub text: &'static str,
    /// What is wrong with the data that it reads.
    pub check: fn(&serde_json::Value) -> Vec<PolicyError>,
}

/// All of them.
pub(crate) const LIBRARIES: [Library; 1] = [Library { name: "sod/v1", text: include_str!("../../policies/sod/v1.rego"), check: check_sod }];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    #[serde(rename = "rule")]
    _rule: String,
    #[serde(rename = "enforcement", default)]
    _enforcement: Enforcement,
    between: BTreeSet<EntitlementKey>,
    yields: EntitlementKey,
    #[serde(rename = "message", default)]
    _message: Option<String>,
}

fn check_sod(data: &serde_json::Value) -> Vec<PolicyError> {
    let wrong = |message: String| {
        PolicyError::bare(message).hint("an item is {rule, enforcement, between: [TARGET/KIND/NAME, …], yields: TARGET/KIND/NAME, message}")
    };
    let Some(items) = data.get("sod").and_then(serde_json::Value::as_array) else {
        return vec![wrong("`sod/v1` needs data: a list under `sod`".to_owned())];
    };
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match serde_json::from_value::<Pair>(item.clone()) {
            Err(error) => errors.push(wrong(format!("data.sod[{index}]: {error}"))),
            Ok(pair) if pair.between.len() < 2 => errors.push(wrong(format!("data.sod[{index}]: `between` needs two entitlements"))),
            Ok(pair) if !pair.between.contains(&pair.yields) => {
                errors.push(wrong(format!("data.sod[{index}]: `yields` is none of `between`")));
            }
            Ok(_) => {}
        }
    }
    errors
}
