//! One person's questions to the policies. In: the compiled policies, the person's input, what was remembered of the last answers.
//! Out: decision and mappings, and what is to be remembered of these.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

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
use super::reads::Reads;
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
    decision: Option<Asked>,
    mapped: BTreeMap<(TargetName, AccountName), Asked>,
}

/// One thing that was asked and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// Of the parts of the input that are read for it.
    question: Option<Fingerprint>,
    answer: Fingerprint,
    at: Timestamp,
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
    t: Timestamp,
}

impl<'a> Question<'a> {
    /// Of the person of `input` at `t`, by itself; `last`: what was remembered of them before.
    #[must_use]
    pub fn new(compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>, t: Timestamp) -> Self {
        Self::with(compiled, input, last, None, t)
    }

    /// The same, as one of many at this instant.
    #[must_use]
    pub fn among(shared: &'a Shared, compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>, t: Timestamp) -> Self {
        Self::with(compiled, input, last, Some(shared), t)
    }

    fn with(compiled: &'a Compiled, input: &'a Input, last: Option<&'a Remembered>, shared: Option<&'a Shared>, t: Timestamp) -> Self {
        let now = Remembered { program: compiled.fingerprint(), decision: None, mapped: BTreeMap::new() };
        Self { compiled, input, shared, document: OnceCell::new(), last: last.filter(|last| last.program == now.program), now, t }
    }

    /// What is to be remembered of what was asked so far.
    #[must_use]
    pub fn remembered(self) -> Remembered {
        self.now
    }

    /// The decision. The `last` one stands where the same was asked for it, and where the same was asked for somebody else at this
    /// instant, theirs is this one too; only what the time says of it is said anew.
    ///
    /// # Errors
    /// As [`Question::decide`].
    pub fn decide_again(&mut self, last: Option<&Arc<Decision>>) -> Result<Arc<Decision>, DecideError> {
        let question = self.fingerprint(self.compiled.reads());
        let before = self.last.and_then(|last| last.decision).filter(|before| question.is_some() && before.question == question);
        let (compiled, input, t) = (self.compiled, self.input, self.t);
        let at = |decision: &Arc<Decision>| match due(compiled, input, decision, t) {
            due if due == decision.due => Arc::clone(decision),
            due => Arc::new(Decision { due, ..Decision::clone(decision) }),
        };
        if let (Some(before), Some(last)) = (before, last.filter(|last| before.is_some_and(|before| !last.ends_between(before.at, t)))) {
            self.remember(question, before.answer);
            return Ok(at(last));
        }
        let key = self.shared.zip(question).map(|(shared, question)| {
            let moment = t.as_nanosecond().to_le_bytes();
            (shared, Fingerprint::of_all(&[question, self.now.program, Fingerprint::of_bytes(&[&moment])]))
        });
        if let Some(known) = key.and_then(|(shared, key)| shared.decision(&key)) {
            self.remember(question, known.answer);
            return Ok(at(&known.decision));
        }
        let (decision, answer) = self.ask_both()?;
        let decision = Arc::new(decision);
        self.remember(question, answer.fingerprint);
        if let (Some((shared, key)), true) = (key, answer.interpreted) {
            shared.keep(key, &decision, answer.fingerprint);
        }
        Ok(decision)
    }

    /// What the mapping of this account gives; what it gave `last` stands where the same was asked for it.
    pub fn map_again(&mut self, key: &AccountKey, last: Option<&Attributes>) -> Attributes {
        let place = (key.target.clone(), key.account.clone());
        let question = self.compiled.account(&place).and_then(|account| self.fingerprint(&account.reads));
        let before = self.last.and_then(|last| last.mapped.get(&place)).filter(|before| question.is_some() && before.question == question);
        if let (Some(last), Some(before)) = (last, before) {
            self.now.mapped.insert(place, *before);
            return last.clone();
        }
        let (attributes, answer) = self.map_answered(key);
        if let Some(answer) = answer {
            self.now.mapped.insert(place, Asked { question, answer, at: self.t });
        }
        attributes
    }

    fn remember(&mut self, question: Option<Fingerprint>, answer: Fingerprint) {
        self.now.decision = Some(Asked { question, answer, at: self.t });
    }

    /// What the parts that something reads are recognised by in this input.
    fn fingerprint(&self, reads: &Reads) -> Option<Fingerprint> {
        self.shared.map_or_else(|| reads.fingerprint(self.input, &Shared::default()), |shared| reads.fingerprint(self.input, shared))
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

    pub(super) fn t(&self) -> Timestamp {
        self.t
    }

    /// The last answer to what is decided.
    pub(super) fn last_decision(&self) -> Option<Fingerprint> {
        self.last?.decision.map(|asked| asked.answer)
    }

    /// The last answer to what this account's mapping gives.
    pub(super) fn last_mapped(&self, account: &(TargetName, AccountName)) -> Option<Fingerprint> {
        self.last?.mapped.get(account).map(|asked| asked.answer)
    }
}
