//! When a span ends, over real connections.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::sse::{Event, Sse};
use axum::routing::get as on_get;
use futures_util::{StreamExt as _, stream};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use picojaeger_std::tower;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};

use crate::harness::*;

/// An app whose requests are traced.
fn traced_app(app: Router) -> (Traced, Router) {
    let traced = Traced::new("shop");
    let app = app.layer(tower::server().tracer(traced.tracer.clone()));
    (traced, app)
}

fn chunks(count: usize) -> Body {
    Body::from_stream(stream::iter(
        (0..count).map(|_| Ok::<_, Infallible>("chunk")),
    ))
}

#[test]
fn a_response_that_is_read_to_its_end_is_complete() {
    run(async {
        let trailers = || async {
            let frames = [
                Ok::<_, Infallible>(Frame::data("data".into())),
                Ok(Frame::trailers(
                    [("x-sum".parse().unwrap(), "7".parse().unwrap())]
                        .into_iter()
                        .collect(),
                )),
            ];
            Body::new(StreamBody::new(stream::iter(frames)))
        };
        let sized = || async {
            // The body does not know its end, and the server stops at the announced length.
            Response::builder()
                .header("content-length", 10)
                .body(chunks(2))
                .unwrap()
        };
        let status = |status| move || async move { status };
        let app = Router::new()
            .route("/text", on_get(|| async { "text" }))
            .route("/empty", on_get(|| async {}))
            .route("/chunks", on_get(|| async { chunks(3) }))
            .route("/no-chunks", on_get(|| async { chunks(0) }))
            .route("/sized", on_get(sized))
            .route("/trailers", on_get(trailers))
            .route("/204", on_get(status(StatusCode::NO_CONTENT)))
            .route("/304", on_get(status(StatusCode::NOT_MODIFIED)))
            .route("/500", on_get(status(StatusCode::INTERNAL_SERVER_ERROR)));
        let paths = [
            "/text",
            "/empty",
            "/chunks",
            "/no-chunks",
            "/sized",
            "/trailers",
            "/204",
            "/304",
            "/500",
        ];
        for version in VERSIONS {
            for method in ["GET", "HEAD"] {
                for path in paths {
                    let (traced, app) = traced_app(app.clone());
                    let address = serve(app).await;
                    let mut connection = Connection::open(version, address).await;
                    let request = request(version, address, method, path);
                    let response = connection.send(request).await.unwrap();
                    response.into_body().collect().await.unwrap();
                    let span = traced.only().await;
                    let case = format!("{version:?} {method} {path}");
                    assert_eq!(span.operation_name, format!("{method} {path}"));
                    assert!(!is(&span, "cancelled"), "{case}");
                    assert_eq!(is(&span, "error"), path == "/500", "{case}");
                }
            }
        }
    });
}

#[test]
fn events_that_a_client_leaves_are_cancelled() {
    run(async {
        for version in VERSIONS {
            let events = || async {
                let first = stream::iter([Ok::<_, Infallible>(Event::default().data("first"))]);
                Sse::new(first.chain(stream::pending()))
            };
            let (traced, app) = traced_app(Router::new().route("/events", on_get(events)));
            let address = serve(app).await;
            let mut connection = Connection::open(version, address).await;
            let request = request(version, address, "GET", "/events");
            let mut body = connection.send(request).await.unwrap().into_body();
            let first = body.frame().await.unwrap().unwrap();
            assert_eq!(first.into_data().unwrap(), "data: first\n\n");
            assert_eq!(
                traced.tracer.stats().open,
                1,
                "it goes on as long as the client listens"
            );
            drop((body, connection));
            let span = traced.only().await;
            assert!(is(&span, "cancelled") && !is(&span, "error"));
            assert_eq!(number(&span, "http.response.status_code"), Some(200));
        }
    });
}

#[test]
fn events_that_end_are_complete() {
    run(async {
        for version in VERSIONS {
            let events = || async {
                let events =
                    ["first", "last"].map(|text| Ok::<_, Infallible>(Event::default().data(text)));
                Sse::new(stream::iter(events))
            };
            let (traced, app) = traced_app(Router::new().route("/events", on_get(events)));
            let address = serve(app).await;
            assert_eq!(
                get(version, address, "/events").await.1,
                "data: first\n\ndata: last\n\n"
            );
            assert!(!is(&traced.only().await, "cancelled"));
        }
    });
}

#[test]
fn a_client_that_goes_before_the_head_cancels() {
    run(async {
        for version in VERSIONS {
            let begun = Arc::new(Notify::new());
            let in_handler = begun.clone();
            let waits = move || async move {
                in_handler.notify_one();
                std::future::pending::<()>().await;
            };
            let (traced, app) = traced_app(Router::new().route("/slow", on_get(waits)));
            let address = serve(app).await;
            let mut connection = Connection::open(version, address).await;
            let sent = connection.send(request(version, address, "GET", "/slow"));
            tokio::select! {
                _ = sent => panic!("there is no response"),
                () = begun.notified() => {}
            }
            drop(connection);
            let span = traced.only().await;
            assert!(is(&span, "cancelled") && !is(&span, "error"));
            assert_eq!(number(&span, "http.response.status_code"), None);
        }
    });
}

#[test]
fn a_handler_that_panics_is_an_error() {
    run(async {
        for version in VERSIONS {
            let panics = || async {
                tokio::task::yield_now().await;
                if true {
                    panic!("out of stock");
                }
            };
            let (traced, app) = traced_app(Router::new().route("/panics", on_get(panics)));
            let address = serve(app).await;
            let mut connection = Connection::open(version, address).await;
            let response = connection
                .send(request(version, address, "GET", "/panics"))
                .await;
            assert!(response.is_err());
            let span = traced.only().await;
            assert!(is(&span, "error") && !is(&span, "cancelled"));
        }
    });
}

#[test]
fn a_body_that_fails_is_an_error() {
    run(async {
        for version in VERSIONS {
            let fails = || async {
                let broken = Err(std::io::Error::other("the disk is gone"));
                Body::from_stream(stream::iter([Ok("chunk"), broken]))
            };
            let (traced, app) = traced_app(Router::new().route("/fails", on_get(fails)));
            let address = serve(app).await;
            let mut connection = Connection::open(version, address).await;
            let response = connection
                .send(request(version, address, "GET", "/fails"))
                .await;
            if let Ok(response) = response {
                assert!(response.into_body().collect().await.is_err());
            }
            let span = traced.only().await;
            assert!(is(&span, "error") && !is(&span, "cancelled"));
            assert_eq!(text(&span, "error.type"), Some("axum_core::error::Error"));
        }
    });
}

#[test]
fn a_web_socket_ends_the_span_as_it_opens() {
    run(async {
        let echo = |upgrade: WebSocketUpgrade| async {
            upgrade.on_upgrade(|mut socket| async move {
                while let Some(Ok(Message::Binary(bytes))) = socket.recv().await {
                    socket.send(Message::Binary(bytes)).await.unwrap();
                }
            })
        };
        let (traced, app) = traced_app(Router::new().route("/echo", on_get(echo)));
        let address = serve(app).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = "GET /echo HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        let span = traced.only().await;
        assert!(!is(&span, "cancelled") && !is(&span, "error"));
        assert_eq!(number(&span, "http.response.status_code"), Some(101));
        // A masked message of three bytes, and its echo.
        let mask = [0; 4];
        socket.write_all(&[0x82, 0x83]).await.unwrap();
        socket.write_all(&mask).await.unwrap();
        socket.write_all(b"abc").await.unwrap();
        let mut echo = [0; 5];
        socket.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"\x82\x03abc");
        drop(socket);
        traced.ended(1).await;
    });
}

#[test]
fn of_many_requests_each_that_is_given_up_is_cancelled() {
    const REQUESTS: usize = 60;
    run(async {
        let begun = Arc::new(Semaphore::new(0));
        let released = Arc::new(Semaphore::new(0));
        let (in_handler, release) = (begun.clone(), released.clone());
        let waits = move || async move {
            in_handler.add_permits(1);
            release.acquire().await.unwrap().forget();
        };
        let (traced, app) = traced_app(Router::new().route("/slow", on_get(waits)));
        let address = serve(app).await;
        let sent = |_| tokio::spawn(get(Http::One, address, "/slow"));
        let mut requests: Vec<_> = (0..REQUESTS).map(sent).collect();
        let all = begun.acquire_many(REQUESTS as u32).await;
        all.unwrap().forget();
        assert_eq!(traced.tracer.stats().open, REQUESTS as u64);
        let kept = requests.split_off(REQUESTS / 2);
        for request in requests {
            request.abort();
            assert!(request.await.unwrap_err().is_cancelled());
        }
        // All of them, before the others may go on: a permit must not go to one that is given up.
        while traced.tracer.stats().open > (REQUESTS / 2) as u64 {
            tokio::task::yield_now().await;
        }
        released.add_permits(REQUESTS / 2);
        for request in kept {
            assert_eq!(request.await.unwrap().0, 200);
        }
        let spans = traced.spans(REQUESTS as u64).await;
        let cancelled = spans.iter().filter(|span| is(span, "cancelled"));
        assert_eq!(cancelled.count(), REQUESTS / 2);
    });
}
