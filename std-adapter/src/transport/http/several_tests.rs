//! An agent and a collector at once, or two collectors.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::mock_server::{Act, Server, status};
use crate::collector::Collector;
use crate::config::{ClockSource, Config, Sampler};
use crate::{FlushError, Tracer, TransportStats};

const SOON: Duration = Duration::from_secs(20);
const OPERATION: &str = "to-several";

fn config() -> Config {
    Config::new("several")
        .sampler(Sampler::Const(true))
        .clock(ClockSource::System)
        // Nothing is sent without a flush.
        .flush_interval(Duration::from_secs(3_600))
        .flush_at_exit(false)
}

fn otlp(server: &Server) -> Config {
    Config::default().otlp(server.url())
}

fn finish(tracer: &Tracer, spans: usize) {
    (0..spans).for_each(|_| tracer.start(OPERATION).finish());
}

/// The counts of the only further transport, once there are some.
fn second(tracer: &Tracer) -> Option<TransportStats> {
    tracer.further_transports().pop()
}

#[test]
fn an_agent_and_a_collector_get_every_span() {
    let agent = Collector::bind("127.0.0.1:0").unwrap();
    let busy = status("503 Service Unavailable");
    let server = Server::new(&[busy, status("200 OK")]);
    let config = config()
        .agent_host("127.0.0.1")
        .agent_port(agent.local_addr().port());
    let tracer = config.also_send_to(otlp(&server)).new_tracer().unwrap();
    finish(&tracer, 600);
    // A close would leave the busy one without a second attempt.
    tracer.flush(SOON).unwrap();
    assert!(agent.wait_for_spans(600, SOON));
    assert_eq!(tracer.stats().delivered, 600);
    let stats = second(&tracer).unwrap();
    assert_eq!((stats.name, stats.delivered), (server.url(), 600));
    assert_eq!(stats.exports.retries, 1);
    // Each batch has at most 512 spans; the first was sent twice.
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_collector_that_hangs_costs_a_close_its_time_and_the_agent_nothing() {
    let agent = Collector::bind("127.0.0.1:0").unwrap();
    let server = Server::new(&[Act::DoNotRead]);
    let config = config()
        .agent_host("127.0.0.1")
        .agent_port(agent.local_addr().port());
    let tracer = config.also_send_to(otlp(&server)).new_tracer().unwrap();
    finish(&tracer, 600);
    tracer.flush(Duration::ZERO).unwrap_err();
    while tracer.stats().delivered < 600 || second(&tracer).map_or(0, |it| it.queued) < 600 {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    let end = tracer.close(Duration::from_millis(300)).unwrap_err();
    // Of the spans, those that the interruption has counted already are queued no more.
    assert!(matches!(end, FlushError::TimedOut { .. }), "{end:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(tracer.stats().delivered, 600);
    assert!(agent.wait_for_spans(600, SOON));
    while second(&tracer).unwrap().queued > 0 {
        std::thread::yield_now();
    }
    assert_eq!(second(&tracer).unwrap().lost.unreachable, 600);
}

#[test]
fn of_two_collectors_one_may_be_down() {
    let (up, down) = (
        Server::new(&[status("200 OK")]),
        Server::new(&[status("500 No")]),
    );
    for (first, other, expected) in [(&up, &down, [3, 0]), (&down, &up, [0, 3])] {
        let tracer = config().otlp(first.url()).also_send_to(otlp(other));
        let tracer = tracer.new_tracer().unwrap();
        finish(&tracer, 3);
        assert_eq!(
            tracer.flush(SOON).is_ok(),
            expected[0] == 3,
            "the first is the account"
        );
        let (stats, second) = (tracer.stats(), second(&tracer).unwrap());
        assert_eq!([stats.delivered, second.delivered], expected);
        assert_eq!(
            [stats.lost.refused, second.lost.refused],
            [3 - expected[0], 3 - expected[1]]
        );
        tracer.close(SOON).unwrap();
    }
    assert_eq!((up.spans(OPERATION), down.spans(OPERATION)), (6, 6));
}

#[test]
fn the_variables_name_both() {
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = agent.local_addr().unwrap().port().to_string();
    let server = Server::new(&[status("200 OK")]);
    let variables = [
        ("OTEL_TRACES_EXPORTER", "jaeger,otlp"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &server.url()),
        ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_JAEGER_AGENT_PORT", &port),
    ];
    let tracer = config()
        .with_variables(variables)
        .unwrap()
        .new_tracer()
        .unwrap();
    finish(&tracer, 2);
    tracer.close(SOON).unwrap();
    assert_eq!(
        (tracer.stats().delivered, second(&tracer).unwrap().delivered),
        (2, 2)
    );
    agent.set_read_timeout(Some(SOON)).unwrap();
    let (size, _) = agent.recv_from(&mut [0; 2_000]).unwrap();
    assert!(size > 0 && server.spans(OPERATION) == 2);
}
