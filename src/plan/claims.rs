//! What the people of a realm claim in one target: correlation looks at all of them, never at a batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ids::{AccountName, AttributeName, PersonId};
use crate::model::schema::Schema;
use crate::policy::mapping::Mapped;

use super::desired::{Desired, DesiredPerson, Stand};
use super::rules::{TargetRules, USER_NAME};

/// What every person of the realm claims in one target.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// Everybody whom an object declares, readable or not.
    pub(super) living: BTreeSet<PersonId>,
    /// Nothing of the realm is unreadable, so that who is not declared is gone.
    pub(super) absence_judged: bool,
    /// Former externalId → who names it.
    pub(super) former: BTreeMap<PersonId, BTreeSet<PersonId>>,
    /// Correlation attribute and folded value → who has it.
    pub(super) values: BTreeMap<(AttributeName, String), BTreeSet<PersonId>>,
}

impl Claims {
    /// The claims of the realm: `everybody` has all people of the realm, not only those in scope; `absence_judged` says that
    /// nothing of it is unreadable.
    #[must_use]
    pub fn of(rules: &TargetRules, schema: &Schema, everybody: &Desired, absence_judged: bool) -> Self {
        let mut claims = Self { absence_judged, ..Self::default() };
        for (id, person) in everybody.people.iter().filter(|(_, person)| person.stand != Stand::Gone) {
            claims.living.insert(id.clone());
            for former in &person.former_ids {
                claims.former.entry(former.clone()).or_default().insert(id.clone());
            }
            for (account, account_rules) in &rules.accounts {
                for attribute in &account_rules.correlation {
                    if let Some(value) = correlation_value(person, account, attribute) {
                        claims.values.entry((attribute.clone(), schema.fold(attribute, &value))).or_default().insert(id.clone());
                    }
                }
            }
        }
        claims
    }

    /// Whether an object declares this externalId.
    #[must_use]
    pub fn is_living(&self, person: &PersonId) -> bool {
        self.living.contains(person)
    }
}

/// What a person would have in a correlation attribute: what the mapping says, and for `userName` else what the manifest says.
#[must_use]
pub fn correlation_value(person: &DesiredPerson, account: &AccountName, attribute: &AttributeName) -> Option<String> {
    let mapped = match person.asked.get(account) {
        Some(asked) => asked.attributes.get(attribute),
        None if account.is_ordinary() => person.unasked_attributes.get(attribute),
        None => None,
    };
    match mapped {
        Some(Mapped::Value(value)) => value.texts().into_iter().next(),
        Some(Mapped::Candidates(_) | Mapped::Undefined { .. } | Mapped::Failed(_)) => None,
        None if account.is_ordinary() && attribute.as_str() == USER_NAME => person.user_name.clone(),
        None => None,
    }
}
