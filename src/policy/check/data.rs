//! Data and rules share one tree: what may stand where, and which paths into it lead somewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use super::index::{Index, Meaning, uses};
use super::{Problem, nearest};
use crate::policy::tree::Step;

/// The leaves of a data document: paths that nothing is below of.
pub(crate) fn leaves(data: &Value) -> Vec<Vec<String>> {
    fn collect(value: &Value, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, field) in fields {
                    path.push(name.clone());
                    collect(field, path, leaves);
                    path.pop();
                }
            }
            Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                leaves.push(path.clone())
            }
        }
    }
    let mut leaves = Vec::new();
    collect(data, &mut Vec::new(), &mut leaves);
    leaves
}

/// Where data stands at, above or below a package: the interpreter would take it in place of the rules, without a word.
pub(crate) fn over_rules(packages: &BTreeSet<Vec<String>>, leaf: &[String]) -> Option<String> {
    if leaf.is_empty() {
        return None;
    }
    let package = packages.iter().find(|package| leaf.starts_with(package) || package.starts_with(leaf))?;
    Some(format!("data at `{}` stands where package `{}` has its rules", leaf.join("."), package.join(".")))
}

/// Says of each path into `data` whether there is a rule or data.
pub(crate) fn paths(index: &Index<'_>, data: &Value, problems: &mut Vec<Problem>) {
    for group in &index.groups {
        for definition in &group.rules {
            for found in uses(definition.rule) {
                let Meaning::Data(steps) = index.meaning(definition, &found.path) else { continue };
                if index.at(&steps).is_some() {
                    continue;
                }
                if let Some((message, hint)) = lost(index, data, &steps) {
                    problems.push(Problem { at: found.at, message, hint });
                }
            }
        }
    }
}

/// What is wrong with a path that no rule begins.
fn lost(index: &Index<'_>, data: &Value, steps: &[Step]) -> Option<(String, Option<String>)> {
    let mut value = Some(data);
    let mut path: Vec<String> = Vec::new();
    for step in steps {
        let Step::Field(name) = step else { return None };
        if path == ["realm", "roles"] {
            // BusinessRoles come and go: a name that is not there now is undefined, as any other key would be.
            return None;
        }
        path.push(name.clone());
        let fields = match value {
            Some(Value::Object(fields)) => Some(fields),
            // Elements of a list are free: they may differ.
            Some(Value::Array(_)) => return None,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => None,
        };
        value = fields.and_then(|fields| fields.get(name));
        let in_rules = || {
            index.groups.iter().any(|group| group.path.starts_with(&path))
                || index.packages.iter().any(|package| package.starts_with(&path))
        };
        if value.is_none() && !in_rules() {
            let parent = path.split_last().map(|(_, parent)| parent).unwrap_or_default();
            let below = |names: &Vec<String>| names.strip_prefix(parent).and_then(|rest| rest.first()).cloned();
            let mut names: Vec<String> = index.groups.iter().filter_map(|group| below(&group.path)).collect();
            names.extend(index.packages.iter().filter_map(below));
            names.extend(fields.into_iter().flat_map(|fields| fields.keys().cloned()));
            let hint = nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            return Some((format!("`data.{}` is neither a rule nor data", path.join(".")), hint));
        }
    }
    None
}
