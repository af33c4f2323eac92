//! The program `picojaeger-collector` as a process: each way in, and what the page's port answers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Instant;

use flate2::write::GzEncoder;
use picojaeger_std::collector::Encoding;
use picojaeger_std::config::{Config, Sampler};

#[allow(dead_code, reason = "other tests use the rest")]
mod collector_client;
#[path = "collector_receive/eviction.rs"]
mod eviction;
mod relay_device;
use collector_client::*;

fn zip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A batch in Thrift binary, without the message around it that a datagram has.
fn thrift_body(trace: u128) -> Vec<u8> {
    let datagram = datagram(&batch("shop", trace), Encoding::binary());
    // Version, length and text of the name, sequence number, and the begin of the only argument; its end is a byte.
    let begin = 4 + 4 + "emitBatch".len() + 4 + 3;
    datagram[begin..datagram.len() - 1].to_vec()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 128);
    [&[number << 3 | 2, length][..], bytes].concat()
}

/// A request of OTLP in protobuf, with one span.
fn otlp_body(trace: u8) -> Vec<u8> {
    let mut trace_id = [0; 16];
    trace_id[15] = trace;
    otlp_body_of(&trace_id)
}

fn otlp_body_of(trace_id: &[u8]) -> Vec<u8> {
    let span = [field(1, trace_id), field(2, &[1; 8]), field(5, b"GET /")].concat();
    let service = [field(1, b"service.name"), field(2, &field(1, b"shop"))].concat();
    let resource = field(1, &field(1, &service));
    let spans = field(2, &field(2, &span));
    field(1, &[resource, spans].concat())
}

const OTLP_JSON: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name",
    "value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000009",
    "spanId":"0000000000000001","name":"GET /","kind":2,"startTimeUnixNano":"1700000000000000000",
    "endTimeUnixNano":"1700000000002000000"}]}]}]}"#;

fn operations(program: &Program, trace: &str) -> Vec<String> {
    let answer = get(program.page(), &format!("/api/traces/{trace}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let spans = json(&answer.body)["data"][0]["spans"].clone();
    let names = spans
        .as_array()
        .unwrap()
        .iter()
        .map(|span| &span["operationName"]);
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_udp_port_takes_both_encodings() {
    let program = Program::start(&[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ports = program
        .line
        .split_once("UDP ")
        .unwrap()
        .1
        .split_once(',')
        .unwrap()
        .0;
    let ports: Vec<u16> = ports.split(' ').map(|port| port.parse().unwrap()).collect();
    let mut trace = 0x10;
    for port in ports {
        for encoding in [Encoding::default(), Encoding::binary()] {
            let datagram = datagram(&batch("shop", trace), encoding);
            sender.send_to(&datagram, ("127.0.0.1", port)).unwrap();
            trace += 1;
        }
    }
    let status = json(&program.wait_for_spans(8));
    assert_eq!(
        (&status["held"]["traces"], &status["rejected"]),
        (&4.into(), &0.into())
    );
    for trace in ["10", "11", "12", "13"] {
        assert_eq!(operations(&program, trace).len(), 2);
    }
}

#[test]
fn thrift_over_http_is_taken_plain_and_zipped() {
    let program = Program::start(&[]);
    let port = program.port("Thrift");
    let answer = post(
        port,
        "/api/traces",
        "application/x-thrift",
        &thrift_body(0x20),
    );
    assert_eq!(answer.status, 202, "{answer:?}");
    let lines = "content-type: application/vnd.apache.thrift.binary\r\ncontent-encoding: gzip\r\n";
    let answer = request(
        port,
        "POST /api/traces?format=jaeger.thrift",
        lines,
        &zip(&thrift_body(0x21)),
    );
    assert_eq!(answer.status, 202, "{answer:?}");
    program.wait_for_spans(4);
    assert_eq!(operations(&program, "20").len(), 2);
    assert_eq!(operations(&program, "21").len(), 2);
}

#[test]
fn otlp_over_http_is_answered_in_its_own_form() {
    let program = Program::start(&[]);
    let port = program.port("OTLP");
    let answer = post(port, "/v1/traces", "application/x-protobuf", &otlp_body(7));
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(
        answer.head.contains("content-type: application/x-protobuf"),
        "{}",
        answer.head
    );
    let lines = "content-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n";
    assert_eq!(
        request(port, "POST /v1/traces", lines, &zip(&otlp_body(8))).status,
        200
    );
    let answer = post(
        port,
        "/v1/traces",
        "application/json; charset=utf-8",
        OTLP_JSON.as_bytes(),
    );
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
    program.wait_for_spans(3);
    for trace in ["7", "8", "9"] {
        assert_eq!(operations(&program, trace), ["GET /"]);
    }
}

#[test]
fn spans_with_wrong_ids_are_rejected_and_the_others_are_stored() {
    let program = Program::start(&[]);
    let port = program.port("OTLP");
    let partial = [otlp_body(7), otlp_body_of(&[1; 7]), otlp_body_of(&[])].concat();
    let answer = post(port, "/v1/traces", "application/x-protobuf", &partial);
    assert_eq!(answer.status, 200, "{answer:?}");
    let message =
        "2 spans of 3 rejected, the first: a trace id of 7 bytes: trace ids have 16, span ids 8";
    let inner = [&[8, 2][..], &field(2, message.as_bytes())].concat();
    assert_eq!(answer.body.as_bytes(), field(1, &inner));
    let status = json(&program.wait_for_spans(1));
    assert_eq!(status["rejected"], 2);
    assert_eq!(
        status["rejection"],
        "a trace id of 7 bytes: trace ids have 16, span ids 8"
    );

    let end = OTLP_JSON.rfind("]}]}]}").unwrap();
    let (whole, rest) = OTLP_JSON.split_at(end);
    let partial = format!(r#"{whole},{{"spanId":"0000000000000002"}}{rest}"#);
    let answer = post(port, "/v1/traces", "application/json", partial.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let partial = json(&answer.body)["partialSuccess"].clone();
    assert_eq!(partial["rejectedSpans"], "1");
    assert_eq!(
        partial["errorMessage"],
        "1 span of 2 rejected: Span without its field `traceId`"
    );
    let status = json(&program.wait_for_spans(2));
    assert_eq!(
        (&status["rejected"], &status["held"]["spans"]),
        (&3.into(), &2.into())
    );
    for trace in ["7", "9"] {
        assert_eq!(operations(&program, trace), ["GET /"]);
    }
    // What does not parse is refused as a whole.
    let damaged = [otlp_body(8), vec![10, 9]].concat();
    let answer = post(port, "/v1/traces", "application/x-protobuf", &damaged);
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer = post(
        port,
        "/v1/traces",
        "application/json",
        &OTLP_JSON.as_bytes()[1..],
    );
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(json(&program.wait_for_spans(2))["rejected"], 5);
}

/// Passes the first request of a client on with the id of its last span spoiled: a text of the field for trace states.
fn spoil(listener: TcpListener, to: u16) {
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = whole_request(&mut client);
        // The fields of a span begin with its trace's id and its own.
        let is_span = |it: &[u8]| it[..2] == [0x0a, 16] && it[18..20] == [0x12, 8];
        let last = request.windows(28).rposition(is_span).unwrap();
        request[last + 18] = 0x1a;
        request[last + 20..last + 28].fill(b'a');
        let mut collector = connect(to);
        collector.write_all(&request).unwrap();
        // Until either closes.
        drop(std::io::copy(&mut collector, &mut client));
    });
}

fn whole_request(client: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = client.read(&mut piece).unwrap();
        assert!(length > 0, "the request ends early");
        bytes.extend(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let head = bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let length = text.split_once("content-length: ").map(|(_, rest)| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<usize>().unwrap()
        });
        if let (Some(head), Some(length)) = (head, length)
            && bytes.len() == head + 4 + length
        {
            return bytes;
        }
    }
}

#[test]
fn a_tracer_counts_the_spans_that_the_collector_rejects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let program = Program::start(&["--allow-host", &host]);
    spoil(listener, program.port("OTLP"));
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config.otlp(format!("http://{host}/v1/traces"));
    let tracer = config.new_tracer().unwrap();
    for name in ["first", "second", "third"] {
        drop(tracer.start(name));
    }
    let error = tracer.flush(LONG).unwrap_err().to_string();
    assert!(
        error.contains("1 span of 3 rejected: Span without its field `spanId`"),
        "{error}"
    );
    let stats = tracer.stats();
    assert_eq!((stats.delivered, stats.lost.refused), (2, 1), "{stats}");
    let status = json(&program.wait_for_spans(2));
    assert_eq!(status["rejected"], 1);
}

#[test]
fn frames_of_devices_come_over_tcp() {
    let program = Program::start(&[]);
    let mut device = connect(program.port("relay"));
    device.write_all(&relay_device::line(9, 300)).unwrap();
    drop(device);
    let status = json(&program.wait_for_spans(300));
    assert_eq!(status["held"]["spans"], 300);
    let answer = get(program.page(), "/api/services");
    assert_eq!(json(&answer.body)["services"][0]["name"], "pump");
}

#[test]
fn pages_of_other_sites_cannot_send_frames() {
    let mut program = Program::start(&[]);
    // As a browser sends what a script posts to this port: without a question before, whatever the answer is.
    let mut page = connect(program.port("relay"));
    let head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:6833\r\nOrigin: http://evil.example\r\n\r\n";
    let frames = relay_device::line(9, 300);
    // It fails once the collector has closed.
    drop(page.write_all(&[head.as_slice(), &frames].concat()));
    assert_eq!(page.read(&mut [0; 1]).unwrap_or(0), 0);
    let warning = program.next_error();
    assert!(warning.contains("speaks HTTP is closed"), "{warning}");
    let mut device = connect(program.port("relay"));
    device.write_all(&frames).unwrap();
    drop(device);
    program.wait_for_spans(300);
}

#[test]
fn sampling_strategies_are_read_again_when_their_file_changes() {
    let path =
        std::env::temp_dir().join(format!("picojaeger-strategies-of-{}", std::process::id()));
    let rate =
        |rate: &str| format!(r#"{{"default_strategy":{{"type":"probabilistic","param":{rate}}}}}"#);
    fs::write(&path, rate("0.5")).unwrap();
    let mut program = Program::start(&["--sampling", path.to_str().unwrap()]);
    let port = program.port("sampling");
    let sampled = || {
        let answer = get(port, "/sampling?service=shop");
        json(&answer.body)["probabilisticSampling"]["samplingRate"].as_f64()
    };
    assert_eq!(sampled(), Some(0.5));
    fs::write(&path, rate("0.25")).unwrap();
    assert_eq!(sampled(), Some(0.25));
    fs::write(&path, "{").unwrap();
    assert_eq!((sampled(), sampled()), (Some(0.25), Some(0.25)));
    fs::write(&path, "broken again").unwrap();
    assert_eq!(sampled(), Some(0.25));
    fs::remove_file(&path).unwrap();
    for part in ["EOF", "expected value"] {
        let error = program.next_error();
        assert!(
            error.contains("stay as they were") && error.contains(part),
            "{error}"
        );
    }
    assert_eq!(get(port, "/sampling").status, 400);
    assert_eq!(get(port, "/credits").status, 404);
}

#[test]
fn each_port_has_its_own_paths() {
    let program = Program::start(&[]);
    for word in ["Thrift", "OTLP", "sampling"] {
        for path in ["/api/status", "/api/live", "/api/search", "/index.html"] {
            assert_eq!(get(program.port(word), path).status, 404, "{word} {path}");
        }
    }
    let body = thrift_body(1);
    assert_eq!(
        post(program.page(), "/api/traces", "application/x-thrift", &body).status,
        405
    );
    assert_eq!(get(program.page(), "/sampling?service=a").status, 404);
    assert_eq!(
        post(
            program.port("OTLP"),
            "/api/traces",
            "application/x-thrift",
            &body
        )
        .status,
        404
    );
}

#[test]
fn the_page_has_a_policy_and_no_copies_in_caches() {
    let program = Program::start(&[]);
    let page = get(program.page(), "/");
    assert_eq!(page.status, 200);
    assert!(
        page.body.starts_with("<!doctype html>"),
        "{}",
        &page.body[..100]
    );
    for line in [
        "content-security-policy: default-src 'none'; script-src 'sha256-",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(page.head.contains(line), "{line}: {}", page.head);
    }
    let status = get(program.page(), "/api/status");
    assert!(
        status
            .head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        status.head
    );
    assert!(!page.head.contains("access-control") && !status.head.contains("access-control"));
}

#[test]
fn changes_come_as_events() {
    let program = Program::start(&[]);
    let mut stream = connect(program.page());
    let head = format!(
        "GET /api/live HTTP/1.1\r\nhost: localhost:{}\r\n\r\n",
        program.page()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut read = String::new();
    let mut wait_for = |part: &str| {
        let (mut buffer, end) = ([0; 4096], Instant::now() + LONG);
        while !read.contains(part) {
            // Comments come without news.
            assert!(Instant::now() < end, "{read}");
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "{read}");
            read.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        assert!(read.contains("content-type: text/event-stream"), "{read}");
    };
    wait_for("event: change\ndata: {\"revision\":0");
    post(
        program.port("OTLP"),
        "/v1/traces",
        "application/json",
        OTLP_JSON.as_bytes(),
    );
    wait_for("event: change\ndata: {\"revision\":1");
    wait_for("\"batches\":1");
}

#[test]
fn what_is_exported_can_be_imported() {
    let program = Program::start(&[]);
    post(
        program.port("OTLP"),
        "/v1/traces",
        "application/json",
        OTLP_JSON.as_bytes(),
    );
    for format in ["jaeger", "otlp"] {
        let target = format!("/api/traces/9?format={format}&download=1");
        let file = get(program.page(), &target);
        assert_eq!(file.status, 200);
        assert!(
            file.head
                .contains("content-disposition: attachment; filename=\"trace-0"),
            "{}",
            file.head
        );
        let other = Program::start(&[]);
        let answer = post(
            other.page(),
            "/api/import",
            "application/json",
            file.body.as_bytes(),
        );
        assert_eq!(
            (answer.status, json(&answer.body)["spans"].clone()),
            (200, 1.into()),
            "{answer:?}"
        );
        assert_eq!(get(other.page(), &target).body, file.body);
    }
    assert_eq!(get(program.page(), "/api/traces/9?format=zip").status, 400);
    assert_eq!(get(program.page(), "/api/traces/77").status, 404);
    assert_eq!(get(program.page(), "/api/traces/x").status, 400);
}
