//! A server that answers one request.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// Accepts one request, answers that all is well, and returns its head and body.
pub(crate) fn answered(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().expect("a client");
    stream.set_read_timeout(Some(SOON)).expect("a time-out");
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(request) = whole(&read) {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream
                .write_all(answer.as_bytes())
                .expect("an open connection");
            return request;
        }
        let length = stream.read(&mut buffer).expect("an open connection");
        assert!(length > 0, "the connection ended in a request");
        read.extend_from_slice(&buffer[..length]);
    }
}

/// Returns head and body once both are read.
fn whole(read: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = read.windows(4).position(|at| at == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(read[..end].to_vec()).expect("a head of text");
    let lower = head.to_lowercase();
    let (_, length) = lower.split_once("content-length: ").expect("a length");
    let length: usize = length.lines().next()?.trim().parse().expect("a number");
    let body = read.get(end..end + length)?.to_vec();
    Some((head, body))
}
