//! What people's statuses show beside what is remembered: why each right is held, what comes next, what waits for an answer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::time::Moment;
use crate::model::account::AccountKey;
use crate::model::entitlement::EntitlementKey;
use crate::model::ids::{AccountId, PersonId};
use crate::model::ledger::{Grant, Ledger, Link};
use crate::model::observed::Observed;
use crate::operator::status::{LastError, NextStep, Shown};
use crate::plan::course::{Aim, Standpoint};
use crate::plan::desired::{Desired, DesiredPerson};
use crate::plan::finding::Subject;
use crate::plan::guard::GuardedPlan;
use crate::plan::rules::TargetRules;

/// What is to be shown of these people's accounts in one target.
#[must_use]
pub(super) fn shown(
    people: &BTreeSet<PersonId>,
    desired: &Desired,
    rules: &TargetRules,
    ledger: &Ledger,
    observed: &Observed,
    plan: &GuardedPlan,
    t: Timestamp,
) -> BTreeMap<AccountKey, Shown> {
    let mut all: BTreeMap<AccountKey, Shown> = BTreeMap::new();
    for id in people {
        let mut links: BTreeMap<&AccountKey, &Link> = ledger.links_of(id).collect();
        for (key, link) in &mut links {
            // As it is remembered from this plan on: a grace may begin with it.
            *link = plan.plan().links.get(*key).unwrap_or(link);
        }
        for (key, link) in &links {
            all.insert((*key).clone(), seen(link.id.as_ref(), observed));
        }
        let Some(person) = desired.people.get(id) else { continue };
        for (account, asked) in &person.asked {
            let key = AccountKey { person: id.clone(), target: rules.name.clone(), account: account.clone() };
            let of = all.entry(key).or_default();
            for (entitlement, wish) in &asked.entitlements {
                // Where it stands is what `why` says: a moved line is no news.
                let reasons: Vec<&str> = wish.reasons.iter().map(|reason| &*reason.text).collect();
                of.reasons.insert(entitlement.clone(), reasons.join("; "));
            }
        }
        for (key, of) in all
            .range_mut(AccountKey { person: id.clone(), target: rules.name.clone(), account: crate::model::ids::AccountName::ordinary() }..)
        {
            if key.person != *id {
                break;
            }
            let link = links.get(key).copied();
            of.next = next(person, link, rules, key, t);
            for (entitlement, ends) in link.into_iter().flat_map(|link| in_grace(link, rules, t)) {
                of.reasons.entry(entitlement.clone()).or_insert_with(|| format!("no policy gives it any more: kept until {ends} (grace)"));
            }
        }
    }
    for finding in plan.plan().findings.iter().filter(|finding| finding.kind.is_incomplete()) {
        if let Subject::Account(key) = &finding.subject
            && people.contains(&key.person)
        {
            let error = LastError { code: finding.kind.to_string(), message: finding.message.clone() };
            all.entry(key.clone()).or_default().last_error.get_or_insert(error);
        }
    }
    for item in plan.held() {
        all.entry(item.change.key().clone()).or_default().waiting.insert(item.change.line().to_string());
    }
    all
}

fn seen(id: Option<&AccountId>, observed: &Observed) -> Shown {
    let account = id.and_then(|id| observed.account(id));
    Shown { held: account.into_iter().flat_map(|account| account.entitlements.keys().cloned()).collect(), ..Shown::default() }
}

/// What is kept though nothing gives it any more, and until when.
fn in_grace<'a>(link: &'a Link, rules: &'a TargetRules, t: Timestamp) -> impl Iterator<Item = (&'a EntitlementKey, Timestamp)> {
    let ends = move |(key, grant): (&'a EntitlementKey, &Grant)| Some((key, rules.grace_ends(key, grant.lapsed?)?));
    link.grants.iter().filter_map(ends).filter(move |(_, ends)| *ends > t)
}

/// The next step that comes by itself.
fn next(person: &DesiredPerson, link: Option<&Link>, rules: &TargetRules, key: &AccountKey, t: Timestamp) -> Option<NextStep> {
    let asked = person.asked.get(&key.account);
    let from = Standpoint { person, asked, link, rules, account: &key.account, t };
    let step = from.course().and_then(|course| course.next).map(|at| {
        let aim = Standpoint { t: at, ..from }.course().map(|course| course.aim);
        let what = match aim {
            Some(Aim::Deleted) => "Delete",
            Some(Aim::Disabled) => "Disable",
            Some(Aim::Enabled) => "Enable",
            Some(Aim::AsIs) | None => "Decide",
        };
        (at, what)
    });
    let granted = link.into_iter().flat_map(|link| link.grants.values()).filter_map(|grant| grant.until);
    let wished = asked.into_iter().flat_map(|asked| asked.entitlements.values()).filter_map(|wish| wish.until);
    let ends = granted.chain(wished).filter(|until| *until > t).min();
    let graces = link.into_iter().flat_map(|link| in_grace(link, rules, t)).map(|(_, ends)| ends).min();
    let (at, what) = step.into_iter().chain(ends.into_iter().chain(graces).map(|at| (at, "Revoke"))).min()?;
    Some(NextStep { do_: what.to_owned(), at: Moment(at) })
}
