//! The same policies and people, asked of the interpreter, the RVM and OPA's Go library in turn.

use jiff::Timestamp;
use provost::policy::{Compiled, EngineKind, Question, compile};
use provost::realm::input::Input;
use serde_json::json;

use crate::{clock, company, opa::Opa};

const ROUNDS: usize = 5;

/// Microseconds a person.
pub struct Times {
    pub rvm: f64,
    pub interpreter: f64,
    pub opa: Option<f64>,
}

/// Measures all three in alternating rounds, after they have given the same.
pub fn measure(realm: &provost::realm::index::Realm, inputs: &[Input], t: Timestamp) -> Times {
    // Without mappings: OPA has nothing like them.
    let compiled = compile(&provost::apply::run::sources(realm), &realm.roles_data(), &Default::default()).unwrap();
    assert!(compiled.notes().is_empty(), "{:?}", compiled.notes());
    let mut opa = Opa::start();
    if let Some(opa) = &mut opa {
        opa.prepare(&company::modules(), &json!({"acme": company::data()["acme"], "realm": {"roles": compiled.roles()}}), inputs).unwrap();
        let ours: Vec<_> = inputs.iter().map(|input| counts(&answer(&compiled, EngineKind::Rvm, input))).collect();
        let theirs: Vec<_> = opa.answers().iter().map(|answer| counts(answer.as_ref().unwrap())).collect();
        assert_eq!(ours, theirs, "both give the same number of everything");
    }
    let people = inputs.len() as f64;
    let questions: Vec<Question<'_>> = inputs.iter().map(|input| Question::new(&compiled, input, None, t)).collect();
    let once = |engine| clock::took(|| questions.iter().for_each(|question| question.ask(engine).unwrap().unwrap())).0 / people;
    let mut times = Times { rvm: f64::INFINITY, interpreter: f64::INFINITY, opa: opa.as_ref().map(|_| f64::INFINITY) };
    for _ in 0..ROUNDS {
        times.rvm = times.rvm.min(once(EngineKind::Rvm));
        times.interpreter = times.interpreter.min(once(EngineKind::Interpreter));
        if let (Some(best), Some(opa)) = (&mut times.opa, &mut opa) {
            let reply = opa.ask(&json!({"measure": {"rounds": 1}})).unwrap();
            *best = best.min(reply["nanoseconds"][0].as_f64().unwrap() / 1e3 / people);
        }
    }
    times
}

fn answer(compiled: &Compiled, engine: EngineKind, input: &Input) -> serde_json::Value {
    Question::new(compiled, input, None, Timestamp::UNIX_EPOCH).by(engine).unwrap().unwrap()
}

fn counts(answer: &serde_json::Value) -> Vec<usize> {
    ["roles", "accounts", "entitlements", "violations"].map(|set| answer[set].as_array().unwrap().len()).to_vec()
}
