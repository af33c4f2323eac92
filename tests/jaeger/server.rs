//! A private Jaeger: on free loopback ports, in memory, stopped when dropped.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::http;
use crate::model::{Ids, Way};

/// Longest time for Jaeger to start, and for a span to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two polls for an event.
const PAUSE: Duration = Duration::from_millis(5);
const FILE: &str =
    "file: {path: strategies.json, default_sampling_probability: 1, reload_interval: 1s}";
/// The initial share is that of each operation until the first calculation; 20 traces a second of
/// each operation are the aim. A calculation then sees some 40: enough that their scatter does not
/// change the order of the rates.
const ADAPTIVE: &str = "adaptive: {sampling_store: mem, initial_sampling_probability: 0.5, \
                        target_samples_per_second: 20, calculation_interval: 2s, \
                        aggregation_buckets: 5, calculation_buckets: 1, calculation_delay: 2s, \
                        min_samples_per_second: 0.1, leader_lease_refresh_interval: 1s, \
                        follower_lease_refresh_interval: 1s}";
const MEMORY: &str = "{memory: {max_traces: 100000}}";
const DISK: &str = "{badger: {ephemeral: false, consistency: true, \
                    directories: {keys: keys, values: values}}}";
/// Attempts to start: a free port may be taken before Jaeger binds it.
const ATTEMPTS: usize = 3;

/// A running Jaeger.
pub struct Jaeger {
    child: Child,
    folder: Folder,
    ports: Ports,
}

/// The source of Jaeger's sampling strategies, and with it its store.
#[derive(Clone, Copy)]
pub enum Sampling {
    /// The file [`STRATEGIES`], which is read again each second; traces are kept in memory.
    File,
    /// The throughput of each operation; traces and rates are kept on disk.
    Adaptive,
}

/// The file of sampling strategies, in Jaeger's folder.
pub const STRATEGIES: &str = "strategies.json";

/// A folder of this process, removed when dropped.
struct Folder(PathBuf);

struct Ports {
    query: SocketAddr,
    query_grpc: SocketAddr,
    health: SocketAddr,
    compact: SocketAddr,
    binary: SocketAddr,
    thrift: SocketAddr,
    otlp: SocketAddr,
    sampling: SocketAddr,
    sampling_grpc: SocketAddr,
}

impl Jaeger {
    /// Starts `binary` and waits until it is ready.
    pub fn start(binary: &Path) -> Result<Jaeger, String> {
        Jaeger::start_with(binary, Sampling::File)
    }

    /// Starts `binary` with this source of strategies, and waits until it is ready.
    pub fn start_with(binary: &Path, sampling: Sampling) -> Result<Jaeger, String> {
        let mut failure = String::new();
        for _ in 0..ATTEMPTS {
            let mut jaeger = Jaeger::spawn(binary, sampling)
                .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
            match jaeger.wait_until_ready() {
                Ok(()) => return Ok(jaeger),
                Err(why) => failure = format!("{why}\n{}", jaeger.output()),
            }
        }
        Err(failure)
    }

    fn spawn(binary: &Path, sampling: Sampling) -> io::Result<Jaeger> {
        let ports = Ports::free()?;
        let folder = Folder::create()?;
        fs::write(folder.0.join("config.yaml"), ports.config(sampling))?;
        fs::write(folder.0.join(STRATEGIES), "{}")?;
        Ok(Jaeger {
            child: run(binary, &folder.0)?,
            folder,
            ports,
        })
    }

    /// Ends the process in good order and starts it again, on the same ports and folders.
    pub fn restart(&mut self, binary: &Path) -> Result<(), String> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").arg(&pid).status();
        if !asked.is_ok_and(|status| status.success()) {
            return Err(format!("Jaeger (process {pid}) cannot be asked to end"));
        }
        let ended = self.child.wait().and_then(|_| run(binary, &self.folder.0));
        self.child = ended.map_err(|error| format!("Jaeger does not start again: {error}"))?;
        self.wait_until_ready()
    }

    /// Replaces the file of sampling strategies.
    pub fn set_strategies(&self, text: &str) -> Result<(), String> {
        let path = self.folder.0.join(STRATEGIES);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Returns the address of the query API.
    pub fn query(&self) -> SocketAddr {
        self.ports.query
    }

    /// Returns the address that serves sampling strategies.
    pub fn sampling(&self) -> SocketAddr {
        self.ports.sampling
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

    /// Returns the address of the receiver that spans reach this way.
    pub fn receiver(&self, way: Way) -> SocketAddr {
        match way {
            Way::Compact => self.ports.compact,
            Way::Binary => self.ports.binary,
            Way::Thrift => self.ports.thrift,
            Way::Otlp => self.ports.otlp,
        }
    }

    /// Returns the trace as the query API has it now, `None` if it has none.
    ///
    /// Without `raw=true` the server would move the times of spans by the clock skew that it guesses.
    pub fn trace(&self, trace: u128) -> Result<Option<Json>, String> {
        let path = format!("/api/traces/{trace:032x}?raw=true");
        let (status, body) = http::get(self.query(), &path)
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

    pub fn poll<T>(
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

/// Starts the process in its folder; what it prints is appended to a file there.
fn run(binary: &Path, folder: &Path) -> io::Result<Child> {
    let path = folder.join("output");
    let output = fs::File::options().create(true).append(true).open(path)?;
    Command::new(binary)
        .arg("--config")
        .arg("config.yaml")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
}

impl Folder {
    fn create() -> io::Result<Folder> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("jaeger-{}-{count}", std::process::id());
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
        let (compact, binary) = (UdpSocket::bind(any)?, UdpSocket::bind(any)?);
        let (thrift, otlp) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
        let sampling = TcpListener::bind(any)?;
        let sampling_grpc = TcpListener::bind(any)?;
        Ok(Ports {
            query: query.local_addr()?,
            query_grpc: query_grpc.local_addr()?,
            health: health.local_addr()?,
            compact: compact.local_addr()?,
            binary: binary.local_addr()?,
            thrift: thrift.local_addr()?,
            otlp: otlp.local_addr()?,
            sampling: sampling.local_addr()?,
            sampling_grpc: sampling_grpc.local_addr()?,
        })
    }

    fn config(&self, sampling_from: Sampling) -> String {
        let Ports {
            query,
            query_grpc,
            health,
            compact,
            binary,
            thrift,
            otlp,
            sampling,
            sampling_grpc,
        } = self;
        let (source, store, processors, pipeline) = match sampling_from {
            Sampling::File => (FILE, MEMORY, "", ""),
            Sampling::Adaptive => (
                ADAPTIVE,
                DISK,
                "processors: {adaptive_sampling: {}}\n",
                "processors: [adaptive_sampling], ",
            ),
        };
        format!(
            r#"service:
  extensions: [jaeger_storage, jaeger_query, remote_sampling, healthcheckv2]
  pipelines:
    traces: {{receivers: [jaeger, otlp], {pipeline}exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  jaeger_query: {{storage: {{traces: mem}}, http: {{endpoint: "{query}"}}, grpc: {{endpoint: "{query_grpc}"}}}}
  jaeger_storage: {{backends: {{mem: {store}}}}}
  remote_sampling: {{{source}, http: {{endpoint: "{sampling}"}}, grpc: {{endpoint: "{sampling_grpc}"}}}}
  healthcheckv2: {{use_v2: true, http: {{endpoint: "{health}"}}}}
receivers:
  jaeger:
    protocols:
      thrift_compact: {{endpoint: "{compact}", socket_buffer_size: 4194304}}
      thrift_binary: {{endpoint: "{binary}", socket_buffer_size: 4194304}}
      thrift_http: {{endpoint: "{thrift}"}}
  otlp: {{protocols: {{http: {{endpoint: "{otlp}"}}}}}}
{processors}exporters: {{jaeger_storage_exporter: {{trace_storage: mem}}}}
"#
        )
    }
}
