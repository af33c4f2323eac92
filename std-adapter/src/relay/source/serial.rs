//! Serial ports.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::Duration;

use serialport::SerialPort;

use super::{Input, Inputs, Uplink, end, pump};

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
    uplink: &Uplink,
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
    let (kind, reason) = match error.kind() {
        serialport::ErrorKind::NoDevice => (ErrorKind::NotFound, there_is_none()),
        serialport::ErrorKind::Io(ErrorKind::NotFound) => (ErrorKind::NotFound, there_is_none()),
        serialport::ErrorKind::Io(ErrorKind::PermissionDenied) => (
            ErrorKind::PermissionDenied,
            "no permission: on Linux add yourself to the group `dialout`".to_owned(),
        ),
        serialport::ErrorKind::Io(kind) => (kind, error.to_string()),
        _ => (ErrorKind::Other, error.to_string()),
    };
    let busy = error.to_string().to_lowercase().contains("busy");
    let hint = if busy {
        "; another program has it open"
    } else {
        ""
    };
    io::Error::new(kind, format!("{port}: {reason}{hint}"))
}

fn there_is_none() -> String {
    let ports = serialport::available_ports().unwrap_or_default();
    let names: Vec<_> = ports.into_iter().map(|port| port.port_name).collect();
    match names.is_empty() {
        true => "there is no such port, nor any other".to_owned(),
        false => format!("there is no such port; there are {}", names.join(", ")),
    }
}
