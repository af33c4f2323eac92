//! Calls of tonic 0.14, on both sides.

use std::net::SocketAddr;

use http_body_util::BodyExt as _;
use picojaeger_std::InSpan as _;
use picojaeger_std::model::Span;
use picojaeger_std::tower::{ClientService, client, server};
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::Layer as _;

use crate::harness::*;

/// Serves tonic's own health service.
async fn serve_health(traced: &Traced) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let layer = server().tracer(traced.tracer.clone());
    let router = Server::builder().layer(layer).add_service(health);
    tokio::spawn(async move {
        router
            .serve_with_incoming(TcpIncoming::from(listener))
            .await
    });
    address
}

async fn connect(address: SocketAddr) -> HealthClient<ClientService<Channel>> {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let layer = client().server_address(address.ip().to_string(), address.port());
    HealthClient::new(layer.layer(endpoint.connect().await.unwrap()))
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

/// Returns the spans of the client, which is a child of `work`, and of the server, which is one of the client's.
fn sides<'s>(spans: &'s [Span], method: &str) -> [&'s Span; 2] {
    let of_kind = |kind| {
        let mut of_kind = spans
            .iter()
            .filter(|span| text(span, "span.kind") == Some(kind));
        of_kind
            .next()
            .unwrap_or_else(|| panic!("no {kind} in {spans:?}"))
    };
    let sides = [of_kind("client"), of_kind("server")];
    assert_eq!(sides[0].parent_span_id, named(spans, "work").span_id);
    assert_eq!(sides[1].parent_span_id, sides[0].span_id);
    for side in sides {
        assert_eq!(side.operation_name, method);
        assert_eq!(text(side, "rpc.system.name"), Some("grpc"));
        assert_eq!(text(side, "rpc.method"), Some(method));
        assert_eq!(text(side, "server.address"), Some("127.0.0.1"));
        assert!(number(side, "server.port").is_some());
        assert_eq!(side.tag("http.request.method"), None);
    }
    sides
}

#[test]
fn a_call_has_its_status_on_both_sides() {
    run(async {
        // Who asks for a service that is not there is wrong, not the server.
        for (service, status, is_error) in [("", "OK", false), ("none", "NOT_FOUND", true)] {
            let traced = Traced::new("shop");
            let mut client = connect(serve_health(&traced).await).await;
            let work = async {
                client
                    .check(of(service))
                    .await
                    .map(drop)
                    .map_err(|it| it.code())
            };
            let answer = work.in_span(traced.tracer.start("work")).await;
            assert_eq!(answer.err(), is_error.then_some(Code::NotFound));
            let spans = traced.spans(3).await;
            let [client, server] = sides(&spans, "grpc.health.v1.Health/Check");
            for side in [client, server] {
                assert_eq!(text(side, "rpc.status_code"), Some(status));
                assert!(!is(side, "cancelled"));
            }
            assert_eq!(
                (is(client, "error"), is(server, "error")),
                (is_error, false)
            );
            assert_eq!(text(client, "error.type"), is_error.then_some(status));
        }
    });
}

#[test]
fn a_stream_that_is_left_is_cancelled_on_both_sides() {
    run(async {
        let traced = Traced::new("shop");
        let mut client = connect(serve_health(&traced).await).await;
        let work = async {
            let mut states = client.watch(of("")).await.unwrap().into_inner();
            assert!(states.message().await.unwrap().is_some());
            assert_eq!(traced.tracer.stats().open, 3);
        };
        work.in_span(traced.tracer.start("work")).await;
        let spans = traced.spans(3).await;
        for side in sides(&spans, "grpc.health.v1.Health/Watch") {
            assert!(is(side, "cancelled") && !is(side, "error"), "{side:?}");
            assert_eq!(text(side, "rpc.status_code"), Some("CANCELLED"));
        }
    });
}

#[test]
fn a_method_that_nobody_serves_names_no_span() {
    run(async {
        let traced = Traced::new("shop");
        let address = serve_health(&traced).await;
        let mut connection = Connection::open(Http::Two, address).await;
        let mut request = request(Http::Two, address, "POST", "/no.Such17/Method");
        let kind = "application/grpc".parse().unwrap();
        request.headers_mut().insert("content-type", kind);
        let response = connection.send(request).await.unwrap();
        response.into_body().collect().await.unwrap();
        let span = traced.only().await;
        assert_eq!(span.operation_name, "grpc");
        assert_eq!(text(&span, "rpc.status_code"), Some("UNIMPLEMENTED"));
        assert!(is(&span, "error"));
    });
}
