//! The program `picojaeger-collector` as a process, and a client of HTTP by hand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use picojaeger_std::collector::{Encoding, encode};
use picojaeger_std::model::{Batch, Process, Span};

/// The longest wait of a test: reached only where it fails.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Free ports for all that a test does not name itself.
const FREE_PORTS: [&str; 14] = [
    "--port-udp-compact",
    "0",
    "--port-udp-binary",
    "0",
    "--port-thrift",
    "0",
    "--port-otlp",
    "0",
    "--port-sampling",
    "0",
    "--port-page",
    "0",
    "--port-relay",
    "0",
];

/// A running program; it is killed when a test forgets it.
pub(crate) struct Program {
    child: Child,
    errors: BufReader<ChildStderr>,
    /// The line of addresses.
    pub(crate) line: String,
}

impl Program {
    /// Starts it on free ports, and waits for its line.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on(&[FREE_PORTS.as_slice(), arguments].concat())
    }

    /// Starts it with these arguments only.
    pub(crate) fn start_on(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_picojaeger-collector"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        Program {
            child,
            errors,
            line,
        }
    }

    /// The port behind a word of the line.
    pub(crate) fn port(&self, word: &str) -> u16 {
        let rest = self.line.split_once(word).unwrap().1.trim_start();
        let rest = rest.strip_prefix("http://127.0.0.1:").unwrap_or(rest);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect(&self.line)
    }

    pub(crate) fn page(&self) -> u16 {
        self.port("page")
    }

    /// The next line of standard error.
    pub(crate) fn next_error(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line
    }

    /// The rest of standard error, for a program that ended by itself.
    pub(crate) fn errors(&mut self) -> String {
        let mut text = String::new();
        self.errors.read_to_string(&mut text).unwrap();
        text
    }

    /// Closes the reader's end of standard output.
    pub(crate) fn close_output(&mut self) {
        drop(self.child.stdout.take());
    }

    /// Waits until it has ended; returns its exit code and standard output.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut text).unwrap();
        }
        (self.child.wait().unwrap().code(), text)
    }

    /// Sends it SIGTERM.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
    }

    /// Asks for the status until `is_right`, and returns it.
    pub(crate) fn status(&self, is_right: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + LONG;
        loop {
            let status = get(self.page(), "/api/status").body;
            if is_right(&status) {
                return status;
            }
            assert!(Instant::now() < end, "{status}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until so many spans arrived.
    pub(crate) fn wait_for_spans(&self, spans: u64) -> String {
        self.status(|status| json(status)["received"]["spans"] == spans)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It fails where the program has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_picojaeger-collector"));
    command.args(arguments).output().unwrap()
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect(text)
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends bytes, and reads until the peer closes.
pub(crate) fn raw(port: u16, bytes: &[u8]) -> Answer {
    let mut stream = connect(port);
    // A server that refuses may close before it has read all.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends a request with more lines of its head.
pub(crate) fn request(port: u16, first: &str, lines: &str, body: &[u8]) -> Answer {
    let mut bytes =
        format!("{first} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n{lines}")
            .into_bytes();
    if !body.is_empty() {
        bytes.extend(format!("content-length: {}\r\n", body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    raw(port, &bytes)
}

pub(crate) fn get(port: u16, target: &str) -> Answer {
    request(port, &format!("GET {target}"), "", b"")
}

pub(crate) fn post(port: u16, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let lines = format!("content-type: {content_type}\r\n");
    request(port, &format!("POST {path}"), &lines, body)
}

/// A batch of one trace with a root and a child.
pub(crate) fn batch(service: &str, trace: u128) -> Batch {
    let mut batch = Batch::new(Process::new(service));
    let mut root = Span::new(trace, 1, "GET /");
    (root.start_time_us, root.duration_us) = (1_700_000_000_000_000, 2_000);
    let mut child = Span::new(trace, 2, "query");
    child.parent_span_id = root.span_id;
    (child.start_time_us, child.duration_us) = (1_700_000_000_000_500, 750);
    batch.spans.extend([root, child]);
    batch
}

pub(crate) fn datagram(batch: &Batch, encoding: Encoding) -> Vec<u8> {
    encode(batch, encoding).unwrap()
}
