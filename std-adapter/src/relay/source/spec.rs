//! Sources as the command line names them.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read};
use std::net::TcpListener;
use std::path::PathBuf;

/// A source of bytes.
pub(in crate::relay) enum Source {
    /// A TCP server, and what it is told first.
    Tcp {
        address: String,
        greeting: String,
    },
    /// The port that a client connects to.
    Listen(TcpListener),
    /// A serial port and its speed, in baud.
    Serial {
        port: String,
        baud: u32,
    },
    File(PathBuf),
    /// A stream that is open: standard input, or the output of a command.
    Stream(Box<dyn Read + Send>),
}

/// A wrong source.
#[derive(Debug)]
pub(in crate::relay) enum SpecError {
    /// An address without a port.
    NoPort(String),
    /// A channel that is no number.
    Channel(String),
    /// A speed that is no number.
    Speed(String),
    /// An address that cannot be listened on.
    Listen(String, io::Error),
}

/// The port of J-Link's RTT server.
const JLINK: &str = "19021";
/// The speed of a serial port whose name comes without one, in baud.
const BAUD: u32 = 115_200;

impl Source {
    /// Reads a source of the command line.
    pub(in crate::relay) fn parse(spec: &OsStr) -> Result<Self, SpecError> {
        let Some(text) = spec.to_str() else {
            return Ok(Source::File(spec.into()));
        };
        if text == "-" {
            return Ok(Source::Stream(Box::new(io::stdin())));
        }
        if let Some(address) = text.strip_prefix("tcp:") {
            let address = with_port(address)?;
            let greeting = String::new();
            return Ok(Source::Tcp { address, greeting });
        }
        if let Some(place) = text.strip_prefix("jlink:") {
            return jlink(place);
        }
        if let Some(address) = text.strip_prefix("tcp-listen:") {
            let listener = TcpListener::bind(with_port(address)?);
            return listener
                .map(Source::Listen)
                .map_err(|error| SpecError::Listen(address.to_owned(), error));
        }
        if let Some((port, speed)) = text.rsplit_once('@').filter(|(port, _)| is_port(port)) {
            let baud = speed
                .parse()
                .map_err(|_| SpecError::Speed(speed.to_owned()))?;
            let port = port.to_owned();
            return Ok(Source::Serial { port, baud });
        }
        if is_port(text) {
            let port = text.to_owned();
            return Ok(Source::Serial { port, baud: BAUD });
        }
        Ok(Source::File(spec.into()))
    }
}

/// Reads a channel of RTT, and in front of it the address of J-Link's server, if that is another than the usual one.
///
/// The server has one port for all channels, and a [string][1] of the first 100 ms chooses one.
///
/// [1]: https://wiki.segger.com/J-Link_RTT_TELNET_Channel
fn jlink(place: &str) -> Result<Source, SpecError> {
    let (address, channel) = place.rsplit_once(':').unwrap_or((JLINK, place));
    let channel: u8 = channel
        .parse()
        .map_err(|_| SpecError::Channel(channel.to_owned()))?;
    Ok(Source::Tcp {
        address: with_port(address)?,
        greeting: format!("$$SEGGER_TELNET_ConfigStr=RTTCh;{channel}$$"),
    })
}

/// Returns an address with a host; a port alone is of this machine.
fn with_port(address: &str) -> Result<String, SpecError> {
    let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
    if port.parse::<u16>().is_err() {
        return Err(SpecError::NoPort(address.to_owned()));
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    Ok(format!("{host}:{port}"))
}

/// Returns whether this is the name of a serial port.
fn is_port(name: &str) -> bool {
    let is_com = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    ["/dev/tty", "/dev/cu.", "/dev/serial/", "/dev/pts/"]
        .iter()
        .any(|start| name.starts_with(start))
        || name.strip_prefix("COM").is_some_and(is_com)
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPort(address) => write!(f, "`{address}` has no port: write HOST:PORT"),
            Self::Channel(channel) => {
                write!(
                    f,
                    "`{channel}` is no channel: write jlink:1 or jlink:HOST:PORT:1"
                )
            }
            Self::Speed(speed) => {
                write!(
                    f,
                    "`{speed}` is no speed: write the port as /dev/ttyACM0@115200"
                )
            }
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for SpecError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source, in a word.
    fn name(spec: &str) -> String {
        match Source::parse(OsStr::new(spec)) {
            Ok(Source::Tcp { address, greeting }) if greeting.is_empty() => {
                format!("tcp {address}")
            }
            Ok(Source::Tcp { address, greeting }) => format!("{address} by {greeting}"),
            Ok(Source::Listen(listener)) => {
                format!("listen {}", listener.local_addr().unwrap().ip())
            }
            Ok(Source::Serial { port, baud }) => format!("{port} at {baud}"),
            Ok(Source::File(path)) => format!("file {}", path.display()),
            Ok(Source::Stream(_)) => "stream".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn sources_are_told_apart() {
        assert_eq!(name("tcp:localhost:4444"), "tcp localhost:4444");
        assert_eq!(name("tcp:4444"), "tcp 127.0.0.1:4444");
        assert_eq!(name("tcp:[::1]:4444"), "tcp [::1]:4444");
        assert_eq!(name("tcp-listen:127.0.0.1:0"), "listen 127.0.0.1");
        assert_eq!(
            name("jlink:1"),
            "127.0.0.1:19021 by $$SEGGER_TELNET_ConfigStr=RTTCh;1$$"
        );
        assert_eq!(
            name("jlink:lab:9000:0"),
            "lab:9000 by $$SEGGER_TELNET_ConfigStr=RTTCh;0$$"
        );
        assert!(name("jlink:one").contains("`one` is no channel"));
        assert_eq!(name("/dev/ttyACM0@9600"), "/dev/ttyACM0 at 9600");
        assert_eq!(name("/dev/ttyUSB1"), "/dev/ttyUSB1 at 115200");
        assert_eq!(name("COM3@921600"), "COM3 at 921600");
        assert_eq!(name("COMMANDS"), "file COMMANDS");
        assert_eq!(name("mail@example"), "file mail@example");
        assert_eq!(name("-"), "stream");
        assert!(name("tcp:localhost").contains("has no port"));
        assert!(name("/dev/ttyUSB1@fast").contains("`fast` is no speed"));
    }
}
