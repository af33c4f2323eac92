//! The receiver of spans, which counts them: threads of the runner, so that no service is charged for it.
//!
//! A span is recognised by a tag's key that occurs once in it, and in no other: in Thrift and in protobuf alike.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::net::sockopt;

use crate::service::Sends;

/// Keys of the server's span, of `order` and of `stock`.
const KEYS: [&str; 3] = ["url.path", "order.id", "stock.id"];

/// Spans of a request.
pub(crate) const SPANS: u64 = KEYS.len() as u64;

/// Holds what arrives while the sink has no processor.
const SOCKET_BUFFER: usize = 64 << 20;

/// Larger than any datagram.
const DATAGRAM: usize = 1 << 16;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A running receiver. Its threads live as long as the runner.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    received: Arc<Received>,
}

/// Spans so far, by their keys.
#[derive(Default)]
struct Received([AtomicU64; KEYS.len()]);

impl Sink {
    pub(crate) fn open(sends: Sends) -> io::Result<Self> {
        let received = Arc::<Received>::default();
        let counts = Arc::clone(&received);
        let local = (Ipv4Addr::LOCALHOST, 0);
        let address = match sends {
            Sends::Nothing => SocketAddr::from(local),
            Sends::Thrift => {
                let socket = UdpSocket::bind(local)?;
                enlarge(&socket)?;
                let address = socket.local_addr()?;
                thread::spawn(move || take_datagrams(&socket, &counts));
                address
            }
            Sends::Otlp => {
                let listener = TcpListener::bind(local)?;
                let address = listener.local_addr()?;
                thread::spawn(move || take_connections(&listener, &counts));
                address
            }
        };
        Ok(Sink { address, received })
    }

    /// Returns the number of spans so far.
    pub(crate) fn spans(&self) -> u64 {
        let counts = self.received.0.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Waits until so many spans have arrived, or none has for three seconds.
    pub(crate) fn wait_for(&self, spans: u64) {
        let (mut last, mut since) = (self.spans(), Instant::now());
        while last < spans && since.elapsed() < Duration::from_secs(3) {
            thread::sleep(Duration::from_millis(5));
            let now = self.spans();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }
}

impl Received {
    fn take(&self, payload: &[u8]) {
        for (key, count) in KEYS.iter().zip(&self.0) {
            let spans = memmem::find_iter(payload, key).count();
            count.fetch_add(spans as u64, Ordering::Relaxed);
        }
    }
}

/// Enlarges the buffer beyond the system's limit if permitted, else up to it.
fn enlarge(socket: &UdpSocket) -> io::Result<()> {
    sockopt::set_socket_recv_buffer_size_force(socket, SOCKET_BUFFER)
        .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, SOCKET_BUFFER))?;
    Ok(())
}

fn take_datagrams(socket: &UdpSocket, received: &Received) {
    let mut buffer = vec![0; DATAGRAM];
    while let Ok(length) = socket.recv(&mut buffer) {
        received.take(&buffer[..length]);
    }
}

fn take_connections(listener: &TcpListener, received: &Arc<Received>) {
    for stream in listener.incoming().flatten() {
        let received = Arc::clone(received);
        thread::spawn(move || {
            if let Err(error) = answer(stream, &received) {
                eprintln!("sink: {error}");
            }
        });
    }
}

/// Takes the requests of one connection until its end.
fn answer(stream: TcpStream, received: &Received) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(DATAGRAM, stream);
    let mut body = Vec::new();
    while let Some(length) = read_head(&mut reader)? {
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        received.take(&body);
        reader.get_mut().write_all(ANSWER)?;
    }
    Ok(())
}

/// Reads a request's head; returns the length of its body, or `None` at the end.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut length = None;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            let missing = || io::Error::other("a request without length");
            return length.ok_or_else(missing).map(Some);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_counted_by_their_keys() {
        let received = Received::default();
        received.take(b"..url.path..order.id..order.id..stock.i");
        let counts = received.0.map(AtomicU64::into_inner);
        assert_eq!(counts, [1, 2, 0]);
    }

    #[test]
    fn a_head_has_the_length_of_its_body() {
        let read = |mut head: &[u8]| read_head(&mut head).ok();
        assert_eq!(
            read(b"POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\n"),
            Some(Some(7))
        );
        assert_eq!(read(b""), Some(None));
        assert_eq!(read(b"POST / HTTP/1.1\r\n\r\n"), None);
    }
}
