//! Any answer of a collector gives a batch the outcome of its status, or none that can be used; the
//! sum holds.
#![no_main]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, Lost};

const SPANS: u64 = 3;
const SOON: Duration = Duration::from_secs(5);

/// The statuses that the first byte of the input chooses from; the last ones stand for bytes that
/// need be no answer.
const STATUSES: [Option<u16>; 12] = [
    Some(200),
    Some(202),
    Some(204),
    Some(299),
    Some(307),
    Some(400),
    Some(413),
    Some(429),
    Some(500),
    Some(503),
    None,
    None,
];

static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Starts the collector, once.
fn collector() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        thread::spawn(move || listener.incoming().flatten().for_each(serve));
        address
    })
}

/// Answers one request, and closes the connection.
fn serve(mut stream: TcpStream) {
    if read_request(&mut stream).is_some() {
        let answer = ANSWER
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let _gone = stream.write_all(&answer);
    }
}

fn read_request(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?.to_ascii_lowercase();
    let (_, rest) = head.split_once("content-length: ")?;
    let length = rest.lines().next()?.parse().ok()?;
    stream.read_exact(&mut vec![0; length]).ok()
}

/// Makes an answer of this status: up to the first line break the input is a header's value, then
/// the body.
fn answer(status: u16, input: &[u8]) -> Vec<u8> {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let value = parts.next().unwrap_or_default();
    let value: Vec<u8> = value.iter().copied().filter(u8::is_ascii_graphic).collect();
    let value = String::from_utf8_lossy(&value);
    let body = parts.next().unwrap_or_default();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Fuzz\r\nretry-after: {value}\r\nlocation: {value}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Checks the fate of the spans by the status of the answer, if it was one.
fn check(status: Option<u16>, delivered: u64, lost: &Lost) {
    assert_eq!(delivered + lost.total(), SPANS, "{lost}");
    let Lost {
        refused,
        unreachable,
        too_large,
        ..
    } = lost;
    match status {
        Some(200..=299) => assert_eq!(delivered + refused, SPANS, "{lost}"),
        Some(413) => assert_eq!(*too_large, SPANS, "{lost}"),
        Some(429 | 503) => assert_eq!(*unreachable, SPANS, "{lost}"),
        Some(_) => assert_eq!(*refused, SPANS, "{lost}"),
        None => {}
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let status = STATUSES[usize::from(*first) % STATUSES.len()];
    let bytes = status.map_or_else(|| rest.to_vec(), |status| answer(status, rest));
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    let tracer = Config::new("fuzz")
        .sampler(Sampler::Const(true))
        .otlp(format!("http://{}/", collector()))
        .retry_time(Duration::ZERO)
        .flush_at_exit(false)
        .new_tracer()
        .expect("nothing is wrong");
    for _ in 0..SPANS {
        tracer.start("answered").finish();
    }
    if let Err(error) = tracer.flush(SOON) {
        assert!(!error.to_string().contains("not sent"), "{error}");
    }
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.queued == 0, "{stats}");
    check(status, stats.delivered, &stats.lost);
});
