//! Everybody's decision at one instant: the policies asked for each person, in parallel, and what the mappings say of their accounts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::target::Adopt;
use crate::model::account::AccountKey;
use crate::model::change::LifecycleState;
use crate::model::ids::{AccountId, AccountName, AttributeName, PersonId, TargetName};
use crate::model::ledger::{Ledger, Link};
use crate::model::reason::Reason;
use crate::policy::decision::Decision;
use crate::policy::{Compiled, Mapped, decide, map, on_threads};
use crate::realm::index::{Realm, Standing};
use crate::realm::input::Frozen;

use super::desired::{Desired, DesiredPerson, Stand, asked_here};
use super::role_names::RoleNames;
use super::rules::TargetRules;

/// One person at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonDecision {
    /// Before any policy; none where nobody declares them.
    pub standing: Option<Standing>,
    /// What the policies say, or why they cannot be asked.
    pub decision: Result<Decision, Frozen>,
    /// What the mappings say of their accounts.
    pub mapped: BTreeMap<AccountKey, BTreeMap<AttributeName, Mapped>>,
    /// When any of it may change by itself.
    pub due: Option<Timestamp>,
}

/// Everybody's decision.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    /// Everybody who is declared.
    pub people: BTreeMap<PersonId, PersonDecision>,
    /// Why nothing can be decided for anybody.
    pub frozen: Option<Frozen>,
}

/// Decides for everybody of a realm, or for some.
///
/// `ledgers` tell whether an employment was known that is not there any more.
#[must_use]
pub fn decide_all(
    realm: &Realm,
    compiled: Result<&Compiled, &Frozen>,
    targets: &BTreeMap<TargetName, TargetRules>,
    ledgers: &BTreeMap<TargetName, Ledger>,
    t: Timestamp,
) -> Decided {
    let ledgers: Vec<&Ledger> = ledgers.values().collect();
    let people = realm.people().into_iter().collect();
    decide_some(realm, compiled, targets, &ledgers, people, t)
}

/// Decides for these people; whoever is not declared is passed over.
#[must_use]
pub fn decide_some(
    realm: &Realm,
    compiled: Result<&Compiled, &Frozen>,
    targets: &BTreeMap<TargetName, TargetRules>,
    ledgers: &[&Ledger],
    people: Vec<PersonId>,
    t: Timestamp,
) -> Decided {
    let had_policy = ledgers.iter().any(|ledger| ledger.had_policy);
    let frozen = realm.frozen(had_policy).or_else(|| compiled.err().cloned());
    let people: Vec<PersonId> = people.into_iter().filter(|person| realm.is_declared(person)).collect();
    let employed = employed(ledgers, &people);
    let work = |person: PersonId| decide_one(realm, &frozen, compiled.ok(), targets, &employed, &person, t);
    let decisions = on_threads(people.clone(), &work).into_iter().zip(people).map(|(decision, person)| {
        let decision = decision.unwrap_or_else(|panicked| PersonDecision {
            standing: realm.standing(&person, t),
            decision: Err(Frozen::new(format!("the decision broke off: {panicked}"), "")),
            mapped: BTreeMap::new(),
            due: None,
        });
        (person, decision)
    });
    Decided { people: decisions.collect(), frozen }
}

fn decide_one(
    realm: &Realm,
    frozen: &Option<Frozen>,
    compiled: Option<&Compiled>,
    targets: &BTreeMap<TargetName, TargetRules>,
    employed: &BTreeSet<PersonId>,
    person: &PersonId,
    t: Timestamp,
) -> PersonDecision {
    let standing = realm.standing(person, t);
    let mut due = standing.as_ref().and_then(|standing| standing.next);
    let emptied = standing
        .as_ref()
        .filter(|standing| standing.lifecycle.as_ref().is_some_and(|lifecycle| !lifecycle.employed) && employed.contains(person));
    let kept = frozen.clone().or_else(|| standing.as_ref().and_then(|standing| standing.frozen.clone())).or_else(|| {
        emptied.map(|standing| {
            Frozen::new(
                "an employment was known, and the list of employments is empty now: end it with a date instead",
                standing.place.clone(),
            )
        })
    });
    let mut mapped = BTreeMap::new();
    let decision = match (kept, compiled) {
        (Some(frozen), _) => Err(frozen),
        (None, None) => Err(Frozen::new("the policies do not compile", "")),
        (None, Some(compiled)) => realm.input(person, t).and_then(|input| {
            let decision = decide(compiled, &input, t).map_err(|error| Frozen { reason: error.to_reason() })?;
            for key in accounts_to_map(person, &decision, targets) {
                let attributes = map(compiled, &key, &input);
                mapped.insert(key, attributes);
            }
            match failed(&decision, &mapped) {
                // Half of a person is not decided: what cannot be mapped in one target freezes them in all.
                Some(reason) => Err(Frozen { reason }),
                None => Ok(decision),
            }
        }),
    };
    if let Ok(decision) = &decision {
        due = due.into_iter().chain(decision.due).min();
    }
    PersonDecision { standing, decision, mapped, due }
}

/// A mapping that fails for an account that is asked for.
fn failed(decision: &Decision, mapped: &BTreeMap<AccountKey, BTreeMap<AttributeName, Mapped>>) -> Option<Reason> {
    let asked = mapped.iter().filter(|(key, _)| decision.accounts.contains_key(&(key.target.clone(), key.account.clone())));
    asked.flat_map(|(_, attributes)| attributes.values()).find_map(|value| match value {
        Mapped::Failed(error) => Some(error.to_reason()),
        Mapped::Value(_) | Mapped::Candidates(_) | Mapped::Undefined { .. } => None,
    })
}

/// The accounts that are asked for, and the ordinary one where others may be found by what this person has.
fn accounts_to_map(person: &PersonId, decision: &Decision, targets: &BTreeMap<TargetName, TargetRules>) -> BTreeSet<AccountKey> {
    let key = |target: &TargetName, account: &AccountName| AccountKey {
        person: person.clone(),
        target: target.clone(),
        account: account.clone(),
    };
    let mut keys: BTreeSet<AccountKey> = decision
        .accounts
        .keys()
        .filter(|(target, account)| targets.get(target).is_some_and(|rules| rules.accounts.contains_key(account)))
        .map(|(target, account)| key(target, account))
        .collect();
    for (target, rules) in targets {
        if rules.accounts.values().any(|account| account.adopt == Adopt::Unique) {
            keys.insert(key(target, &AccountName::ordinary()));
        }
    }
    keys
}

/// Those of whom a ledger knows an employment.
fn employed(ledgers: &[&Ledger], people: &[PersonId]) -> BTreeSet<PersonId> {
    let knows = |link: &Link| {
        link.employed
            || link.end.is_some()
            || link.stage.is_some_and(|(state, _)| {
                matches!(state, LifecycleState::Leave | LifecycleState::Preboarding)
                    || state == LifecycleState::Terminated && link.gone.is_none()
            })
    };
    let known = |person: &&PersonId| ledgers.iter().flat_map(|ledger| ledger.links_of(person)).any(|(_, link)| knows(link));
    people.iter().filter(known).cloned().collect()
}

impl Decided {
    /// What all this desires in one target; whoever is remembered there and declared by nobody is gone.
    #[must_use]
    pub fn desired(&self, realm: &Realm, target: &TargetName, ledger: &Ledger, t: Timestamp) -> Desired {
        let mut desired = Desired::default();
        for (id, person) in &self.people {
            desired.people.insert(id.clone(), self.person(realm, target, id, person, t));
        }
        let heirs = |id: &PersonId| realm.heirs(id).iter().any(|heir| self.people.contains_key(heir));
        for id in ledger.links.keys().map(|key| &key.person) {
            // What a former externalId left behind goes to whoever names it, and is no departure.
            if desired.people.contains_key(id) || heirs(id) {
                continue;
            }
            let locked = locks(&realm.lockouts_of(id, t), target);
            desired.people.insert(id.clone(), gone(locked));
        }
        desired.named_by_roles = RoleNames::of(&realm.roles_data());
        desired
    }

    fn person(&self, realm: &Realm, target: &TargetName, id: &PersonId, person: &PersonDecision, t: Timestamp) -> DesiredPerson {
        let mut out = match &person.standing {
            Some(standing) => DesiredPerson {
                lifecycle: standing.lifecycle.clone(),
                locked: locks(&standing.lockouts, target),
                stand: Stand::Decided,
                retain: standing.retain,
                paused: standing.paused,
                user_name: standing.user_name.clone(),
                former_ids: standing.former_ids.clone(),
                explicit: explicit(standing, target),
                declared: standing.created,
                place: standing.place.clone(),
                ..gone(false)
            },
            None => gone(locks(&realm.lockouts_of(id, t), target)),
        };
        match &person.decision {
            Err(frozen) => out.stand = Stand::Frozen(frozen.clone()),
            Ok(decision) => {
                let mapped = |key: &AccountKey| person.mapped.get(key).cloned().unwrap_or_default();
                (out.asked, out.withheld, out.revoked) = asked_here(decision, target, id, t, &mapped);
                out.unasked_attributes =
                    mapped(&AccountKey { person: id.clone(), target: target.clone(), account: AccountName::ordinary() });
            }
        }
        out
    }
}

fn locks(lockouts: &[crate::realm::index::StandingLockout], target: &TargetName) -> bool {
    lockouts.iter().any(|lockout| lockout.targets.is_empty() || lockout.targets.contains(target))
}

fn explicit(standing: &Standing, target: &TargetName) -> BTreeMap<AccountName, AccountId> {
    let here = standing.links.iter().filter(|link| link.target == target.as_str());
    here.filter_map(|link| AccountId::parse(link.id.clone()).ok().map(|id| (AccountName::new(link.account.clone()), id))).collect()
}

/// Somebody whom no object declares.
fn gone(locked: bool) -> DesiredPerson {
    DesiredPerson {
        lifecycle: None,
        locked,
        stand: Stand::Gone,
        retain: false,
        paused: false,
        user_name: None,
        former_ids: BTreeSet::new(),
        explicit: BTreeMap::new(),
        declared: None,
        place: String::new(),
        asked: BTreeMap::new(),
        unasked_attributes: BTreeMap::new(),
        withheld: BTreeSet::new(),
        revoked: BTreeMap::new(),
    }
}
