//! What becomes of one account's attributes.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::target::{Owns, When};
use crate::model::account::Account;
use crate::model::change::{Act, Cause, Change};
use crate::model::ids::AttributeName;
use crate::model::ledger::Link;
use crate::model::reason::Reason;
use crate::model::value::{Attributes, Value};
use crate::policy::mapping::Mapped;

use super::desired::DesiredAccount;
use super::finding::{Finding, FindingKind};
use super::rules::{Mapping, Source, USER_NAME};
use super::sight::Sight;
use crate::model::digest::digest_of;

/// What a mapping comes to for one account.
#[derive(Debug, Default)]
pub struct Values {
    /// What is to be there.
    pub values: Attributes,
    /// Attributes that are undefined and may be emptied.
    pub undefined: BTreeSet<AttributeName>,
    /// Findings on the way.
    pub findings: Vec<Finding>,
    /// The account freezes: something that it cannot be without is missing, or a mapping fails.
    pub frozen: bool,
}

/// Reads what the mapping says; `chosen` has the values that are given out once.
#[must_use]
pub fn values(sight: &Sight<'_>, asked: &DesiredAccount, chosen: &Attributes) -> Values {
    let mut out = Values::default();
    for (attribute, mapping) in &sight.account_rules.mapping {
        let rule = sight.schema.rule(attribute);
        if rule.read_only {
            continue;
        }
        let undefined = match asked.attributes.get(attribute) {
            Some(Mapped::Value(value)) => {
                let value = if rule.many { Value::Many(value.texts()) } else { value.clone() };
                out.values.insert(attribute.clone(), value);
                continue;
            }
            Some(Mapped::Candidates(_)) | None if chosen.contains_key(attribute) => {
                out.values.extend(chosen.get(attribute).map(|value| (attribute.clone(), value.clone())));
                continue;
            }
            Some(Mapped::Candidates(wishes)) => {
                let why = if wishes.is_empty() {
                    "the mapping names no candidate".to_owned()
                } else {
                    format!("every candidate is taken: {}", mapping.shown(wishes.join(", ")))
                };
                out.findings.push(Finding::account(&sight.key, FindingKind::Incomplete, format!("{attribute}: {why}")));
                out.frozen = true;
                continue;
            }
            None if let Source::Numbers(from, to) = &mapping.source => {
                let why = format!("{attribute}: no number from {from} to {to} is free: widen the range");
                out.findings.push(Finding::account(&sight.key, FindingKind::Incomplete, why));
                out.frozen = true;
                continue;
            }
            Some(Mapped::Failed(reason)) => {
                out.findings.push(Finding::account(&sight.key, FindingKind::Frozen, format!("mapping of {attribute}: {reason}")));
                out.frozen = true;
                continue;
            }
            Some(Mapped::Undefined { waits: true }) => {
                out.findings.push(Finding::account(
                    &sight.key,
                    FindingKind::Waiting,
                    format!("{attribute} waits for something that is not there yet"),
                ));
                continue;
            }
            Some(Mapped::Undefined { waits: false }) | None => attribute,
        };
        if rule.required || attribute.as_str() == USER_NAME {
            out.findings.push(Finding::account(
                &sight.key,
                FindingKind::Incomplete,
                format!("{attribute} is required here, and the mapping gives no value: complete {}", sight.person.place),
            ));
            out.frozen = true;
        } else if mapping.when == When::Always && !mapping.by_default {
            out.undefined.insert(undefined.clone());
        }
    }
    out
}

/// Compares what is to be with what is there. What a mapping puts into a many-valued attribute is remembered in `link`.
pub fn compare(sight: &Sight<'_>, values: &Values, account: &Account, link: &mut Link, out: &mut Vec<Change>) {
    let Some(seen) = sight.observed.seen(&account.id) else { return };
    let mut push = |act, cause, reason: Reason| out.push(Change::of(sight.key.clone(), seen, act, cause, vec![reason]));
    for (attribute, wished) in &values.values {
        let Some(mapping) = sight.account_rules.mapping.get(attribute) else { continue };
        let current = present(account, attribute);
        let due = match mapping.when {
            When::Always => true,
            When::OnCreate => false,
            When::IfEmpty => current.is_none(),
        };
        if !due || account.partial.contains(attribute) {
            continue;
        }
        let target = match wished {
            Value::Many(wished) => Value::Many(merged(sight, attribute, mapping, wished, current.as_ref(), link.written.get(attribute))),
            Value::Later(_) => continue,
            Value::Text(_) | Value::Bool(_) | Value::Account(_) => wished.clone(),
        };
        let settled =
            link.settled.get(attribute).is_some_and(|settled| settled.asked == digest_of(&target) && settled.shown == digest_of(&current));
        if current.as_ref().is_some_and(|current| same(sight, attribute, current, &target)) {
            remember(mapping, attribute, wished, link);
        } else if !settled {
            let before = current.map_or_else(|| "nothing".to_owned(), |current| current.to_string());
            if let (Value::Many(wished), Owns::Written) = (wished, mapping.owns) {
                // Both count as ours until the write is answered.
                link.written.entry(attribute.clone()).or_default().extend(wished.iter().cloned());
            }
            let reason = mapping.shown(format!("{before} -> {target}"));
            push(Act::Set(attribute.clone(), target), Cause::Drift, Reason::at(reason, format!("mapping.{attribute}")));
        }
    }
    for attribute in &values.undefined {
        let Some(mapping) = sight.account_rules.mapping.get(attribute) else { continue };
        let Some(current) = present(account, attribute) else { continue };
        if !sight.removals_judged || account.partial.contains(attribute) {
            continue;
        }
        let rest = match &current {
            Value::Many(_) => merged(sight, attribute, mapping, &BTreeSet::new(), Some(&current), link.written.get(attribute)),
            Value::Text(_) | Value::Bool(_) | Value::Account(_) | Value::Later(_) => BTreeSet::new(),
        };
        let text = format!("{} -> nothing: the mapping gives no value", mapping.shown(&current));
        let reason = Reason::at(text, format!("mapping.{attribute}"));
        if rest.is_empty() {
            push(Act::Clear(attribute.clone()), Cause::Policy, reason);
        } else if current != Value::Many(rest.clone()) {
            push(Act::Set(attribute.clone(), Value::Many(rest)), Cause::Policy, reason);
        }
    }
}

/// What is in the attribute; an empty text or list is nothing.
fn present(account: &Account, attribute: &AttributeName) -> Option<Value> {
    let value = match account.attributes.get(attribute) {
        None if attribute.as_str() == USER_NAME => Some(Value::Text(account.name.clone())),
        value => value.cloned(),
    };
    value.filter(|value| !matches!(value, Value::Text(text) if text.is_empty()) && !matches!(value, Value::Many(many) if many.is_empty()))
}

/// What is to be in a many-valued attribute, told apart as the target tells values apart.
fn merged(
    sight: &Sight<'_>,
    attribute: &AttributeName,
    mapping: &Mapping,
    wished: &BTreeSet<String>,
    current: Option<&Value>,
    written: Option<&BTreeSet<String>>,
) -> BTreeSet<String> {
    match mapping.owns {
        Owns::All => wished.clone(),
        Owns::Written => {
            let ours: BTreeSet<String> =
                written.into_iter().flatten().chain(wished).map(|value| sight.schema.fold(attribute, value)).collect();
            let mut all = current.map(Value::texts).unwrap_or_default();
            all.retain(|value| !ours.contains(&sight.schema.fold(attribute, value)));
            all.extend(wished.iter().cloned());
            all
        }
    }
}

/// Equal as the target compares.
fn same(sight: &Sight<'_>, attribute: &AttributeName, a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    let fold = |value: &Value| value.texts().iter().map(|text| sight.schema.fold(attribute, text)).collect::<BTreeSet<_>>();
    match (a, b) {
        (Value::Account(_) | Value::Later(_), _) | (_, Value::Account(_) | Value::Later(_)) => false,
        _ => fold(a) == fold(b),
    }
}

/// Keeps in mind which of many values are ours.
pub fn remember(mapping: &Mapping, attribute: &AttributeName, wished: &Value, link: &mut Link) {
    if let (Value::Many(wished), Owns::Written) = (wished, mapping.owns) {
        link.written.insert(attribute.clone(), wished.clone());
    }
}

/// The values that an account begins with.
#[must_use]
pub fn initial(values: &Values) -> BTreeMap<AttributeName, Value> {
    values.values.iter().filter(|(_, value)| !matches!(value, Value::Later(_))).map(|(name, value)| (name.clone(), value.clone())).collect()
}
