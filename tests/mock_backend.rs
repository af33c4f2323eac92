//! The backend for users' tests, with the tracer as its client.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use picojaeger_std::config::{AgentProtocol, Sampler};
use picojaeger_std::testing::{Fault, Gate, MockBackend};
use picojaeger_std::{Config, Tracer, assert_trace, tags};

const SOON: Duration = Duration::from_secs(20);

fn config() -> Config {
    Config::new("shop").sampler(Sampler::Const(true))
}

fn agent(backend: &MockBackend, protocol: AgentProtocol) -> Config {
    let port = backend.agent_addr().port();
    let config = config().agent_host("127.0.0.1").agent_port(port);
    config.agent_protocol(protocol)
}

fn otlp(backend: &MockBackend) -> Tracer {
    config().otlp(backend.otlp_url()).new_tracer().unwrap()
}

fn order(tracer: &Tracer) {
    let order = tracer.span_builder("order").tag("order.id", 7);
    let mut order = order.tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER).start();
    order.in_scope(|| {
        let mut query = tracer.start("query");
        query
            .tag("rows", 3.5)
            .tag("text", "two words")
            .tag("on", true);
        query.tag("bytes", &[1u8, 2][..]).tag(tags::ERROR, true);
        query.log().field("event", "retry").field("attempt", 2);
    });
    let link = tracer.span_builder("audit").ignore_active_span();
    drop(link.follows_from(&order).start());
}

#[test]
fn every_protocol_has_the_same_trace() {
    let backends = [(); 4].map(|()| MockBackend::start().unwrap());
    let [compact, binary, thrift, proto] = &backends;
    for (backend, config) in [
        (compact, agent(compact, AgentProtocol::Compact)),
        (binary, agent(binary, AgentProtocol::Binary)),
        (thrift, config().collector(thrift.collector_url())),
        (proto, config().otlp(proto.otlp_url())),
    ] {
        let tracer = config.new_tracer().unwrap();
        order(&tracer);
        tracer.close(SOON).unwrap();
        assert!(backend.wait_for_spans(3, SOON));
        assert_trace!(
            backend,
            r#"
            order | order.id=7 span.kind=server
              query | rows=3.5 text="two words" on=true bytes=0x0102 error=true
              audit
            "#,
            "{config:?}"
        );
        let spans = backend.spans();
        let query = spans.iter().find(|it| it.span.operation_name == "query");
        let log = &query.unwrap().span.logs[0];
        assert_eq!(log.field("event"), Some(&"retry".into()));
        assert_eq!(log.field("attempt"), Some(&2.into()));
        assert!(spans.iter().all(|it| it.service_name() == "shop"));
        assert!(
            spans
                .iter()
                .all(|it| it.span.start_time_us > 1_500_000_000_000_000)
        );
        assert_eq!(backend.rejected(), 0);
    }
}

#[test]
fn faults_take_turns_and_the_tracer_gets_over_them() {
    let backend = MockBackend::start().unwrap();
    backend.fail_next("/sampling", Fault::Status(500));
    for fault in [
        Fault::Status(503),
        Fault::CloseConnection,
        Fault::Answer(b"no HTTP at all\r\n\r\n".to_vec()),
    ] {
        backend.fail_next("/v1/traces", fault);
        let tracer = otlp(&backend);
        tracer.start("order").finish();
        tracer.flush(SOON).unwrap();
        assert_eq!(
            (tracer.stats().delivered, tracer.stats().lost.total()),
            (1, 0)
        );
    }
    assert_eq!(backend.requests().len(), 6);
    assert_trace!(backend, "order\norder\norder");

    backend.fail_next("/", Fault::Status(400));
    let tracer = otlp(&backend);
    tracer.start("order").finish();
    assert!(tracer.close(SOON).unwrap_err().to_string().contains("400"));
    assert_eq!(tracer.stats().lost.refused, 1);
    assert_eq!(backend.spans().len(), 3);
}

#[test]
fn a_delay_ends_when_the_gate_opens() {
    let (backend, gate) = (MockBackend::start().unwrap(), Gate::closed());
    backend.fail_next("/", Fault::Delay(gate.clone()));
    let tracer = otlp(&backend);
    tracer.start("order").finish();
    thread::scope(|scope| {
        let flush = scope.spawn(|| tracer.flush(SOON));
        assert!(backend.wait_for_requests(1, SOON));
        assert!(backend.spans().is_empty());
        assert_eq!(tracer.stats().delivered, 0);
        gate.open();
        flush.join().unwrap().unwrap();
    });
    assert_trace!(backend, "order");
}

#[test]
fn refused_ports_are_the_same_ones_later() {
    let mut backend = MockBackend::start().unwrap();
    let udp = agent(&backend, AgentProtocol::Compact)
        .new_tracer()
        .unwrap();
    let http = otlp(&backend);
    let (agent, server) = (backend.agent_addr(), backend.http_addr());
    for tracer in [&udp, &http] {
        tracer.start("first").finish();
        tracer.flush(SOON).unwrap();
    }
    assert!(backend.wait_for_spans(2, SOON));
    for _ in 0..2 {
        backend.refuse().unwrap();
        assert!(TcpStream::connect(server).is_err());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(agent).unwrap();
        socket.send(b"x").unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        #[cfg(unix)]
        assert_eq!(
            socket.recv(&mut [0]).unwrap_err().kind(),
            std::io::ErrorKind::ConnectionRefused
        );
        backend.accept_again().unwrap();
        assert_eq!((backend.agent_addr(), backend.http_addr()), (agent, server));
    }
    // The agent's first error may be one of the outage.
    let until = Instant::now() + SOON;
    while backend.spans().len() < 3 && Instant::now() < until {
        udp.start("second").finish();
        let _late = udp.flush(SOON);
        backend.wait_for_spans(3, Duration::from_millis(100));
    }
    http.start("third").finish();
    http.close(SOON).unwrap();
    let spans = backend.spans();
    for name in ["second", "third"] {
        assert!(spans.iter().any(|it| it.span.operation_name == name));
    }
}

#[test]
fn strategies_and_other_answers_are_set() {
    let backend = MockBackend::start().unwrap();
    let tracer = |backend: &MockBackend| {
        let config = Config::new("shop").sampler(Sampler::Remote(0.0));
        let config = config.sampling_endpoint(&backend.sampling_url());
        let config = config.sampling_first_fetch(SOON).agent(false);
        config.new_tracer().unwrap()
    };
    assert!(tracer(&backend).start("order").is_sampled());
    let never = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.0}}"#;
    backend.answer("/sampling", never);
    assert!(!tracer(&backend).start("order").is_sampled());
    let targets: Vec<_> = backend
        .requests()
        .iter()
        .map(|it| it.target().to_owned())
        .collect();
    assert_eq!(targets, ["/sampling?service=shop"; 2]);
}

#[test]
fn what_is_no_batch_is_rejected_and_counted() {
    let backend = MockBackend::start().unwrap();
    for path in ["/v1/traces", "/api/traces", "/elsewhere"] {
        let mut stream = TcpStream::connect(backend.http_addr()).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\ncontent-length: 3\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&[0x0a, 0x7f, 0xff]).unwrap();
    }
    assert!(backend.wait_for_requests(3, SOON));
    let until = Instant::now() + SOON;
    while backend.rejected() < 2 && Instant::now() < until {
        thread::yield_now();
    }
    assert_eq!(backend.rejected(), 2);
    assert!(backend.spans().is_empty());
    assert_eq!(backend.requests()[0].body(), [0x0a, 0x7f, 0xff]);
}
