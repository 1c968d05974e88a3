//! How a person stands in each target: whether there is, or should be, an account of theirs, and why it is not as it should be.

use jiff::Timestamp;

use crate::api::target::Mode;
use crate::model::account::AccountKey;
use crate::model::change::{Cause, LifecycleState};
use crate::model::failure::Failure;
use crate::model::ids::{ObjectName, PersonId, TargetName};
use crate::model::ledger::Link;
use crate::operator::realm::RealmTask;
use crate::operator::realm::known::{Known, Open};
use crate::plan::course::Standpoint;
use crate::plan::decided::PersonDecision;
use crate::plan::desired::DesiredPerson;
use crate::plan::not_shut::is_still_open;
use crate::plan::round::Look;
use crate::realm::input::Frozen;

/// One person in one target.
pub(super) struct Place<'a> {
    /// Where.
    pub target: &'a TargetName,
    known: &'a Known,
    here: Here,
    /// Why they are not as they should be; nothing: they are, as far as is known.
    pub trouble: Option<Open>,
}

/// What is to be here, and what is remembered.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact")]
struct Here {
    /// An account is remembered.
    linked: bool,
    /// A decision asks for an account, whether or not their state makes one.
    asked: bool,
    /// There is to be an account that is not there yet.
    made: bool,
    /// They must be out, and their account has not been seen shut.
    open: bool,
    /// Policies are followed, as far as they can be.
    follows: bool,
    /// Nothing is written for this person.
    paused: bool,
    /// They were locked out, and it cannot be told whether they still are.
    doubted: bool,
}

impl Place<'_> {
    /// Whether it is one of their accounts.
    pub fn counts(&self) -> bool {
        self.here.linked || self.here.made
    }

    /// Nothing is written here, whoever it is.
    pub fn is_left_alone(&self) -> bool {
        self.known.spec.suspend || self.known.spec.mode == Some(Mode::Observe)
    }

    /// Why they are still in, where they must be out.
    pub fn still_in(&self) -> Option<Open> {
        if !self.here.open {
            return None;
        }
        let left_alone = |reason, why: &str| Some(Open { reason, message: format!("{STILL_OPEN}: {why}"), stalled: false });
        match (self.known.spec.suspend, self.known.spec.mode) {
            (true, _) => left_alone("Suspended", "the target is suspended (suspend: true)"),
            (false, Some(Mode::Observe)) => left_alone("ObserveOnly", "the target is only observed (mode: Observe)"),
            (false, _) => self.trouble.clone(),
        }
    }
}

impl RealmTask {
    /// Every target that has to do with this person.
    pub(super) fn places_of(&self, person: &PersonId, t: Timestamp) -> Vec<Place<'_>> {
        let decision = self.decided.people.get(person);
        let places = self.known.iter().filter_map(|(target, known)| {
            let look = self.looks.get(target)?;
            let here = self.here(person, decision, target, look, t);
            let doubt = here.doubted.then(|| self.doubt(t));
            let trouble = doubt.or_else(|| trouble(known, look.broken.as_ref(), person, here));
            (here.linked || here.asked).then_some(Place { target, known, here, trouble })
        });
        places.collect()
    }

    fn here(&self, person: &PersonId, decision: Option<&PersonDecision>, target: &TargetName, look: &Look, t: Timestamp) -> Here {
        let asked = decision
            .and_then(|decision| decision.decision.as_ref().ok())
            .is_some_and(|decision| decision.accounts.keys().any(|(at, _)| at == target));
        let linked = look.ledger.links_of(person).any(|(_, link)| link.id.is_some());
        if !linked && !asked {
            return Here::default();
        }
        let locked = |(_, link): (&AccountKey, &Link)| link.stage.is_some_and(|(state, _)| state == LifecycleState::Locked);
        let doubted = !self.judged.lockouts && look.ledger.links_of(person).any(locked);
        if decision.is_some_and(is_at_work) && !doubted {
            return Here { linked, asked, made: asked && !linked, follows: true, ..Here::default() };
        }
        let Some(desired) = self.decided.desired_of(&self.realm, target, person, t) else {
            return Here { linked, asked, ..Here::default() };
        };
        let paused = desired.paused && !desired.locked;
        here(&desired, look, person, Here { linked, asked, paused, doubted: doubted && !desired.locked, ..Here::default() }, t)
    }

    /// Why whoever was locked out stays so.
    fn doubt(&self, t: Timestamp) -> Open {
        let why = self.lockout_of_nobody(t).map_or_else(
            || "something of the realm cannot be read, and a Lockout may be in it".to_owned(),
            |lockout| format!("the Lockout `{lockout}` names nobody, and it may mean them"),
        );
        Open { reason: LOCKED, message: format!("locked out, and not let in again: {why}"), stalled: false }
    }

    /// A Lockout of which nobody can tell whom it means: until then nobody who is locked out is let in again.
    pub(super) fn lockout_of_nobody(&self, t: Timestamp) -> Option<&ObjectName> {
        self.realm.lockout_of_nobody(|person| self.is_remembered(person), t)
    }
}

/// Most people: nothing but the policies says what becomes of their accounts.
fn is_at_work(decision: &PersonDecision) -> bool {
    decision.standing.as_ref().is_some_and(|standing| {
        let state = standing.lifecycle.as_ref().map(|lifecycle| lifecycle.state);
        state == Some(LifecycleState::Active) && standing.lockouts.is_empty() && !standing.paused
    })
}

fn here(desired: &DesiredPerson, look: &Look, person: &PersonId, so_far: Here, t: Timestamp) -> Here {
    let open = look.ledger.links_of(person).any(|(key, link)| is_still_open(desired, &look.rules, key, link, t));
    let courses = desired.asked.iter().filter_map(|(account, asked)| {
        let link = look.ledger.links_of(person).find(|(key, _)| key.account == *account).map(|(_, link)| link);
        Standpoint { person: desired, asked: Some(asked), link, rules: &look.rules, account, t }.course()
    });
    let (mut made, mut follows) = (false, false);
    for course in courses {
        made |= course.make && !so_far.linked;
        follows |= course.make || matches!(course.cause, Cause::Policy | Cause::Unasked);
    }
    Here { open, made, follows, ..so_far }
}

/// Of those who stay locked out though no Lockout names them.
pub(super) const LOCKED: &str = "LockoutInDoubt";

const STILL_OPEN: &str = "the account has not been seen shut";

fn trouble(known: &Known, broken: Option<&Frozen>, person: &PersonId, here: Here) -> Option<Open> {
    let is = |reason, message: String| Some(Open { reason, message, stalled: false });
    let open = known.open.get(person);
    if here.paused {
        return if here.open { is("Paused", format!("{STILL_OPEN}: paused by the annotation provost.dev/paused")) } else { None };
    }
    if let Some(open) = open {
        return Some(open.clone());
    }
    if known.sending.contains(person) {
        return is("Progressing", "changes are being sent".to_owned());
    }
    if let Some(Err(failure)) = &known.connected {
        return match here {
            Here { open: true, .. } => is(failure.reason(), format!("{STILL_OPEN}: {}", unreached(failure))),
            Here { made: true, .. } => is(failure.reason(), unreached(failure).to_owned()),
            // Whoever has an account was as they should be when last seen: the target's trouble stands on the target alone.
            _ => None,
        };
    }
    if known.news.contains(person) || known.looking.contains(person) {
        return is("Progressing", "to be looked at".to_owned());
    }
    if let Some(refused) = known.summary.refused.as_ref().filter(|_| here.open || here.made) {
        return is("Refused", refused.clone());
    }
    if here.open {
        return match known.stopped.get(person) {
            Some(stopped) => is(stopped.reason, format!("{STILL_OPEN}: {}", stopped.message)),
            None => is("Progressing", STILL_OPEN.to_owned()),
        };
    }
    if let Some(broken) = broken.filter(|_| here.follows) {
        return is("Frozen", format!("nothing is given, taken away or opened by policy: {}", broken.reason));
    }
    if !known.swept && here.made {
        return is("Progressing", "not read yet".to_owned());
    }
    None
}

fn unreached(failure: &Failure) -> &'static str {
    if matches!(failure, Failure::Denied(_)) { "the target refuses the login" } else { "the target cannot be reached" }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;

    fn known() -> Known {
        let mut known = Known::new(mpsc::channel(1).0, Arc::default(), Default::default(), Timestamp::UNIX_EPOCH);
        known.swept = true;
        known.works();
        known
    }

    fn said(known: &Known, here: Here) -> Option<&'static str> {
        trouble(known, None, &PersonId::parse("ann").unwrap(), here).map(|open| open.reason)
    }

    #[test]
    fn who_is_still_in_is_not_as_they_should_be_whatever_keeps_them_in() {
        let ann = PersonId::parse("ann").unwrap();
        let shut = Here { linked: true, ..Here::default() };
        let open = Here { open: true, ..shut };
        assert_eq!((said(&known(), shut), said(&known(), open)), (None, Some("Progressing")));

        let mut gone = known();
        gone.failed(Failure::Retry { after: None, why: "no route".to_owned() });
        assert_eq!((said(&gone, shut), said(&gone, open)), (None, Some("TargetUnavailable")));
        gone.failed(Failure::Denied("wrong password".to_owned()));
        assert_eq!((said(&gone, shut), said(&gone, open)), (None, Some("Unauthorized")));
        assert_eq!(said(&gone, Here { made: true, ..Here::default() }), Some("Unauthorized"));

        let paused = |here| Here { paused: true, ..here };
        assert_eq!((said(&known(), paused(shut)), said(&gone, paused(open))), (None, Some("Paused")));

        let mut protected = known();
        protected.stopped.insert(ann, Open { reason: "Protected", message: String::new(), stalled: false });
        assert_eq!((said(&protected, shut), said(&protected, open)), (None, Some("Protected")));

        let mut refused = known();
        refused.summary.refused = Some("keys of another realm".to_owned());
        assert_eq!((said(&refused, shut), said(&refused, open)), (None, Some("Refused")));
    }

    #[test]
    fn whoever_policies_say_nothing_of_is_frozen_and_not_as_they_should_be() {
        let linked = Here { linked: true, follows: true, ..Here::default() };
        let broken = Frozen::new("mapping.mail: no such thing", "TargetSystem/dir");
        let said = |broken, here| trouble(&known(), broken, &PersonId::parse("ann").unwrap(), here).map(|open| open.reason);
        assert_eq!((said(None, linked), said(Some(&broken), linked)), (None, Some("Frozen")));
        assert_eq!(said(Some(&broken), Here { made: true, follows: true, ..Here::default() }), Some("Frozen"));
        // Who is out needs no mapping.
        assert_eq!(said(Some(&broken), Here { follows: false, ..linked }), None);
    }
}
