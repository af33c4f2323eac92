//! A private Jaeger: on free loopback ports, in memory, stopped when dropped.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::http;
use crate::model::Ids;

/// Longest time for Jaeger to start, and for a span to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two polls for an event.
const PAUSE: Duration = Duration::from_millis(5);
/// Attempts to start: a free port may be taken before Jaeger binds it.
const ATTEMPTS: usize = 3;

/// A running Jaeger.
pub struct Jaeger {
    child: Child,
    folder: Folder,
    ports: Ports,
}

/// A folder of this process, removed when dropped.
struct Folder(PathBuf);

struct Ports {
    query: SocketAddr,
    query_grpc: SocketAddr,
    health: SocketAddr,
    compact: SocketAddr,
}

impl Jaeger {
    /// Starts `binary` and waits until it is ready.
    pub fn start(binary: &Path) -> Result<Jaeger, String> {
        let mut failure = String::new();
        for _ in 0..ATTEMPTS {
            let mut jaeger = Jaeger::spawn(binary)
                .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
            match jaeger.wait_until_ready() {
                Ok(()) => return Ok(jaeger),
                Err(why) => failure = format!("{why}\n{}", jaeger.output()),
            }
        }
        Err(failure)
    }

    fn spawn(binary: &Path) -> io::Result<Jaeger> {
        let ports = Ports::free()?;
        let folder = Folder::create()?;
        fs::write(folder.0.join("config.yaml"), ports.config())?;
        let output = fs::File::create(folder.0.join("output"))?;
        let child = Command::new(binary)
            .arg("--config")
            .arg("config.yaml")
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Jaeger {
            child,
            folder,
            ports,
        })
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !matches!(http::get(self.ports.health, "/status"), Ok((200, _))) {
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(format!("Jaeger ended while starting: {status}")),
                Err(error) => return Err(format!("Jaeger cannot be watched: {error}")),
            }
            if Instant::now() > deadline {
                return Err(format!("Jaeger was not ready within {PATIENCE:?}"));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Returns the address for Thrift compact over UDP.
    pub fn agent(&self) -> SocketAddr {
        self.ports.compact
    }

    /// Returns the trace as the query API has it now, `None` if it has none.
    ///
    /// Without `raw=true` the server would move the times of spans by the clock skew that it guesses.
    pub fn trace(&self, trace: u128) -> Result<Option<Json>, String> {
        let path = format!("/api/traces/{trace:032x}?raw=true");
        let (status, body) = http::get(self.ports.query, &path)
            .map_err(|error| format!("GET {path}: {error}\n{}", self.output()))?;
        match status {
            404 => Ok(None),
            200 => match serde_json::from_slice::<Json>(&body) {
                Ok(mut answer) => Ok(Some(answer["data"][0].take())),
                Err(error) => Err(format!("GET {path} is not JSON: {error}")),
            },
            _ => Err(format!(
                "GET {path} answered {status}: {}",
                String::from_utf8_lossy(&body)
            )),
        }
    }

    /// Waits until the query API has `count` spans of the trace, and returns it.
    pub fn whole_trace(&self, trace: u128, count: usize) -> Result<Json, String> {
        self.poll(&format!("trace {trace:032x} with {count} spans"), || {
            let found = self.trace(trace)?;
            Ok(found.filter(|found| found["spans"].as_array().is_some_and(|s| s.len() >= count)))
        })
    }

    /// Waits until the query API has the span: all that was sent before it has left the socket's buffer then.
    pub fn await_span(&self, ids: Ids) -> Result<(), String> {
        let text = format!("{:016x}", ids.span);
        self.poll(&format!("span {text} of {:032x}", ids.trace), || {
            let found = self.trace(ids.trace)?;
            let spans = found.as_ref().and_then(|found| found["spans"].as_array());
            Ok(spans.and_then(|spans| {
                let arrived = spans.iter().any(|span| span["spanID"] == text.as_str());
                arrived.then_some(())
            }))
        })
    }

    fn poll<T>(
        &self,
        what: &str,
        mut look: impl FnMut() -> Result<Option<T>, String>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(format!("{what} did not arrive within {PATIENCE:?}"));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Returns Jaeger's own log.
    fn output(&self) -> String {
        match fs::read_to_string(self.folder.0.join("output")) {
            Ok(output) => format!("Jaeger wrote:\n{output}"),
            Err(error) => format!("Jaeger's output is unreadable: {error}"),
        }
    }
}

impl Drop for Jaeger {
    fn drop(&mut self) {
        let stopped = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = stopped {
            eprintln!(
                "Jaeger (process {}) was not stopped: {error}",
                self.child.id()
            );
        }
    }
}

impl Folder {
    fn create() -> io::Result<Folder> {
        let name = format!("jaeger-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} was not removed: {error}", self.0.display());
        }
    }
}

impl Ports {
    /// Returns ports that are free now: all are bound at once, so that they differ.
    fn free() -> io::Result<Ports> {
        let any = (Ipv4Addr::LOCALHOST, 0);
        let query = TcpListener::bind(any)?;
        let query_grpc = TcpListener::bind(any)?;
        let health = TcpListener::bind(any)?;
        let compact = UdpSocket::bind(any)?;
        Ok(Ports {
            query: query.local_addr()?,
            query_grpc: query_grpc.local_addr()?,
            health: health.local_addr()?,
            compact: compact.local_addr()?,
        })
    }

    fn config(&self) -> String {
        let Ports {
            query,
            query_grpc,
            health,
            compact,
        } = self;
        format!(
            r#"service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {{receivers: [jaeger], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  jaeger_query: {{storage: {{traces: mem}}, http: {{endpoint: "{query}"}}, grpc: {{endpoint: "{query_grpc}"}}}}
  jaeger_storage: {{backends: {{mem: {{memory: {{max_traces: 100000}}}}}}}}
  healthcheckv2: {{use_v2: true, http: {{endpoint: "{health}"}}}}
receivers:
  jaeger: {{protocols: {{thrift_compact: {{endpoint: "{compact}", socket_buffer_size: 4194304}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: mem}}}}
"#
        )
    }
}
