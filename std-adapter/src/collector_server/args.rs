//! The arguments of the program, and the options that they have in common with its file.

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use serde::Deserialize;

use super::config;

/// The options as they were given, by the command line or in a file.
#[derive(Clone, Default, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Given {
    pub(super) port_udp_compact: Option<u16>,
    pub(super) port_udp_binary: Option<u16>,
    pub(super) port_thrift: Option<u16>,
    pub(super) port_otlp: Option<u16>,
    pub(super) port_sampling: Option<u16>,
    pub(super) port_page: Option<u16>,
    pub(super) port_relay: Option<u16>,
    pub(super) memory: Option<String>,
    pub(super) max_body: Option<String>,
    pub(super) sampling: Option<PathBuf>,
    pub(super) import: Option<PathBuf>,
    #[serde(default)]
    pub(super) demo: bool,
    pub(super) wait: Option<u64>,
    pub(super) timeout: Option<f64>,
    pub(super) settle: Option<u64>,
    #[serde(default)]
    pub(super) print: bool,
    #[serde(default)]
    pub(super) json: bool,
    pub(super) export: Option<PathBuf>,
    pub(super) listen: Option<IpAddr>,
    #[serde(default)]
    pub(super) public: bool,
    pub(super) token_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) allow_host: Vec<String>,
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
    Value(&'static str, String, &'static str),
    NotLoopback(IpAddr),
    /// The file of options: its path and what is wrong.
    Config(PathBuf, String),
}

const DEFAULT_MEMORY: usize = 256 << 20;
const DEFAULT_MAX_BODY: usize = 16 << 20;
const DEFAULT_TIMEOUT: f64 = 30.0;
const DEFAULT_SETTLE: u64 = 200;

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
            "port-udp-compact" => self.port_udp_compact = Some(parser.value()?.parse()?),
            "port-udp-binary" => self.port_udp_binary = Some(parser.value()?.parse()?),
            "port-thrift" => self.port_thrift = Some(parser.value()?.parse()?),
            "port-otlp" => self.port_otlp = Some(parser.value()?.parse()?),
            "port-sampling" => self.port_sampling = Some(parser.value()?.parse()?),
            "port-page" => self.port_page = Some(parser.value()?.parse()?),
            "port-relay" => self.port_relay = Some(parser.value()?.parse()?),
            "memory" => self.memory = Some(parser.value()?.string()?),
            "max-body" => self.max_body = Some(parser.value()?.string()?),
            "sampling" => self.sampling = Some(parser.value()?.into()),
            "import" => self.import = Some(parser.value()?.into()),
            "wait" => self.wait = Some(parser.value()?.parse()?),
            "timeout" => self.timeout = Some(parser.value()?.parse()?),
            "settle" => self.settle = Some(parser.value()?.parse()?),
            "export" => self.export = Some(parser.value()?.into()),
            "listen" => self.listen = Some(parser.value()?.parse()?),
            "token-file" => self.token_file = Some(parser.value()?.into()),
            "allow-host" => self.allow_host.push(parser.value()?.string()?),
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
    fn complete(self) -> Result<Args, ArgsError> {
        let listen = self.listen.unwrap_or(Ipv4Addr::LOCALHOST.into());
        if !listen.is_loopback() && !self.public {
            return Err(ArgsError::NotLoopback(listen));
        }
        Ok(Args {
            ports: NamedPorts {
                udp_compact: self.port_udp_compact,
                udp_binary: self.port_udp_binary,
                thrift: self.port_thrift,
                otlp: self.port_otlp,
                sampling: self.port_sampling,
                page: self.port_page,
                relay: self.port_relay,
            },
            memory: size("--memory", self.memory, DEFAULT_MEMORY)?,
            max_body: size("--max-body", self.max_body, DEFAULT_MAX_BODY)?,
            sampling: self.sampling,
            import: self.import,
            demo: self.demo,
            wait: self.wait,
            timeout: timeout(self.timeout.unwrap_or(DEFAULT_TIMEOUT))?,
            settle: Duration::from_millis(self.settle.unwrap_or(DEFAULT_SETTLE)),
            print: self.print,
            json: self.json,
            export: self.export,
            listen,
            needs_token: self.public || self.token_file.is_some(),
            token_file: self.token_file,
            allow_host: self.allow_host,
        })
    }
}

/// Reads a size in bytes, with the suffix K, M or G for powers of 1,024.
fn size(option: &'static str, value: Option<String>, default: usize) -> Result<usize, ArgsError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let (digits, unit) = match value.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (value.get(..at), 1 << 10),
        Some((at, 'M' | 'm')) => (value.get(..at), 1 << 20),
        Some((at, 'G' | 'g')) => (value.get(..at), 1 << 30),
        _ => (Some(value.as_str()), 1),
    };
    let number = digits.and_then(|digits| digits.parse::<usize>().ok());
    let bytes = number.and_then(|number| number.checked_mul(unit));
    let form = "a size of at least 64K, as 512K, 256M or 2G";
    match bytes {
        Some(bytes) if bytes >= 64 << 10 => Ok(bytes),
        _ => Err(ArgsError::Value(option, value, form)),
    }
}

/// Reads a time in seconds, of at most a year: a sum with the present time must not overflow.
fn timeout(seconds: f64) -> Result<Duration, ArgsError> {
    const YEAR: f64 = 31_536_000.0;
    let form = "a number of seconds";
    Duration::try_from_secs_f64(seconds.min(YEAR))
        .map_err(|_| ArgsError::Value("--timeout", seconds.to_string(), form))
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
            Self::Value(option, value, form) => write!(f, "{option} `{value}` is not {form}"),
            Self::NotLoopback(address) => write!(
                f,
                "--listen {address} lets other machines reach the collector: add --public, which asks them for a token"
            ),
            Self::Config(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::help::HELP;
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let arguments = line.split_whitespace().map(OsString::from);
        match Command::parse(arguments).map_err(|error| error.to_string())? {
            Command::Run(args) => Ok(*args),
            Command::Help => Err("help".to_owned()),
        }
    }

    #[test]
    fn the_help_names_each_option() {
        assert_eq!(parse("--help"), parse("-h"));
        for option in [
            "port-udp-compact",
            "port-udp-binary",
            "port-thrift",
            "port-otlp",
            "port-sampling",
            "port-page",
            "port-relay",
            "memory",
            "max-body",
            "sampling",
            "import",
            "config",
            "demo",
            "wait",
            "timeout",
            "settle",
            "print",
            "json",
            "export",
            "listen",
            "public",
            "token-file",
            "allow-host",
        ] {
            assert!(HELP.contains(&format!("\n  --{option} ")), "{option}");
        }
    }

    #[test]
    fn without_arguments_it_listens_on_the_loopback_only() {
        let args = parse("").unwrap();
        assert_eq!(args.listen, Ipv4Addr::LOCALHOST);
        assert_eq!((args.memory, args.max_body), (256 << 20, 16 << 20));
        assert!(!args.needs_token);
        assert_eq!(args.ports, NamedPorts::default());
    }

    #[test]
    fn other_machines_are_let_in_by_a_flag_and_with_a_token() {
        for address in ["0.0.0.0", "192.0.2.7", "::"] {
            let error = parse(&format!("--listen {address}")).unwrap_err();
            assert!(error.contains("--public"), "{error}");
            assert!(
                parse(&format!("--listen {address} --public"))
                    .unwrap()
                    .needs_token
            );
        }
        assert!(!parse("--listen ::1").unwrap().needs_token);
        assert!(parse("--token-file f").unwrap().needs_token);
    }

    #[test]
    fn options_have_values() {
        let args = parse(
            "--port-page 0 --memory 2M --wait 3 --timeout 1.5 --settle 7 --json --print \
             --export e --import i --sampling s --allow-host a --allow-host b",
        )
        .unwrap();
        assert_eq!(
            (args.ports.page, args.memory, args.wait),
            (Some(0), 2 << 20, Some(3))
        );
        assert_eq!(args.timeout, Duration::from_millis(1_500));
        assert_eq!(args.settle, Duration::from_millis(7));
        assert_eq!(args.allow_host, ["a", "b"]);
        assert!(args.json && args.print);
        assert_eq!(parse("--memory 65536").unwrap().memory, 65_536);
    }

    #[test]
    fn wrong_arguments_say_what_is_right() {
        for (line, text) in [
            ("--memory 12x", "--memory `12x` is not a size"),
            ("--memory 1K", "at least 64K"),
            ("--memory 99999999999999999999G", "is not a size"),
            ("--timeout -1", "not a number of seconds"),
            ("--port-page 70000", "70000"),
            ("--listen here", "here"),
            ("--speed 9", "invalid option '--speed'"),
            ("file", "unexpected argument"),
            ("--wait", "missing argument"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
