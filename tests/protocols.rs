//! The protocols that the settings choose, from a tracer to its peer.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use picojaeger_std::Tracer;
use picojaeger_std::collector::Collector;
use picojaeger_std::config::{AgentProtocol, Config, Sampler};
use prost::Message;

const SOON: Duration = Duration::from_secs(20);

fn send(config: Config) {
    let tracer: Tracer = config
        .sampler(Sampler::Const(true))
        .new_tracer()
        .expect("a tracer");
    tracer.start("order").tag("items", 3).finish();
    tracer.close(SOON).expect("all spans are delivered");
}

#[test]
fn binary_packets_reach_the_development_collector() {
    let collector = Collector::bind("127.0.0.1:0").expect("some port is free");
    send(
        Config::new("shop")
            .agent_host("127.0.0.1")
            .agent_port(collector.local_addr().port())
            .agent_protocol(AgentProtocol::Binary),
    );
    assert!(collector.wait_for_spans(1, SOON));
}

#[test]
fn a_request_of_otlp_is_read_by_prost() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let server = thread::spawn(move || answered(&listener));
    send(Config::new("shop").otlp(format!("http://{address}")));
    let (head, body) = server.join().expect("the server ends");

    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let kind = "content-type: application/x-protobuf";
    assert!(head.to_lowercase().contains(kind), "{head}");
    let request = ExportTraceServiceRequest::decode(&body[..]).expect("a request");
    let resource_spans = &request.resource_spans[0];
    let resource = resource_spans.resource.clone().expect("a resource");
    assert!(
        resource
            .attributes
            .iter()
            .any(|one| one.key == "service.name")
    );
    let span = &resource_spans.scope_spans[0].spans[0];
    assert_eq!((span.name.as_str(), span.trace_id.len()), ("order", 16));
    assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
}

/// Accepts one request, answers that all is well, and returns its head and body.
fn answered(listener: &TcpListener) -> (String, Vec<u8>) {
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
