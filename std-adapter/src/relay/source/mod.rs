//! Sources of bytes: serial ports, TCP, files, standard input. Each has a thread that reads.

mod file;
mod recording;
mod serial;
mod spec;
mod tcp;

use std::io::{self, Read, Write};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::device::Arrival;
use crate::sys::clock::unix_micros;
use crate::sys::sync::lock;
use crate::sys::threads;
pub(super) use recording::Recorder;
pub(super) use spec::Source;

/// An input of the relay's loop.
#[derive(Debug)]
pub(super) enum Input {
    /// Bytes of a source.
    Bytes {
        line: usize,
        bytes: Vec<u8>,
        arrival: Arrival,
    },
    /// A source is connected, or is so again.
    Connected { line: usize },
    /// A connection has ended, or cannot be made for now; another one is tried.
    Lost { line: usize, reason: String },
    /// A source has no more bytes.
    Ended { line: usize, error: Option<String> },
    /// The user wants the program to end: by a signal of the terminal, or by SIGTERM.
    Stop { is_term: bool },
}

/// The inputs' way to the loop. It is bounded, so a source waits while the loop does.
pub(super) type Inputs = SyncSender<Input>;

/// The way to a device or a program, while it is connected.
#[derive(Clone, Default)]
pub(super) struct Link(Arc<Mutex<Option<Box<dyn Write + Send>>>>);

/// The largest piece of bytes.
const PIECE: usize = 16 << 10;

impl Link {
    pub(super) fn connect(&self, to: impl Write + Send + 'static) {
        *lock(&self.0) = Some(Box::new(to));
    }

    pub(super) fn disconnect(&self) {
        *lock(&self.0) = None;
    }

    /// Writes bytes; `false` if it is not connected, or takes no bytes.
    pub(super) fn write(&self, bytes: &[u8]) -> bool {
        let mut to = lock(&self.0);
        let written = to
            .as_mut()
            .map(|to| to.write_all(bytes).and_then(|()| to.flush()));
        matches!(written, Some(Ok(())))
    }
}

/// Starts the thread of a source.
pub(super) fn open(source: Source, line: usize, inputs: Inputs, once: bool) -> io::Result<Link> {
    let uplink = Link::default();
    let kept = uplink.clone();
    let run: Box<dyn FnOnce() + Send> = match source {
        Source::Tcp { address, greeting } => Box::new(move || {
            tcp::connect(&address, &greeting, line, &inputs, &uplink, once);
        }),
        Source::Listen(listener) => {
            Box::new(move || tcp::listen(&listener, line, &inputs, &uplink, once))
        }
        Source::Serial { port, baud } => {
            let opened = serial::open(&port, baud)?;
            Box::new(move || serial::run(&port, baud, opened, line, &inputs, &uplink, once))
        }
        Source::File(path) => {
            let opened = file::open(&path)?;
            Box::new(move || file::run(opened, line, &inputs))
        }
        Source::Stream(stream) => Box::new(move || {
            let error = pump(stream, line, &inputs).err();
            end(line, &inputs, error);
        }),
    };
    threads::spawn("picojaeger-source", run)?;
    Ok(kept)
}

/// Passes on what can be read, until the end.
fn pump(mut from: impl Read, line: usize, inputs: &Inputs) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if is_pause(&error) => continue,
            Err(error) => return Err(error),
        };
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        let (bytes, arrival) = (bytes.to_vec(), Arrival::At(now()));
        let input = Input::Bytes {
            line,
            bytes,
            arrival,
        };
        if inputs.send(input).is_err() {
            return Ok(());
        }
    }
}

/// Returns whether reading goes on after an error: a serial port reports a silent line so.
pub(super) fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut
    )
}

/// Ends a source. Where the loop is gone there is nothing to tell.
fn end(line: usize, inputs: &Inputs, error: Option<io::Error>) {
    let error = error.map(|error| error.to_string());
    drop(inputs.send(Input::Ended { line, error }));
}

/// Returns the Unix time in microseconds.
pub(super) fn now() -> u64 {
    unix_micros(SystemTime::now())
}
