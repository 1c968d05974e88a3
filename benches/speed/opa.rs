//! OPA's Go library behind a pipe; see `benches/opa/main.go`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use provost::realm::input::Input;
use serde_json::{Value, json};

/// A running one.
pub struct Opa {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Opa {
    /// Starts it, where `make opa` has built it.
    pub fn start() -> Option<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/opa/ask-opa");
        let mut child = Command::new(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (to, from) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        Some(Self { child, to, from })
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.to, "{request}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).unwrap();
        assert!(reply.get("error").is_none(), "OPA: {}", reply["error"]);
        reply
    }

    /// Gives it policies, data and people.
    pub fn prepare(&mut self, modules: &BTreeMap<String, String>, data: &Value, inputs: &[Input]) {
        let request = json!({"modules": modules, "data": data, "query": "data.provost.__decision", "inputs": inputs});
        self.ask(&json!({"prepare": request}));
    }

    /// What it gives for each.
    pub fn answers(&mut self) -> Vec<Value> {
        let mut reply = self.ask(&json!({"answer": {}}));
        let answers = reply["answers"].as_array_mut().map(std::mem::take).unwrap();
        answers
            .into_iter()
            .map(|mut answer| {
                assert!(answer.get("error").is_none(), "OPA: {}", answer["error"]);
                answer["value"].take()
            })
            .collect()
    }

    /// Microseconds of processor time for all people once.
    pub fn measure(&mut self) -> f64 {
        self.ask(&json!({"measure": {"rounds": 1}}))["nanoseconds"][0].as_f64().unwrap() / 1e3
    }
}

impl Drop for Opa {
    fn drop(&mut self) {
        // It ends with its input; whatever it says then is of no interest.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
