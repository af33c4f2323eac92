//! Serial ports.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::Duration;

use serialport::SerialPort;

use super::{Input, Inputs, Link, end, pump};

/// The longest wait for a byte; then the port is read again.
const TIMEOUT: Duration = Duration::from_millis(200);
/// The pause before another attempt to open a port that was unplugged.
const PAUSE: Duration = Duration::from_millis(500);

/// Opens a port; an error names the remedy.
pub(super) fn open(port: &str, baud: u32) -> io::Result<Box<dyn SerialPort>> {
    let opened = serialport::new(port, baud).timeout(TIMEOUT).open();
    opened.map_err(|error| explain(port, &error))
}

/// Reads a port to its end; then waits until it is there again.
pub(super) fn run(
    port: &str,
    baud: u32,
    first: Box<dyn SerialPort>,
    line: usize,
    inputs: &Inputs,
    uplink: &Link,
    once: bool,
) {
    let mut opened = Some(first);
    loop {
        if let Some(serial) = opened.take() {
            if let Ok(writer) = serial.try_clone() {
                uplink.connect(writer);
            }
            drop(inputs.send(Input::Connected { line }));
            let error = pump(serial, line, inputs).err();
            uplink.disconnect();
            if once {
                return end(line, inputs, error);
            }
            let reason = error.map_or("the port was closed".to_owned(), |error| error.to_string());
            if inputs.send(Input::Lost { line, reason }).is_err() {
                return;
            }
        }
        thread::sleep(PAUSE);
        opened = open(port, baud).ok();
    }
}

fn explain(port: &str, error: &serialport::Error) -> io::Error {
    use serialport::ErrorKind::{Io, NoDevice};
    let text = error.to_string();
    let (kind, reason) = match error.kind() {
        // The crate reports a port that another program has taken as no device.
        _ if is_busy(&text) => (
            ErrorKind::ResourceBusy,
            "another program has it open".to_owned(),
        ),
        NoDevice | Io(ErrorKind::NotFound) => (ErrorKind::NotFound, there_is_none()),
        Io(ErrorKind::PermissionDenied) => (
            ErrorKind::PermissionDenied,
            "no permission: on Linux add yourself to the group `dialout`".to_owned(),
        ),
        Io(kind) => (kind, text),
        _ => (ErrorKind::Other, text),
    };
    io::Error::new(kind, format!("{port}: {reason}"))
}

fn is_busy(error: &str) -> bool {
    let error = error.to_lowercase();
    ["busy", "exclusive lock", "access is denied"]
        .iter()
        .any(|text| error.contains(text))
}

fn there_is_none() -> String {
    let ports = serialport::available_ports().unwrap_or_default();
    let names: Vec<_> = ports.into_iter().map(|port| port.port_name).collect();
    match names.is_empty() {
        true => "there is no such port, nor any other".to_owned(),
        false => format!("there is no such port; there are {}", names.join(", ")),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::sync::mpsc::sync_channel;

    use serialport::TTYPort;

    use super::*;

    #[test]
    fn a_port_is_read_and_written() {
        let (mut device, host) = TTYPort::pair().unwrap();
        let name = host.name().unwrap();
        drop(host);
        let opened = open(&name, 115_200).unwrap();
        let (inputs, received) = sync_channel(9);
        let uplink = Link::default();
        let kept = uplink.clone();
        let reader = thread::spawn(move || run(&name, 115_200, opened, 2, &inputs, &uplink, true));
        assert!(matches!(
            received.recv().unwrap(),
            Input::Connected { line: 2 }
        ));
        device.write_all(b"\0\x01\xff\r\n").unwrap();
        let mut read = Vec::new();
        while read.len() < 5
            && let Input::Bytes { bytes, .. } = received.recv().unwrap()
        {
            read.extend(bytes);
        }
        assert_eq!(read, b"\0\x01\xff\r\n", "no byte is changed by the system");
        assert!(kept.write(b"down"));
        let mut down = [0; 4];
        device.read_exact(&mut down).unwrap();
        assert_eq!(&down, b"down");
        drop(device);
        assert!(matches!(
            received.recv().unwrap(),
            Input::Ended { line: 2, .. }
        ));
        reader.join().unwrap();
    }

    #[test]
    fn a_port_that_is_not_there_or_busy_says_so() {
        let error = open("/dev/ttyNowhere", 9_600).unwrap_err().to_string();
        assert!(
            error.contains("/dev/ttyNowhere: there is no such port"),
            "{error}"
        );
        let (_device, host) = TTYPort::pair().unwrap();
        let name = host.name().unwrap();
        let _first = open(&name, 9_600).unwrap();
        let error = open(&name, 9_600).map(drop).unwrap_err().to_string();
        assert!(error.contains("another program has it open"), "{error}");
    }
}
