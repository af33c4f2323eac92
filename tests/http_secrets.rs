//! Credentials for a collector appear in no error, and in no line of the log of any crate down to
//! level debug. At level trace `ureq_proto` logs the bytes that it sends, which its users cannot
//! prevent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use picojaeger_std::Config;
use picojaeger_std::config::Sampler;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps every line.
struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}", record.level(), record.target(), record.args());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// Refuses a request, and repeats its head.
fn refuse(listener: TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let secrets = String::from_utf8_lossy(&head).to_lowercase();
    let secrets: Vec<_> = secrets
        .lines()
        .filter(|line| line.starts_with("authorization") || line.starts_with("x-key"))
        .collect();
    assert_eq!(secrets.len(), 2, "both are sent");
    let body = String::from_utf8_lossy(&head).into_owned();
    let length = body.len();
    let answer = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).unwrap();
}

#[test]
fn no_secret_is_logged_or_told() {
    log::set_logger(&Keeper).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || refuse(listener));
    let tracer = Config::new("secrets")
        .sampler(Sampler::Const(true))
        .collector(format!("http://hunter2:hunter3@{address}/"))
        .collector_header("x-key", "hunter5")
        .new_tracer()
        .unwrap();
    tracer.start("refused").finish();
    let error = tracer.flush(Duration::from_secs(20)).unwrap_err();
    server.join().unwrap();
    let mut lines = LINES.lock().unwrap().clone();
    assert!(
        lines.iter().any(|line| line.contains("ureq")),
        "of every crate"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("spans lost (refused): 1"))
    );
    lines.push(format!("{error} {error:?} {tracer:?}"));
    for line in lines {
        // `hunter2:hunter3` in base64.
        let shown = line.contains("hunter") || line.contains("aHVudGVyMjpodW50ZXIz");
        assert!(!shown, "{line}");
    }
}
