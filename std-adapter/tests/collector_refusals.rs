//! The program `picojaeger-collector` as a process: what it refuses, and the bounds of what peers can take.

use std::fs;
use std::io::{Read as _, Write as _};

use flate2::write::GzEncoder;

#[allow(dead_code, reason = "other tests use the rest")]
mod collector_client;
use collector_client::*;

fn error(answer: &Answer) -> String {
    json(&answer.body)["error"]
        .as_str()
        .expect(&answer.body)
        .to_owned()
}

#[test]
fn other_hosts_and_origins_are_refused_on_each_port() {
    let program = Program::start(&["--allow-host", "build.example"]);
    for word in ["page", "Thrift", "OTLP", "sampling"] {
        let port = program.port(word);
        for (lines, is_refused) in [
            (format!("host: evil.example:{port}\r\n"), true),
            (format!("host: localhost:{}\r\n", port ^ 1), true),
            (
                format!("host: 127.0.0.1:{port}\r\norigin: http://localhost:3000\r\n"),
                true,
            ),
            (format!("host: 127.0.0.1:{port}\r\norigin: null\r\n"), true),
            (
                format!("host: 127.0.0.1:{port}\r\nsec-fetch-site: cross-site\r\n"),
                true,
            ),
            (
                format!("host: 127.0.0.1:{port}\r\norigin: http://127.0.0.1:{port}\r\n"),
                false,
            ),
            ("host: build.example\r\n".to_owned(), false),
            (format!("host: [::1]:{port}\r\n"), false),
        ] {
            let head = format!("GET /api/status HTTP/1.1\r\nconnection: close\r\n{lines}\r\n");
            let answer = raw(port, head.as_bytes());
            assert_eq!(
                answer.status == 403,
                is_refused,
                "{word} {lines}: {answer:?}"
            );
            assert!(!answer.head.contains("access-control"), "{answer:?}");
        }
        let without = raw(port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
        assert_eq!(without.status, 400, "{without:?}");
    }
    let answer = raw(
        program.page(),
        b"GET / HTTP/1.1\r\nconnection: close\r\nhost: shop.example\r\n\r\n",
    );
    assert!(
        error(&answer).contains("--allow-host shop.example"),
        "{answer:?}"
    );
}

#[test]
fn other_content_types_methods_and_encodings_are_refused() {
    let program = Program::start(&[]);
    let (thrift, otlp, page) = (program.port("Thrift"), program.port("OTLP"), program.page());
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/xml",
    ] {
        assert_eq!(post(thrift, "/api/traces", content_type, b"x").status, 415);
        assert_eq!(post(otlp, "/v1/traces", content_type, b"x").status, 415);
        assert_eq!(post(page, "/api/import", content_type, b"{}").status, 415);
    }
    assert_eq!(
        post(otlp, "/v1/traces", "application/x-thrift", b"x").status,
        415
    );
    let lines = "content-type: application/json\r\ncontent-encoding: br\r\n";
    assert_eq!(request(otlp, "POST /v1/traces", lines, b"{}").status, 415);
    assert_eq!(get(thrift, "/api/traces").status, 405);
    assert_eq!(get(page, "/api/import").status, 405);
    assert_eq!(
        post(page, "/api/status", "application/json", b"{}").status,
        405
    );
    assert_eq!(request(page, "OPTIONS /api/status", "", b"").status, 405);
}

#[test]
fn a_damaged_body_is_counted_and_says_what_is_wrong() {
    let program = Program::start(&[]);
    for (word, path, content_type) in [
        ("Thrift", "/api/traces", "application/x-thrift"),
        ("OTLP", "/v1/traces", "application/x-protobuf"),
        ("OTLP", "/v1/traces", "application/json"),
        ("page", "/api/import", "application/json"),
    ] {
        let answer = post(program.port(word), path, content_type, b"\xff\xff\xff");
        assert_eq!(answer.status, 400, "{word} {answer:?}");
        assert!(answer.body.len() > 10, "{answer:?}");
    }
    let lines = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    assert_eq!(
        request(program.port("OTLP"), "POST /v1/traces", lines, b"no gzip").status,
        400
    );
    let status = json(&program.status(|_| true));
    assert_eq!(status["rejected"], 4);
    assert!(status["rejection"].is_string());
    assert_eq!(status["http"]["refused"], 5);
}

/// Checks that an answer is the message `google.rpc.Status` in the form of the request, and returns its message.
fn otlp_status<'a>(answer: &'a Answer, content_type: &str, code: u8) -> &'a str {
    let line = format!("\r\ncontent-type: {content_type}");
    assert!(answer.head.contains(&line), "{answer:?}");
    if content_type == "application/json" {
        let status = json(&answer.body);
        assert_eq!(status["code"], code, "{answer:?}");
        assert!(status["message"].is_string(), "{answer:?}");
        return &answer.body;
    }
    let (fields, message) = answer.body.split_at(4);
    assert_eq!(fields.as_bytes()[..3], [0x08, code, 0x12], "{answer:?}");
    assert_eq!(usize::from(fields.as_bytes()[3]), message.len());
    message
}

#[test]
fn otlp_s_errors_are_in_the_form_of_the_request() {
    let program = Program::start(&[]);
    let port = program.port("OTLP");
    for content_type in ["application/x-protobuf", "application/json"] {
        let answer = post(port, "/v1/traces", content_type, b"\xff\xff\xff");
        assert_eq!(answer.status, 400);
        assert!(!otlp_status(&answer, content_type, 3).is_empty());
        let answer = post(port, "/v1/metrics", content_type, b"x");
        assert_eq!(answer.status, 404);
        let message = otlp_status(&answer, content_type, 12);
        assert!(message.contains("/v1/metrics"), "{message}");
        let lines = format!("content-type: {content_type}\r\norigin: http://evil.example\r\n");
        let answer = request(port, "POST /v1/traces", &lines, b"x");
        assert_eq!(answer.status, 403);
        assert!(otlp_status(&answer, content_type, 7).contains("Origin"));
        let answer = request(port, "PUT /v1/traces", &lines.replace("origin", "x"), b"x");
        assert_eq!(answer.status, 405);
        assert!(answer.head.contains("\r\nallow: POST\r\n"), "{answer:?}");
        assert!(otlp_status(&answer, content_type, 12).contains("POST"));
    }
    let answer = post(port, "/v1/traces", "text/plain", b"x");
    assert_eq!(answer.status, 415);
    let message = otlp_status(&answer, "application/json", 3);
    assert!(message.contains("application/x-protobuf"), "{message}");
}

#[test]
fn a_body_beyond_the_limit_is_refused_zipped_or_not() {
    let program = Program::start(&["--max-body", "64K"]);
    let port = program.port("OTLP");
    let long = vec![b' '; (64 << 10) + 1];
    assert_eq!(
        post(port, "/v1/traces", "application/json", &long).status,
        413
    );
    // Not announced, but in pieces.
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n",
        long.len()
    );
    assert_eq!(
        raw(port, &[head.as_bytes(), &long, b"\r\n0\r\n\r\n"].concat()).status,
        413
    );
    let mut bomb = GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 32 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 64 << 10);
    let lines = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let answer = request(port, "POST /v1/traces", lines, &bomb);
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("--max-body"), "{answer:?}");
}

/// A request that a server and something in front of it may read differently is how one is smuggled past a check.
#[test]
fn requests_of_two_meanings_are_refused() {
    let program = Program::start(&[]);
    let port = program.port("OTLP");
    let body = r#"{"resourceSpans":[]}"#;
    let chunked = format!("14\r\n{body}\r\n0\r\n\r\n");
    let send = |version: &str, lines: &str, body: &str| {
        let head = format!(
            "POST /v1/traces HTTP/{version}\r\nhost: localhost:{port}\r\nconnection: close\r\n\
             content-type: application/json\r\n{lines}\r\n\r\n{body}"
        );
        raw(port, head.as_bytes()).status
    };
    for lines in [
        "content-length: 20\r\ncontent-length: 5",
        "content-length: 20, 5",
        "content-length: +20",
        "content-length: -1",
        "content-length: 99999999999999999999",
        "content-length : 20",
        "x: a\r\n b\r\ncontent-length: 20",
        "x: a\rb\r\ncontent-length: 20",
        "transfer-encoding: identity\r\ncontent-length: 20",
        "transfer-encoding: chunked, gzip",
    ] {
        assert_eq!(send("1.1", lines, body), 400, "{lines}");
    }
    for lines in [
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    ] {
        assert_eq!(send("1.1", lines, &chunked), 400, "{lines}");
    }
    assert_eq!(send("1.0", "transfer-encoding: chunked", &chunked), 400);
    for broken in ["-1\r\n", "ffffffffffffffff1\r\n"] {
        assert_eq!(send("1.1", "transfer-encoding: chunked", broken), 400);
    }
    // The specification gives chunks priority over a length.
    for lines in [
        "content-length: 3\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 3",
    ] {
        assert_eq!(send("1.1", lines, &chunked), 200, "{lines}");
    }
    assert_eq!(send("1.1", "content-length: 20", body), 200);
}

#[test]
fn a_path_has_one_form() {
    let program = Program::start(&[]);
    let port = program.page();
    for (target, status) in [
        ("/api/services", 200),
        ("/api%2Fservices", 404),
        ("//api/services", 404),
        ("/api/../api/services", 404),
        ("/api/services/", 404),
        ("/api/trace/..%2f..", 400),
        ("*", 404),
        ("api/services", 400),
        ("http://evil.example/", 400),
        (&format!("http://localhost:{port}/api/services"), 400),
    ] {
        assert_eq!(get(port, target).status, status, "{target}");
    }
    let tunnel = request(port, &format!("CONNECT localhost:{port}"), "", b"");
    assert_eq!(tunnel.status, 400, "{tunnel:?}");
}

#[test]
fn heads_and_options_take_no_place_and_allow_no_other_site() {
    let program = Program::start(&[]);
    let port = program.page();
    for path in ["/", "/api/status", "/api/live"] {
        // More than there may be open pages.
        for _ in 0..30 {
            let answer = request(port, &format!("HEAD {path}"), "", b"");
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
        }
    }
    let preflight =
        format!("origin: http://localhost:{port}\r\naccess-control-request-method: GET\r\n");
    let answer = request(port, "OPTIONS /api/status", &preflight, b"");
    assert_eq!(answer.status, 405);
    assert!(
        answer.head.contains("\r\nallow: GET, HEAD\r\n"),
        "{answer:?}"
    );
    assert!(!answer.head.contains("access-control"), "{answer:?}");
}

#[test]
fn requests_behind_each_other_are_answered_in_order() {
    let program = Program::start(&[]);
    let port = program.page();
    let first = format!("GET /api/services HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
    let last = format!("GET /last HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
    let answer = raw(port, (first.repeat(500) + &last).as_bytes());
    assert_eq!(answer.body.matches("HTTP/1.1 200").count(), 499);
    assert!(answer.body.ends_with("there is no `/last` on this port\"}"));
}

#[test]
fn a_head_beyond_the_limit_is_refused() {
    let program = Program::start(&[]);
    let port = program.page();
    let long = format!("x: {}\r\n", "a".repeat(20 << 10));
    assert_eq!(request(port, "GET /", &long, b"").status, 431);
    for lines in [100, 10_000] {
        let lines = "x: a\r\n".repeat(lines);
        assert_eq!(request(port, "GET /", &lines, b"").status, 431);
    }
    assert_eq!(get(port, "/").status, 200);
}

#[test]
fn connections_beyond_the_limit_are_closed_and_others_go_on() {
    let program = Program::start(&[]);
    let port = program.port("OTLP");
    let mut idle: Vec<_> = (0..64).map(|_| connect(port)).collect();
    let mut closed = connect(port);
    assert_eq!(closed.read(&mut [0; 1]).unwrap_or(0), 0, "closed at once");
    let status = json(&program.status(|status| json(status)["http"]["overflow"] == 1));
    assert_eq!(
        status["http"]["overflow"], 1,
        "the page's port has connections of its own"
    );
    idle.clear();
    let end = std::time::Instant::now() + LONG;
    while get(port, "/v1/traces").status != 405 {
        assert!(
            std::time::Instant::now() < end,
            "no connection is free again"
        );
    }
}

#[test]
fn other_machines_need_the_token() {
    let program = Program::start(&[
        "--listen",
        "0.0.0.0",
        "--public",
        "--allow-host",
        "localhost",
    ]);
    let token = program
        .line
        .split_once("?token=")
        .unwrap()
        .1
        .split_once(' ')
        .unwrap()
        .0
        .to_owned();
    assert_eq!(token.len(), 32);
    let port = |before: &str| -> u16 {
        let rest = program.line.split_once(before).unwrap().1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    let (page, otlp) = (port("http://0.0.0.0:"), port("OTLP "));
    for path in [
        "/",
        "/api/status",
        "/api/live",
        "/api/traces/1",
        "/?token=wrong",
    ] {
        assert_eq!(get(page, path).status, 401, "{path}");
    }
    let bearer = format!("authorization: Bearer {token}\r\n");
    assert_eq!(request(page, "GET /api/status", &bearer, b"").status, 200);
    let answer = get(page, &format!("/?token={token}"));
    assert_eq!(answer.status, 303);
    assert!(
        answer.head.contains("\r\nlocation: /\r\n"),
        "{}",
        answer.head
    );
    let cookie = answer
        .head
        .split_once("set-cookie: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"),
        "{cookie}"
    );
    let cookie = format!("cookie: {}\r\n", cookie.split_once(';').unwrap().0);
    assert_eq!(request(page, "GET /", &cookie, b"").status, 200);
    let lines = "content-type: application/json\r\n";
    let body = br#"{"resourceSpans":[]}"#;
    assert_eq!(request(otlp, "POST /v1/traces", lines, body).status, 401);
    assert_eq!(
        request(otlp, "POST /v1/traces", &format!("{lines}{cookie}"), body).status,
        401
    );
    assert_eq!(
        request(otlp, "POST /v1/traces", &format!("{lines}{bearer}"), body).status,
        200
    );
}

#[test]
fn a_token_may_come_from_a_file() {
    let path = std::env::temp_dir().join(format!("picojaeger-token-of-{}", std::process::id()));
    fs::write(&path, "0123456789abcdef\n").unwrap();
    let program = Program::start(&["--token-file", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    assert!(
        program.line.contains("/?token=0123456789abcdef ,"),
        "{}",
        program.line
    );
    let bearer = "authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(
        request(program.page(), "GET /api/status", bearer, b"").status,
        200
    );
    assert_eq!(get(program.page(), "/api/status").status, 401);
}
