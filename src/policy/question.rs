//! One person's questions to the policies. In: the compiled policies, the person's input, what was remembered of the last answers.
//! Out: decision and mappings, and what is to be remembered of these.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use regorus::Value as Rego;

use super::compiled::{Compiled, DECISION};
use super::decide::due;
use super::decision::Decision;
use super::document;
use super::engines::EngineKind;
use super::error::DecideError;
use super::fingerprint::Fingerprint;
use super::mapping::Attributes;
use super::shared::Shared;
use crate::model::account::AccountKey;
use crate::model::ids::{AccountName, TargetName};
use crate::realm::input::Input;

/// What both engines were asked of a person and what they answered, small enough to be kept for everybody. Whoever keeps it hands it to
/// the next question of the same person: what is asked the same again costs nothing, and what is answered the same the faster engine alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Of the policies and their data: other ones are asked anew.
    program: Fingerprint,
    /// Of the input.
    input: Option<Fingerprint>,
    /// When it was asked.
    at: Option<Timestamp>,
    decision: Option<Fingerprint>,
    mapped: BTreeMap<(TargetName, AccountName), Fingerprint>,
}

/// One person's questions at one instant. Asked inside [`on_threads`](super::on_threads()): the interpreter takes stack for every rule
/// in a row.
pub struct Question<'a> {
    compiled: &'a Compiled,
    input: &'a Input,
    shared: Option<&'a Shared>,
    document: OnceCell<Rego>,
    last: Option<&'a Remembered>,
    now: Remembered,
}

impl<'a> Question<'a> {
    /// Of the person of `input`, by itself; `last`: what was remembered of them before.
    #[must_use]
    pub fn new(compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>) -> Self {
        Self::with(compiled, input, last, None)
    }

    /// The same, as one of many.
    #[must_use]
    pub fn among(shared: &'a Shared, compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>) -> Self {
        Self::with(compiled, input, last, Some(shared))
    }

    fn with(compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>, shared: Option<&'a Shared>) -> Self {
        let fingerprint = shared.map_or_else(|| Shared::default().fingerprint(input), |shared| shared.fingerprint(input));
        let now = Remembered { program: compiled.program(), input: fingerprint, at: None, decision: None, mapped: BTreeMap::new() };
        Self { compiled, input, shared, document: OnceCell::new(), last: last.filter(|last| last.program == now.program), now }
    }

    /// What is to be remembered of what was asked so far.
    #[must_use]
    pub fn remembered(self) -> Remembered {
        self.now
    }

    /// The decision at `t`. The `last` one stands where the same was asked for it; only what the time says of it is said anew.
    ///
    /// # Errors
    /// As [`Question::decide`].
    pub fn decide_again(&mut self, last: Option<&Decision>, t: Timestamp) -> Result<Decision, DecideError> {
        let before = self.asked_before();
        let stands = |last: &&Decision| before.and_then(|before| before.at).is_some_and(|at| !last.ends_between(at, t));
        let Some(last) = last.filter(stands) else { return self.decide(t) };
        let fingerprint = before.and_then(|before| before.decision);
        let Some(fingerprint) = fingerprint else { return self.decide(t) };
        self.remember_decision(fingerprint, t);
        Ok(Decision { due: due(self.compiled, self.input, last, t), ..last.clone() })
    }

    /// What the mapping of this account gives; what it gave `last` stands where the same was asked for it.
    pub fn map_again(&mut self, key: &AccountKey, last: Option<&Attributes>) -> Attributes {
        let place = (key.target.clone(), key.account.clone());
        let fingerprint = self.asked_before().and_then(|before| before.mapped.get(&place).copied());
        match (last, fingerprint) {
            (Some(last), Some(fingerprint)) => {
                self.remember_mapped(place, fingerprint);
                last.clone()
            }
            (Some(_), None) | (None, _) => self.map(key),
        }
    }

    /// What was remembered when the very same was asked.
    fn asked_before(&self) -> Option<&'a Remembered> {
        self.last.filter(|last| last.input.is_some() && last.input == self.now.input)
    }

    /// The whole answer of one engine by itself, as JSON, to hold it beside another's: never decided by. None where it cannot run the policies.
    ///
    /// # Errors
    /// What the engine fails at.
    pub fn by(&self, engine: EngineKind) -> Option<Result<serde_json::Value, DecideError>> {
        let json = |value: Rego| serde_json::to_value(&value).map_err(|error| DecideError::Bug(error.to_string()));
        self.compiled.evaluation(self.document().clone(), self.compiled.words()).by(engine, DECISION).map(|value| value.and_then(json))
    }

    /// Asks one engine by itself and makes nothing of the answer: what remains is the time that it took. None where it cannot run the policies.
    ///
    /// # Errors
    /// What the engine fails at.
    pub fn ask(&self, engine: EngineKind) -> Option<Result<(), DecideError>> {
        self.compiled.evaluation(self.document().clone(), self.compiled.words()).by(engine, DECISION).map(|value| value.map(drop))
    }

    pub(super) fn compiled(&self) -> &'a Compiled {
        self.compiled
    }

    pub(super) fn input(&self) -> &'a Input {
        self.input
    }

    /// `input` as the engines have it.
    pub(super) fn document(&self) -> &Rego {
        self.document.get_or_init(|| {
            document::input(self.input, &|manager| self.shared.map_or_else(|| document::json(manager), |shared| shared.value(manager)))
        })
    }

    /// The last answer to what is decided.
    pub(super) fn last_decision(&self) -> Option<Fingerprint> {
        self.last?.decision
    }

    /// The last answer to what this account's mapping gives.
    pub(super) fn last_mapped(&self, account: &(TargetName, AccountName)) -> Option<Fingerprint> {
        self.last?.mapped.get(account).copied()
    }

    pub(super) fn remember_decision(&mut self, answer: Fingerprint, t: Timestamp) {
        self.now.decision = Some(answer);
        self.now.at = Some(t);
    }

    pub(super) fn remember_mapped(&mut self, account: (TargetName, AccountName), answer: Fingerprint) {
        self.now.mapped.insert(account, answer);
    }
}
