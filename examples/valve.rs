//! A server that commands a device over a serial line, both in one trace:
//! `cargo run --example valve -- 127.0.0.1:9100`.
//!
//! The address is that of the relay's `--downlink`; the device is `examples/cortex-m/src/bin/valve.rs`.
//! Spans go to the agent on this machine, unless a variable such as `JAEGER_AGENT_HOST` names another.

use std::env;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, SpanContext, Tracer};

const PATIENCE: Duration = Duration::from_secs(5);
/// The command that ends the device's program.
const OFF: u8 = 0xff;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("valve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: valve HOST:PORT")?;
    let config = Config::new("plant").sampler(Sampler::Const(true));
    let tracer = config.with_env()?.initialize_tracer()?;
    let mut device = Device::connect(&address)?;
    command(&tracer, &mut device)?;
    tracer.close(PATIENCE)?;
    Ok(())
}

fn command(tracer: &Tracer, device: &mut Device) -> Result<(), Box<dyn Error>> {
    for percent in [40, 90] {
        let mut span = tracer.start("set valve");
        span.tag("percent", u32::from(percent));
        device.open(percent, &span.context())?;
    }
    // That was too far: the device begins a trace, and the server's answer is a part of it.
    let alarm: SpanContext = device.line("alarm ")?.parse()?;
    let mut span = tracer.span_builder("alarm").child_of(&alarm).start();
    span.tag("span.kind", "consumer");
    device.open(10, &span.context())?;
    device.send(OFF, &span.context())?;
    Ok(())
}

/// The device, at the other end of a line that the relay owns.
struct Device(BufReader<TcpStream>);

impl Device {
    fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Device(BufReader::new(stream)))
    }

    /// Opens the valve; returns when the device has done it.
    fn open(&mut self, percent: u8, context: &SpanContext) -> Result<(), Box<dyn Error>> {
        self.send(percent, context)?;
        self.line(&format!("opened {percent}")).map(drop)
    }

    /// Sends a command, in a frame as of RFC 1055 (SLIP): the percentage, and the context in 26 bytes.
    fn send(&mut self, percent: u8, context: &SpanContext) -> io::Result<()> {
        let mut frame = vec![0xc0];
        for byte in [&[percent][..], &context.to_binary()].concat() {
            match byte {
                0xc0 => frame.extend([0xdb, 0xdc]),
                0xdb => frame.extend([0xdb, 0xdd]),
                _ => frame.push(byte),
            }
        }
        frame.push(0xc0);
        self.0.get_mut().write_all(&frame)
    }

    /// Waits for a line of the device that begins so; returns what follows.
    fn line(&mut self, begin: &str) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        loop {
            line.clear();
            match self.0.read_line(&mut line) {
                Ok(1..) => {}
                Ok(0) => return Err("the relay has closed the connection".into()),
                Err(error) if is_silence(&error) => {
                    return Err(
                        format!("the device did not answer `{begin}` for {PATIENCE:?}").into(),
                    );
                }
                Err(error) => return Err(error.into()),
            }
            print!("device: {line}");
            if let Some(rest) = line.trim_end().strip_prefix(begin) {
                return Ok(rest.to_owned());
            }
        }
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
