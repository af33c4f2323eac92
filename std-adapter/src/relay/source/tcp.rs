//! TCP: servers of debuggers and emulators, and clients of these.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{Input, Inputs, Link, end, pump};

/// The pause before another attempt to connect.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest wait for a peer that takes no bytes.
const WRITE_TIMEOUT: Duration = Duration::from_millis(200);

/// Connects to a server, again and again, and greets it; with `once` until a connection has ended.
pub(super) fn connect(
    address: &str,
    greeting: &str,
    line: usize,
    inputs: &Inputs,
    uplink: &Link,
    once: bool,
) {
    let mut reason = String::new();
    loop {
        let connected = TcpStream::connect(address).and_then(|mut stream| {
            stream.write_all(greeting.as_bytes())?;
            Ok(stream)
        });
        let ended = connected.map(|stream| run(stream, line, inputs, uplink));
        let (was_connected, error) = match ended {
            Ok(error) => (true, error),
            Err(error) => (false, Some(error)),
        };
        if once && was_connected {
            return end(line, inputs, error);
        }
        let now = reason_of(address, error.as_ref());
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
    uplink: &Link,
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
        let reason = reason_of("the client", error.as_ref());

        if inputs.send(Input::Lost { line, reason }).is_err() {
            return;
        }
    }
}

fn reason_of(peer: &str, error: Option<&io::Error>) -> String {
    match error {
        Some(error) => format!("{peer}: {error}"),
        None => format!("{peer} has closed the connection"),
    }
}

/// Reads a connection to its end; returns the error that it ended by.
fn run(stream: TcpStream, line: usize, inputs: &Inputs, uplink: &Link) -> Option<io::Error> {
    let writer = stream.try_clone().and_then(|writer| {
        writer.set_nodelay(true)?;
        writer.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(writer)
    });
    match writer {
        Ok(writer) => uplink.connect(writer),
        Err(error) => return Some(error),
    }
    drop(inputs.send(Input::Connected { line }));
    let ended = pump(stream, line, inputs);
    uplink.disconnect();
    ended.err()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::SocketAddr;
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    /// An input in a word.
    fn next(inputs: &Receiver<Input>) -> String {
        match inputs.recv_timeout(LONG).unwrap() {
            Input::Bytes { bytes, .. } => String::from_utf8(bytes).unwrap(),
            Input::Connected { line } => format!("connected {line}"),
            Input::Lost { reason, .. } if reason.ends_with("has closed the connection") => {
                "lost".to_owned()
            }
            Input::Ended { error, .. } => format!("ended {error:?}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_server_is_connected_again() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap().to_string();
        let (inputs, received) = sync_channel(9);
        let uplink = Link::default();
        let kept = uplink.clone();
        thread::spawn(move || connect(&address, "hello", 7, &inputs, &uplink, false));
        for text in ["one", "two"] {
            let (mut client, _) = server.accept().unwrap();
            assert_eq!(next(&received), "connected 7");
            let mut greeting = [0; 5];
            client.read_exact(&mut greeting).unwrap();
            assert_eq!(&greeting, b"hello");
            client.write_all(text.as_bytes()).unwrap();
            assert_eq!(next(&received), text);
            assert!(kept.write(b"down"));
            let mut down = [0; 4];
            client.read_exact(&mut down).unwrap();
            assert_eq!(&down, b"down");
            drop(client);
            assert_eq!(next(&received), "lost");
            assert!(!kept.write(b"down"));
        }
    }

    #[test]
    fn a_port_takes_one_client_after_another_or_one_alone() {
        for once in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address: SocketAddr = listener.local_addr().unwrap();
            let (inputs, received) = sync_channel(9);
            thread::spawn(move || listen(&listener, 1, &inputs, &Link::default(), once));
            for text in ["one", "two"].into_iter().take(if once { 1 } else { 2 }) {
                TcpStream::connect(address)
                    .unwrap()
                    .write_all(text.as_bytes())
                    .unwrap();
                assert_eq!(next(&received), "connected 1");
                assert_eq!(next(&received), text);
                assert_eq!(next(&received), if once { "ended None" } else { "lost" });
            }
        }
    }
}
