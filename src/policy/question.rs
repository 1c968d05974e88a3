//! One person's questions to the policies. In: the compiled policies, the person's input, what was remembered of the last answers.
//! Out: decision and mappings, and what is to be remembered of these.

use std::collections::BTreeMap;

use regorus::Value as Rego;

use super::compiled::{Compiled, DECISION};
use super::document;
use super::engines::EngineKind;
use super::error::DecideError;
use super::fingerprint::Fingerprint;
use crate::model::ids::{AccountName, TargetName};
use crate::realm::input::Input;

/// What both engines answered for a person, small enough to be kept for everybody. Whoever keeps it hands it to the next question of
/// the same person: what is answered the same again then costs the faster engine alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Of the policies and their data: other ones are asked anew.
    pub(super) program: Fingerprint,
    pub(super) decision: Option<Fingerprint>,
    pub(super) mapped: BTreeMap<(TargetName, AccountName), Fingerprint>,
}

/// One person's questions at one instant. Asked inside [`on_threads`](super::on_threads()): the interpreter takes stack for every rule
/// in a row.
pub struct Question<'a> {
    compiled: &'a Compiled,
    input: &'a Input,
    document: Rego,
    last: Option<&'a Remembered>,
    now: Remembered,
}

impl<'a> Question<'a> {
    /// Of the person of `input`; `last`: what was remembered of their answers before.
    #[must_use]
    pub fn new(compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>) -> Self {
        let now = Remembered { program: compiled.program(), decision: None, mapped: BTreeMap::new() };
        Self { compiled, input, document: document::input(input), last: last.filter(|last| last.program == now.program), now }
    }

    /// What is to be remembered of what was asked so far.
    #[must_use]
    pub fn remembered(self) -> Remembered {
        self.now
    }

    /// The whole answer of one engine by itself, as JSON, to hold it beside another's: never decided by. None where it cannot run the policies.
    ///
    /// # Errors
    /// What the engine fails at.
    pub fn by(&self, engine: EngineKind) -> Option<Result<serde_json::Value, DecideError>> {
        let json = |value: Rego| serde_json::to_value(&value).map_err(|error| DecideError::Bug(error.to_string()));
        self.compiled.evaluation(self.document.clone()).by(engine, DECISION).map(|value| value.and_then(json))
    }

    /// Asks one engine by itself and makes nothing of the answer: what remains is the time that it took. None where it cannot run the policies.
    ///
    /// # Errors
    /// What the engine fails at.
    pub fn ask(&self, engine: EngineKind) -> Option<Result<(), DecideError>> {
        self.compiled.evaluation(self.document.clone()).by(engine, DECISION).map(|value| value.map(drop))
    }

    pub(super) fn compiled(&self) -> &'a Compiled {
        self.compiled
    }

    pub(super) fn input(&self) -> &'a Input {
        self.input
    }

    pub(super) fn document(&self) -> &Rego {
        &self.document
    }

    pub(super) fn last(&self) -> Option<&'a Remembered> {
        self.last
    }

    pub(super) fn remember_decision(&mut self, answer: Fingerprint) {
        self.now.decision = Some(answer);
    }

    pub(super) fn remember_mapped(&mut self, account: (TargetName, AccountName), answer: Fingerprint) {
        self.now.mapped.insert(account, answer);
    }
}
