//! The receiver of packets: a thread of the parent process, so that no library is
//! charged for its time.
//!
//! It counts packets, bytes and spans. A span is recognised by a key that occurs
//! once in each, in Thrift and in protobuf alike. Datagrams are polled for: a
//! receiver that blocked in its call would be woken by the sender, at a cost that
//! depends on the spacing of the packets.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use picojaeger_workloads::ITEM_INDEX;
use rustix::net::sockopt;

/// Kind of receiver that a program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It sends nothing.
    None,
    /// Takes datagrams.
    Udp,
    /// Takes requests over one connection, and answers each at once.
    Http,
}

/// Counts of received packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Datagrams or requests.
    pub(crate) packets: u64,
    /// Bytes of their payloads.
    pub(crate) bytes: u64,
    pub(crate) spans: u64,
}

/// A running receiver.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    is_over: Arc<AtomicBool>,
    receiver: JoinHandle<io::Result<Received>>,
}

/// Pause between two polls without a packet.
const PATIENCE: Duration = Duration::from_millis(1);

/// Large enough for the packets that arrive between two polls, of a large burst too.
const SOCKET_BUFFER: usize = 64 << 20;

/// Larger than any datagram.
const DATAGRAM: usize = 1 << 16;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

impl Sink {
    pub(crate) fn open(kind: Kind) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let local = (Ipv4Addr::LOCALHOST, 0);
        let (address, receiver) = match kind {
            Kind::None => (
                SocketAddr::from(local),
                thread::spawn(|| Ok(Received::default())),
            ),
            Kind::Udp => {
                let socket = UdpSocket::bind(local)?;
                enlarge(&socket)?;
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                (
                    address,
                    thread::spawn(move || take_datagrams(&socket, &until)),
                )
            }
            Kind::Http => {
                let listener = TcpListener::bind(local)?;
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                (
                    address,
                    thread::spawn(move || take_requests(&listener, &until)),
                )
            }
        };
        Ok(Self {
            address,
            is_over,
            receiver,
        })
    }

    /// Stops the receiver, to be called after the sender's end; packets in the socket's
    /// buffer are still taken.
    pub(crate) fn close(self) -> io::Result<Received> {
        self.is_over.store(true, Ordering::Release);
        self.receiver.join().expect("no receiver panics")
    }
}

impl Received {
    fn take(&mut self, payload: &[u8]) {
        self.packets += 1;
        self.bytes += payload.len() as u64;
        self.spans += count_spans(payload);
    }
}

/// Enlarges the buffer beyond the system's limit if permitted, else up to it.
fn enlarge(socket: &UdpSocket) -> io::Result<()> {
    sockopt::set_socket_recv_buffer_size_force(socket, SOCKET_BUFFER)
        .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, SOCKET_BUFFER))?;
    Ok(())
}

fn take_datagrams(socket: &UdpSocket, is_over: &AtomicBool) -> io::Result<Received> {
    let mut received = Received::default();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        // Read before the socket: packets sent before the close are in its buffer by now.
        let last = is_over.load(Ordering::Acquire);
        match socket.recv(&mut buffer) {
            Ok(length) => received.take(&buffer[..length]),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if last => return Ok(received),
            Err(_) => thread::sleep(PATIENCE),
        }
    }
}

fn take_requests(listener: &TcpListener, is_over: &AtomicBool) -> io::Result<Received> {
    let mut received = Received::default();
    loop {
        let last = is_over.load(Ordering::Acquire);
        match listener.accept() {
            Ok((stream, _)) => answer(stream, &mut received)?,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if last => return Ok(received),
            Err(_) => thread::sleep(PATIENCE),
        }
    }
}

/// Takes the requests of one connection until its end.
fn answer(stream: TcpStream, received: &mut Received) -> io::Result<()> {
    stream.set_nonblocking(false)?;
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
            let missing = || io::Error::new(ErrorKind::InvalidData, "a request without length");
            return length.ok_or_else(missing).map(Some);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

/// Counts the spans of packets.
pub(crate) fn count_spans(payload: &[u8]) -> u64 {
    let key = ITEM_INDEX.as_bytes();
    let found = payload.windows(key.len()).filter(|window| *window == key);
    found.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_counted() -> io::Result<()> {
        let sink = Sink::open(Kind::Udp)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.send_to(b"item.index, item.index", sink.address)?;
        socket.send_to(b"nothing", sink.address)?;
        let expected = Received {
            packets: 2,
            bytes: 29,
            spans: 2,
        };
        assert_eq!(sink.close()?, expected);
        Ok(())
    }

    #[test]
    fn requests_are_counted_and_answered() -> io::Result<()> {
        let sink = Sink::open(Kind::Http)?;
        let mut stream = TcpStream::connect(sink.address)?;
        for body in ["item.index", "x"] {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes())?;
            let mut answer = [0; ANSWER.len()];
            stream.read_exact(&mut answer)?;
            assert_eq!(answer, ANSWER);
        }
        drop(stream);
        let expected = Received {
            packets: 2,
            bytes: 11,
            spans: 1,
        };
        assert_eq!(sink.close()?, expected);
        Ok(())
    }

    #[test]
    fn a_head_without_length_is_an_error() {
        assert!(read_head(&mut &b"POST / HTTP/1.1\r\n\r\n"[..]).is_err());
        assert_eq!(read_head(&mut &b""[..]).ok(), Some(None));
    }
}
