//! The arguments of the program, and the options that they have in common with its file.

#[cfg(test)]
mod tests;
pub(super) mod value;

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};

use super::config;
use value::{Host, Size, Value};

/// The options as they were given, by the command line or in a file.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Given {
    pub(super) port_udp_compact: Option<u16>,
    pub(super) port_udp_binary: Option<u16>,
    pub(super) port_thrift: Option<u16>,
    pub(super) port_otlp: Option<u16>,
    pub(super) port_sampling: Option<u16>,
    pub(super) port_page: Option<u16>,
    pub(super) port_relay: Option<u16>,
    pub(super) memory: Option<Size>,
    pub(super) max_body: Option<Size>,
    pub(super) sampling: Option<PathBuf>,
    pub(super) import: Option<PathBuf>,
    pub(super) demo: bool,
    pub(super) wait: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) settle: Option<u64>,
    pub(super) print: bool,
    pub(super) json: bool,
    pub(super) export: Option<PathBuf>,
    pub(super) listen: Option<IpAddr>,
    pub(super) public: bool,
    pub(super) token_file: Option<PathBuf>,
    pub(super) allow_host: Vec<Host>,
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

/// The command line or a file, at the value of an option.
pub(super) trait Source {
    type Error;

    /// Reads the value of the option with this name.
    fn value<T: Value>(&mut self, name: &str) -> Result<T, Self::Error>;

    /// Reads the name of a file.
    fn path(&mut self) -> Result<PathBuf, Self::Error>;

    /// The error of a name that no option has.
    fn unknown(&self, name: &str) -> Self::Error;
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
                Arg::Long(name) => {
                    let name = name.to_owned();
                    match given.switch(&name) {
                        Some(switch) => *switch = true,
                        None => given.set(&name, &mut parser)?,
                    }
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let args = given.or(file).complete()?;
        Ok(Command::Run(Box::new(args)))
    }
}

impl Given {
    /// An option without a value.
    pub(super) fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "demo" => Some(&mut self.demo),
            "print" => Some(&mut self.print),
            "json" => Some(&mut self.json),
            "public" => Some(&mut self.public),
            _ => None,
        }
    }

    /// Sets an option that has a value.
    pub(super) fn set<S: Source>(&mut self, name: &str, from: &mut S) -> Result<(), S::Error> {
        match name {
            "port-udp-compact" => self.port_udp_compact = Some(from.value(name)?),
            "port-udp-binary" => self.port_udp_binary = Some(from.value(name)?),
            "port-thrift" => self.port_thrift = Some(from.value(name)?),
            "port-otlp" => self.port_otlp = Some(from.value(name)?),
            "port-sampling" => self.port_sampling = Some(from.value(name)?),
            "port-page" => self.port_page = Some(from.value(name)?),
            "port-relay" => self.port_relay = Some(from.value(name)?),
            "memory" => self.memory = Some(from.value(name)?),
            "max-body" => self.max_body = Some(from.value(name)?),
            "sampling" => self.sampling = Some(from.path()?),
            "import" => self.import = Some(from.path()?),
            "wait" => self.wait = Some(from.value(name)?),
            "timeout" => self.timeout = Some(from.value(name)?),
            "settle" => self.settle = Some(from.value(name)?),
            "export" => self.export = Some(from.path()?),
            "listen" => self.listen = Some(from.value(name)?),
            "token-file" => self.token_file = Some(from.path()?),
            "allow-host" => self.allow_host.push(from.value(name)?),
            _ => return Err(from.unknown(name)),
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
        let listen = self.listen.unwrap_or(Ipv4Addr::LOCALHOST.into());
        match (listen.is_loopback(), self.public) {
            (false, false) => return Err(ArgsError::NotLoopback(listen)),
            (true, true) => return Err(ArgsError::OnlyLoopback(listen)),
            _ => {}
        }
        let hosts = self.allow_host.into_iter();
        Ok(Args {
            ports: NamedPorts {
                udp_compact: self.port_udp_compact,
                udp_binary: self.port_udp_binary,
                thrift: self.port_thrift,
                otlp: self.port_otlp,
                sampling: self.port_sampling,
                page: self.port_page,
                relay: self.port_relay,
            }
            .checked()?,
            memory: self.memory.map_or(DEFAULT_MEMORY, |Size(bytes)| bytes),
            max_body: self.max_body.map_or(DEFAULT_MAX_BODY, |Size(bytes)| bytes),
            sampling: self.sampling,
            import: self.import,
            demo: self.demo,
            wait: self.wait,
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            settle: self.settle.map_or(DEFAULT_SETTLE, Duration::from_millis),
            print: self.print,
            json: self.json,
            export: self.export,
            listen,
            needs_token: self.public || self.token_file.is_some(),
            token_file: self.token_file,
            allow_host: hosts.map(|Host(name)| name).collect(),
        })
    }
}

impl Source for Parser {
    type Error = ArgsError;

    fn value<T: Value>(&mut self, name: &str) -> Result<T, ArgsError> {
        let text = Parser::value(self)?.string()?;
        T::read(&text).ok_or_else(|| ArgsError::Value(name.to_owned(), text, T::FORM))
    }

    fn path(&mut self) -> Result<PathBuf, ArgsError> {
        Ok(Parser::value(self)?.into())
    }

    fn unknown(&self, name: &str) -> ArgsError {
        Arg::Long(name).unexpected().into()
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
