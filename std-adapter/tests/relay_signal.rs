//! The program `picojaeger-relay` as a process: signals end it after a summary, and reach a command.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_picojaeger-relay"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
        .spawn()
        .expect("the program was built for this test")
}

/// Waits for a line of the output, by which the program runs.
fn wait_for(child: &mut Child, text: &str) {
    let output = child.stdout.as_mut().expect("a pipe");
    let mut lines = BufReader::new(output).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), text);
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn an_interrupted_relay_prints_its_summary() {
    for name in ["-INT", "-TERM"] {
        let mut child = start(&["-", "--print"]);
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(b"ready\n").expect("it reads");
        wait_for(&mut child, "ready");
        signal(&child, name);
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("0 spans from 0 devices"), "{text}");
    }
}

#[test]
fn a_command_ends_by_its_own_answer_to_a_signal() {
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = start(&["run", "--source", "-", "--", "sh", "-c", script]);
    wait_for(&mut child, "ready");
    signal(&child, "-TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
}

#[test]
fn a_command_reads_the_input() {
    let mut child = start(&[
        "run",
        "--source",
        "-",
        "--",
        "sh",
        "-c",
        "read x; echo got $x; exit 3",
    ]);
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"this\n").expect("it reads");
    wait_for(&mut child, "got this");
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}
