//! OPA's Go library behind a pipe; see `benches/opa/main.go`. The bench asks it too.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde_json::{Value, json};

/// A running one.
pub struct Opa {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Opa {
    /// Starts it; none where `make opa` has not built it.
    pub fn start() -> Option<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.cache/opa/ask-opa");
        let mut child = Command::new(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (to, from) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        Some(Self { child, to, from })
    }

    /// Asks anything.
    pub fn ask(&mut self, request: &Value) -> Result<Value, String> {
        writeln!(self.to, "{request}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let reply: Value = serde_json::from_str(&line).unwrap();
        match reply.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(reply),
        }
    }

    /// Gives it policies, data and people; why it cannot take them.
    pub fn prepare(&mut self, modules: &BTreeMap<String, String>, data: &Value, inputs: &[impl Serialize]) -> Result<(), String> {
        let request = json!({"modules": modules, "data": data, "query": "data.provost.__decision", "inputs": inputs});
        self.ask(&json!({"prepare": request})).map(drop)
    }

    /// What it gives for each.
    pub fn answers(&mut self) -> Vec<Result<Value, String>> {
        let mut reply = self.ask(&json!({"answer": {}})).unwrap();
        let answers = reply["answers"].as_array_mut().map(std::mem::take).unwrap();
        let read = |mut answer: Value| match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["value"].take()),
        };
        answers.into_iter().map(read).collect()
    }
}

impl Drop for Opa {
    fn drop(&mut self) {
        // It ends with its input; whatever it says then is of no interest.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
