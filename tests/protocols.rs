//! The protocols that the settings choose, from a tracer to its peer.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use picojaeger_std::Tracer;
use picojaeger_std::collector::Collector;
use picojaeger_std::config::{AgentProtocol, Config, Sampler};
use prost::Message;

#[path = "common/http.rs"]
mod http;

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
    let server = thread::spawn(move || http::answered(&listener));
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
