//! Clients: the layer of tower, reqwest, and its middleware.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::routing::get as on_get;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use picojaeger_std::model::Span;
use picojaeger_std::reqwest::{Template, Traced as _, middleware};
use picojaeger_std::{InSpan as _, tower};

use crate::harness::*;

/// A server that answers with the status that its path names, and traces with the same tracer.
async fn server(traced: &Traced) -> SocketAddr {
    let answer = |Path(status): Path<u16>| async move { StatusCode::from_u16(status).unwrap() };
    let app = Router::new().route("/{status}", on_get(answer));
    serve(app.layer(tower::server().tracer(traced.tracer.clone()))).await
}

/// Checks that there are a client's span under `work`, and the server's under the client's; returns the client's.
fn checked<'s>(spans: &'s [Span], client: &str) -> &'s Span {
    let (work, client) = (named(spans, "work"), named(spans, client));
    let server = named(spans, "GET /{status}");
    assert_eq!(client.parent_span_id, work.span_id);
    assert_eq!(server.parent_span_id, client.span_id);
    assert_eq!(
        (server.trace_id, client.trace_id),
        (work.trace_id, work.trace_id)
    );
    assert_eq!(text(client, "span.kind"), Some("client"));
    client
}

#[test]
fn requests_of_reqwest_are_children_and_parents() {
    run(async {
        for (status, is_error) in [(200, false), (404, true), (500, true)] {
            let traced = Traced::new("shop");
            let address = server(&traced).await;
            let client = reqwest::Client::new();
            let url = format!("http://me:pw@{address}/{status}?q=a&sig=secret");
            let work = async {
                let response = client.get(&url).traced().send().await.unwrap();
                assert_eq!(response.status(), status);
            };
            work.in_span(traced.tracer.start("work")).await;
            let spans = traced.spans(3).await;
            let span = checked(&spans, "GET");
            // Credentials are in a header by now.
            let full = format!("http://{address}/{status}?q=a&sig=REDACTED");
            assert_eq!(text(span, "url.full"), Some(full.as_str()));
            assert_eq!(text(span, "component"), Some("reqwest"));
            assert_eq!(text(span, "http.request.method"), Some("GET"));
            assert_eq!(text(span, "network.protocol.version"), Some("1.1"));
            assert_eq!(text(span, "server.address"), Some("127.0.0.1"));
            assert_eq!(number(span, "server.port"), Some(address.port().into()));
            assert_eq!(
                number(span, "http.response.status_code"),
                Some(status.into())
            );
            assert_eq!(is(span, "error"), is_error);
            let expected = is_error.then(|| status.to_string());
            assert_eq!(text(span, "error.type"), expected.as_deref());
        }
    });
}

#[test]
fn a_template_names_the_span() {
    run(async {
        let traced = Traced::new("shop");
        let address = server(&traced).await;
        let client = reqwest::Client::new();
        let request = client.get(format!("http://{address}/200"));
        let sent = request.traced().template("/{answer}").send();
        // Outside of a span: by the tracer of the one that is active where `send` is called, which is none.
        sent.await.unwrap();
        let request = client.get(format!("http://{address}/200")).traced();
        let request = request.template("/{answer}").tracer(traced.tracer.clone());
        request.send().await.unwrap();
        // The first one was of the global tracer, which is disabled here, and so is its server's span a root.
        let spans = traced.spans(3).await;
        let span = named(&spans, "GET /{answer}");
        assert_eq!(text(span, "url.template"), Some("/{answer}"));
        let servers = spans
            .iter()
            .filter(|span| span.operation_name == "GET /{status}");
        let of_client = servers.filter(|server| server.parent_span_id == span.span_id);
        assert_eq!(of_client.count(), 1);
    });
}

#[test]
fn a_request_that_fails_is_recorded_without_secrets() {
    run(async {
        let traced = Traced::new("shop");
        // A port that nobody listens on: it was free, and is reserved by a socket that does not listen.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}/?sig=secret", socket.local_addr().unwrap());
        let request = reqwest::Client::new().get(url).traced();
        let error = request
            .tracer(traced.tracer.clone())
            .send()
            .await
            .unwrap_err();
        assert!(error.is_connect());
        let span = traced.only().await;
        assert!(is(&span, "error"));
        assert_eq!(text(&span, "error.type"), Some("connect"));
        let log = format!("{:?}", span.logs);
        assert!(
            log.contains("sig=REDACTED") && !log.contains("secret"),
            "{log}"
        );
        assert_eq!(number(&span, "http.response.status_code"), None);
    });
}

#[test]
fn a_request_that_is_given_up_is_cancelled() {
    run(async {
        let traced = Traced::new("shop");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = reqwest::Client::new();
        let sent = client
            .get(url)
            .traced()
            .tracer(traced.tracer.clone())
            .send();
        tokio::select! {
            _ = sent => panic!("there is no response"),
            _ = listener.accept() => {}
        }
        let span = traced.only().await;
        assert!(is(&span, "cancelled") && !is(&span, "error"));
    });
}

#[test]
fn a_request_that_cannot_be_built_has_no_span() {
    run(async {
        let traced = Traced::new("shop");
        let request = reqwest::Client::new().get("no url").traced();
        let sent = request.tracer(traced.tracer.clone()).send().await;
        assert!(sent.unwrap_err().is_builder());
        traced.ended(0).await;
    });
}

#[test]
fn middleware_traces_each_request() {
    run(async {
        let traced = Traced::new("shop");
        let address = server(&traced).await;
        let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new());
        let client = client.with(middleware().redact_query(["q"])).build();
        let request = client.get(format!("http://{address}/200?q=a"));
        let request = request.with_extension(Template("/{answer}"));
        let work = async { request.send().await.unwrap().status() };
        assert_eq!(work.in_span(traced.tracer.start("work")).await, 200);
        let spans = traced.spans(3).await;
        let span = checked(&spans, "GET /{answer}");
        let full = format!("http://{address}/200?q=REDACTED");
        assert_eq!(text(span, "url.full"), Some(full.as_str()));
    });
}

#[test]
fn the_client_layer_ends_with_the_body() {
    run(async {
        for version in VERSIONS {
            let traced = Traced::new("shop");
            let address = server(&traced).await;
            let send = move |request: Request<Empty<Bytes>>| async move {
                let mut connection = Connection::open(version, address).await;
                let response = connection.send(request).await.unwrap();
                // The body goes on as long as its connection is kept.
                Ok::<_, Infallible>(response.map(|body| {
                    body.map_err(move |error| {
                        let _kept = &connection;
                        error
                    })
                }))
            };
            let mut client = ::tower::ServiceBuilder::new()
                .layer(tower::client())
                .service(::tower::service_fn(send));
            let mut request = request(version, address, "GET", "/200?sig=1");
            *request.uri_mut() = format!("http://{address}/200?sig=1").parse().unwrap();
            let work = async {
                let response = ::tower::Service::call(&mut client, request).await.unwrap();
                response.into_body().collect().await.unwrap();
            };
            work.in_span(traced.tracer.start("work")).await;
            let spans = traced.spans(3).await;
            let span = checked(&spans, "GET");
            let full = format!("http://{address}/200?sig=REDACTED");
            assert_eq!(text(span, "url.full"), Some(full.as_str()));
            assert_eq!(number(span, "http.response.status_code"), Some(200));
            assert!(!is(span, "cancelled"));
        }
    });
}
