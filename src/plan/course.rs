//! What the state of a person, or of an account that nobody asks for, does to an account at one instant.

use jiff::{Span, Timestamp};

use crate::api::target::{Do, Step, Treatment};
use crate::model::change::{Cause, LifecycleState};
use crate::model::ids::AccountName;
use crate::model::ledger::Link;
use crate::realm::input::Lifecycle;

use super::desired::{DesiredAccount, DesiredPerson, Stand};
use super::rules::{TargetRules, default_treatment};

/// What is to become of an account, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The state whose steps are taken; recorded as the account's stage.
    pub state: LifecycleState,
    /// Why.
    pub cause: Cause,
    /// Why it is shut: of one who is gone and locked out that is the Lockout, while all else is asked for by absence.
    pub shut_by: Cause,
    /// Whether it is to be open, shut, deleted, or left as it is.
    pub aim: Aim,
    /// What becomes of its entitlements.
    pub treatment: Treatment,
    /// It is to be made if it is not there.
    pub make: bool,
    /// When the next step comes, counted from `since` at the earliest.
    pub next: Option<Timestamp>,
}

impl Course {
    /// Whether the account is to be shut, be it only until it is deleted.
    #[must_use]
    pub fn shuts(&self) -> bool {
        // A leaver's or a gone person's account is shut first, so that a late or held Delete leaves nobody in.
        self.aim == Aim::Disabled || self.aim == Aim::Deleted && self.state == LifecycleState::Terminated
    }
}

/// What an account is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Open.
    Enabled,
    /// Shut.
    Disabled,
    /// Gone; shut until then.
    Deleted,
    /// As it is.
    AsIs,
}

/// One account at one instant, and all that its course depends on.
#[derive(Debug, Clone, Copy)]
pub struct Standpoint<'a> {
    /// Whose it is.
    pub person: &'a DesiredPerson,
    /// What is asked for.
    pub asked: Option<&'a DesiredAccount>,
    /// What is remembered.
    pub link: Option<&'a Link>,
    /// The target's rules.
    pub rules: &'a TargetRules,
    /// Which of the person's accounts it is.
    pub account: &'a AccountName,
    /// Now.
    pub t: Timestamp,
}

impl Standpoint<'_> {
    /// Which course the account takes; `None`: it is shown, not touched, but for an `until` reached.
    #[must_use]
    pub fn course(&self) -> Option<Course> {
        let (state, cause) = self.state_and_cause()?;
        self.in_state(state, cause)
    }

    /// What comes to the account where nothing can be read or judged of its person: a Lockout, and an end that was read before. In which
    /// state whoever is locked out has been is not forgotten meanwhile.
    #[must_use]
    pub fn unjudged_course(&self) -> Option<Course> {
        let link = self.link?;
        let (state, cause) = unjudged(self.person, link, self.t)?;
        let course = Self { asked: None, ..*self }.in_state(state, cause)?;
        let before = link.stage.filter(|_| state == LifecycleState::Locked).map(|(state, _)| state);
        Some(Course { state: before.unwrap_or(course.state), ..course })
    }

    /// What would become of the account if its person were at work.
    #[must_use]
    pub fn course_at_work(&self) -> Option<Course> {
        let (state, cause) = self.at_work()?;
        self.in_state(state, cause)
    }

    fn in_state(&self, state: LifecycleState, cause: Cause) -> Option<Course> {
        // A second account that is declared no more keeps the rules of the ordinary one.
        let steps = self.rules.account(self.account)?.steps(state);
        let since = since(self.link, state, self.t);
        Some(match state {
            LifecycleState::Preboarding => preboarding(&steps, self.person.lifecycle.as_ref(), self.asked.is_some(), cause, self.t),
            LifecycleState::Active => {
                let (aim, treatment) = match steps.first() {
                    Some(Step { do_: Do::Keep, entitlements, .. }) => (Aim::AsIs, *entitlements),
                    Some(step) => (Aim::Enabled, step.entitlements),
                    None => (Aim::Enabled, None),
                };
                let treatment = treatment.unwrap_or(Treatment::Follow);
                Course { state, cause, shut_by: cause, aim, treatment, make: self.asked.is_some(), next: None }
            }
            LifecycleState::Terminated
            | LifecycleState::Locked
            | LifecycleState::Suspended
            | LifecycleState::Leave
            | LifecycleState::Unasked => {
                let shut_by = if cause == Cause::Gone && self.person.locked { Cause::Lockout } else { cause };
                Course { shut_by, ..shut(&steps, state, cause, since, self.t) }
            }
        })
    }

    fn state_and_cause(&self) -> Option<(LifecycleState, Cause)> {
        use LifecycleState::{Active, Leave, Locked, Preboarding, Suspended, Terminated, Unasked};
        let person = self.person;
        if person.stand == Stand::Gone {
            // Who is retained is left as they are, but for a Lockout.
            return match self.link?.retain {
                false => Some((Terminated, Cause::Gone)),
                true => person.locked.then_some((Locked, Cause::Lockout)),
            };
        }
        if person.paused && !person.locked {
            return None;
        }
        let Some(lifecycle) = &person.lifecycle else {
            return unjudged(person, self.link.unwrap_or(&Link::default()), self.t);
        };
        let state = lifecycle.state;
        if person.locked || state == Locked {
            return Some((if state == Terminated { Terminated } else { Locked }, Cause::Lockout));
        }
        match state {
            Terminated | Suspended | Leave | Preboarding => Some((state, Cause::Lifecycle(state))),
            Locked | Unasked => None,
            Active => self.at_work(),
        }
    }

    fn at_work(&self) -> Option<(LifecycleState, Cause)> {
        match self.person.stand {
            Stand::Frozen(_) | Stand::Gone => None,
            Stand::Decided if self.asked.is_some() || implied_by_grace(self.link, self.rules, self.t) => {
                Some((LifecycleState::Active, Cause::Policy))
            }
            Stand::Decided => self.link.filter(|link| link.asked).map(|_| (LifecycleState::Unasked, Cause::Unasked)),
        }
    }
}

/// What is right whether or not a Lockout stands; `course` is without one. Nothing is opened, made or taken away, and who has left has left.
#[must_use]
pub fn course_in_doubt(course: Course) -> Option<Course> {
    match course.aim {
        _ if course.state == LifecycleState::Terminated => Some(course),
        Aim::Disabled | Aim::Deleted => {
            let state = LifecycleState::Locked;
            Some(Course { state, aim: Aim::Disabled, treatment: Treatment::Keep, make: false, next: None, ..course })
        }
        Aim::Enabled | Aim::AsIs => None,
    }
}

/// Since when the account has been Disabled in this state, by the ledger: the later of two moments. `None`: not seen Disabled in it.
fn since(link: Option<&Link>, state: LifecycleState, t: Timestamp) -> Option<Timestamp> {
    let link = link?;
    let disabled = link.disabled?;
    Some(match link.stage {
        Some((stage, since)) if stage == state => disabled.max(since),
        Some(_) | None => t,
    })
}

/// What is in its grace still implies its account.
fn implied_by_grace(link: Option<&Link>, rules: &TargetRules, t: Timestamp) -> bool {
    link.is_some_and(|link| {
        link.grants.iter().any(|(key, grant)| {
            let ends = rules.grace_ends(key, grant.lapsed.unwrap_or(t));
            ends.is_some_and(|ends| ends > t) && grant.until.is_none_or(|until| until > t)
        })
    })
}

fn unjudged(person: &DesiredPerson, link: &Link, t: Timestamp) -> Option<(LifecycleState, Cause)> {
    use LifecycleState::{Locked, Terminated};
    match (person.locked, link.end.is_some_and(|end| end <= t)) {
        (true, true) => Some((Terminated, Cause::Lockout)),
        (true, false) => Some((Locked, Cause::Lockout)),
        (false, true) => Some((Terminated, Cause::Lifecycle(Terminated))),
        (false, false) => None,
    }
}

fn shut(steps: &[Step], state: LifecycleState, cause: Cause, since: Option<Timestamp>, t: Timestamp) -> Course {
    let treatment = default_treatment(state);
    let mut course = Course { state, cause, shut_by: cause, aim: Aim::AsIs, treatment, make: false, next: None };
    for step in steps {
        if let Some(after) = step.after {
            // `after` runs from the ledger's moments alone, never from a date in a manifest.
            let Some(due) = since.and_then(|since| since.checked_add(after.length()).ok()) else { break };
            if due > t {
                course.next = Some(due);
                break;
            }
        }
        match step.do_ {
            Do::Disable => course.aim = Aim::Disabled,
            Do::Delete => course.aim = Aim::Deleted,
            Do::Keep | Do::Create | Do::Enable => {}
        }
        if let Some(treatment) = step.entitlements {
            course.treatment = treatment;
        }
    }
    course
}

fn preboarding(steps: &[Step], lifecycle: Option<&Lifecycle>, asked: bool, cause: Cause, t: Timestamp) -> Course {
    let state = LifecycleState::Preboarding;
    let mut course = Course { state, cause, shut_by: cause, aim: Aim::Disabled, treatment: Treatment::Keep, make: false, next: None };
    for step in steps {
        match step.do_ {
            Do::Create => {
                let due = lifecycle.and_then(|lifecycle| lifecycle.next_start.as_ref()).and_then(|start| made_from(start, step));
                match due {
                    Some(due) if due <= t => {
                        course.make = asked;
                        course.treatment = step.entitlements.unwrap_or(Treatment::Keep);
                    }
                    Some(due) if asked => course.next = Some(due),
                    Some(_) | None => {}
                }
            }
            Do::Keep => {
                course.aim = Aim::AsIs;
                course.treatment = step.entitlements.unwrap_or(Treatment::Keep);
            }
            Do::Disable => course.treatment = step.entitlements.unwrap_or(course.treatment),
            Do::Enable | Do::Delete => {}
        }
    }
    course
}

/// The instant from which a joiner's account is made: civil days before the first day, in the person's zone.
fn made_from(start: &jiff::Zoned, step: &Step) -> Option<Timestamp> {
    let Some(before) = step.before else { return Some(Timestamp::MIN) };
    let at = if before.unit == 'd' {
        start.checked_sub(Span::new().try_days(i64::from(before.count)).ok()?).ok()?
    } else {
        start.checked_sub(before.length()).ok()?
    };
    Some(at.timestamp())
}
