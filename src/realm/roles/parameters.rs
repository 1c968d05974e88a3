//! A role's parameters: what a binding gives, what an included role takes over, and how names are filled in with them.

use std::collections::BTreeMap;

use super::RoleError;
use crate::api::person::Free;
use crate::api::role::{Parameter, ParameterType};
use crate::realm::input::Parameters;

/// What the parameters of one role may be.
type Rules = BTreeMap<String, Parameter>;

/// The names in `${…}`.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// The text with `${…}` filled in. What is filled in is not read again.
pub(super) fn fill(text: &str, parameters: &Parameters) -> String {
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}').and_then(|(name, rest)| Some((parameters.get(name)?, rest))) {
            Some((value, rest)) => {
                out.push_str(value);
                out.push_str(rest);
            }
            None => {
                out.push_str("${");
                out.push_str(part);
            }
        }
    }
    out
}

/// The binding's parameters as texts.
pub(super) fn given(rules: &Rules, given: &Free) -> Result<Parameters, RoleError> {
    let mut parameters = Parameters::new();
    for (name, value) in given {
        let rule = rules.get(name).ok_or_else(|| RoleError::Undeclared(name.clone()))?;
        let wrong = |allowed: String| RoleError::Value { parameter: name.clone(), value: value.to_string(), allowed };
        let text = match (rule.type_.unwrap_or(ParameterType::String), value) {
            (_, serde_json::Value::String(text)) => text.clone(),
            (ParameterType::Integer, serde_json::Value::Number(number)) => number.to_string(),
            (ParameterType::Boolean, serde_json::Value::Bool(bool)) => bool.to_string(),
            (ParameterType::String, _) => return Err(wrong("it is a text; write it in quotes".to_owned())),
            (ParameterType::Integer, _) => return Err(wrong("it is a whole number".to_owned())),
            (ParameterType::Boolean, _) => return Err(wrong("it is true or false".to_owned())),
        };
        fits(name, rule, &text)?;
        parameters.insert(name.clone(), text);
    }
    all_given(rules, &parameters)?;
    Ok(parameters)
}

/// The outer role's parameters of the same name.
pub(super) fn taken_over(rules: &Rules, outer: &Parameters) -> Result<Parameters, RoleError> {
    let mut parameters = Parameters::new();
    for (name, rule) in rules {
        if let Some(text) = outer.get(name) {
            fits(name, rule, text)?;
            parameters.insert(name.clone(), text.clone());
        }
    }
    all_given(rules, &parameters)?;
    Ok(parameters)
}

fn all_given(rules: &Rules, parameters: &Parameters) -> Result<(), RoleError> {
    match rules.iter().find(|(name, rule)| rule.required && !parameters.contains_key(*name)) {
        Some((name, _)) => Err(RoleError::Missing(name.clone())),
        None => Ok(()),
    }
}

fn fits(name: &str, rule: &Parameter, text: &str) -> Result<(), RoleError> {
    let allowed = match rule.type_ {
        _ if !rule.enum_.is_empty() && !rule.enum_.iter().any(|value| value == text) => {
            format!("it is one of {}", rule.enum_.join(", "))
        }
        Some(ParameterType::Integer) if text.parse::<i64>().is_err() => "it is a whole number".to_owned(),
        Some(ParameterType::Boolean) if text != "true" && text != "false" => "it is true or false".to_owned(),
        Some(ParameterType::String | ParameterType::Integer | ParameterType::Boolean) | None => return Ok(()),
    };
    Err(RoleError::Value { parameter: name.to_owned(), value: format!("{text:?}"), allowed })
}
