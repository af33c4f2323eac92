//! The arguments of the program.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

/// The help.
pub(super) const HELP: &str = "\
Passes the spans of devices on to Jaeger.

Usage:
  picojaeger-relay SOURCE... [OPTIONS]
  picojaeger-relay run --source SOURCE [OPTIONS] -- COMMAND...
  picojaeger-relay decode ELF DUMP [OPTIONS]

Sources:
  /dev/ttyACM0@115200      a serial port and its speed; COM3@115200 on Windows
  tcp:HOST:PORT            a TCP server: RTT of OpenOCD, a UART of QEMU
  tcp-listen:ADDRESS:PORT  a port that one client at a time connects to: cargo-embed, QEMU
  jlink:CHANNEL            a channel of J-Link's RTT server; jlink:HOST:PORT:CHANNEL of another
  FILE                     a recording, or bytes as they came
  -                        standard input; with `run` the output of the command

Options:
  --agent HOST:PORT  send to this agent over UDP; the default is 127.0.0.1:6831
  --otlp URL         send OTLP to a collector, as http://127.0.0.1:4318
  --print            print each trace as a waterfall; the default of `run` and `decode`
  --elf FILE         read names that come as addresses from the device's image
  --record FILE      keep all bytes with their times of arrival
  --downlink WAY     let programs write to the first source and read its text, by
                     tcp:PORT of 127.0.0.1, or pty, a terminal whose path is printed
  --time             tell devices the time
  --once             end with the sources instead of connecting again
  --source SOURCE    another source
  -h, --help         print this

`run` starts COMMAND, passes its input, output, signals and exit status through, and prints the
traces beside; {port} in COMMAND stands for the port of the first source with tcp-listen.

`decode` reads the spans of retained rings with the device's image, which must be of the same
build. DUMP is memory, as a debugger saves it, or a recording that has frames of memory.

Debuggers, with frames on RTT's channel 1:
  OpenOCD      rtt setup 0x20000000 0x10000 \"SEGGER RTT\"; rtt start; rtt server start 9090 1
               and the source tcp:localhost:9090
  J-Link       a debug session, or JLinkExe -autoconnect 1, and the source jlink:1
  cargo-embed  in Embed.toml, below [default.rtt], with the source tcp-listen:127.0.0.1:9090:
               up_channels = [{ channel = 1, format = \"BinaryLE\", socket = \"127.0.0.1:9090\" }]
  `probe-rs run` alone cannot carry frames.

Examples:
  picojaeger-relay /dev/ttyACM0@115200
  picojaeger-relay tcp:localhost:9090 --otlp http://127.0.0.1:4318
  picojaeger-relay /dev/ttyACM0 --time --downlink tcp:9100
  picojaeger-relay decode firmware.elf ram.bin --print
  picojaeger-relay run --source tcp-listen:127.0.0.1:0 -- \\
      qemu-system-arm -M mps2-an386 -nographic -serial tcp:127.0.0.1:{port} -kernel pump
";

/// The wishes of the user.
#[derive(Debug)]
pub(super) struct Args {
    pub(super) command: Command,
    pub(super) sources: Vec<OsString>,
    pub(super) destination: Destination,
    pub(super) elf: Option<PathBuf>,
    pub(super) record: Option<PathBuf>,
    pub(super) downlink: Option<DownlinkSpec>,
    pub(super) time: bool,
    pub(super) once: bool,
}

#[derive(PartialEq, Eq, Debug)]
pub(super) enum Command {
    Help,
    Relay,
    /// A command and its arguments.
    Run(Vec<OsString>),
    /// An image and a dump.
    Decode(PathBuf, PathBuf),
}

/// The first word of the arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Relay,
    Run,
    Decode,
}

/// The place that spans go to.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Destination {
    Agent {
        host: String,
        port: u16,
    },
    Otlp(String),
    Print,
    /// Standard error, beside a command's output.
    PrintAside,
}

/// The way by which programs speak with the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DownlinkSpec {
    /// A port of this machine's loopback.
    Tcp(u16),
    /// A pseudo-terminal.
    Pty,
}

/// A wrong argument.
#[derive(Debug)]
pub(super) enum ArgsError {
    Lexopt(lexopt::Error),
    NoSource,
    NoCommand,
    /// Spans would have to go to two places.
    TwoDestinations,
    /// The arguments of `decode` are others.
    Decode,
    /// An option and its value, and how it should be.
    Value(&'static str, String, &'static str),
}

impl Args {
    /// Reads the arguments behind the program's name.
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ArgsError> {
        let mut parser = Parser::from_args(arguments);
        let (mut args, mut destination, mut mode) = (Args::none(), None, Mode::Relay);
        while let Some(argument) = parser.next()? {
            let is_first = args.sources.is_empty() && mode == Mode::Relay;
            match argument {
                Arg::Short('h') | Arg::Long("help") => return Ok(Args::none()),
                Arg::Long("agent") => choose(&mut destination, agent(&parser.value()?.string()?)?)?,
                Arg::Long("otlp") => {
                    choose(
                        &mut destination,
                        Destination::Otlp(parser.value()?.string()?),
                    )?;
                }
                Arg::Long("print") => choose(&mut destination, Destination::Print)?,
                Arg::Long("elf") => args.elf = Some(parser.value()?.into()),
                Arg::Long("record") => args.record = Some(parser.value()?.into()),
                Arg::Long("downlink") => {
                    args.downlink = Some(downlink(&parser.value()?.string()?)?)
                }
                Arg::Long("source") => args.sources.push(parser.value()?),
                Arg::Long("time") => args.time = true,
                Arg::Long("once") => args.once = true,
                Arg::Value(value) if mode == Mode::Run => {
                    let mut command = vec![value];
                    command.extend(parser.raw_args()?);
                    args.command = Command::Run(command);
                    break;
                }
                Arg::Value(value) if value == "run" && is_first => mode = Mode::Run,
                Arg::Value(value) if value == "decode" && is_first => mode = Mode::Decode,
                Arg::Value(value) => args.sources.push(value),
                other => return Err(other.unexpected().into()),
            }
        }
        args.complete(destination, mode)
    }

    fn none() -> Self {
        Args {
            command: Command::Help,
            sources: Vec::new(),
            destination: Destination::Print,
            elf: None,
            record: None,
            downlink: None,
            time: false,
            once: false,
        }
    }

    /// Checks the arguments together, and fills in defaults.
    fn complete(mut self, destination: Option<Destination>, mode: Mode) -> Result<Self, ArgsError> {
        match mode {
            Mode::Decode => self.command = self.decode()?,
            Mode::Run if self.command == Command::Help => return Err(ArgsError::NoCommand),
            _ if self.sources.is_empty() => return Err(ArgsError::NoSource),
            Mode::Run => {}
            Mode::Relay => self.command = Command::Relay,
        }
        self.destination = match (destination, mode) {
            (Some(Destination::Print) | None, Mode::Run) => Destination::PrintAside,
            (Some(destination), _) => destination,
            (None, Mode::Decode) => Destination::Print,
            (None, _) => Destination::Agent {
                host: "127.0.0.1".to_owned(),
                port: 6831,
            },
        };
        // A command's connection is the only one.
        self.once |= mode == Mode::Run;
        Ok(self)
    }

    /// Returns the image and the dump, with which options of lines have no meaning.
    fn decode(&self) -> Result<Command, ArgsError> {
        let is_of_line = self.elf.is_some() || self.record.is_some() || self.downlink.is_some();
        match self.sources.as_slice() {
            [elf, dump] if !is_of_line && !self.time && !self.once => {
                Ok(Command::Decode(elf.into(), dump.into()))
            }
            _ => Err(ArgsError::Decode),
        }
    }
}

/// Sets the destination, unless another one is set.
fn choose(to: &mut Option<Destination>, destination: Destination) -> Result<(), ArgsError> {
    match to.replace(destination) {
        None => Ok(()),
        Some(_) => Err(ArgsError::TwoDestinations),
    }
}

fn agent(value: &str) -> Result<Destination, ArgsError> {
    let error = || ArgsError::Value("--agent", value.to_owned(), "HOST:PORT");
    let (host, port) = value.rsplit_once(':').ok_or_else(error)?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = port.parse().map_err(|_| error())?;
    match host.is_empty() {
        true => Err(error()),
        false => Ok(Destination::Agent { host, port }),
    }
}

fn downlink(value: &str) -> Result<DownlinkSpec, ArgsError> {
    if value == "pty" {
        return Ok(DownlinkSpec::Pty);
    }
    let port = value
        .strip_prefix("tcp:")
        .and_then(|port| port.parse().ok());
    port.map(DownlinkSpec::Tcp)
        .ok_or_else(|| ArgsError::Value("--downlink", value.to_owned(), "tcp:PORT or pty"))
}

impl fmt::Display for DownlinkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "tcp:{port}"),
            Self::Pty => f.write_str("pty"),
        }
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
            Self::NoSource => f.write_str("no source is given"),
            Self::TwoDestinations => {
                f.write_str("spans go to one place: --agent, --otlp or --print, once")
            }
            Self::NoCommand => f.write_str("no command is given: write it behind `--`"),
            Self::Decode => {
                f.write_str("`decode` takes an image, a dump, and --agent, --otlp or --print")
            }
            Self::Value(option, value, form) => write!(f, "{option} `{value}` is not {form}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let arguments = line.split_whitespace().map(OsString::from);
        Args::parse(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn the_help_names_each_option() {
        assert_eq!(parse("--help").unwrap().command, Command::Help);
        assert_eq!(parse("a -h").unwrap().command, Command::Help);
        for option in [
            "agent", "otlp", "print", "elf", "record", "downlink", "time", "once", "source",
        ] {
            assert!(HELP.contains(&format!("\n  --{option}")), "{option}");
        }
    }

    #[test]
    fn a_relay_has_sources_and_a_destination() {
        let args =
            parse("/dev/ttyACM0 --record r tcp:1 --elf e --downlink tcp:9 --time --once").unwrap();
        assert_eq!((args.command, args.sources.len()), (Command::Relay, 2));
        let downlink = Some(DownlinkSpec::Tcp(9));
        assert_eq!(
            (args.downlink, args.time, args.once),
            (downlink, true, true)
        );
        let args = parse("a --downlink pty").unwrap();
        assert_eq!(args.downlink, Some(DownlinkSpec::Pty));
        let (host, port) = ("127.0.0.1".to_owned(), 6831);
        assert_eq!(args.destination, Destination::Agent { host, port });
        let args = parse("a --agent [::1]:7000").unwrap();
        let (host, port) = ("::1".to_owned(), 7_000);
        assert_eq!(args.destination, Destination::Agent { host, port });
        assert_eq!(parse("a --print").unwrap().destination, Destination::Print);
        let url = "http://c:4318".to_owned();
        assert_eq!(
            parse("a --otlp http://c:4318").unwrap().destination,
            Destination::Otlp(url)
        );
    }

    #[test]
    fn a_command_keeps_its_own_options() {
        let args = parse("run --source tcp-listen:0 -- qemu -h --print").unwrap();
        let command = ["qemu", "-h", "--print"].map(OsString::from).to_vec();
        assert_eq!(
            (args.command, args.destination),
            (Command::Run(command), Destination::PrintAside)
        );
        assert_eq!(args.sources, ["tcp-listen:0"]);
    }

    #[test]
    fn a_dump_is_printed_or_sent() {
        let command = Command::Decode("fw.elf".into(), "ram.bin".into());
        let args = parse("decode fw.elf ram.bin").unwrap();
        assert_eq!(
            (args.command, args.destination),
            (command, Destination::Print)
        );
        let args = parse("decode --otlp http://c:4318 fw.elf ram.bin").unwrap();
        assert_eq!(args.destination, Destination::Otlp("http://c:4318".into()));
    }

    #[test]
    fn wrong_arguments_say_what_is_right() {
        for (line, text) in [
            ("", "no source is given"),
            ("run --source a", "no command is given"),
            ("decode a", "takes an image, a dump"),
            ("decode a b c", "takes an image, a dump"),
            ("decode a b --time", "takes an image, a dump"),
            ("a --agent host", "--agent `host` is not HOST:PORT"),
            ("a --downlink 99", "--downlink `99` is not tcp:PORT or pty"),
            ("a --print --agent b:1", "spans go to one place"),
            ("a --otlp http://b --otlp http://c", "spans go to one place"),
            ("a --speed 9", "invalid option '--speed'"),
            ("a --elf", "missing argument"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
