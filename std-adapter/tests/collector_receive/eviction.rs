//! Pages that are live while the oldest traces leave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::*;

/// What the store may hold: some hundred traces of two spans.
const MEMORY: u64 = 256 << 10;
const ROUNDS: u128 = 8;
const TRACES: u128 = 200;

/// A page that follows the events.
struct Page {
    stream: TcpStream,
    unread: String,
    /// The last event.
    last: Value,
    events: u32,
}

impl Page {
    fn open(program: &Program) -> Self {
        let mut stream = connect(program.page());
        let port = program.page();
        let head = format!("GET /api/live HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        Page {
            stream,
            unread: String::new(),
            last: Value::Null,
            events: 0,
        }
    }

    /// Reads events up to one of this revision; each has to be right.
    fn read_until(&mut self, revision: u64) {
        let end = Instant::now() + LONG;
        while self.revision() < revision {
            assert!(Instant::now() < end, "{revision}: {}", self.last);
            self.read_event();
            assert_sums(&self.last["status"]);
        }
    }

    fn revision(&self) -> u64 {
        self.last["revision"].as_u64().unwrap_or(0)
    }

    fn read_event(&mut self) {
        let mut piece = [0; 4096];
        loop {
            let event = self.unread.split_once("event: change\ndata: ");
            if let Some((data, rest)) = event.and_then(|(_, rest)| rest.split_once("\n\n")) {
                let (event, rest) = (json(data), rest.to_owned());
                let number = event["revision"].as_u64();
                assert!(number >= self.last["revision"].as_u64(), "{event}");
                (self.last, self.unread) = (event, rest);
                self.events += 1;
                return;
            }
            let length = self.stream.read(&mut piece).unwrap();
            assert!(length > 0, "the events end: {}", self.unread);
            let text = String::from_utf8_lossy(&piece[..length]);
            self.unread.push_str(&text);
        }
    }
}

fn number(status: &Value, group: &str, name: &str) -> u64 {
    let number = status[group][name].as_u64();
    number.unwrap_or_else(|| panic!("{group}.{name}: {status}"))
}

/// Each span is held or has left, and the memory is within its limit.
fn assert_sums(status: &Value) {
    let (held, evicted) = (
        number(status, "held", "spans"),
        number(status, "evicted", "spans"),
    );
    assert_eq!(held + evicted, number(status, "received", "spans"));
    assert_eq!(held, 2 * number(status, "held", "traces"));
    assert_eq!(evicted, 2 * number(status, "evicted", "traces"));
    assert_eq!(number(status, "held", "limit"), MEMORY);
    assert!(number(status, "held", "bytes") <= MEMORY, "{status}");
}

#[test]
fn pages_stay_live_and_sums_exact_while_the_oldest_traces_leave() {
    let program = Program::start(&["--memory", "256K"]);
    let mut quick = [Page::open(&program), Page::open(&program)];
    let mut slow = Page::open(&program);
    for page in &mut quick {
        page.read_event();
    }
    let port = program.port("Thrift");
    let (mut before, mut first_left) = (0, None);
    for round in 0..ROUNDS {
        for trace in round * TRACES + 1..=(round + 1) * TRACES {
            let body = thrift_body(trace);
            let answer = post(port, "/api/traces", "application/x-thrift", &body);
            assert_eq!(answer.status, 202, "{answer:?}");
        }
        let status = json(&get(program.page(), "/api/status").body);
        assert_sums(&status);
        let sent = (round as u64 + 1) * TRACES as u64;
        assert_eq!(number(&status, "received", "batches"), sent);
        assert_eq!(number(&status, "received", "spans"), 2 * sent);
        let evicted = number(&status, "evicted", "traces");
        if first_left.is_some() {
            assert_eq!(evicted, before + TRACES as u64, "as many leave as come");
        }
        first_left = first_left.or((evicted > 0).then_some(round));
        before = evicted;
        for page in &mut quick {
            page.read_until(status["revision"].as_u64().unwrap());
            let shown = number(&page.last["status"], "evicted", "traces");
            assert_eq!(shown, evicted);
        }
    }
    assert!(first_left.is_some_and(|round| round < ROUNDS / 2));
    // The oldest have left, and the youngest are there.
    for trace in [1, u128::from(before)] {
        let answer = get(program.page(), &format!("/api/trace/{trace:x}"));
        assert_eq!(answer.status, 404, "{answer:?}");
        let text = json(&answer.body)["error"].as_str().unwrap().to_owned();
        assert!(text.contains("left to make room for newer ones"), "{text}");
    }
    for trace in [u128::from(before) + 1, ROUNDS * TRACES] {
        let answer = get(program.page(), &format!("/api/trace/{trace:x}"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // The one that has not read so far gets there too.
    slow.read_until(quick[0].revision());
    assert_eq!(slow.last["status"], quick[0].last["status"]);
    assert!(quick.iter().all(|page| page.events as u128 >= ROUNDS));
}
