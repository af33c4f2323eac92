//! The program's memory, by a count of all allocations: what `--memory` holds, and what a body of JSON takes.
//!
//! The program runs in this process, so that its allocations are counted, and is reached over real sockets.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use picojaeger_std::collector_server::run;
use picojaeger_std::model::Tag;

use super::heap::{in_use, peak_of};
use super::*;

#[path = "../collector_client/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod collector_client;
use collector_client::{LONG, get, json, post};

/// Memory beside the traces: the buffers of connections, and their tasks.
const BESIDE: usize = 1 << 20;

/// The ports of a program.
struct Ports {
    page: u16,
    thrift: u16,
    otlp: u16,
}

/// Starts the program in a thread that lives as long as this process. Its line goes to this process's own standard error,
/// where it cannot be read: the page has a port by name, and names the others, which are free ones.
fn start(memory: &str) -> Ports {
    let end = Instant::now() + LONG;
    loop {
        assert!(Instant::now() < end, "the program does not start");
        let page = free_port();
        let arguments = format!(
            "--memory {memory} --port-page {page} --port-thrift 0 --port-otlp 0 --port-udp-compact 0 \
             --port-udp-binary 0 --port-sampling 0 --port-relay 0"
        );
        let arguments: Vec<_> = arguments.split_whitespace().map(Into::into).collect();
        let program = thread::spawn(move || run(arguments));
        while TcpStream::connect(("127.0.0.1", page)).is_err() && !program.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        // Another process may have taken the port: the program has ended then, or is about to.
        if let Some(ports) = ports(page, memory) {
            return ports;
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The ports that a page names; none if it is not the page of a program that holds so much.
fn ports(page: u16, memory: &str) -> Option<Ports> {
    let status: serde_json::Value = serde_json::from_str(&get(page, "/api/status").body).ok()?;
    let limit = status["held"]["limit"].as_u64()?;
    let named = |name: &str| {
        let listeners = status["listeners"].as_array()?;
        let listener = listeners.iter().find(|it| it["name"] == name)?;
        let address: SocketAddr = listener["address"].as_str()?.parse().ok()?;
        Some(address.port())
    };
    let is_ours = format!("{}K", limit >> 10) == memory || format!("{}M", limit >> 20) == memory;
    is_ours.then_some(Ports {
        page,
        thrift: named("thrift")?,
        otlp: named("otlp")?,
    })
}

/// A batch as the body of a request.
fn body(batch: &Batch) -> Vec<u8> {
    let datagram = encode(batch, Encoding::binary()).unwrap();
    // Version, length and text of the name, sequence number, and the begin of the only argument; its end is a byte.
    let begin = 4 + 4 + "emitBatch".len() + 4 + 3;
    datagram[begin..datagram.len() - 1].to_vec()
}

/// Kinds of traces, by the number of the batch.
fn batch(kind: &str, n: u64) -> Batch {
    let mut batch = Batch::new(Process::new("shop"));
    let spans = (1..=40_u64).map(|id| match kind {
        "a span a trace" => Span::new(u128::from(n * 100 + id) << 64, id, "a"),
        "names" => Span::new(u128::from(n), id, format!("operation-{n}-{id}")),
        _ => Span::new(u128::from(n), id, "operation"),
    });
    batch.spans.extend(spans);
    for span in &mut batch.spans {
        match kind {
            "names" => batch.process.service_name = format!("service-{n}"),
            "open spans" => span.tags.push(Tag::new("picojaeger.unfinished", true)),
            "services" => {
                batch.process.service_name = format!("service-{}", n % 5);
                span.trace_id = u128::from(n / 5).into();
                span.span_id = (span.span_id.get() + 100 * (n % 5)).into();
                span.parent_span_id = (span.span_id.get().saturating_sub(100)).into();
            }
            "tags" => {
                for key in ["http.method", "http.url", "component"] {
                    span.tags.push(Tag::new(key, "value of a usual length"));
                }
                let fields = vec![Tag::new("event", "retry"), Tag::new("attempt", 3)];
                span.logs.push(Log::new(1, fields));
            }
            _ => {}
        }
    }
    batch
}

/// Fills the store with one kind of traces after the other, and asks all questions in between.
pub(super) fn the_program_holds_what_memory_allows() {
    const MEMORY: usize = 4 << 20;
    let before = in_use();
    let ports = start("4M");
    let status = || json(&get(ports.page, "/api/status").body);
    let kinds = ["a span a trace", "names", "open spans", "services", "tags"];
    for (round, kind) in (0_u64..).zip(kinds) {
        let evicted = status()["evicted"]["spans"].as_u64();
        let (peak, ()) = peak_of(|| {
            for n in 0..400 {
                let body = body(&batch(kind, round * 10_000 + n));
                let answer = post(ports.thrift, "/api/traces", "application/x-thrift", &body);
                assert_eq!(answer.status, 202, "{kind}");
                if n % 100 == 99 {
                    questions(ports.page);
                }
            }
        });
        let status = status();
        let held = in_use() - before;
        let estimate = status["held"]["bytes"].as_u64().unwrap() as usize;
        println!("{kind}: {held} bytes, estimate {estimate}, peak {peak} in addition");
        assert!(
            status["evicted"]["spans"].as_u64() > evicted,
            "{kind}: not full"
        );
        assert!(estimate <= MEMORY && estimate > MEMORY * 9 / 10, "{kind}");
        assert!(held < MEMORY + BESIDE, "{kind}: {held} bytes are allocated");
        assert!(held > MEMORY / 2, "{kind}: {held} bytes of what is allowed");
    }
}

fn questions(page: u16) {
    for target in [
        "/api/search?limit=1000",
        "/api/search?tag=event%3Dretry",
        "/api/services",
        "/api/map",
        "/api/open",
        "/api/losses",
    ] {
        assert_eq!(get(page, target).status, 200, "{target}");
    }
}

/// Sends bodies of JSON whose elements are as small as can be.
pub(super) fn json_takes_a_small_multiple_of_its_body() {
    /// What one byte of a body may take, its own one in the buffers included, and what a body may take beside.
    const FACTOR: usize = 24 + 3;
    const BODY: usize = 512 << 10;
    let ports = start("64K");
    let most = BODY * FACTOR + (896 << 10) + (64 << 10) + BESIDE;
    let mut accepted = 0;
    for Flood {
        name,
        path,
        begin,
        element,
        end,
    } in JSON
    {
        let mut body = String::with_capacity(BODY);
        body.push_str(begin);
        while body.len() < BODY {
            write!(body, "{element},").unwrap();
        }
        body.pop();
        body.push_str(end);
        let port = match path {
            OTLP => ports.otlp,
            _ => ports.page,
        };
        let (peak, answer) = peak_of(|| post(port, path, "application/json", body.as_bytes()));
        println!(
            "{name}: {peak} bytes for {}, status {}",
            body.len(),
            answer.status
        );
        assert!(peak < most, "{name}: {peak} bytes of heap");
        assert!(matches!(answer.status, 200 | 400), "{name}: {answer:?}");
        accepted += usize::from(answer.status == 200);
    }
    assert!(accepted >= 4, "{accepted} bodies were no errors");
}

/// A body of JSON with as many elements as fit.
struct Flood {
    name: &'static str,
    path: &'static str,
    begin: &'static str,
    element: &'static str,
    end: &'static str,
}

const OTLP: &str = "/v1/traces";
const IMPORT: &str = "/api/import";

const JSON: [Flood; 9] = [
    Flood {
        name: "spans of OTLP",
        path: OTLP,
        begin: r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#,
        element: r#"{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001"}"#,
        end: "]}]}]}",
    },
    Flood {
        name: "spans of OTLP that are rejected",
        path: OTLP,
        begin: r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#,
        element: "{}",
        end: "]}]}]}",
    },
    Flood {
        name: "attributes of OTLP",
        path: OTLP,
        begin: r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001",
            "spanId":"0000000000000001","attributes":["#,
        element: r#"{"key":"k"}"#,
        end: "]}]}]}]}",
    },
    Flood {
        name: "events of OTLP",
        path: OTLP,
        begin: r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001",
            "spanId":"0000000000000001","events":["#,
        element: r#"{"name":"e"}"#,
        end: "]}]}]}]}",
    },
    Flood {
        name: "resources of OTLP",
        path: OTLP,
        begin: r#"{"resourceSpans":["#,
        element: r#"{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001"}]}]}"#,
        end: "]}",
    },
    Flood {
        name: "values of a list",
        path: OTLP,
        begin: r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001",
            "spanId":"0000000000000001","attributes":[{"key":"k","value":{"arrayValue":{"values":["#,
        element: "{}",
        end: "]}}}]}]}]}]}",
    },
    Flood {
        name: "spans of Jaeger",
        path: IMPORT,
        begin: r#"{"data":[{"traceID":"1","processes":{"p1":{"serviceName":"a"}},"spans":["#,
        element: r#"{"traceID":"1","spanID":"1","processID":"p1"}"#,
        end: "]}]}",
    },
    Flood {
        name: "tags of Jaeger",
        path: IMPORT,
        begin: r#"{"data":[{"traceID":"1","processes":{"p1":{"serviceName":"a"}},"spans":[{"traceID":"1","spanID":"1",
            "operationName":"o","references":[],"startTime":1,"duration":1,"logs":[],"processID":"p1","tags":["#,
        element: r#"{"key":"","value":0}"#,
        end: "]}]}]}",
    },
    Flood {
        name: "nothing",
        path: IMPORT,
        begin: r#"{"data":["#,
        element: "{}",
        end: "]}",
    },
];
