//! The entitlements that BusinessRoles name: only those may be made in a target that lacks them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::entitlement::EntitlementKey;

/// Names by target and kind; `${parameter}` stands for any text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleNames(BTreeMap<(String, String), BTreeSet<String>>);

impl RoleNames {
    /// The names in `data.realm.roles`.
    #[must_use]
    pub fn of(roles: &serde_json::Value) -> Self {
        let mut names = Self::default();
        let grants =
            roles.as_object().into_iter().flat_map(|roles| roles.values()).filter_map(|role| role.get("grants")?.as_array()).flatten();
        for grant in grants {
            let text = |field: &str| grant.get(field).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            names.0.entry((text("target"), text("kind"))).or_default().insert(text("name"));
        }
        names
    }

    /// Whether a BusinessRole names this entitlement.
    #[must_use]
    pub fn names(&self, key: &EntitlementKey) -> bool {
        let place = (key.target.to_string(), key.kind.to_string());
        self.0
            .get(&place)
            .is_some_and(|names| names.contains(key.name.as_str()) || names.iter().any(|pattern| fits(pattern, key.name.as_str())))
    }
}

/// Whether a name can come of a pattern.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once("${") else { return pattern == name };
    let Some(rest_name) = name.strip_prefix(head) else { return false };
    let Some((_, tail)) = rest.split_once('}') else { return false };
    rest_name
        .char_indices()
        .map(|(at, _)| at)
        .chain([rest_name.len()])
        .skip(1)
        .filter_map(|at| rest_name.get(at..))
        .any(|name| fits(tail, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_stands_for_any_text_but_none() {
        for (pattern, name, expected) in [
            ("staff", "staff", true),
            ("staff", "staff2", false),
            ("project-${project}", "project-apollo", true),
            ("project-${project}", "project-", false),
            ("${a}-${b}-dev", "x-y-dev", true),
            ("${a}-${b}-dev", "x-dev", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
