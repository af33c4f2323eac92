//! The collector's program: started, asked for its counts, and ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::process::{self, Usage};

/// Ports that the program is to choose.
const PORTS: [&str; 7] = [
    "udp-compact",
    "udp-binary",
    "thrift",
    "otlp",
    "sampling",
    "page",
    "relay",
];
/// The load is over when nothing more arrived for so long.
const QUIET: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

/// A running collector; it ends when it is dropped.
pub(crate) struct Collector {
    child: Child,
    page: SocketAddr,
    status: Value,
}

/// The counts of the collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) spans: u64,
    /// Datagrams, or the processes of requests, that were read whole.
    pub(crate) batches: u64,
    pub(crate) rejected: u64,
    pub(crate) rejection: Option<String>,
    pub(crate) evicted: u64,
    /// Spans and bytes that the store holds.
    pub(crate) held: (u64, u64),
}

impl Collector {
    /// Starts the program on free ports.
    pub(crate) fn start(program: &Path, memory: &str) -> Result<Self> {
        let ports = PORTS.map(|port| format!("--port-{port}=0"));
        let child = Command::new(program)
            .args(ports)
            .args(["--memory", memory])
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", program.display()))?;
        let mut collector = Self {
            child,
            page: SocketAddr::from(([127, 0, 0, 1], 0)),
            status: Value::Null,
        };
        let stderr = collector.child.stderr.take().ok_or("it has no stderr")?;
        collector.page = page(stderr)?;
        collector.status = get(collector.page, "/api/status")?;
        Ok(collector)
    }

    /// Returns the address of one of its listeners.
    pub(crate) fn listener(&self, name: &str) -> Result<SocketAddr> {
        let listeners = self.status["listeners"].as_array();
        let found = listeners
            .into_iter()
            .flatten()
            .find(|it| it["name"] == name);
        let address = found.and_then(|it| it["address"].as_str());
        let address = address.ok_or_else(|| format!("the collector has no listener {name}"))?;
        Ok(address.parse()?)
    }

    /// Waits until so many spans have arrived, or nothing more arrives.
    pub(crate) fn settle(&self, spans: u64) -> Result<Status> {
        let mut last = Status::default();
        let mut since = Instant::now();
        loop {
            let status = Status::from(&get(self.page, "/api/status")?);
            if status.spans >= spans {
                return Ok(status);
            }
            if status != last {
                (last, since) = (status, Instant::now());
            } else if since.elapsed() > QUIET {
                return Ok(last);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Returns the datagrams that the kernel dropped before the socket of the compact protocol.
    pub(crate) fn dropped(&self) -> Result<u64> {
        process::dropped(self.listener("udp_compact")?.port())
    }

    pub(crate) fn usage(&mut self) -> Result<Usage> {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!("the collector ended: {status}").into());
        }
        process::usage(self.child.id())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended by itself, which `usage` tells.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<&Value> for Status {
    fn from(status: &Value) -> Self {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        Self {
            spans: number(&status["received"]["spans"]),
            batches: number(&status["received"]["batches"]),
            rejected: number(&status["rejected"]),
            rejection: status["rejection"].as_str().map(str::to_owned),
            evicted: number(&status["evicted"]["spans"]),
            held: (
                number(&status["held"]["spans"]),
                number(&status["held"]["bytes"]),
            ),
        }
    }
}

/// Reads the address of the page from the line that the program prints, and all lines that follow.
fn page(stderr: ChildStderr) -> Result<SocketAddr> {
    let mut lines = BufReader::new(stderr);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    // A pipe that nobody reads would stop the program.
    thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    address(&line).ok_or_else(|| format!("the collector tells no address: {}", line.trim()).into())
}

fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("page http://")?;
    let (address, _) = rest.split_once('/')?;
    address.parse().ok()
}

/// Returns an answer in JSON.
fn get(address: SocketAddr, path: &str) -> Result<Value> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer
        .split_once("\r\n\r\n")
        .filter(|(head, _)| head.starts_with("HTTP/1.1 200 "));
    let (_, body) = body.ok_or_else(|| format!("{path} answers {answer:.200}"))?;
    Ok(serde_json::from_str(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_where_the_line_says() {
        let line = "picojaeger-collector: page http://127.0.0.1:4000/ , UDP 1 2, Thrift 3\n";
        assert_eq!(address(line), Some(([127, 0, 0, 1], 4_000).into()));
        let taken = "page http://127.0.0.1:4000/ (as port 16686 is taken) , UDP 1";
        assert_eq!(address(taken), Some(([127, 0, 0, 1], 4_000).into()));
        assert_eq!(address("error: no"), None);
    }

    #[test]
    fn counts_are_read_and_what_is_missing_is_none() {
        let text = r#"{"received":{"spans":7,"batches":2},"rejected":1,"rejection":"why",
            "evicted":{"spans":3},"held":{"spans":4,"bytes":5}}"#;
        let status = Status::from(&serde_json::from_str(text).expect("it is JSON"));
        let expected = Status {
            spans: 7,
            batches: 2,
            rejected: 1,
            rejection: Some("why".to_owned()),
            evicted: 3,
            held: (4, 5),
        };
        assert_eq!(status, expected);
        assert_eq!(Status::from(&Value::Null), Status::default());
    }

    #[test]
    fn a_program_that_is_none_is_told() {
        for program in ["/nowhere/collector", "/bin/true"] {
            let error = Collector::start(Path::new(program), "1M").err();
            assert!(error.is_some(), "{program}");
        }
    }
}
