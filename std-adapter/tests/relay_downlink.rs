//! The program `picojaeger-relay` as a process: a program speaks with the device through it.

use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

const PLACE: &str = "programs reach the first source by ";

/// Runs the relay with a way down; `speak` gets the way's place, and the device's end of its line.
fn with_relay(way: &str, speak: impl FnOnce(&str, TcpStream)) {
    let device = TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = format!("tcp:{}", device.local_addr().expect("bound"));
    let mut relay = Command::new(env!("CARGO_BIN_EXE_picojaeger-relay"))
        .args([&source, "--once", "--print", "--downlink", way])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built for this test");
    let mut messages = BufReader::new(relay.stderr.take().expect("a pipe"));
    let mut first = String::new();
    messages.read_line(&mut first).expect("text");
    let place = first.trim_end().strip_prefix(PLACE).expect("a place");
    speak(place, device.accept().expect("the relay connects").0);
    let output = relay.wait_with_output().expect("it ends with the line");
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(output.stdout, b"pressed\n", "text is printed as well");
    let mut rest = String::new();
    messages.read_to_string(&mut rest).expect("text");
    let hint = "source 1: a device sends its memory: `decode` reads";
    assert_eq!(rest.matches(hint).count(), 1, "{rest}");
}

/// Sends a command to the device, which answers by text between frames.
fn converse(mut program: impl Read + Write, mut device: TcpStream) {
    let (command, mut got) = (b"\0\xc0open\r\n\xff\0", Vec::new());
    // What comes before the relay has both ends is dropped, so the command is sent until it arrives.
    let pause = Some(Duration::from_millis(50));
    device.set_read_timeout(pause).expect("a pause");
    while !got.ends_with(command) {
        program.write_all(command).expect("it is taken");
        let mut bytes = [0; 64];
        match device.read(&mut bytes) {
            Ok(read) => got.extend_from_slice(&bytes[..read]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    // Frames go to the relay alone.
    device.write_all(&frame()).expect("it is read");
    device.write_all(&frame()).expect("it is read");
    device.write_all(b"pressed\n").expect("it is read");
    let mut answer = [0; 8];
    program.read_exact(&mut answer).expect("the text");
    assert_eq!(&answer, b"pressed\n");
}

/// A packet of one frame, by the core's encoder of memory.
fn frame() -> Vec<u8> {
    use picojaeger_core::wire::relay::{Device, MemoryDump};

    let mut buffer = [0; 64];
    let packet = MemoryDump::new(Device::new(b"chip 7", 1), b"ring").next_packet(&mut buffer);
    buffer[packet.expect("there is room")].to_vec()
}

#[test]
fn a_client_speaks_with_the_device() {
    with_relay("tcp:0", |place, device| {
        converse(TcpStream::connect(place).expect("it listens"), device);
    });
}

#[cfg(unix)]
#[test]
fn a_program_speaks_with_the_device_by_a_terminal() {
    with_relay("pty", |place, device| {
        let mut options = std::fs::File::options();
        let terminal = options.read(true).write(true).open(place);
        converse(terminal.expect("it is there"), device);
    });
}
