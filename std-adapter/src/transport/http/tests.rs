use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::mock_server::{Act, Server, answer, header, status};
use crate::config::{ClockSource, Config, Sampler};
use crate::{FlushError, Stats, Tracer};

const SOON: Duration = Duration::from_secs(20);
const OPERATION: &str = "misbehaving-peer";

fn config(url: &str) -> Config {
    Config::new("http")
        .sampler(Sampler::Const(true))
        .clock(ClockSource::System)
        // Nothing is sent without a flush.
        .flush_interval(Duration::from_secs(3_600))
        .flush_at_exit(false)
        .otlp(url)
}

/// Finishes spans, and flushes.
fn send(tracer: &Tracer, spans: usize) -> Result<(), FlushError> {
    (0..spans).for_each(|_| tracer.start(OPERATION).finish());
    tracer.flush(SOON)
}

/// Counts the spans of a batch.
fn spans_in(body: &[u8]) -> usize {
    let windows = body.windows(OPERATION.len());
    windows
        .filter(|bytes| *bytes == OPERATION.as_bytes())
        .count()
}

/// The fate of three spans, as delivered, refused, unreachable and too large.
type Fate = [u64; 4];

fn fate(stats: &Stats) -> Fate {
    assert!(stats.adds_up() && stats.queued == 0, "{stats}");
    let lost = stats.lost;
    let fate = [
        stats.delivered,
        lost.refused,
        lost.unreachable,
        lost.too_large,
    ];
    assert_eq!(fate.iter().sum::<u64>(), stats.sampled, "{stats}");
    fate
}

const DELIVERED: Fate = [3, 0, 0, 0];
const REFUSED: Fate = [0, 3, 0, 0];
const UNREACHABLE: Fate = [0, 0, 3, 0];

/// Sends three spans to a server that acts so; checks their fate, and the requests that were read
/// whole.
#[track_caller]
fn check(
    change: impl FnOnce(Config) -> Config,
    acts: &[Act],
    expected: Fate,
    requests: usize,
) -> Option<String> {
    let server = Server::new(acts);
    let tracer = change(config(&server.url())).new_tracer().unwrap();
    let error = send(&tracer, 3).err();
    assert_eq!(fate(&tracer.stats()), expected, "{acts:?}: {error:?}");
    assert_eq!(server.requests().len(), requests, "{acts:?}");
    assert_eq!(server.spans(OPERATION), requests * 3, "{acts:?}");
    assert_eq!(error.is_none(), expected == DELIVERED, "{error:?}");
    // Nothing is left that would come later.
    assert_eq!(tracer.close(SOON), Ok(()));
    error.map(|error| error.to_string())
}

fn once(config: Config) -> Config {
    config.retry_time(Duration::ZERO)
}

/// For acts that never end by themselves.
fn hasty(config: Config) -> Config {
    once(config).collector_timeout(Some(Duration::from_millis(200)))
}

#[test]
fn every_2xx_delivers() {
    for line in ["200 OK", "202 Accepted", "204 No Content"] {
        check(|it| it, &[status(line)], DELIVERED, 1);
    }
}

#[test]
fn other_answers_refuse_at_once_and_are_told() {
    for line in [
        "400 Bad Request",
        "401 Unauthorized",
        "404 Not Found",
        "500 Internal Server Error",
    ] {
        let act = Act::Answer(answer(line, "", b"because\r\nof you"));
        let error = check(|it| it, &[act], REFUSED, 1).unwrap();
        let expected = format!("it answered {line}: because\\r\\nof you");
        assert!(
            error.starts_with("3 spans lost (3 refused): collector http://127.0.0.1:"),
            "{error}"
        );
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed_but_named() {
    let target = Server::new(&[status("200 OK")]);
    for line in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("location: {}\r\n", target.url());
        let act = Act::Answer(answer(line, &location, b""));
        let error = check(|it| it, &[act], REFUSED, 1).unwrap();
        assert!(
            error.contains(&format!("it redirects to {}", target.url())),
            "{error}"
        );
    }
    assert_eq!(target.connections(), 0);
}

#[test]
fn a_busy_collector_is_tried_again() {
    for line in [
        "429 Too Many Requests",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        check(|it| it, &[status(line), status("200 OK")], DELIVERED, 2);
        let error = check(once, &[status(line)], UNREACHABLE, 1).unwrap();
        assert!(error.contains(line), "{error}");
    }
}

#[test]
fn repeated_attempts_are_counted() {
    let acts = [status("503 Service Unavailable"), status("200 OK")];
    let server = Server::new(&acts);
    let tracer = config(&server.url()).new_tracer().unwrap();
    send(&tracer, 3).unwrap();
    let text = tracer.metrics().to_prometheus();
    println!("{text}");
    let bytes = server.requests()[1].body.len();
    let count = |name: &str| {
        let lines = text
            .lines()
            .filter(|line| line.contains(name) && !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(_, value)| value.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(count("retries"), ["1"]);
    assert_eq!(count("bytes"), [bytes.to_string()]);
}

#[test]
fn a_pause_that_is_asked_for_is_made() {
    let busy = Act::Answer(answer("503 Service Unavailable", "retry-after: 1\r\n", b""));
    let begun = Instant::now();
    check(|it| it, &[busy, status("200 OK")], DELIVERED, 2);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_connection_that_breaks_is_tried_again_and_the_batch_may_arrive_twice() {
    let broken = [
        Act::AnswerAndClose(Vec::new()),
        Act::AnswerAndClose(b"HTTP/1.1 20".to_vec()),
        Act::AnswerAndClose(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        Act::AnswerAndClose(b"no HTTP at all\r\n\r\n".to_vec()),
    ];
    for act in broken {
        check(|it| it, &[act.clone(), status("200 OK")], DELIVERED, 2);
        check(once, &[act], UNREACHABLE, 1);
    }
}

#[test]
fn a_status_that_was_read_counts_whatever_becomes_of_the_body() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart".to_vec();
    let endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n".to_vec();
    let broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n".to_vec();
    let chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n".to_vec();
    for act in [
        Act::AnswerAndClose(cut.clone()),
        Act::AnswerAndHang(cut),
        Act::Endless(endless),
        Act::Answer(chunked),
        Act::AnswerAndClose(broken),
        Act::Endless(chunk),
        Act::Slow(answer("200 OK", "", b"slowly")),
    ] {
        check(hasty, &[act], DELIVERED, 1);
    }
    let refusal = b"HTTP/1.1 400 Bad Request\r\n\r\nwhy: ".to_vec();
    let error = check(hasty, &[Act::Endless(refusal)], REFUSED, 1).unwrap();
    assert!(error.contains("why: xxx") && error.len() < 400, "{error}");
}

#[test]
fn a_collector_that_hangs_is_given_up_in_time() {
    let heads: [&[u8]; 3] = [b"", b"HTT", b"HTTP/1.1 200 OK\r\nx: "];
    for head in heads {
        let error = check(hasty, &[Act::AnswerAndHang(head.to_vec())], UNREACHABLE, 1).unwrap();
        assert!(error.contains("gave no answer in time"), "{error}");
    }
    check(hasty, &[Act::DoNotRead], UNREACHABLE, 0);
}

#[test]
fn a_collector_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let tracer = once(config(&format!("http://{address}")))
        .new_tracer()
        .unwrap();
    let error = send(&tracer, 3).unwrap_err().to_string();
    let expected = format!(
        "3 spans lost (3 unreachable): collector http://{address}/v1/traces: cannot be reached"
    );
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(fate(&tracer.stats()), UNREACHABLE);
}

#[test]
fn rejected_spans_of_a_batch_are_refused() {
    for (rejected, expected) in [
        (1, [2, 1, 0, 0]),
        (3, REFUSED),
        (99, REFUSED),
        (0, DELIVERED),
    ] {
        let body = [&[0x0a, 11, 0x08, rejected, 0x12, 7][..], b"too old"].concat();
        let act = Act::Answer(answer("200 OK", "", &body));
        let error = check(|it| it, &[act], expected, 1);
        assert!(error.is_none_or(|error| error.ends_with("of a batch: too old")));
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved_and_the_limit_stays() {
    const MOST: usize = 1_000;
    let server = Server::new(&[Act::AtMost(MOST)]);
    let tracer = config(&server.url())
        .background(false)
        .new_tracer()
        .unwrap();
    send(&tracer, 100).unwrap();
    assert_eq!(fate(&tracer.stats()), [100, 0, 0, 0]);
    let sizes = |from| {
        let requests = server.requests();
        let sizes = requests.iter().map(|request| request.body.len()).skip(from);
        sizes.collect::<Vec<_>>()
    };
    let first = sizes(0);
    let refused = first.iter().filter(|size| **size > MOST).count();
    assert!(refused > 0 && first.len() > refused + 1, "{first:?}");
    send(&tracer, 100).unwrap();
    let second = sizes(first.len());
    assert!(second.iter().all(|size| *size <= MOST), "{second:?}");
    assert_eq!(fate(&tracer.stats()), [200, 0, 0, 0]);
}

#[test]
fn a_span_that_is_too_large_alone_is_lost() {
    let server = Server::new(&[Act::AtMost(0)]);
    let tracer = config(&server.url()).new_tracer().unwrap();
    send(&tracer, 3).unwrap_err();
    assert_eq!(fate(&tracer.stats()), [0, 0, 0, 3]);
}

#[test]
fn a_batch_has_at_most_512_spans_and_connections_are_kept() {
    let server = Server::new(&[status("200 OK")]);
    let tracer = config(&server.url())
        // A worker would send when a ring is half full.
        .background(false)
        .new_tracer()
        .unwrap();
    send(&tracer, 1_100).unwrap();
    assert_eq!(fate(&tracer.stats()), [1_100, 0, 0, 0]);
    let requests = server.requests();
    let counts: Vec<_> = requests
        .iter()
        .map(|request| spans_in(&request.body))
        .collect();
    assert_eq!(counts, [512, 512, 76]);
    assert_eq!(server.connections(), 1);
}

#[test]
fn the_limits_of_a_batch_can_be_set() {
    let server = Server::new(&[status("200 OK")]);
    let config = config(&server.url())
        .max_batch_spans(2)
        .max_batch_bytes(2_000);
    let tracer = config.new_tracer().unwrap();
    send(&tracer, 5).unwrap();
    assert_eq!(server.requests().len(), 3);
    assert_eq!(fate(&tracer.stats()), [5, 0, 0, 0]);
}

#[test]
fn a_request_has_the_headers_of_its_format_and_those_that_are_set() {
    let server = Server::new(&[status("200 OK")]);
    let [basic, bearer] = [
        config(&server.url())
            .collector_user("me", "hunter2")
            .collector_header("x-tenant", "shop"),
        config(&server.url())
            .collector_token("hunter3")
            .collector(server.url()),
    ];
    for config in [basic, bearer] {
        send(&config.new_tracer().unwrap(), 1).unwrap();
    }
    let requests = server.requests();
    let values = |name: &str| {
        let values = requests
            .iter()
            .map(|request| header(&request.head, name).unwrap_or_default());
        values.collect::<Vec<_>>()
    };
    assert_eq!(
        values("authorization"),
        ["Basic bWU6aHVudGVyMg==", "Bearer hunter3"]
    );
    assert_eq!(values("x-tenant"), ["shop", ""]);
    assert_eq!(
        values("content-type"),
        ["application/x-protobuf", "application/x-thrift"]
    );
    assert!(
        values("user-agent")
            .iter()
            .all(|agent| agent.starts_with("picojaeger/"))
    );
    assert!(requests[0].head.starts_with("POST /v1/traces HTTP/1.1\r\n"));
}

#[test]
fn secrets_that_a_collector_echoes_are_not_shown() {
    let echo = b"you sent Basic bWU6aHVudGVyMg== and abc-123".to_vec();
    let act = Act::Answer(answer("401 Unauthorized", "", &echo));
    let change = |config: Config| {
        config
            .collector_user("me", "hunter2")
            .collector_header("x-key", "abc-123")
    };
    let error = check(change, &[act], REFUSED, 1).unwrap();
    assert!(error.ends_with("you sent … and …"), "{error}");
}

#[test]
fn an_ipv6_address_is_reached() {
    let server = Server::bind("[::1]:0", &[status("200 OK")]);
    let tracer = config(&server.url()).new_tracer().unwrap();
    send(&tracer, 1).unwrap();
    assert!(server.url().starts_with("http://[::1]:"));
}

#[test]
fn a_close_ends_the_pause_and_makes_one_more_attempt() {
    let busy = Act::Answer(answer(
        "503 Service Unavailable",
        "retry-after: 60\r\n",
        b"",
    ));
    for (last, expected) in [(status("200 OK"), DELIVERED), (busy.clone(), UNREACHABLE)] {
        let server = Server::new(&[busy.clone(), last]);
        let tracer = config(&server.url()).new_tracer().unwrap();
        (0..3).for_each(|_| tracer.start(OPERATION).finish());
        let error = tracer.flush(Duration::from_millis(300)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("3 spans not sent: collector") && text.contains("503"),
            "{error}"
        );
        assert_eq!(tracer.stats().queued, 3);
        assert_eq!(tracer.close(SOON).is_ok(), expected == DELIVERED);
        assert_eq!(
            (fate(&tracer.stats()), server.requests().len()),
            (expected, 2)
        );
    }
}

#[test]
fn a_close_interrupts_a_request_when_its_time_is_over() {
    for background in [true, false] {
        let server = Server::new(&[Act::AnswerAndHang(Vec::new())]);
        let config = config(&server.url())
            .collector_timeout(None)
            .background(background);
        let tracer = config.max_batch_spans(2).new_tracer().unwrap();
        (0..3).for_each(|_| tracer.start(OPERATION).finish());
        let begun = Instant::now();
        let error = tracer.close(Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, FlushError::TimedOut { .. }), "{error}");
        assert!(begun.elapsed() < SOON / 2);
        // The worker, if there is one, is about to end.
        while tracer.stats().queued > 0 {
            std::thread::yield_now();
        }
        assert_eq!(
            (fate(&tracer.stats()), server.requests().len()),
            (UNREACHABLE, 1)
        );
        // Its thread goes too, though the request has no time-out.
        while server.ended() == 0 {
            assert!(begun.elapsed() < SOON, "the connection is still open");
            std::thread::yield_now();
        }
    }
}

#[test]
fn only_an_answer_to_otlp_rejects_spans() {
    let body = [0x0a, 2, 0x08, 2];
    let server = Server::new(&[Act::Answer(answer("200 OK", "", &body))]);
    let tracer = config("http://unused").collector(server.url());
    let tracer = tracer.new_tracer().unwrap();
    send(&tracer, 3).unwrap();
    assert_eq!(fate(&tracer.stats()), DELIVERED);
}

#[test]
fn without_a_worker_a_flush_waits_for_the_answer() {
    let server = Server::new(&[Act::Slow(answer("200 OK", "", b""))]);
    let tracer = config(&server.url())
        .background(false)
        .new_tracer()
        .unwrap();
    send(&tracer, 3).unwrap();
    assert_eq!(fate(&tracer.stats()), DELIVERED);
}

#[test]
fn a_worker_does_not_wait_for_a_peer() {
    let server = Server::new(&[Act::AnswerAndHang(Vec::new()), status("200 OK")]);
    let tracer = config(&server.url())
        .collector_timeout(Some(Duration::from_millis(400)))
        .new_tracer()
        .unwrap();
    (0..3).for_each(|_| tracer.start(OPERATION).finish());
    let begun = Instant::now();
    tracer.flush(Duration::from_millis(1)).unwrap_err();
    server.wait();
    // The exporter is free while the request hangs.
    let state = tracer.state().unwrap();
    drop(state.exporter());
    assert_eq!(tracer.stats().queued, 3);
    assert!(
        begun.elapsed() < Duration::from_millis(400),
        "it was locked meanwhile"
    );
    tracer.flush(SOON).unwrap();
    assert_eq!(fate(&tracer.stats()), DELIVERED);
}

#[cfg(feature = "gzip")]
#[test]
fn batches_are_compressed() {
    use std::io::Read as _;

    let server = Server::new(&[status("200 OK")]);
    let tracer = config(&server.url()).gzip(true).new_tracer().unwrap();
    for _ in 0..2 {
        send(&tracer, 20).unwrap();
    }
    assert_eq!(fate(&tracer.stats()), [40, 0, 0, 0]);
    for request in server.requests() {
        assert_eq!(header(&request.head, "content-encoding"), Some("gzip"));
        let mut plain = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&request.body[..]);
        decoder.read_to_end(&mut plain).unwrap();
        assert_eq!(spans_in(&plain), 20);
        assert!(request.body.len() < plain.len() / 2);
    }
}
