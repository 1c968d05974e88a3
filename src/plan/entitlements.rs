//! What becomes of one account's entitlements: granted, revoked, kept, claimed as ours, or shown.

use crate::api::target::Treatment;
use crate::model::account::Account;
use crate::model::change::{Act, Cause, Change, LifecycleState};
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::ledger::{Grant, Link};
use crate::model::reason::Reason;

use super::course::Course;
use super::desired::{DesiredAccount, Stand};
use super::finding::{Finding, FindingKind};
use super::sight::Sight;

/// Plans the entitlements of an account that was seen; `link` is what will be remembered of it.
pub fn plan_entitlements(
    sight: &Sight<'_>,
    course: Option<&Course>,
    account: &Account,
    link: &mut Link,
    out: &mut Vec<Change>,
    findings: &mut Vec<Finding>,
) {
    let person = sight.person;
    let decided = person.stand == Stand::Decided && !sight.broken;
    let treatment = course.map_or(Treatment::Keep, |course| course.treatment);
    let direct = |key: &EntitlementKey| account.entitlements.get(key) == Some(&How::Direct);

    if account.entitlements_complete {
        link.grants.retain(|key, _| direct(key));
    }
    if decided && treatment != Treatment::Remove && sight.enforces() {
        claim(sight, account, link);
    }
    for (key, how) in &account.entitlements {
        if *how == How::Derived {
            if let (Some(rule), Treatment::Follow, true) = (person.revoked.get(key), treatment, decided) {
                cannot_revoke(sight, key, rule, findings);
            }
            continue;
        }
        let asked = if decided { sight.asked.and_then(|asked| asked.entitlements.get(key)) } else { None };
        let grant = link.grants.get_mut(key);
        let ours = grant.is_some();
        if grant.as_ref().is_some_and(|grant| grant.until.is_some_and(|until| until <= sight.t)) && asked.is_none() {
            let until = grant.and_then(|grant| grant.until);
            let reason =
                Reason::at(format!("it was given until {}", until.map(|u| u.to_string()).unwrap_or_default()), person.place.clone());
            revoke(sight, account, key, Cause::Until, vec![reason], out);
            continue;
        }
        match (treatment, course) {
            (Treatment::Remove, Some(course)) if ours => {
                revoke(sight, account, key, course.cause, vec![sight.state_reason(course.cause)], out);
            }
            (Treatment::Remove, Some(course)) if sight.rules.is_authoritative(key) && sight.removals_judged => {
                out_of_scope(sight, course, account, key, out);
            }
            (Treatment::Remove, Some(_)) => unclaimed(sight, key, asked_at_all(sight, key), findings),
            (Treatment::Follow, Some(_)) if decided => follow(sight, account, key, grant, out, findings),
            (Treatment::Follow | Treatment::Keep | Treatment::Remove, _) => {
                if !ours && asked.is_none() {
                    unclaimed(sight, key, false, findings);
                }
            }
        }
    }
    if let (Treatment::Follow, Some(course), Some(asked)) = (treatment, course, sight.asked)
        && decided
    {
        grants(sight, course, asked, Some(account), out);
    }
}

/// What policy would take away if the state did not keep it. It is wanted already: once the state is over, it need not settle anew.
pub fn kept(sight: &Sight<'_>, course: Option<&Course>, account: &Account, link: &Link) -> Vec<Change> {
    let mut out = Vec::new();
    let kept =
        |course: &&Course| course.treatment == Treatment::Keep && !matches!(course.state, LifecycleState::Active | LifecycleState::Unasked);
    if course.filter(kept).is_none() || sight.person.stand != Stand::Decided || sight.broken {
        return out;
    }
    let Some(at_work) = sight.standpoint(Some(link)).course_at_work() else { return out };
    for key in account.entitlements.iter().filter(|(_, how)| **how == How::Direct).map(|(key, _)| key) {
        // What it would remember is for when it comes to it.
        let mut grant = link.grants.get(key).cloned();
        match at_work.treatment {
            Treatment::Remove if grant.is_some() => {
                revoke(sight, account, key, at_work.cause, vec![sight.state_reason(at_work.cause)], &mut out);
            }
            Treatment::Remove if sight.rules.is_authoritative(key) => out_of_scope(sight, &at_work, account, key, &mut out),
            Treatment::Follow => follow(sight, account, key, grant.as_mut(), &mut out, &mut Vec::new()),
            Treatment::Keep | Treatment::Remove => {}
        }
    }
    out
}

/// What is found held when a decision asks for it is ours from now on; a later `until` replaces an earlier one.
fn claim(sight: &Sight<'_>, account: &Account, link: &mut Link) {
    for (key, wish) in sight.asked.into_iter().flat_map(|asked| &asked.entitlements) {
        if account.entitlements.get(key) != Some(&How::Direct) {
            continue;
        }
        let grant = link.grants.entry(key.clone()).or_insert_with(|| Grant { since: sight.t, until: wish.until, lapsed: None });
        grant.lapsed = None;
        // An end that moves nearer stays a removal by policy: it is judged when it comes, not by this `until`.
        grant.until = match (grant.until, wish.until) {
            (Some(known), Some(wished)) => Some(known.max(wished)),
            (Some(_) | None, None) | (None, Some(_)) => None,
        };
    }
}

/// A state that removes what is ours asks for nothing in an authoritative scope: all that is held there goes as well, by the state's brake.
/// The first removals in a scope are judged as such.
fn out_of_scope(sight: &Sight<'_>, course: &Course, account: &Account, key: &EntitlementKey, out: &mut Vec<Change>) {
    let known = sight.scopes.contains(&format!("{}/{}", key.kind, key.name));
    let cause = if known { course.cause } else { Cause::Scope };
    let scope = Reason::at("the scope is authoritative", format!("TargetSystem/{}", sight.rules.name));
    revoke(sight, account, key, cause, vec![sight.state_reason(course.cause), scope], out);
}

fn follow(
    sight: &Sight<'_>,
    account: &Account,
    key: &EntitlementKey,
    grant: Option<&mut Grant>,
    out: &mut Vec<Change>,
    findings: &mut Vec<Finding>,
) {
    let asked = sight.asked.is_some_and(|asked| asked.entitlements.contains_key(key));
    if let Some(rule) = sight.person.revoked.get(key) {
        let reason = Reason::new(format!("violation {rule}"));
        if grant.is_some() {
            revoke(sight, account, key, Cause::Violation, vec![reason], out);
        } else if sight.rules.is_authoritative(key) {
            revoke(sight, account, key, Cause::Scope, vec![reason], out);
        } else {
            cannot_revoke(sight, key, rule, findings);
        }
        return;
    }
    if asked {
        return;
    }
    let Some(grant) = grant else {
        if sight.rules.is_authoritative(key) {
            let reason = Reason::at("nobody asks for it, and the scope is authoritative", format!("TargetSystem/{}", sight.rules.name));
            revoke(sight, account, key, Cause::Scope, vec![reason], out);
        } else {
            unclaimed(sight, key, false, findings);
        }
        return;
    };
    if !sight.removals_judged {
        return;
    }
    if sight.rules.grace(key).is_some() {
        let lapsed = *grant.lapsed.get_or_insert(sight.t);
        if let Some(ends) = sight.rules.grace_ends(key, lapsed).filter(|ends| *ends > sight.t) {
            let message = format!("{key} is kept until {ends} (grace): no policy and no binding gives it any more");
            findings.push(Finding::account(&sight.key, FindingKind::Grace, message));
            return;
        }
    }
    revoke(
        sight,
        account,
        key,
        Cause::Policy,
        vec![Reason::at("no policy and no binding gives it any more", sight.person.place.clone())],
        out,
    );
}

/// Whether something is asked for that the account does not hold.
pub fn lacks(sight: &Sight<'_>, course: &Course, account: &Account) -> bool {
    let mut grants_due = Vec::new();
    if let (Some(asked), false) = (sight.asked, sight.broken) {
        grants(sight, course, asked, Some(account), &mut grants_due);
    }
    !grants_due.is_empty()
}

/// The grants that are asked for and not held; `account` is none where the account is made in the same plan.
pub fn grants(sight: &Sight<'_>, course: &Course, asked: &DesiredAccount, account: Option<&Account>, out: &mut Vec<Change>) {
    if course.treatment != Treatment::Follow {
        return;
    }
    for (key, wish) in &asked.entitlements {
        let held = account.is_some_and(|account| account.entitlements.get(key) == Some(&How::Direct));
        // What was not read may be held: it is not granted blindly.
        let unread = account.is_some_and(|account| !account.entitlements_complete && !account.entitlements.contains_key(key));
        if held || unread || sight.person.withheld.contains(key) || sight.person.revoked.contains_key(key) {
            continue;
        }
        let reasons: Vec<Reason> = wish.reasons.iter().cloned().collect();
        let seen = account.and_then(|account| sight.observed.seen(&account.id));
        out.push(Change::grant(sight.key.clone(), seen, key.clone(), reasons));
    }
}

fn revoke(sight: &Sight<'_>, account: &Account, key: &EntitlementKey, cause: Cause, reasons: Vec<Reason>, out: &mut Vec<Change>) {
    if matches!(cause, Cause::Policy | Cause::Violation | Cause::Scope | Cause::Drift | Cause::Unasked) && !sight.removals_judged {
        return;
    }
    if let Some(seen) = sight.observed.seen(&account.id) {
        out.push(Change::of(sight.key.clone(), seen, Act::Revoke(key.clone()), cause, reasons));
    }
}

fn cannot_revoke(sight: &Sight<'_>, key: &EntitlementKey, rule: &str, findings: &mut Vec<Finding>) {
    findings.push(Finding::account(
        &sight.key,
        FindingKind::CannotRevoke,
        format!("violation {rule} wants {key} gone, and it is not ours to remove: take it away in the target"),
    ));
}

fn asked_at_all(sight: &Sight<'_>, key: &EntitlementKey) -> bool {
    sight.asked.is_some_and(|asked| asked.entitlements.contains_key(key))
}

fn unclaimed(sight: &Sight<'_>, key: &EntitlementKey, asked: bool, findings: &mut Vec<Finding>) {
    let why = if asked { "it is asked for, and not in the state that its holder is in" } else { "nobody asks for it" };
    findings.push(Finding::account(&sight.key, FindingKind::Unclaimed, format!("{key} is held, {why}, and it is not ours")));
}
