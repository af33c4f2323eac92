//! The arguments of the program, and the options that they have in common with its file.

#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use serde::Deserialize;

use super::config;
use value::{Host, Of, Size, Value};

/// The options as they were given, by the command line or in a file.
#[derive(Clone, Default, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Given {
    pub(super) port_udp_compact: Option<Of<u16>>,
    pub(super) port_udp_binary: Option<Of<u16>>,
    pub(super) port_thrift: Option<Of<u16>>,
    pub(super) port_otlp: Option<Of<u16>>,
    pub(super) port_sampling: Option<Of<u16>>,
    pub(super) port_page: Option<Of<u16>>,
    pub(super) port_relay: Option<Of<u16>>,
    pub(super) memory: Option<Of<Size>>,
    pub(super) max_body: Option<Of<Size>>,
    pub(super) sampling: Option<PathBuf>,
    pub(super) import: Option<PathBuf>,
    #[serde(default)]
    pub(super) demo: bool,
    pub(super) wait: Option<Of<u64>>,
    pub(super) timeout: Option<Of<Duration>>,
    pub(super) settle: Option<Of<u64>>,
    #[serde(default)]
    pub(super) print: bool,
    #[serde(default)]
    pub(super) json: bool,
    pub(super) export: Option<PathBuf>,
    pub(super) listen: Option<Of<IpAddr>>,
    #[serde(default)]
    pub(super) public: bool,
    pub(super) token_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) allow_host: Vec<Of<Host>>,
}

/// The ports that the user named.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct NamedPorts {
    pub(super) udp_compact: Option<u16>,
    pub(super) udp_binary: Option<u16>,
    pub(super) thrift: Option<u16>,
    pub(super) otlp: Option<u16>,
    pub(super) sampling: Option<u16>,
    pub(super) page: Option<u16>,
    pub(super) relay: Option<u16>,
}

/// The options with their defaults, checked.
#[derive(PartialEq, Debug)]
pub(super) struct Args {
    pub(super) ports: NamedPorts,
    pub(super) memory: usize,
    pub(super) max_body: usize,
    pub(super) sampling: Option<PathBuf>,
    pub(super) import: Option<PathBuf>,
    pub(super) demo: bool,
    pub(super) wait: Option<u64>,
    pub(super) timeout: Duration,
    pub(super) settle: Duration,
    pub(super) print: bool,
    pub(super) json: bool,
    pub(super) export: Option<PathBuf>,
    pub(super) listen: IpAddr,
    /// Whether HTTP needs a token.
    pub(super) needs_token: bool,
    pub(super) token_file: Option<PathBuf>,
    pub(super) allow_host: Vec<String>,
}

/// The request of the user.
#[derive(PartialEq, Debug)]
pub(super) enum Command {
    Help,
    Run(Box<Args>),
}

/// A wrong argument, or a wrong file of options.
#[derive(Debug)]
pub(super) enum ArgsError {
    Lexopt(lexopt::Error),
    /// An option, its value, and the form that it should have.
    Value(String, String, &'static str),
    NotLoopback(IpAddr),
    OnlyLoopback(IpAddr),
    /// Two options and the port that both name.
    SamePort(&'static str, &'static str, u16),
    /// The file of options: its path and what is wrong.
    Config(PathBuf, String),
}

const DEFAULT_MEMORY: usize = 256 << 20;
const DEFAULT_MAX_BODY: usize = 16 << 20;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_SETTLE: Duration = Duration::from_millis(200);

impl Command {
    /// Reads the arguments behind the program's name, and the file that they name.
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ArgsError> {
        let mut parser = Parser::from_args(arguments);
        let (mut given, mut file) = (Given::default(), Given::default());
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
                Arg::Long("config") => file = config::read(parser.value()?.into())?,
                Arg::Long("demo") => given.demo = true,
                Arg::Long("print") => given.print = true,
                Arg::Long("json") => given.json = true,
                Arg::Long("public") => given.public = true,
                Arg::Long(name) => {
                    let name = name.to_owned();
                    given.set(&name, &mut parser)?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let args = given.or(file).complete()?;
        Ok(Command::Run(Box::new(args)))
    }
}

impl Given {
    /// Sets an option that has a value.
    fn set(&mut self, name: &str, parser: &mut Parser) -> Result<(), ArgsError> {
        match name {
            "port-udp-compact" => self.port_udp_compact = Some(value(name, parser)?),
            "port-udp-binary" => self.port_udp_binary = Some(value(name, parser)?),
            "port-thrift" => self.port_thrift = Some(value(name, parser)?),
            "port-otlp" => self.port_otlp = Some(value(name, parser)?),
            "port-sampling" => self.port_sampling = Some(value(name, parser)?),
            "port-page" => self.port_page = Some(value(name, parser)?),
            "port-relay" => self.port_relay = Some(value(name, parser)?),
            "memory" => self.memory = Some(value(name, parser)?),
            "max-body" => self.max_body = Some(value(name, parser)?),
            "sampling" => self.sampling = Some(parser.value()?.into()),
            "import" => self.import = Some(parser.value()?.into()),
            "wait" => self.wait = Some(value(name, parser)?),
            "timeout" => self.timeout = Some(value(name, parser)?),
            "settle" => self.settle = Some(value(name, parser)?),
            "export" => self.export = Some(parser.value()?.into()),
            "listen" => self.listen = Some(value(name, parser)?),
            "token-file" => self.token_file = Some(parser.value()?.into()),
            "allow-host" => self.allow_host.push(value(name, parser)?),
            _ => return Err(Arg::Long(name).unexpected().into()),
        }
        Ok(())
    }

    /// Fills in what is not given from a file.
    fn or(self, file: Given) -> Given {
        Given {
            port_udp_compact: self.port_udp_compact.or(file.port_udp_compact),
            port_udp_binary: self.port_udp_binary.or(file.port_udp_binary),
            port_thrift: self.port_thrift.or(file.port_thrift),
            port_otlp: self.port_otlp.or(file.port_otlp),
            port_sampling: self.port_sampling.or(file.port_sampling),
            port_page: self.port_page.or(file.port_page),
            port_relay: self.port_relay.or(file.port_relay),
            memory: self.memory.or(file.memory),
            max_body: self.max_body.or(file.max_body),
            sampling: self.sampling.or(file.sampling),
            import: self.import.or(file.import),
            demo: self.demo || file.demo,
            wait: self.wait.or(file.wait),
            timeout: self.timeout.or(file.timeout),
            settle: self.settle.or(file.settle),
            print: self.print || file.print,
            json: self.json || file.json,
            export: self.export.or(file.export),
            listen: self.listen.or(file.listen),
            public: self.public || file.public,
            token_file: self.token_file.or(file.token_file),
            allow_host: [self.allow_host, file.allow_host].concat(),
        }
    }

    /// Checks the options together, and fills in defaults.
    pub(super) fn complete(self) -> Result<Args, ArgsError> {
        let listen = self.listen.map_or(Ipv4Addr::LOCALHOST.into(), |Of(ip)| ip);
        match (listen.is_loopback(), self.public) {
            (false, false) => return Err(ArgsError::NotLoopback(listen)),
            (true, true) => return Err(ArgsError::OnlyLoopback(listen)),
            _ => {}
        }
        let hosts = self.allow_host.into_iter();
        let port = |given: Option<Of<u16>>| given.map(|Of(port)| port);
        Ok(Args {
            ports: NamedPorts {
                udp_compact: port(self.port_udp_compact),
                udp_binary: port(self.port_udp_binary),
                thrift: port(self.port_thrift),
                otlp: port(self.port_otlp),
                sampling: port(self.port_sampling),
                page: port(self.port_page),
                relay: port(self.port_relay),
            }
            .checked()?,
            memory: self.memory.map_or(DEFAULT_MEMORY, |Of(Size(bytes))| bytes),
            max_body: self
                .max_body
                .map_or(DEFAULT_MAX_BODY, |Of(Size(bytes))| bytes),
            sampling: self.sampling,
            import: self.import,
            demo: self.demo,
            wait: self.wait.map(|Of(traces)| traces),
            timeout: self.timeout.map_or(DEFAULT_TIMEOUT, |Of(time)| time),
            settle: self
                .settle
                .map_or(DEFAULT_SETTLE, |Of(ms)| Duration::from_millis(ms)),
            print: self.print,
            json: self.json,
            export: self.export,
            listen,
            needs_token: self.public || self.token_file.is_some(),
            token_file: self.token_file,
            allow_host: hosts.map(|Of(Host(name))| name).collect(),
        })
    }
}

/// Reads the value of an option.
fn value<T: Value>(name: &str, parser: &mut Parser) -> Result<Of<T>, ArgsError> {
    let text = parser.value()?.string()?;
    match T::read(&text) {
        Some(value) => Ok(Of(value)),
        None => Err(ArgsError::Value(name.to_owned(), text, T::FORM)),
    }
}

impl NamedPorts {
    /// Checks that no two sockets of one kind are to have the same port.
    fn checked(self) -> Result<Self, ArgsError> {
        let udp = [
            ("udp-compact", self.udp_compact),
            ("udp-binary", self.udp_binary),
        ];
        let tcp = [
            ("thrift", self.thrift),
            ("otlp", self.otlp),
            ("sampling", self.sampling),
            ("page", self.page),
            ("relay", self.relay),
        ];
        for list in [udp.as_slice(), &tcp] {
            let mut rest = list.iter();
            while let Some((name, port)) = rest.next() {
                let same = rest.clone().find(|(_, other)| other == port);
                if let (Some((other, _)), Some(port @ 1..)) = (same, *port) {
                    return Err(ArgsError::SamePort(name, other, port));
                }
            }
        }
        Ok(self)
    }
}

impl From<lexopt::Error> for ArgsError {
    fn from(error: lexopt::Error) -> Self {
        ArgsError::Lexopt(error)
    }
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lexopt(error) => write!(f, "{error}"),
            Self::Value(option, value, form) => write!(f, "--{option} `{value}` is not {form}"),
            Self::OnlyLoopback(address) => write!(
                f,
                "no other machine reaches {address}: --public needs --listen ADDRESS, as 0.0.0.0"
            ),
            Self::SamePort(one, other, port) => write!(
                f,
                "--port-{one} and --port-{other} are both {port}: name another port for one, or 0 for a free one"
            ),
            Self::NotLoopback(address) => write!(
                f,
                "--listen {address} lets other machines reach the collector: add --public, which asks them for a token"
            ),
            Self::Config(path, error) => write!(
                f,
                "--config {}: {error}; the file has lines as `port-page: 0`, `json: true`, `allow-host: [a, b]`",
                path.display()
            ),
        }
    }
}
