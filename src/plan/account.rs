//! One account: from its course, what was found and what is remembered, to its changes and what is to be remembered.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::api::target::Treatment;
use crate::model::account::{Account, AccountState};
use crate::model::change::{Act, Brake, Cause, Change, LifecycleState};
use crate::model::ids::AttributeName;
use crate::model::ledger::Link;
use crate::model::observed::{Missing, Seen};
use crate::model::reason::Reason;
use crate::model::value::{Attributes, Value};

use super::attributes::{self, Values};
use super::contest::called;
use super::correlate::Found;
use super::course::{Aim, Course, course_in_doubt};
use super::desired::Stand;
use super::entitlements;
use super::finding::{Finding, FindingKind};
use super::foreseen::{Foreseen, foresee};
use super::not_shut::not_shut;
use super::rules::USER_NAME;
use super::sight::Sight;

/// What one account comes to.
#[derive(Debug, Default)]
pub struct AccountPlan {
    /// In no particular order.
    pub changes: Vec<Change>,
    /// What policy would take away if the state did not keep it.
    pub kept: Vec<Change>,
    /// What is shown.
    pub findings: Vec<Finding>,
    /// What is to be remembered; none: nothing.
    pub link: Option<Link>,
    /// An end or a leave is read here for the first time, or has moved nearer: the guard judges it by this brake now.
    pub announced: BTreeSet<Brake>,
    /// The brakes of what was announced earlier and judged then.
    pub announced_before: BTreeSet<Brake>,
    /// What is to come with it, where it is announced now or held since.
    pub foreseen: Vec<Foreseen>,
}

/// Plans one account.
#[must_use]
pub fn plan_account(mut sight: Sight<'_>, known: Option<&Link>, found: Found<'_>, chosen: &Attributes) -> AccountPlan {
    let mut out = AccountPlan::default();
    // What is seen open now has not stayed Disabled, whatever was seen before: no later step is due.
    let open = matches!(&found, Found::Account { seen, .. } if seen.account().state != AccountState::Disabled);
    let reopened = known.filter(|link| open && link.disabled.is_some()).map(|link| Link { disabled: None, ..link.clone() });
    let link = reopened.as_ref().or(known);
    let from = sight.standpoint(link);
    let mut course = from.course();
    if matches!(course.as_ref().map(|c| c.cause), Some(Cause::Gone)) && !sight.absence_judged {
        course = from.unjudged_course();
    }
    if matches!(course.as_ref().map(|c| c.cause), Some(Cause::Unasked)) && !sight.removals_judged {
        course = None;
    }
    // Whether a Lockout is gone cannot be told while anything is unreadable, or one names nobody: who is locked stays locked.
    if sight.person.maybe_locked {
        course = course.and_then(course_in_doubt);
    }
    let values = match sight.asked {
        Some(asked) if sight.person.stand == Stand::Decided => attributes::values(&sight, asked, chosen),
        Some(_) | None => Values::default(),
    };
    if matches!(sight.person.stand, Stand::Frozen(_)) || values.frozen {
        sight.broken = true;
    }
    match &found {
        Found::Account { seen, .. } => {
            let account = seen.account();
            let touchable = !account.own_login && !sight.rules.is_protected(&account.name);
            out.findings.extend(not_shut(&sight, known, touchable && account.state != AccountState::Disabled));
        }
        Found::Unread => out.findings.extend(not_shut(&sight, known, known.is_some_and(|link| link.state != AccountState::Disabled))),
        Found::Missing(_) | Found::GivenAway | Found::Blocked { .. } => {}
    }
    match found {
        Found::Account { seen, adopted } => {
            there(&sight, course.as_ref(), known, (seen, adopted), values, chosen, &mut out);
            out.foreseen = out.link.as_ref().map(|link| foresee(&sight, known, link, seen, &out)).unwrap_or_default();
        }
        Found::Missing(missing) => absent(&sight, course.as_ref(), known, missing, values, chosen, &mut out),
        Found::Unread => unread(&sight, course.as_ref(), known, &mut out),
        Found::GivenAway => {}
        Found::Blocked { kind, why, .. } => {
            out.findings.push(Finding::account(&sight.key, kind, why));
            out.link = known.cloned();
        }
    }
    out
}

fn there(
    sight: &Sight<'_>,
    course: Option<&Course>,
    known: Option<&Link>,
    (seen, adopted): (Seen<'_>, bool),
    values: Values,
    chosen: &Attributes,
    out: &mut AccountPlan,
) {
    let account = seen.account();
    if account.own_login || sight.rules.is_protected(&account.name) {
        if sight.asked.is_some() || known.is_some() || course.is_some_and(|course| course.shut_by != Cause::Gone) {
            let lacks = course.is_some_and(|course| entitlements::lacks(sight, course, account));
            let (kind, what) =
                if lacks { (FindingKind::Refused, ", and gets nothing that is asked for") } else { (FindingKind::Protected, "") };
            out.findings.push(Finding::account(&sight.key, kind, format!("account {} is protected: never touched{what}", account.name)));
        }
        // Nothing is done to it, and yet whether it is open is seen.
        out.link = known.map(|link| Link { state: account.state, ..link.clone() });
        return;
    }
    // Known by its key alone and never asked for: shown to its person's policies, touched by the leaver rule only.
    if known.is_none() && course.is_none() && sight.asked.is_none() && sight.person.stand == Stand::Gone {
        return;
    }
    let mut link = known.cloned().unwrap_or_else(|| Link { adopted: true, ..Link::default() });
    if link.id.as_ref().is_some_and(|id| *id != account.id) {
        // Another account than the recorded one: what was ours there is not ours here.
        link.grants.clear();
        link.written.clear();
        link.settled.clear();
        link.disabled = None;
    }
    link.chosen.extend(chosen.iter().map(|(name, value)| (name.clone(), value.clone())));
    announce(sight, known, account.state, &mut link, out);
    remember_sight(sight, course, known, account, adopted, &mut link);
    let own = account.owner.as_ref() != Some(&sight.rules.owner_key(&sight.key));
    let untouched = !sight.person.locked && (sight.person.paused || sight.person.stand == Stand::Gone && link.retain);
    if untouched {
        out.link = Some(link);
        return;
    }
    if own
        && !sight.key_elsewhere
        && sight.schema.can.owner_key
        && sight.person.stand != Stand::Gone
        && (adopted || known.is_some() || sight.asked.is_some())
    {
        let reason = Reason::new(if adopted { "taken over" } else { "the owner key is missing or an earlier one" });
        out.changes.push(Change::of(sight.key.clone(), seen, Act::Own, Cause::Policy, vec![reason]));
    }
    if let Some(course) = course {
        state_changes(sight, course, seen, &mut link, out);
    }
    out.findings.extend(values.findings.iter().cloned());
    entitlements::plan_entitlements(sight, course, account, &mut link, &mut out.changes, &mut out.findings);
    out.kept = entitlements::kept(sight, course, account, &link);
    if course.is_some_and(|course| course.treatment == Treatment::Follow) && !sight.broken && sight.asked.is_some() {
        attributes::compare(sight, &values, account, &mut link, &mut out.changes);
    }
    out.link = Some(link);
}

/// An end that was unknown or later, first seen on a person with an account here, is judged now; a leave likewise.
fn announce(sight: &Sight<'_>, known: Option<&Link>, shown: AccountState, link: &mut Link, out: &mut AccountPlan) {
    let Some(lifecycle) = &sight.person.lifecycle else { return };
    let before = known.and_then(|link| link.end);
    if !lifecycle.employed {
        // An emptied list says nothing of an employment that is known: that it was is not forgotten, nor what is held.
        out.announced_before.extend(before.map(|_| Brake::Leavers));
        out.announced_before.extend(known.and_then(|link| link.leave).map(|_| Brake::Suspensions));
        return;
    }
    link.employed = true;
    // What has begun already and left the account shut leaves nothing to judge; what is to come may find it open again.
    let judges = |from: Timestamp| from > sight.t || shown != AccountState::Disabled;
    if let Some(end) = lifecycle.end {
        if before.is_some_and(|before| before <= end) {
            out.announced_before.insert(Brake::Leavers);
        } else if judges(end) {
            out.announced.insert(Brake::Leavers);
        }
    }
    if let Some(leave) = lifecycle.leave {
        // One that had begun is over by now, and this is another one; one that had not has moved away.
        if known.and_then(|link| link.leave).is_some_and(|before| before == leave || before < leave && before > sight.t) {
            out.announced_before.insert(Brake::Suspensions);
        } else if judges(leave) {
            out.announced.insert(Brake::Suspensions);
        }
    }
    link.leave = lifecycle.leave;
    link.end = lifecycle.end;
}

fn remember_sight(sight: &Sight<'_>, course: Option<&Course>, known: Option<&Link>, account: &Account, adopted: bool, link: &mut Link) {
    link.id = Some(account.id.clone());
    link.name.clone_from(&account.name);
    link.retain = if sight.person.stand == Stand::Gone { link.retain } else { sight.person.retain };
    remember_gone(sight, course, link);
    if sight.asked.is_some() && sight.person.stand == Stand::Decided {
        link.asked = true;
    }
    if account.state == AccountState::Disabled {
        let ours = sight.intents.iter().any(|intent| intent.key() == &sight.key && matches!(intent.act(), Act::Disable));
        // Shut while we last left it open, or before it was ever ours: somebody else did that.
        if !ours && (known.is_none() || adopted || known.is_some_and(|known| known.state == AccountState::Enabled)) {
            link.disabled_elsewhere = true;
        }
        link.disabled.get_or_insert(sight.t);
    } else {
        link.disabled = None;
        link.disabled_elsewhere = false;
        link.sessions_ended = false;
    }
    link.state = account.state;
    if let Some(course) = course
        && link.stage.is_none_or(|(state, _)| state != course.state)
    {
        link.stage = Some((course.state, sight.t));
    }
}

/// Whether they are gone, and since when. Who is back is no longer in the state that being gone put them into, also where nothing says yet
/// in which one they are: it would read as an employment that has ended.
fn remember_gone(sight: &Sight<'_>, course: Option<&Course>, link: &mut Link) {
    if sight.person.stand == Stand::Gone {
        // They may be declared in what cannot be read.
        if sight.absence_judged {
            link.gone.get_or_insert(sight.t);
        }
    } else if link.gone.take().is_some() && course.is_none() {
        link.stage = None;
    }
}

/// What the state does to the account itself.
pub(super) fn state_changes(sight: &Sight<'_>, course: &Course, seen: Seen<'_>, link: &mut Link, out: &mut AccountPlan) {
    let account = seen.account();
    let mut push = |act: Act| {
        let cause = if act == Act::Delete { course.cause } else { course.shut_by };
        out.changes.push(Change::of(sight.key.clone(), seen, act, cause, vec![sight.state_reason(cause)]));
    };
    match course.aim {
        Aim::Enabled => {
            if account.state == AccountState::Disabled && !sight.broken {
                push(Act::Enable);
                if link.disabled_elsewhere {
                    out.findings.push(Finding::account(
                        &sight.key,
                        FindingKind::DisabledElsewhere,
                        "somebody else shut this account: it is opened only by an Approval",
                    ));
                }
            }
        }
        Aim::Disabled | Aim::Deleted => {
            let shuts = course.shuts();
            match account.state {
                _ if !shuts => {}
                AccountState::Enabled if sight.schema.can.disable => push(Act::Disable),
                AccountState::Enabled => out.findings.push(Finding::account(
                    &sight.key,
                    FindingKind::CannotDisable,
                    "this target cannot shut accounts: what is ours there is removed",
                )),
                AccountState::Invited => push(Act::Withdraw),
                AccountState::Disabled | AccountState::Absent => {}
            }
            if shuts && sight.schema.can.end_sessions && !link.sessions_ended {
                push(Act::EndSessions);
            }
            if course.aim == Aim::Deleted {
                push(Act::Delete);
            }
        }
        Aim::AsIs => {}
    }
}

fn absent(
    sight: &Sight<'_>,
    course: Option<&Course>,
    known: Option<&Link>,
    missing: Missing,
    values: Values,
    chosen: &Attributes,
    out: &mut AccountPlan,
) {
    let make = course.is_some_and(|course| course.make);
    let (Some(course), Some(asked), true) = (course, sight.asked, make) else {
        // A frozen person's link is kept: what is asked for is not known.
        if course.is_none() {
            out.link = known.cloned();
        }
        return;
    };
    let lagging =
        known.and_then(|link| link.touched).is_some_and(|touched| touched.checked_add(sight.rules.lag).is_ok_and(|until| until > sight.t));
    out.findings.extend(values.findings.iter().cloned());
    if sight.broken || lagging {
        if lagging {
            out.findings.push(Finding::account(
                &sight.key,
                FindingKind::Waiting,
                "the target may still show what was before our last write",
            ));
        }
        out.link = known.cloned();
        return;
    }
    let user_name = AttributeName::parse(USER_NAME).ok();
    let name = user_name.as_ref().and_then(|name| values.values.get(name)).and_then(|value| value.texts().into_iter().next());
    let Some(name) = called(&sight.key, sight.person, name) else {
        out.findings.push(Finding::account(&sight.key, FindingKind::Incomplete, format!("no userName: complete {}", sight.person.place)));
        return;
    };
    if !sight.rules.accounts.contains_key(&sight.key.account) {
        return;
    }
    if sight.rules.is_protected(&name) {
        let message = format!("an account {name} is asked for, and that name is protected: nothing is made under it");
        out.findings.push(Finding::account(&sight.key, FindingKind::Refused, message));
        out.link = known.cloned();
        return;
    }
    let state = if course.aim == Aim::Enabled { AccountState::Enabled } else { AccountState::Disabled };
    let reasons: Vec<Reason> = asked.reasons.iter().cloned().collect();
    out.changes.push(Change::create(sight.key.clone(), missing, name.clone(), state, attributes::initial(&values), reasons));
    entitlements::grants(sight, course, asked, None, &mut out.changes);
    let before = known.cloned().unwrap_or_default();
    let mut link = Link {
        name,
        asked: true,
        retain: sight.person.retain,
        stage: before.stage.filter(|(state, _)| *state == course.state).or(Some((course.state, sight.t))),
        held: before.held,
        charged: before.charged,
        touched: before.touched,
        chosen: chosen.clone(),
        // Nobody was ever in what is made shut.
        sessions_ended: state == AccountState::Disabled,
        ..Link::default()
    };
    if let Some(lifecycle) = &sight.person.lifecycle {
        link.employed = lifecycle.employed;
        link.leave = lifecycle.leave;
        link.end = lifecycle.end;
    }
    for (attribute, value) in &values.values {
        if let (Some(mapping), Value::Many(_)) = (sight.account_rules.mapping.get(attribute), value) {
            attributes::remember(mapping, attribute, value, &mut link);
        }
    }
    out.link = Some(link);
}

fn unread(sight: &Sight<'_>, course: Option<&Course>, known: Option<&Link>, out: &mut AccountPlan) {
    let Some(known) = known else { return };
    let mut link = known.clone();
    remember_gone(sight, course, &mut link);
    // A leaver's Disable goes by recorded id, where an id is never given twice.
    let leaver = course.is_some_and(|course| matches!(course.shut_by, Cause::Lockout | Cause::Lifecycle(LifecycleState::Terminated)));
    if let Some(course) = course
        && leaver
    {
        let open = known.state != AccountState::Disabled && known.disabled.is_none();
        let may = sight.schema.can.stable_ids
            && sight.schema.can.disable
            && !sight.rules.is_protected(&known.name)
            && matches!(course.aim, Aim::Disabled | Aim::Deleted);
        if open && may {
            out.changes.extend(Change::shut_out(sight.key.clone(), known, course.shut_by, vec![sight.state_reason(course.shut_by)]));
        }
        if link.stage.is_none_or(|(state, _)| state != course.state) {
            link.stage = Some((course.state, sight.t));
        }
        // Judged as where it is read: of one that is never touched, or that is not there yet, nothing is.
        if known.id.is_some() && !sight.rules.is_protected(&known.name) {
            announce(sight, Some(known), known.state, &mut link, out);
        }
    }
    out.link = Some(link);
}
