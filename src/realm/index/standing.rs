//! What holds for a person before any policy is asked: state, Lockouts, freezes, and what their object says of their accounts.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::people::Declared;
use super::policies::unreadable_place;
use super::{Realm, place_of};
use crate::api::person::{AccountLink, DeletionPolicy};
use crate::api::realm::{AttributeSpec, AttributeType};
use crate::model::change::LifecycleState;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::realm::input::{Frozen, Lifecycle};
use crate::realm::lifecycle::{Lock, lifecycle_at};
use crate::realm::object::{ResourceKind, Unreadable};

/// A person before any policy is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The state; none where no object of theirs could be read, or where one that could not be may say otherwise.
    pub lifecycle: Option<Lifecycle>,
    /// Why nothing can be decided for them.
    pub frozen: Option<Frozen>,
    /// The next instant at which any of this changes by itself.
    pub next: Option<Timestamp>,
    /// The Lockouts that stand.
    pub lockouts: Vec<StandingLockout>,
    /// `deletionPolicy: Retain`
    pub retain: bool,
    /// The annotation `provost.dev/paused: "true"`.
    pub paused: bool,
    /// Login name.
    pub user_name: Option<String>,
    /// Earlier externalIds.
    pub former_ids: BTreeSet<PersonId>,
    /// Explicit links to accounts.
    pub links: Vec<AccountLink>,
    /// Where the person is declared: `people/ann.yaml:1`, or `Person/ann` in a cluster.
    pub place: String,
    /// When the API server took the object in.
    pub created: Option<Timestamp>,
}

/// A Lockout that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingLockout {
    /// Its name.
    pub name: ObjectName,
    /// Where; empty: everywhere.
    pub targets: BTreeSet<TargetName>,
    /// Since when: when the API server took the object in.
    pub since: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Where it is declared.
    pub place: String,
}

impl StandingLockout {
    /// Whether it shuts its person out of this target.
    #[must_use]
    pub fn locks(&self, target: &TargetName) -> bool {
        self.targets.is_empty() || self.targets.contains(target)
    }
}

impl Realm {
    /// Where a person stands before any policy is asked; none where nobody declares them (then [`Realm::lockouts_of`] still speaks).
    #[must_use]
    pub fn standing(&self, person: &PersonId, t: Timestamp) -> Option<Standing> {
        let declared: Vec<&Declared> = self.people.by_id(person).collect();
        let torn = self.torn(person);
        if declared.is_empty() && torn.is_empty() {
            return None;
        }
        let lockouts = self.lockouts_of(person, t);
        let lifecycle = self.lifecycle(&declared, torn, lock(&lockouts), t);
        let (frozen, thaws) = match self.frozen_person(person, &declared, torn, t) {
            Some((frozen, thaws)) => (Some(frozen), thaws),
            None => (None, None),
        };
        let ends = lockouts.iter().filter_map(|lockout| lockout.until);
        let next = lifecycle.as_ref().and_then(|lifecycle| lifecycle.next).into_iter().chain(thaws).chain(ends).min();
        Some(Standing {
            lifecycle,
            frozen,
            next,
            lockouts,
            retain: declared.iter().any(|declared| declared.spec.deletion_policy == Some(DeletionPolicy::Retain)),
            paused: declared.iter().any(|declared| declared.meta.annotations.get("provost.dev/paused").is_some_and(|text| text == "true")),
            user_name: declared.iter().find_map(|declared| declared.spec.user_name.clone()),
            former_ids: declared.iter().flat_map(|declared| declared.former_ids()).collect(),
            links: declared.iter().flat_map(|declared| declared.spec.accounts.iter().cloned()).collect(),
            place: declared.first().map(|declared| declared.place()).or_else(|| torn.first().map(unreadable_place)).unwrap_or_default(),
            created: declared.iter().filter_map(|declared| declared.meta.created).min(),
        })
    }

    /// The Lockouts that stand at `t`, also of somebody whom no object declares any more.
    #[must_use]
    pub fn lockouts_of(&self, person: &PersonId, t: Timestamp) -> Vec<StandingLockout> {
        let names = self.locked_people().get(person);
        let lockouts = names.into_iter().flatten().filter_map(|name| self.lockouts.get(name));
        lockouts
            .filter(|lockout| lockout.spec.until.is_none_or(|until| t < until.0))
            .map(|lockout| StandingLockout {
                name: lockout.meta.name.clone(),
                targets: lockout.spec.targets.iter().filter_map(|target| TargetName::parse(target.as_str()).ok()).collect(),
                since: lockout.meta.created,
                until: lockout.spec.until.map(|until| until.0),
                reason: lockout.spec.reason.clone(),
                place: place_of(ResourceKind::Lockout, &lockout.meta),
            })
            .collect()
    }

    /// The state of one object's person.
    pub(super) fn lifecycle_of(&self, declared: &Declared, t: Timestamp) -> Lifecycle {
        lifecycle_at(&declared.spec, lock(&self.lockouts_of(&declared.id, t)), declared.zone(&self.zone), t)
    }

    fn lifecycle(&self, declared: &[&Declared], torn: &[Unreadable], lock: Lock, t: Timestamp) -> Option<Lifecycle> {
        // An object that was read before and cannot be read now still says what it said: an end that was read before still comes.
        let others = torn.iter().any(|torn| !declared.iter().any(|declared| torn.name.as_ref() == Some(&declared.meta.name)));
        let all: Vec<Lifecycle> =
            declared.iter().map(|declared| lifecycle_at(&declared.spec, lock, declared.zone(&self.zone), t)).collect();
        together(all, others)
    }

    /// Why nothing can be decided for this person, and when that ends by itself.
    fn frozen_person(
        &self,
        person: &PersonId,
        declared: &[&Declared],
        torn: &[Unreadable],
        t: Timestamp,
    ) -> Option<(Frozen, Option<Timestamp>)> {
        if let Some(torn) = torn.first() {
            return Some((Frozen::new(format!("the Person cannot be read: {}", torn.why), unreadable_place(torn)), None));
        }
        if let [first, others @ ..] = declared
            && !others.is_empty()
        {
            let others: Vec<String> = others.iter().map(|declared| declared.place()).collect();
            let text = format!("the externalId `{person}` is declared more than once, also in {}: take one of them out", others.join(", "));
            return Some((Frozen::new(text, first.place()), None));
        }
        let declared = declared.first()?;
        if let Some(why) = declared.manages_themself().or_else(|| self.attribute_errors(declared).into_iter().next()) {
            return Some((Frozen::new(why, declared.place()), None));
        }
        self.binding_error(declared, t)
    }

    /// A binding in force that means this person and has an error.
    fn binding_error(&self, declared: &Declared, t: Timestamp) -> Option<(Frozen, Option<Timestamp>)> {
        if self.broken_bindings().is_empty() {
            return None;
        }
        let bound = self.bindings.of(&declared.meta.name, &declared.laid_over(&self.zone, t));
        let next = bound.iter().filter_map(|bound| bound.next(t)).min();
        bound.iter().filter(|bound| bound.is_valid_at(t)).find_map(|bound| {
            let error = bound.held(self.roles()).err()?;
            let text = format!("the RoleBinding `{}` does not fit: {error}", bound.meta.name);
            Some((Frozen::new(text, place_of(ResourceKind::RoleBinding, &bound.meta)), next))
        })
    }

    /// Attributes that the Realm does not declare, or that are not of their type.
    pub(super) fn attribute_errors(&self, declared: &Declared) -> Vec<String> {
        let Some(rules) = self.spec().map(|realm| &realm.attributes).filter(|rules| !rules.is_empty()) else { return Vec::new() };
        let employments = declared.spec.employments.iter().flatten().map(|employment| &employment.attributes);
        let all = [&declared.spec.attributes].into_iter().chain(employments).flatten();
        let errors = all.filter_map(|(name, value)| match rules.get(name) {
            None => Some(format!("the attribute `{name}` is not among those of the Realm: declare it there, or mend its name")),
            Some(rule) if !fits(rule, value) => {
                let value = if rule.sensitive { String::new() } else { format!("{value}, ") };
                Some(format!("the attribute `{name}` is {value}not what the Realm says of it: {}", shape(rule)))
            }
            Some(_) => None,
        });
        errors.collect()
    }
}

fn lock(lockouts: &[StandingLockout]) -> Lock {
    let everywhere = || lockouts.iter().filter(|lockout| lockout.targets.is_empty());
    if everywhere().any(|lockout| lockout.until.is_none()) {
        Lock::Shut
    } else {
        everywhere().filter_map(|lockout| lockout.until).max().map_or(Lock::Open, Lock::Until)
    }
}

/// One state for several objects of one person: terminated only when all have ended; else the suspension of one counts.
/// `others`: there are objects that cannot be read.
fn together(all: Vec<Lifecycle>, others: bool) -> Option<Lifecycle> {
    let ended = !others && all.iter().all(|one| one.state == LifecycleState::Terminated);
    let next = all.iter().filter_map(|one| one.next).min();
    let ends: Option<Vec<Timestamp>> = all.iter().map(|one| one.end).collect();
    let end = ends.filter(|_| !others).and_then(|ends| ends.into_iter().max());
    let leave = all.iter().filter_map(|one| one.leave).min();
    let employed = all.iter().any(|one| one.employed);
    let next_start = all.iter().filter_map(|one| one.next_start.clone()).min();
    let state = all
        .iter()
        .map(|one| one.state)
        .filter(|state| ended || *state != LifecycleState::Terminated)
        .filter(|state| !others || matches!(state, LifecycleState::Locked | LifecycleState::Suspended))
        .min()?;
    Some(Lifecycle { state, next, end, leave, employed, next_start })
}

fn fits(rule: &AttributeSpec, value: &serde_json::Value) -> bool {
    let one = |value: &serde_json::Value| match rule.type_ {
        None => true,
        Some(AttributeType::String) => value.is_string(),
        Some(AttributeType::Integer) => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Some(AttributeType::Number) => value.is_number(),
        Some(AttributeType::Boolean) => value.is_boolean(),
        Some(AttributeType::Object) => value.is_object(),
    };
    match (rule.many, value) {
        // Null takes an attribute away.
        (_, serde_json::Value::Null) => true,
        (true, serde_json::Value::Array(values)) => values.iter().all(one),
        (true, _) => false,
        (false, value) => one(value),
    }
}

fn shape(rule: &AttributeSpec) -> String {
    let one = match rule.type_ {
        None => "any value",
        Some(AttributeType::String) => "string",
        Some(AttributeType::Integer) => "integer",
        Some(AttributeType::Number) => "number",
        Some(AttributeType::Boolean) => "boolean",
        Some(AttributeType::Object) => "object",
    };
    if rule.many { format!("a list, each {one}") } else { one.to_owned() }
}
