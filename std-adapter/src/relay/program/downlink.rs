//! The way down: programs of this machine speak with a device through the relay.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use super::args::DownlinkSpec;
use crate::relay::source::{Link, is_pause};
use crate::sys::threads;

/// A place of this machine where programs write to a device and read its text, one at a time.
pub(super) struct Downlink {
    place: String,
    text: SyncSender<String>,
}

/// The pieces of text that wait for a slow program; further ones are dropped.
const WAITING: usize = 64;
/// The longest wait for a program that reads nothing.
const WRITE_TIMEOUT: Duration = Duration::from_millis(200);

impl Downlink {
    /// Makes the place. Bytes that come while the device is not connected are dropped.
    pub(super) fn open(spec: DownlinkSpec, device: Link) -> io::Result<Self> {
        let program = Link::default();
        let made = match spec {
            DownlinkSpec::Tcp(port) => listen(port, device, program.clone()),
            DownlinkSpec::Pty => open_pty(device, program.clone()),
        };
        let place = made
            .map_err(|error| io::Error::new(error.kind(), format!("--downlink {spec}: {error}")))?;
        let (text, waiting) = sync_channel::<String>(WAITING);
        // A thread of its own, since a program may read slowly, and the relay's loop does not wait.
        threads::spawn("picojaeger-text", move || {
            for text in waiting {
                program.write(text.as_bytes());
            }
        })?;
        Ok(Downlink { place, text })
    }

    /// Returns the address of the port, or the path of the terminal.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Passes text of the device on. It is dropped where nobody reads.
    pub(super) fn text(&self, text: String) {
        drop(self.text.try_send(text));
    }
}

/// Takes one client of a local port after another; returns the address.
fn listen(port: u16, device: Link, program: Link) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    threads::spawn("picojaeger-downlink", move || {
        for client in listener.incoming().flatten() {
            if let Ok(writer) = writer(&client) {
                program.connect(writer);
                pass(client, &device);
                program.disconnect();
            }
        }
    })?;
    Ok(address.to_string())
}

fn writer(client: &TcpStream) -> io::Result<TcpStream> {
    let writer = client.try_clone()?;
    writer.set_nodelay(true)?;
    writer.set_write_timeout(Some(WRITE_TIMEOUT))?;
    Ok(writer)
}

/// Makes a pseudo-terminal, in raw mode; returns its path.
#[cfg(unix)]
fn open_pty(device: Link, program: Link) -> io::Result<String> {
    use serialport::{SerialPort as _, TTYPort};

    let (ours, theirs) = TTYPort::pair()?;
    let path = theirs.name().unwrap_or_default();
    program.connect(ours.try_clone_native()?);
    threads::spawn("picojaeger-downlink", move || {
        // Open here as well, so that the terminal and its mode outlive the programs that open it.
        let _theirs = theirs;
        pass(ours, &device);
    })?;
    Ok(path)
}

#[cfg(not(unix))]
fn open_pty(_device: Link, _program: Link) -> io::Result<String> {
    let reason = "this system has no pseudo-terminals; use tcp:PORT";
    Err(io::Error::new(io::ErrorKind::Unsupported, reason))
}

/// Passes what can be read on to the device, until the end.
fn pass(mut from: impl Read, device: &Link) {
    let mut buffer = [0; 1_024];
    loop {
        match from.read(&mut buffer) {
            Ok(read @ 1..) => {
                device.write(buffer.get(..read).unwrap_or_default());
            }
            Err(error) if is_pause(&error) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A device that passes on what it gets.
    struct Device(Sender<u8>);

    impl Write for Device {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            bytes.iter().for_each(|byte| self.0.send(*byte).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A device with a way down, and what the device gets.
    fn downlink(spec: DownlinkSpec) -> (Downlink, Receiver<u8>) {
        let (link, (to, device)) = (Link::default(), channel());
        link.connect(Device(to));
        (Downlink::open(spec, link).unwrap(), device)
    }

    /// Checks that a program and the device get what the other one writes.
    fn check(
        downlink: &Downlink,
        device: &Receiver<u8>,
        mut program: impl Read + Write,
        text: &str,
    ) {
        program.write_all(text.as_bytes()).unwrap();
        let got: Vec<u8> = device.iter().take(text.len()).collect();
        assert_eq!(got, text.as_bytes());
        downlink.text(format!("{text}, too\n"));
        let mut answer = vec![0; text.len() + 6];
        program.read_exact(&mut answer).unwrap();
        assert_eq!(answer, format!("{text}, too\n").as_bytes());
    }

    #[test]
    fn one_client_after_another_speaks_with_the_device() {
        let (downlink, device) = downlink(DownlinkSpec::Tcp(0));
        for text in ["one", "two"] {
            let client = TcpStream::connect(downlink.place()).unwrap();
            check(&downlink, &device, client, text);
        }
        let port = downlink.place().rsplit_once(':').unwrap().1.parse();
        let spec = DownlinkSpec::Tcp(port.unwrap());
        let error = Downlink::open(spec, Link::default()).err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with(&format!("--downlink {spec}: ")),
            "{error}"
        );
    }

    #[test]
    #[cfg(unix)]
    fn programs_speak_with_the_device_by_a_terminal() {
        let (downlink, device) = downlink(DownlinkSpec::Pty);
        // Bytes that a terminal in its usual mode would change or take as signals.
        for text in ["one\r\n", "\u{3}\u{4}\u{11}\u{13}two\r\u{1a}"] {
            let mut options = std::fs::File::options();
            let program = options.read(true).write(true).open(downlink.place());
            check(&downlink, &device, program.unwrap(), text);
        }
    }

    #[test]
    #[cfg(not(unix))]
    fn a_system_without_terminals_says_so() {
        let error = Downlink::open(DownlinkSpec::Pty, Link::default()).err();
        let error = error.unwrap().to_string();
        assert!(error.contains("use tcp:PORT"), "{error}");
    }

    #[test]
    fn a_program_that_reads_nothing_holds_nobody_up() {
        let specs = [DownlinkSpec::Tcp(0), DownlinkSpec::Pty];
        for spec in specs.into_iter().take(if cfg!(unix) { 2 } else { 1 }) {
            let (downlink, device) = downlink(spec);
            let client = match spec {
                DownlinkSpec::Tcp(_) => TcpStream::connect(downlink.place()).ok(),
                DownlinkSpec::Pty => None,
            };
            // More than the system and the relay keep for it; each call returns at once.
            for _ in 0..1_000 {
                downlink.text("x".repeat(16 << 10));
            }
            drop((client, downlink, device));
        }
    }
}
