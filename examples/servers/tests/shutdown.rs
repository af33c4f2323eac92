//! The signals that end a server: the first in order, the second at once.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use picojaeger_std::shutdown_signal;

/// The variable that makes a process of this test the server.
const SERVER: &str = "PICOJAEGER_TEST_SERVER";

/// Starts this test again as a server that never ends its shutdown; returns when it listens for signals.
fn start() -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_server", "--nocapture"]);
    command.env(SERVER, "1").stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap());
    wait_for("listens", &mut lines);
    (server, lines)
}

fn wait_for(text: &str, lines: &mut BufReader<ChildStdout>) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it has ended");
    }
}

fn send(signal: &str, server: &Child) {
    let mut kill = Command::new("kill");
    kill.args([signal, &server.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

/// Not a test but in a process that the others start.
#[tokio::test]
async fn a_server() {
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    let mut signal = std::pin::pin!(shutdown_signal());
    // Polled once, so that it listens before the line is read.
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(Future::poll(signal.as_mut(), context).is_pending())
    });
    assert!(polled.await);
    println!("listens");
    signal.await;
    println!("shuts down");
    std::future::pending().await
}

#[test]
fn the_second_signal_ends_a_shutdown_that_hangs() {
    for (first, second, number) in [("-TERM", "-INT", 2), ("-INT", "-TERM", 15)] {
        let (mut server, mut lines) = start();
        send(first, &server);
        wait_for("shuts down", &mut lines);
        send(second, &server);
        assert_eq!(server.wait().unwrap().signal(), Some(number));
    }
}
