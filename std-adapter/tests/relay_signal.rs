//! The program `picojaeger-relay` as a process: signals end it after a summary, and reach a command.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use picojaeger_std::collector::Collector;

mod relay_device;

/// Starts the program in a process group of its own, as a shell does, which Ctrl-C ends.
#[allow(unsafe_code, reason = "sets a signal's action between fork and exec")]
fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_picojaeger-relay"));
    command
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A test that runs in the background has inherited that SIGINT is ignored, which a command cannot trap.
    // SAFETY: `signal` may be called there, and takes no memory.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
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
    kill(&[signal, &child.id().to_string()]);
}

/// Sends the signal of Ctrl-C to the whole group, as a terminal does.
fn press_ctrl_c(child: &Child) {
    kill(&["-INT", "--", &format!("-{}", child.id())]);
}

fn kill(arguments: &[&str]) {
    let sent = Command::new("kill").args(arguments).status();
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

#[test]
fn a_prompt_without_a_line_end_is_shown_before_its_answer() {
    let script = "printf 'name? '; read x; echo hello $x";
    let mut child = start(&["run", "--source", "-", "--", "sh", "-c", script]);
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = child.stdout.take().expect("a pipe");
    let (shown, prompt) = channel();
    let reader = thread::spawn(move || {
        let mut prompt = [0; 6];
        output.read_exact(&mut prompt).expect("a prompt");
        shown.send(prompt).expect("it is waited for");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("text");
        rest
    });
    let prompt = prompt.recv_timeout(Duration::from_secs(10));
    assert_eq!(prompt.as_ref(), Ok(b"name? "));
    input.write_all(b"you\n").expect("it reads");
    assert_eq!(reader.join().expect("it ends"), "hello you\n");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn ctrl_c_reaches_the_command_whose_last_frames_are_passed_on() {
    let agent = Collector::bind("127.0.0.1:0").expect("a port");
    let to = agent.local_addr().to_string();
    let frames = std::env::temp_dir().join(format!("picojaeger-signal-{}", std::process::id()));
    fs::write(&frames, relay_device::line(9, 5)).expect("it is written");
    // What a program under a debugger does: it sends the rest, and ends by a code of its own.
    let script = format!(
        "trap 'cat {}; exit 6' INT; echo ready; while :; do sleep 0.05; done",
        frames.display()
    );
    let arguments = [
        "run", "--source", "-", "--agent", &to, "--", "sh", "-c", &script,
    ];
    let mut child = start(&arguments);
    wait_for(&mut child, "ready");
    press_ctrl_c(&child);
    let output = child.wait_with_output().expect("it ends");
    fs::remove_file(&frames).expect("it was there");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(agent.wait_for_spans(5, Duration::from_secs(10)), "{text}");
    assert!(
        text.contains("5 spans from 1 device: 5 passed on"),
        "{text}"
    );
}

#[test]
fn ctrl_c_ends_a_command_that_does_not_answer_it() {
    let script = "echo ready; while :; do sleep 0.05; done";
    let mut child = start(&["run", "--source", "-", "--", "sh", "-c", script]);
    wait_for(&mut child, "ready");
    press_ctrl_c(&child);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(128 + 2), "{text}");
    assert!(text.contains("0 spans from 0 devices"), "{text}");
}
