//! TCP: servers of debuggers and emulators, and clients of these.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Input, Inputs, Uplink, end, pump};

/// The pause before another attempt to connect.
const PAUSE: Duration = Duration::from_millis(250);

/// Connects to a server, again and again; with `once` until a connection has ended.
pub(super) fn connect(address: &str, line: usize, inputs: &Inputs, uplink: &Uplink, once: bool) {
    let mut reason = String::new();
    loop {
        let ended = TcpStream::connect(address).map(|stream| run(stream, line, inputs, uplink));
        let (was_connected, error) = match ended {
            Ok(error) => (true, error),
            Err(error) => (false, Some(error)),
        };
        if once && was_connected {
            return end(line, inputs, error);
        }
        let now = error.map_or("the connection was closed".to_owned(), |error| {
            error.to_string()
        });
        // An error that repeats is told once.
        if was_connected || now != reason {
            reason.clone_from(&now);
            if inputs.send(Input::Lost { line, reason: now }).is_err() {
                return;
            }
        }
        thread::sleep(PAUSE);
    }
}

/// Takes one client after another; with `once` a single one.
pub(super) fn listen(
    listener: &TcpListener,
    line: usize,
    inputs: &Inputs,
    uplink: &Uplink,
    once: bool,
) {
    loop {
        let error = match listener.accept() {
            Ok((stream, _)) => run(stream, line, inputs, uplink),
            Err(error) => return end(line, inputs, Some(error)),
        };
        if once {
            return end(line, inputs, error);
        }
        let reason = error.map_or("the connection was closed".to_owned(), |error| {
            error.to_string()
        });
        if inputs.send(Input::Lost { line, reason }).is_err() {
            return;
        }
    }
}

/// Reads a connection to its end; returns the error that it ended by.
fn run(stream: TcpStream, line: usize, inputs: &Inputs, uplink: &Uplink) -> Option<io::Error> {
    match stream.set_nodelay(true).and_then(|()| stream.try_clone()) {
        Ok(writer) => uplink.connect(writer),
        Err(error) => return Some(error),
    }
    drop(inputs.send(Input::Connected { line }));
    let ended = pump(stream, line, inputs);
    uplink.disconnect();
    ended.err()
}
