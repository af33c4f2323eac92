//! The services: how each is built, started, observed and ended.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Result, process};

/// A service under comparison.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// Folder of its package.
    pub(crate) folder: &'static str,
    pub(crate) sends: Sends,
    /// Value of `url.scheme`, where its layer writes that tag.
    pub(crate) scheme: Option<&'static str>,
}

/// Format and transport of the spans of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    Nothing,
    /// Thrift compact, over UDP.
    Thrift,
    /// Protobuf, over HTTP.
    Otlp,
}

const SERVICES: &[Service] = &[
    Service {
        name: "untraced",
        folder: "untraced",
        sends: Sends::Nothing,
        scheme: None,
    },
    Service {
        name: "picojaeger",
        folder: "picojaeger",
        sends: Sends::Thrift,
        scheme: Some("http"),
    },
    Service {
        name: "picojaeger-otlp",
        folder: "picojaeger",
        sends: Sends::Otlp,
        scheme: Some("http"),
    },
    Service {
        name: "fastrace",
        folder: "fastrace",
        sends: Sends::Thrift,
        scheme: None,
    },
    Service {
        name: "opentelemetry",
        folder: "opentelemetry",
        sends: Sends::Otlp,
        scheme: Some("http"),
    },
];

/// Time in which a service starts or ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the services of these names, or all.
pub(crate) fn selected(names: &[String]) -> Result<Vec<&'static Service>> {
    let known = |name: &String| SERVICES.iter().any(|service| service.name == name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        let all: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
        return Err(format!("{name} is no service; there are {}", all.join(", ")).into());
    }
    let is_meant =
        |service: &&Service| names.is_empty() || names.iter().any(|name| name == service.name);
    Ok(SERVICES.iter().filter(is_meant).collect())
}

/// Returns the folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Returns the folder of release builds: the one that this program lies in.
fn release_folder() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().ok_or("this program lies nowhere")?;
    Ok(folder.to_owned())
}

/// Returns a call of the Cargo that started this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

impl Service {
    pub(crate) fn package(&self) -> String {
        format!("service-{}", self.folder)
    }

    /// Builds the service alone: with others, it would have their features of common packages.
    pub(crate) fn build(&self) -> Result<()> {
        let folder = release_folder()?;
        let target = folder.parent().ok_or("there is no target folder")?;
        self.build_in(target)
    }

    pub(crate) fn build_in(&self, target: &Path) -> Result<()> {
        let status = cargo()
            .args(["build", "--release", "--quiet", "--locked", "--package"])
            .arg(self.package())
            .arg("--target-dir")
            .arg(target)
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} does not build", self.name).into()),
        }
    }

    /// Starts the service, which sends its spans to `sink`.
    pub(crate) fn start(&self, sink: SocketAddr) -> Result<Running> {
        let mut command = Command::new(release_folder()?.join(self.package()));
        command
            .env("OTEL_TRACES_SAMPLER", "parentbased_always_on")
            .stdout(Stdio::piped());
        match self.sends {
            Sends::Nothing => &mut command,
            Sends::Thrift => command
                .env("JAEGER_AGENT_HOST", sink.ip().to_string())
                .env("JAEGER_AGENT_PORT", sink.port().to_string()),
            Sends::Otlp => command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{sink}")),
        };
        Running::new(command.spawn()?)
    }
}

/// A service that runs. It is killed if it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Waits for the address, which is the service's first line.
    fn new(mut child: Child) -> Result<Self> {
        let output = child.stdout.take().ok_or("the output is no pipe")?;
        let mut running = Running {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut lines = BufReader::new(output).lines();
        let first = lines.next().ok_or("the service ended before it listened")?;
        running.address = first?.parse()?;
        // The pipe is read to its end, so that no service waits to write.
        thread::spawn(move || lines.for_each(drop));
        Ok(running)
    }

    /// Returns the processor time of all its threads so far, of the user and of the system.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        process::processor_time(self.child.id())
    }

    /// Returns the peak of its resident memory so far, in KiB.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        process::memory(self.child.id(), process::PEAK)
    }

    /// Ends the service in order: it delivers what it holds.
    pub(crate) fn end(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        kill_process(Pid::from_raw(pid).ok_or("no process")?, Signal::INT)?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(format!("the service ended with {status}").into()),
                };
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err("the service does not end".into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail on a service that has ended, which is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_service_is_refused() {
        assert!(selected(&["nothing".into()]).is_err());
        assert_eq!(selected(&[]).expect("all are known").len(), SERVICES.len());
    }
}
