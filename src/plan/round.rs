//! One look at everything: all targets of a realm planned and judged together. A folder's run and an operator's sweep are this call.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::approval::ApprovalSpec;
use crate::model::account::{Account, AccountKey};
use crate::model::change::LifecycleState;
use crate::model::failure::Failure;
use crate::model::ids::{ApprovalName, OwnerKey, PersonId, TargetName};
use crate::model::ledger::{Fact, Ledger};
use crate::model::observed::Observed;
use crate::model::schema::Schema;
use crate::policy::decision::Violation;
use crate::realm::index::{Reading, Realm, Sited};
use crate::realm::input::{Frozen, Held};

use super::claims::Claims;
use super::course::Standpoint;
use super::decided::Decided;
use super::desired::{Desired, Stand};
use super::finding::{Finding, FindingKind, Subject};
use super::guard::{Answers, Approval, Beside, Fate, GuardedPlan, Judged, Settling, Watch, guard, judge, realm_holds, standing};
use super::not_shut::not_shut_where_suspended;
use super::rules::TargetRules;
use super::sweep::{Judging, Plan, plan};

/// One target as it was looked at.
#[derive(Debug)]
pub struct Look {
    /// Its rules.
    pub rules: TargetRules,
    /// Its schema.
    pub schema: Schema,
    /// Its ledger.
    pub ledger: Ledger,
    /// What it shows, or why nothing is known.
    pub observed: Result<Observed, Failure>,
    /// Its mapping cannot be used: nothing is granted, removed or enabled by policy here.
    pub broken: Option<Frozen>,
}

impl Look {
    /// How many accounts carry a key of this realm, where the ledger knows none of them: it is lost, or another one, of another realm too.
    #[must_use]
    pub fn unknown_of_ours(&self) -> usize {
        let Ok(observed) = &self.observed else { return 0 };
        // A ledger that has let go of all that it knew is not lost.
        if self.ledger.accounts_known && self.ledger.links.is_empty() {
            return 0;
        }
        let known = |account: &Account, owner: &OwnerKey| {
            let mut links = self.ledger.links_of(&owner.person);
            links.any(|(key, link)| key.account == owner.account && link.id.as_ref().is_none_or(|id| *id == account.id))
        };
        let mut unknown = 0;
        for account in observed.accounts() {
            let Some(owner) = account.owner.as_ref().filter(|owner| owner.realm == self.rules.realm) else { continue };
            if known(account, owner) {
                return 0;
            }
            unknown += 1;
        }
        unknown
    }

    /// What has to be said of its ledger before anything else.
    #[must_use]
    pub fn warning(&self) -> Option<Finding> {
        let unknown = self.unknown_of_ours();
        let accounts = if unknown == 1 { "1 account carries".to_owned() } else { format!("{unknown} accounts carry") };
        (unknown > 0).then(|| Finding {
            subject: Subject::Target(self.rules.name.clone()),
            kind: FindingKind::LedgerLost,
            message: format!(
                "{accounts} this realm's key, and the ledger knows none of them: it is lost, or another one. \
                 What was Provost's to take away there is not known any more, so that removals may be missing"
            ),
        })
    }
}

/// One target, planned and judged.
#[derive(Debug)]
pub struct TargetRound {
    /// What is desired there.
    pub desired: Desired,
    /// What is to be done.
    pub plan: GuardedPlan,
}

/// Everything planned and judged.
#[derive(Debug)]
pub struct Round {
    /// The targets that were read.
    pub targets: BTreeMap<TargetName, TargetRound>,
    /// The targets that could not be.
    pub unread: BTreeMap<TargetName, Failure>,
    /// Everybody's decision.
    pub decided: Decided,
    /// What is shown of the realm and of people, beside what each target shows.
    pub findings: BTreeSet<Finding>,
    /// Why removals by policy are not judged.
    pub removals_kept_back: Option<Frozen>,
}

/// What a round comes to, worst first: the exit code of `plan` follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to do.
    Nothing,
    /// Changes are sent.
    Changes,
    /// Some changes wait for a person's answer.
    Held,
    /// Something could not be read or decided: the plan is a lower bound.
    Incomplete,
}

/// Who holds what by a look, as `input.observed` needs it: by the ledger's ids, else by owner key.
#[must_use]
pub fn reading(rules: &TargetRules, observed: &Observed, ledger: &Ledger) -> Reading {
    let linked: BTreeMap<_, &AccountKey> = ledger.links.iter().filter_map(|(key, link)| link.id.as_ref().map(|id| (id, key))).collect();
    let whose = |account: &Account| match (&account.owner, linked.get(&account.id)) {
        (Some(owner), _) if owner.realm == rules.realm => Some((owner.person.clone(), owner.account.clone())),
        (Some(_), _) => None,
        (None, Some(key)) => Some((key.person.clone(), key.account.clone())),
        (None, None) => None,
    };
    let mut held: BTreeMap<PersonId, BTreeSet<Held>> = BTreeMap::new();
    for account in observed.accounts() {
        if let Some((person, name)) = whose(account) {
            let entitlements = account.entitlements.keys().map(|key| Held { key: key.clone(), account: name.clone() });
            held.entry(person).or_default().extend(entitlements);
        }
    }
    Reading { scope: observed.scope().clone(), complete: observed.extent().is_complete(), held, exports: BTreeMap::new() }
}

/// What the limits count beside the looks that are planned: in the operator, other targets, and people who are not looked at just now.
#[derive(Debug, Clone, Default)]
pub struct Rest<'a> {
    /// How long removals have been wanted, where they must last before they are sent.
    pub settling: Option<&'a Settling>,
    /// Targets of which the last complete listing showed no unmatched account.
    pub clean: BTreeSet<TargetName>,
    /// The ledgers of the targets that are not looked at.
    pub ledgers: Vec<&'a Ledger>,
}

impl Rest<'_> {
    fn beside(&self, target: &TargetName) -> Beside<'_> {
        Beside { unsent: self.settling.map(|settling| &settling.unsent), clean: self.clean.contains(target) }
    }
}

/// Plans and judges all targets. `others` are the ledgers of targets that are not looked at.
#[must_use]
pub fn plan_round(
    realm: &Realm,
    decided: Decided,
    looks: &BTreeMap<TargetName, Look>,
    others: &BTreeMap<TargetName, Ledger>,
    settling: Option<&Settling>,
    t: Timestamp,
) -> Round {
    let unread = looks.iter().filter_map(|(name, look)| Some((name.clone(), look.observed.as_ref().err()?.clone()))).collect();
    let rest = Rest { settling, ..Rest::default() };
    let targets = plan_looks(realm, &decided, looks.iter(), &rest, t);
    let mut findings = findings(realm, &decided, looks);
    for (target, ledger) in others.iter().filter(|(target, _)| realm.target(target).is_some_and(|target| target.spec.suspend)) {
        let desired = decided.desired(realm, target, ledger, t);
        findings.extend(not_shut_where_suspended(target, &desired, ledger, realm.absence_judged(), t));
    }
    Round { targets, unread, decided, findings, removals_kept_back: realm.removals_kept_back() }
}

/// Plans and judges the targets that were looked at, together; those that could not be read are left out.
#[must_use]
pub fn plan_looks<'a>(
    realm: &Realm,
    decided: &Decided,
    looks: impl IntoIterator<Item = (&'a TargetName, &'a Look)>,
    rest: &Rest<'_>,
    t: Timestamp,
) -> BTreeMap<TargetName, TargetRound> {
    let looks: Vec<(&TargetName, &Look)> = looks.into_iter().collect();
    let ledgers: Vec<&Ledger> = looks.iter().map(|(_, look)| &look.ledger).chain(rest.ledgers.iter().copied()).collect();
    let judging = Judging::of(realm, &ledgers, t);
    let locked = if judging.lockouts { BTreeSet::new() } else { locked_before(realm, &ledgers, judging) };
    let approvals = approvals(realm);
    let mut judged: BTreeMap<&TargetName, (Desired, Plan, Answers, Judged, &Look, &Observed)> = BTreeMap::new();
    for (name, look) in looks {
        let Ok(observed) = &look.observed else { continue };
        let mut desired = decided.desired(realm, name, &look.ledger, t);
        if !judging.lockouts {
            desired.doubt_locks(&locked, &look.ledger);
        }
        if let Some(frozen) = &look.broken {
            desired.freeze(frozen);
        }
        if let Some(why) = realm.target_unreadable(name) {
            desired.freeze(&Frozen::new(why, format!("TargetSystem/{name}")));
        }
        let claims = Claims::of(&look.rules, &look.schema, &desired, judging.absence);
        let mut plan = plan(&look.rules, &look.schema, &desired, &claims, observed, &look.ledger, judging, t);
        if !realm.policies().is_empty() && !look.ledger.had_policy {
            plan.notes.push(Fact::HadPolicy);
        }
        let answers = Answers::of(&approvals, name, t);
        let verdict = judge(&plan, &look.rules, &look.ledger, &desired, &answers, rest.beside(name), t);
        judged.insert(name, (desired, plan, answers, verdict, look, observed));
    }
    let safety = realm.spec().and_then(|spec| spec.safety.as_ref());
    let others: Vec<Judged> = rest
        .ledgers
        .iter()
        .filter(|ledger| !judged.contains_key(&ledger.target))
        .map(|ledger| {
            let answers = Answers::of(&approvals, &ledger.target, t);
            standing(&ledger.target, ledger, &answers, rest.beside(&ledger.target), t)
        })
        .collect();
    let holds = realm_holds(judged.values().map(|(_, _, _, verdict, _, _)| verdict).chain(&others), safety);
    let sure = judging.absence && judging.removals && decided.frozen.is_none();
    let nobody = decided.people.is_empty();
    let mut targets = BTreeMap::new();
    for (name, (desired, plan, answers, verdict, look, observed)) in judged {
        let sure = sure && observed.extent().is_complete();
        let watch = Watch {
            rules: &look.rules,
            observed,
            ledger: &look.ledger,
            judged: &verdict,
            realm: &holds,
            answers: &answers,
            settling: rest.settling,
            nobody,
            sure,
            t,
        };
        targets.insert(name.clone(), TargetRound { plan: guard(plan, &watch), desired });
    }
    targets
}

/// Whom Lockouts have shut out somewhere, by all that is remembered.
fn locked_before(realm: &Realm, ledgers: &[&Ledger], judging: Judging) -> BTreeSet<PersonId> {
    let links = ledgers.iter().flat_map(|ledger| &ledger.links);
    let mut locked: BTreeSet<PersonId> = links
        .filter(|(_, link)| link.stage.is_some_and(|(state, _)| state == LifecycleState::Locked))
        .map(|(key, _)| key.person.clone())
        .collect();
    if !judging.absence {
        let met = ledgers.iter().flat_map(|ledger| &ledger.met);
        locked.extend(met.filter(|(lockout, _)| realm.lockout(lockout).is_none()).map(|(_, met)| met.person.clone()));
    }
    locked
}

/// People's answers, as the realm declares them.
fn approvals(realm: &Realm) -> Vec<Approval> {
    let named = |approval: &Sited<ApprovalSpec>| {
        Some(Approval { name: ApprovalName::parse(approval.meta.name.as_str()).ok()?, spec: approval.spec.clone() })
    };
    realm.approvals().filter_map(named).collect()
}

/// What is shown of the realm and of its people.
fn findings(realm: &Realm, decided: &Decided, looks: &BTreeMap<TargetName, Look>) -> BTreeSet<Finding> {
    let mut findings = BTreeSet::new();
    if let Some(frozen) = &decided.frozen {
        findings.insert(Finding { subject: Subject::Realm, kind: FindingKind::Frozen, message: frozen.reason.to_string() });
    }
    for (id, person) in &decided.people {
        match &person.decision {
            Err(frozen) if decided.frozen.is_none() => {
                findings.insert(Finding {
                    subject: Subject::Person(id.clone()),
                    kind: FindingKind::Frozen,
                    message: frozen.reason.to_string(),
                });
            }
            Err(_) => {}
            Ok(decision) => {
                let named =
                    decision.accounts.keys().map(|(target, _)| target).chain(decision.entitlements.keys().map(|(_, key)| &key.target));
                for target in named.filter(|target| !looks.contains_key(*target)) {
                    if realm.target(target).is_some_and(|target| target.spec.suspend) {
                        continue;
                    }
                    let message = "policies or bindings name this target, and there is no readable TargetSystem of that name".to_owned();
                    findings.insert(Finding { subject: Subject::Target(target.clone()), kind: FindingKind::Refused, message });
                }
            }
        }
    }
    for (target, look) in looks {
        if let Some(frozen) = &look.broken {
            findings.insert(Finding {
                subject: Subject::Target(target.clone()),
                kind: FindingKind::Frozen,
                message: frozen.reason.to_string(),
            });
        }
    }
    for problem in realm.lockout_problems() {
        let message = format!("{}/{}: {}: {}", problem.kind, problem.name, problem.message, problem.hint);
        findings.insert(Finding { subject: Subject::Realm, kind: FindingKind::Refused, message });
    }
    for (target, torn) in realm.unreadable_targets() {
        findings.insert(Finding {
            subject: Subject::Target(target),
            kind: FindingKind::Frozen,
            message: format!("the TargetSystem cannot be read: {}", torn.why),
        });
    }
    findings
}

impl Round {
    /// Every finding, of the realm and of all targets.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(self.targets.values().flat_map(|target| &target.plan.plan().findings))
    }

    /// What it comes to. `unreadable`: something of the realm cannot be read.
    #[must_use]
    pub fn verdict(&self, unreadable: bool) -> Verdict {
        let partial = self.targets.values().any(|target| !target.plan.plan().extent.is_complete());
        let incomplete = self.all_findings().any(|finding| finding.kind.is_incomplete());
        if unreadable || partial || incomplete || !self.unread.is_empty() {
            return Verdict::Incomplete;
        }
        let items = || self.targets.values().flat_map(|target| target.plan.items());
        if self.targets.values().any(|target| target.plan.is_held()) {
            Verdict::Held
        } else if items().any(|item| matches!(item.fate, Fate::Send(_) | Fate::Waits | Fate::Frozen)) {
            Verdict::Changes
        } else {
            Verdict::Nothing
        }
    }

    /// Violations that nobody accepts, by person.
    #[must_use]
    pub fn violations(&self, t: Timestamp) -> BTreeMap<PersonId, Vec<Violation>> {
        self.violations_that(|violation| !violation.is_waived_at(t))
    }

    /// Violations that somebody accepts at `t`, by person.
    #[must_use]
    pub fn waived(&self, t: Timestamp) -> BTreeMap<PersonId, Vec<Violation>> {
        self.violations_that(|violation| violation.is_waived_at(t))
    }

    fn violations_that(&self, which: impl Fn(&Violation) -> bool) -> BTreeMap<PersonId, Vec<Violation>> {
        let decided = self.decided.people.iter().filter_map(|(id, person)| person.decision.as_ref().ok().map(|decision| (id, decision)));
        decided
            .map(|(id, decision)| {
                (id.clone(), decision.violations.iter().filter(|violation| which(violation)).cloned().collect::<Vec<_>>())
            })
            .filter(|(_, violations)| !violations.is_empty())
            .collect()
    }
}

/// The next instant after `t` at which anything of this person changes by itself: state, holding, `until`, waiver, grace, later step.
/// `ledgers` are as they are after the round.
#[must_use]
pub fn next_due(
    person: &PersonId,
    round: &Round,
    looks: &BTreeMap<TargetName, Look>,
    ledgers: &BTreeMap<TargetName, Ledger>,
    t: Timestamp,
) -> Option<Timestamp> {
    let decided = round.decided.people.get(person).and_then(|person| person.due);
    let here = looks.iter().filter_map(|(name, look)| {
        let (target, ledger) = (round.targets.get(name)?, ledgers.get(name)?);
        next_due_here(person, &target.desired, &look.rules, ledger, t)
    });
    decided.into_iter().chain(here).filter(|due| *due > t).min()
}

/// The same in one target, without what the decision itself waits for.
#[must_use]
pub fn next_due_here(person: &PersonId, desired: &Desired, rules: &TargetRules, ledger: &Ledger, t: Timestamp) -> Option<Timestamp> {
    let mut due: BTreeSet<Timestamp> = BTreeSet::new();
    let wanted = desired.people.get(person)?;
    let linked = ledger.links_of(person).map(|(key, _)| &key.account);
    let accounts: BTreeSet<_> = wanted.asked.keys().chain(linked).cloned().collect();
    for account in accounts {
        let key = AccountKey { person: person.clone(), target: rules.name.clone(), account };
        let link = ledger.links.get(&key);
        // The object cannot be read, or is not there and its absence could not be judged: an end that was read before still comes.
        let judged_gone =
            wanted.stand == Stand::Gone && link.and_then(|link| link.stage).is_some_and(|(state, _)| state == LifecycleState::Terminated);
        if wanted.lifecycle.is_none() && !judged_gone {
            due.extend(link.and_then(|link| link.end));
        }
        let from = Standpoint { person: wanted, asked: wanted.asked.get(&key.account), link, rules, account: &key.account, t };
        due.extend(from.course().and_then(|course| course.next));
        for (entitlement, grant) in link.into_iter().flat_map(|link| &link.grants) {
            due.extend(grant.until);
            let frozen = matches!(wanted.stand, Stand::Frozen(_));
            due.extend(grant.lapsed.filter(|_| !frozen).and_then(|lapsed| rules.grace_ends(entitlement, lapsed)));
        }
    }
    due.into_iter().find(|due| *due > t)
}
