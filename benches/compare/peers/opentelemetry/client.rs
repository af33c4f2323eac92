//! The cheapest HTTP client for the exporter: one connection, kept open, one
//! write and one read for each request. It replaces the exporter's default
//! client, which costs more, and many packages.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};

#[derive(Debug)]
pub(super) struct Connection(Mutex<TcpStream>);

/// Larger than any response of the sink.
const ANSWER: usize = 1024;

impl Connection {
    pub(super) fn open(sink: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(sink)?;
        stream.set_nodelay(true)?;
        Ok(Self(Mutex::new(stream)))
    }

    fn exchange(&self, request: &Request<Bytes>) -> io::Result<()> {
        let head = head(request)?;
        let mut stream = self.0.lock().expect("no exchange panics");
        write_both(&mut *stream, &head, request.body())?;
        read_answer(&mut *stream)
    }
}

#[async_trait]
impl HttpClient for Connection {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.exchange(&request)?;
        Ok(Response::new(Bytes::new()))
    }
}

fn head(request: &Request<Bytes>) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    write!(head, "POST {} HTTP/1.1\r\n", request.uri().path())?;
    for (name, value) in request.headers() {
        write!(head, "{name}: ")?;
        head.extend(value.as_bytes());
        head.extend(b"\r\n");
    }
    write!(head, "content-length: {}\r\n\r\n", request.body().len())?;
    Ok(head)
}

/// Writes by one system call, if it takes all.
fn write_both(stream: &mut impl Write, head: &[u8], body: &[u8]) -> io::Result<()> {
    let written = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)])?;
    if let Some(rest) = head.get(written..) {
        stream.write_all(rest)?;
    }
    stream.write_all(&body[written.saturating_sub(head.len())..])
}

/// Reads up to the empty line: the sink's responses have no body.
fn read_answer(stream: &mut impl Read) -> io::Result<()> {
    let (mut answer, mut length) = ([0; ANSWER], 0);
    while !answer[..length].ends_with(b"\r\n\r\n") {
        match stream.read(&mut answer[length..])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => length += read,
        }
    }
    match answer.starts_with(b"HTTP/1.1 200 ") {
        true => Ok(()),
        false => Err(io::Error::other("the sink refused a request")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_is_cut_short_goes_on() -> io::Result<()> {
        for limit in 1..8 {
            let mut stream = Short(Vec::new(), limit);
            write_both(&mut stream, b"head", b"body")?;
            assert_eq!(stream.0, b"headbody", "{limit} bytes a time");
        }
        Ok(())
    }

    #[test]
    fn only_a_whole_answer_that_says_yes_will_do() {
        assert!(read_answer(&mut &b"HTTP/1.1 200 OK\r\n\r\n"[..]).is_ok());
        assert!(read_answer(&mut &b"HTTP/1.1 500 No\r\n\r\n"[..]).is_err());
        assert!(read_answer(&mut &b"HTTP/1.1 200 OK\r\n"[..]).is_err());
    }

    /// Accepts this many bytes a call.
    struct Short(Vec<u8>, usize);

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.1);
            self.0.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
