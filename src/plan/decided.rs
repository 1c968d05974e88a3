//! Everybody's decision at one instant: the policies asked for each person, in parallel, and what the mappings say of their accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::target::Adopt;
use crate::model::account::AccountKey;
use crate::model::change::LifecycleState;
use crate::model::ids::{AccountId, AccountName, PersonId, TargetName};
use crate::model::ledger::{Ledger, Link};
use crate::model::reason::Reason;
use crate::policy::decision::Decision;
use crate::policy::{Attributes, Compiled, Mapped, Question, Remembered, Shared, on_threads};
use crate::realm::index::{Inputs, Realm, Standing};
use crate::realm::input::Frozen;

use super::desired::{Desired, DesiredPerson, Stand, asked_here};
use super::overruns::Overruns;
use super::role_names::RoleNames;
use super::rules::TargetRules;

/// One person at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonDecision {
    /// Before any policy; none where nobody declares them.
    pub standing: Option<Standing>,
    /// What the policies say, or why they cannot be asked.
    pub decision: Result<Arc<Decision>, Frozen>,
    /// It asks for an account that cannot be: of a target that nobody declares or ever did, or a second one that is not declared.
    pub refused: bool,
    /// What the mappings say of their accounts.
    pub mapped: BTreeMap<AccountKey, Attributes>,
    /// When any of it may change by itself.
    pub due: Option<Timestamp>,
    /// What makes the next decision cheaper where nothing changes.
    pub remembered: Option<Remembered>,
}

/// Everybody's decision.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    /// Everybody who is declared.
    pub people: BTreeMap<PersonId, PersonDecision>,
    /// Why nothing can be decided for anybody.
    pub frozen: Option<Frozen>,
}

impl PersonDecision {
    /// Whether this asks for the same as another one, however long either stands.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let Self { standing, decision, mapped, refused, due: _, remembered: _ } = self;
        let same = match (decision, &other.decision) {
            (Ok(one), Ok(other)) => one.asks_the_same(other),
            (Err(one), Err(other)) => one == other,
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        same && *standing == other.standing && *mapped == other.mapped && *refused == other.refused
    }
}

/// Decides for everybody of a realm.
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
    decide_again(realm, compiled, targets, &ledgers, &realm.people(), &Decided::default(), t)
}

/// Decides for some people of a realm; whoever is not declared is passed over. The same as for the first time, whatever the `last`
/// decisions were; whose answer is the same as in them costs less.
#[must_use]
pub fn decide_again(
    realm: &Realm,
    compiled: Result<&Compiled, &Frozen>,
    targets: &BTreeMap<TargetName, TargetRules>,
    ledgers: &[&Ledger],
    people: &BTreeSet<PersonId>,
    last: &Decided,
    t: Timestamp,
) -> Decided {
    let had_policy = ledgers.iter().any(|ledger| ledger.had_policy);
    let frozen = realm.frozen(had_policy).or_else(|| compiled.err().cloned());
    let people: Vec<&PersonId> = people.iter().filter(|person| realm.is_declared(person)).collect();
    let employed = employed(ledgers, &people);
    let remembered = ledgers.iter().filter(|ledger| !ledger.links.is_empty()).map(|ledger| &ledger.target).collect();
    let (inputs, shared) = (realm.inputs(t), Shared::default());
    let round = Deciding {
        realm,
        frozen,
        compiled: compiled.ok(),
        targets,
        remembered,
        employed,
        last,
        inputs,
        shared,
        overruns: Overruns::default(),
        t,
    };
    let decisions = on_threads(people.clone(), &|person| round.decide(person)).into_iter().zip(people).map(|(decision, person)| {
        let decision = decision.unwrap_or_else(|panicked| PersonDecision {
            standing: realm.standing(person, t),
            decision: Err(Frozen::new(format!("the decision broke off: {panicked}"), "")),
            refused: false,
            mapped: BTreeMap::new(),
            due: None,
            remembered: None,
        });
        (person.clone(), decision)
    });
    let people = decisions.collect();
    Decided { people, frozen: round.frozen }
}

/// What all decisions of one instant share.
struct Deciding<'a> {
    realm: &'a Realm,
    frozen: Option<Frozen>,
    compiled: Option<&'a Compiled>,
    targets: &'a BTreeMap<TargetName, TargetRules>,
    /// Targets that a ledger knows accounts of.
    remembered: BTreeSet<&'a TargetName>,
    employed: BTreeSet<PersonId>,
    last: &'a Decided,
    inputs: Inputs<'a>,
    shared: Shared,
    overruns: Overruns,
    t: Timestamp,
}

impl Deciding<'_> {
    fn decide(&self, person: &PersonId) -> PersonDecision {
        let standing = self.realm.standing(person, self.t);
        let mut due = standing.as_ref().and_then(|standing| standing.next);
        let mut mapped = BTreeMap::new();
        let mut remembered = None;
        let decision = match (self.kept(person, standing.as_ref()), self.compiled) {
            (Some(frozen), _) => Err(frozen),
            (None, None) => Err(Frozen::new("the policies do not compile", "")),
            (None, Some(compiled)) => self.inputs.of(person, standing.as_ref()).and_then(|input| {
                let last = self.last.people.get(person);
                let before = last.and_then(|last| remembered_of(last, standing.as_ref()));
                let mut question = Question::among(&self.shared, compiled, &input, before, self.t);
                due = due.into_iter().chain(input.holdings_next).min();
                let decision = question.decide_again(last.and_then(|last| last.decision.as_ref().ok()));
                self.overruns.note(&decision);
                let decision = decision.map_err(|error| Frozen { reason: error.to_reason() })?;
                for key in accounts_to_map(person, &decision, self.targets) {
                    let attributes = question.map_again(&key, last.and_then(|last| last.mapped.get(&key)));
                    let overran = self.overruns.note_mapping(&attributes);
                    mapped.insert(key, attributes);
                    if overran && failed(&decision, &mapped).is_some() {
                        // This person is frozen already, and the next one may take as long.
                        break;
                    }
                }
                match failed(&decision, &mapped) {
                    // Half of a person is not decided: what cannot be mapped in one target freezes them in all.
                    Some(reason) => Err(Frozen { reason }),
                    None => {
                        remembered = Some(question.remembered());
                        Ok(decision)
                    }
                }
            }),
        };
        if let Ok(decision) = &decision {
            due = due.into_iter().chain(decision.due).min();
        }
        let refused =
            decision.as_ref().is_ok_and(|decision| decision.accounts.keys().any(|(target, account)| self.refuses(target, account)));
        PersonDecision { standing, decision, refused, mapped, due, remembered }
    }

    /// Whether there can be no such account: a word in a role or a rule is likely misspelt. A target that was there and is deleted is none.
    fn refuses(&self, target: &TargetName, account: &AccountName) -> bool {
        match self.realm.target(target) {
            Some(declared) => !account.is_ordinary() && !declared.spec.accounts.contains_key(account.as_str()),
            None => self.realm.target_unreadable(target).is_none() && !self.remembered.contains(target),
        }
    }

    /// Why the policies are not asked at all.
    fn kept(&self, person: &PersonId, standing: Option<&Standing>) -> Option<Frozen> {
        if let Some(frozen) = self.frozen.clone().or_else(|| standing?.frozen.clone()).or_else(|| self.overruns.frozen()) {
            return Some(frozen);
        }
        let standing = standing.filter(|standing| standing.lifecycle.as_ref().is_some_and(|lifecycle| !lifecycle.employed))?;
        let text = "an employment was known, and the list of employments is empty now: end it with a date instead";
        self.employed.contains(person).then(|| Frozen::new(text, standing.place.clone()))
    }
}

/// What was remembered of somebody whose state is the same: where that changes, the decision may enable an account, and then an error of
/// the policies must not go by unseen.
fn remembered_of<'a>(last: &'a PersonDecision, standing: Option<&Standing>) -> Option<&'a Remembered> {
    let state = |standing: Option<&Standing>| standing.and_then(|standing| standing.lifecycle.as_ref()).map(|lifecycle| lifecycle.state);
    last.remembered.as_ref().filter(|_| state(last.standing.as_ref()) == state(standing))
}

/// A mapping that fails for an account that is asked for.
fn failed(decision: &Decision, mapped: &BTreeMap<AccountKey, Attributes>) -> Option<Reason> {
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
fn employed(ledgers: &[&Ledger], people: &[&PersonId]) -> BTreeSet<PersonId> {
    let knows = |link: &Link| {
        link.employed
            || link.end.is_some()
            || link.stage.is_some_and(|(state, _)| {
                matches!(state, LifecycleState::Leave | LifecycleState::Preboarding)
                    || state == LifecycleState::Terminated && link.gone.is_none()
            })
    };
    let known = |person: &&&PersonId| ledgers.iter().flat_map(|ledger| ledger.links_of(person)).any(|(_, link)| knows(link));
    people.iter().filter(known).map(|person| (*person).clone()).collect()
}

impl Decided {
    /// What all this desires in one target; whoever is remembered there and declared by nobody is gone.
    #[must_use]
    pub fn desired(&self, realm: &Realm, target: &TargetName, ledger: &Ledger, t: Timestamp) -> Desired {
        let mut desired = Desired::default();
        for (id, person) in &self.people {
            desired.people.insert(id.clone(), self.person(realm, target, id, person, t));
        }
        for id in ledger.links.keys().map(|key| &key.person) {
            if desired.people.contains_key(id) {
                continue;
            }
            desired.people.extend(self.desired_of(realm, target, id, t).map(|person| (id.clone(), person)));
        }
        desired.named_by_roles = RoleNames::of(&realm.roles_data());
        desired
    }

    /// The same of one person, who is gone where nobody declares them. None where somebody else has taken over what was theirs.
    #[must_use]
    pub fn desired_of(&self, realm: &Realm, target: &TargetName, id: &PersonId, t: Timestamp) -> Option<DesiredPerson> {
        if let Some(person) = self.people.get(id) {
            return Some(self.person(realm, target, id, person, t));
        }
        // What a former externalId left behind goes to whoever names it, and is no departure.
        let inherited = realm.heirs(id).iter().any(|heir| self.people.contains_key(heir));
        (!inherited).then(|| gone(locks(&realm.lockouts_of(id, t), target)))
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
                out.refused = person.refused;
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
    lockouts.iter().any(|lockout| lockout.locks(target))
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
        maybe_locked: false,
        stand: Stand::Gone,
        refused: false,
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
