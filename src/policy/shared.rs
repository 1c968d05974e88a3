//! What the questions of one round share: above all managers, who stand in the inputs of all who report to them, are turned into the
//! engine's values once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use regorus::Value as Rego;

use super::document;
use super::fingerprint::Fingerprint;
use crate::realm::input::Input;

/// What the questions of one round share. Of use as long as inputs share their parts.
#[derive(Default)]
pub struct Shared {
    people: Parts<serde_json::Value>,
}

/// By the address of the part, which is kept so that nothing else comes to lie there.
type Parts<T> = RwLock<HashMap<usize, (Arc<T>, Part)>>;

/// One part of an input.
#[derive(Clone)]
struct Part {
    value: Rego,
    fingerprint: Option<Fingerprint>,
}

impl Shared {
    /// Somebody in a chain of managers, as the engine has them.
    pub(super) fn value(&self, person: &Arc<serde_json::Value>) -> Rego {
        self.part(person).value
    }

    /// What an input is recognised by: all that a policy or mapping sees of it, and what tells nothing from something yet to come.
    pub(super) fn fingerprint(&self, input: &Input) -> Option<Fingerprint> {
        let Input {
            id: _,
            person,
            managers,
            managers_unknown,
            roles,
            targets,
            observed,
            unread,
            accounts,
            today,
            midnight: _,
            holdings_next: _,
        } = input;
        let own = Fingerprint::of_json(&(person, managers_unknown, roles, targets, observed, unread, accounts, today))?;
        let managers = managers.iter().map(|manager| self.part(manager).fingerprint);
        let parts: Option<Vec<Fingerprint>> = [Some(own)].into_iter().chain(managers).collect();
        Some(Fingerprint::of_all(&parts?))
    }

    fn part(&self, person: &Arc<serde_json::Value>) -> Part {
        let address = Arc::as_ptr(person).addr();
        if let Some((_, part)) = self.people.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return part.clone();
        }
        let part = Part { value: document::json(person), fingerprint: Fingerprint::of_json(person) };
        self.people.write().unwrap_or_else(PoisonError::into_inner).insert(address, (Arc::clone(person), part.clone()));
        part
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use super::super::tests::{held, holding, input, target};
    use super::*;

    /// One part of an input is another one.
    type Differs = fn(&mut Input);

    #[test]
    fn an_input_is_recognised_by_all_that_a_policy_sees_of_it() {
        let same = input(json!({"userName": "ann"}));
        let changes: [(&str, Differs); 9] = [
            ("person", |input| input.person = json!({"userName": "bob"})),
            ("managers", |input| input.managers = vec![Arc::new(json!({"userName": "dia"}))]),
            ("managers_unknown", |input| input.managers_unknown = true),
            ("roles", |input| input.roles = vec![holding("clerk", &["dir/group/a"], None)]),
            ("targets", |input| input.targets = Arc::default()),
            ("observed", |input| input.observed = BTreeSet::from([held("dir/group/x")])),
            ("unread", |input| input.unread = BTreeSet::from([target("git")])),
            ("accounts", |input| input.accounts = BTreeMap::from([(target("mail"), json!({"address": "a@x"}))])),
            ("today", |input| input.today = "2026-11-25".to_owned()),
        ];
        let shared = Shared::default();
        let mut seen = vec![shared.fingerprint(&same).unwrap()];
        for (name, change) in changes {
            let mut other = same.clone();
            change(&mut other);
            let fingerprint = shared.fingerprint(&other).unwrap();
            assert!(!seen.contains(&fingerprint), "{name}");
            assert_eq!(Shared::default().fingerprint(&other), Some(fingerprint), "{name}: with whom it is shared makes no difference");
            seen.push(fingerprint);
        }
        // An equal manager who lies elsewhere is the same.
        let with_boss = || Input { managers: vec![Arc::new(json!({"userName": "dia"}))], ..same.clone() };
        assert_eq!(shared.fingerprint(&with_boss()), shared.fingerprint(&with_boss()));
    }
}
