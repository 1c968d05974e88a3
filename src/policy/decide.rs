//! One person's decision. In: the compiled policies, the person's input, the time. Out: roles by rule, accounts, entitlements,
//! violations, each with its reasons; or one error, and then nothing of it counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use regorus::Value as Rego;

use super::compiled::{Compiled, DECISION, DIFFER, Words};
use super::decision::{Decision, Reasons};
use super::engines::{Answer, Unanswered};
use super::error::{DecideError, PolicyError};
use super::member::{self, AccountMember, EntitlementMember, RoleMember, Unfit};
use super::question::Question;
use super::rewrite::ASKED;
use crate::model::reason::Reason;
use crate::realm::input::Input;

/// Decides for one person at `t`, as if for the first time.
///
/// # Errors
/// As [`Question::decide`].
pub fn decide(compiled: &Compiled, input: &Input, t: Timestamp) -> Result<Decision, DecideError> {
    Question::new(compiled, input, None, t).decide()
}

impl Question<'_> {
    /// Decides. The same input gives the same decision, whatever is remembered.
    ///
    /// # Errors
    /// A rule that fails, conflicts, takes too long, or gives something that cannot be asked for; or the engines differ.
    pub fn decide(&mut self) -> Result<Decision, DecideError> {
        self.decide_again(None).map(Arc::unwrap_or_clone)
    }

    /// Asks the engines.
    pub(super) fn ask_both(&self) -> Result<(Decision, Answer), DecideError> {
        let evaluation = self.compiled().evaluation(self.document().clone(), self.compiled().words());
        match evaluation.answer(DECISION, self.last_decision()) {
            Ok(answer) => {
                let decision = read(self.compiled(), self.input(), self.document(), &answer.value, self.t())?;
                Ok((decision, answer))
            }
            Err(Unanswered::Differ { interpreter, rvm: Ok(rvm) }) => {
                Err(DecideError::Differ(difference(self.compiled(), self.document(), &interpreter, &rvm)))
            }
            Err(why) => {
                let error = evaluation.error(why);
                // Where the catalogue stumbles over what a rule asks for, that rule is to blame.
                let ours = matches!(&error, DecideError::Failed(error) if self.compiled().is_ours(error));
                Err(ours.then(|| blame(self.compiled(), self.document())).flatten().unwrap_or(error))
            }
        }
    }
}

/// One of the sets that the policies gave together.
fn set<'v>(value: &'v Rego, name: &str) -> &'v Rego {
    value.as_object().ok().and_then(|fields| fields.get(&Rego::from(name))).unwrap_or(&Rego::Undefined)
}

/// The decision that an answer is.
fn read(compiled: &Compiled, input: &Input, document: &Rego, value: &Rego, t: Timestamp) -> Result<Decision, DecideError> {
    let mut decision = Decision::default();
    let sets = ASKED.map(|name| set(value, name));
    let [roles, accounts, entitlements, violations] = sets;
    let unfit = |set: &'static str, member: &Rego, unfit: Unfit| DecideError::Unfit(place(compiled, document, set, member, unfit));
    for value in members(roles)? {
        let RoleMember { name, parameters, reason } = member::role(value).map_err(|error| unfit("roles", value, error))?;
        let shape = compiled.catalogue().get(&name);
        let fit = match shape {
            None => Err(Unfit { message: format!("there is no BusinessRole `{name}`"), hint: None }),
            Some(shape) => {
                shape.fit(&parameters).map_err(|why| Unfit { message: format!("the role `{name}` does not fit: {why}"), hint: None })
            }
        };
        fit.map_err(|error| unfit("roles", value, error))?;
        for inner in shape.into_iter().flat_map(|shape| &shape.closure) {
            if let Some(included) = compiled.catalogue().get(inner) {
                let handed = included.handed(&parameters);
                let fit = included.fit(&handed).map_err(|why| Unfit {
                    message: format!("the role `{name}` does not fit: of the included role `{inner}`, {why}"),
                    hint: None,
                });
                fit.map_err(|error| unfit("roles", value, error))?;
                let reasons = decision.roles.entry((inner.clone(), handed)).or_default();
                reasons.insert(Reason::new(format!("included in role {name} (by rule)")));
            }
        }
        let reasons = decision.roles.entry((name, parameters)).or_default();
        reasons.insert(Reason::new(reason.unwrap_or(BY_RULE)));
    }
    for value in members(entitlements)? {
        let EntitlementMember { key, account, until, reason } =
            member::entitlement(value).map_err(|error| unfit("entitlements", value, error))?;
        let reason = Reason::new(reason.unwrap_or(BY_RULE));
        // What has reached its end asks for nothing any more, an account included.
        if until.is_none_or(|until| t < until) {
            decision.accounts.entry((key.target.clone(), account.clone())).or_default().insert(reason.clone());
        }
        match decision.entitlements.entry((account, key)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(super::decision::Asked { until, reasons: Reasons::one(reason) });
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let asked = entry.get_mut();
                // The latest end holds, and none beats all.
                asked.until = asked.until.zip(until).map(|(one, other)| one.max(other));
                asked.reasons.insert(reason);
            }
        }
    }
    for value in members(accounts)? {
        let AccountMember { target, account, reason } = member::account(value).map_err(|error| unfit("accounts", value, error))?;
        let reasons = decision.accounts.entry((target, account)).or_default();
        reasons.insert(Reason::new(reason.unwrap_or(BY_RULE)));
    }
    for value in members(violations)? {
        decision.violations.push(member::violation(value).map_err(|error| unfit("violations", value, error))?);
    }
    decision.violations.sort();
    decision.violations.dedup();
    decision.due = due(compiled, input, &decision, t);
    Ok(decision)
}

/// The reason of what a rule asks for without one.
const BY_RULE: &str = "by rule";

/// When the decision may change by itself. When what the person holds by binding changes is another matter: [`Input::holdings_next`].
pub(super) fn due(compiled: &Compiled, input: &Input, decision: &Decision, t: Timestamp) -> Option<Timestamp> {
    let waivers = decision.violations.iter().filter_map(|violation| violation.waived.as_ref().map(|waiver| waiver.until));
    let untils = decision.entitlements.values().filter_map(|asked| asked.until);
    let midnight = if compiled.reads_today() { input.midnight } else { None };
    midnight.into_iter().chain(waivers).chain(untils).filter(|at| *at > t).min()
}

/// The members of a set that the policies gave.
fn members(set: &Rego) -> Result<impl Iterator<Item = &Rego>, DecideError> {
    set.as_set().map(|set| set.iter_sorted()).map_err(|_| DecideError::Bug("what is asked for is no set".to_owned()))
}

/// What is wrong with a member, at the line of the rule that gave it.
fn place(compiled: &Compiled, document: &Rego, set: &str, member: &Rego, unfit: Unfit) -> PolicyError {
    let shown = match compiled.words() {
        Words::Plain => shortened(member),
        Words::Hidden => "(not shown: it may hold a sensitive value)".to_owned(),
    };
    let mut error = PolicyError::bare(format!("{}: {shown}", unfit.message));
    error.hint = unfit.hint;
    let lines = compiled
        .twin_evaluation(document.clone())
        .and_then(|twins| twins.rule(&format!("data.provost.__at_{set}")).map_err(DecideError::into_policy_error));
    let line = lines.ok().and_then(|lines| {
        let pairs = lines.as_set().ok()?;
        let mut pairs = pairs.iter_sorted().filter_map(|pair| pair.as_array().ok());
        let found = pairs.find(|pair| pair.get(1) == Some(member))?;
        Some(found.first()?.as_string().ok()?.to_string())
    });
    if let Some((file, line)) = line.as_deref().and_then(|line| line.rsplit_once(':')) {
        error.file = file.to_owned();
        error.line = line.parse().unwrap_or(0);
        error.column = 1;
        error.text = compiled.source_line(file, error.line);
    }
    error
}

/// The member of `roles` or `entitlements` that the catalogue cannot read.
fn blame(compiled: &Compiled, document: &Rego) -> Option<DecideError> {
    let roles = compiled.evaluation(document.clone(), compiled.words()).rule("data.provost.roles").ok()?;
    let member = roles.as_set().ok()?.iter_sorted().find_map(|value| member::role(value).err().map(|unfit| (value.clone(), unfit)));
    let (value, unfit) = member?;
    Some(DecideError::Unfit(place(compiled, document, "roles", &value, unfit)))
}

/// Where the engines first differ, at the line of a rule that gives what only one of them has.
fn difference(compiled: &Compiled, document: &Rego, interpreter: &Rego, rvm: &Rego) -> PolicyError {
    let members = |value: &Rego, name: &str| set(value, name).as_set().map(|set| set.iter_sorted().cloned().collect()).unwrap_or_default();
    for name in ASKED {
        let (ours, theirs): (BTreeSet<Rego>, BTreeSet<Rego>) = (members(interpreter, name), members(rvm, name));
        let Some(member) = ours.symmetric_difference(&theirs).next() else { continue };
        let (who, other) = if ours.contains(member) { ("interpreter", "RVM") } else { ("RVM", "interpreter") };
        let message = format!("the {who} has a member of `{name}` that the {other} has not");
        let error = place(compiled, document, name, member, Unfit { message, hint: Some(DIFFER.to_owned()) });
        // No rule gives it by the interpreter: any rule of that set may be meant.
        return match compiled.first_rule(name) {
            Some(at) if error.line == 0 => compiled.error_at(at, error.message).hint(DIFFER),
            Some(_) | None => error,
        };
    }
    PolicyError::bare("the interpreter and the RVM give different answers").hint(DIFFER)
}

fn shortened(value: &Rego) -> String {
    let text = value.to_string();
    if text.chars().count() > 200 { format!("{}…", text.chars().take(200).collect::<String>()) } else { text }
}
