//! A peer: a program that drives another make's tracer, one JSON request and one JSON answer a line.
//!
//! - `{"format": F, "context": "T:S:0:FLAGS", "baggage": {…}}` asks it to inject; the answer is
//!   `{"headers": {…}}` or `{"bytes": "HEX"}`.
//! - `{"format": F, "headers": {…}}`, or with `"bytes"`, asks it to extract; the answer is
//!   `{"context": "T:S:P:FLAGS", "baggage": {…}}`.
//! - `{"error": TEXT}` answers either.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

pub(crate) struct Peer {
    pub(crate) name: &'static str,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(folder: &Path, name: &'static str) -> Result<Peer, String> {
        let mut child = Command::new(folder.join(name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let requests = child.stdin.take();
        let answers = child.stdout.take().ok_or("no standard output")?;
        Ok(Peer {
            name,
            child,
            requests,
            answers: BufReader::new(answers),
        })
    }

    /// Sends one request and returns the answer, or the error that the peer answered.
    pub(crate) fn ask(&mut self, request: &Json) -> Result<Json, String> {
        let failed = |what: &str| format!("{}: {what}; asked {request}", self.name);
        let requests = self.requests.as_mut().ok_or("closed")?;
        writeln!(requests, "{request}").map_err(|error| failed(&error.to_string()))?;
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => return Err(failed("it ended")),
            Ok(_) => {}
            Err(error) => return Err(failed(&error.to_string())),
        }
        let answer: Json = serde_json::from_str(&line).map_err(|_| failed(&line))?;
        match answer["error"].as_str() {
            Some(error) => Err(failed(error)),
            None => Ok(answer),
        }
    }
}

impl Drop for Peer {
    /// Ends the peer by the end of its input.
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.child.wait();
    }
}
