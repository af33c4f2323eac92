//! Names, tags, and parents.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{any, get as on_get};
use futures_util::stream;
use picojaeger_std::{InSpan as _, current, tower};

use crate::harness::*;

async fn order(Path(id): Path<u64>) -> String {
    current().tag("order.id", id);
    tokio::task::yield_now().await;
    let stock = async {
        tokio::task::yield_now().await;
        7
    };
    format!("{} of {id}", stock.in_span("stock").await)
}

fn app(traced: &Traced) -> Router {
    Router::new()
        .route("/orders/{id}", on_get(order))
        .route("/any", any(|| async {}))
        .layer(tower::server().tracer(traced.tracer.clone()))
}

#[test]
fn a_request_is_named_by_its_route_and_has_its_tags() {
    run(async {
        for version in VERSIONS {
            let traced = Traced::new("shop");
            let address = serve(app(&traced)).await;
            let (status, body) = get(version, address, "/orders/3?q=a&sig=secret").await;
            assert_eq!((status, &body[..]), (200, &b"7 of 3"[..]));
            let spans = traced.spans(2).await;
            let span = named(&spans, "GET /orders/{id}");
            let expected = [
                ("span.kind", "server"),
                ("component", "tower"),
                ("http.request.method", "GET"),
                ("http.route", "/orders/{id}"),
                ("url.path", "/orders/3"),
                ("url.query", "q=a&sig=REDACTED"),
                ("url.scheme", "http"),
                ("server.address", "127.0.0.1"),
                (
                    "network.protocol.version",
                    if version == Http::One { "1.1" } else { "2" },
                ),
            ];
            for (key, value) in expected {
                assert_eq!(text(span, key), Some(value), "{key}");
            }
            assert_eq!(number(span, "server.port"), Some(address.port().into()));
            assert_eq!(number(span, "http.response.status_code"), Some(200));
            assert_eq!(number(span, "order.id"), Some(3));
            assert!(!is(span, "error") && !is(span, "cancelled"));
            let stock = named(&spans, "stock");
            assert_eq!(
                (stock.trace_id, stock.parent_span_id),
                (span.trace_id, span.span_id)
            );
        }
    });
}

#[test]
fn a_request_without_a_route_is_named_by_its_method_alone() {
    run(async {
        let traced = Traced::new("shop");
        let address = serve(app(&traced).fallback(|| async { http::StatusCode::NOT_FOUND })).await;
        assert_eq!(get(Http::One, address, "/nowhere/17").await.0, 404);
        traced.ended(0).await; // axum's fallback is set behind the layer
        let app = app(&traced).fallback(|| async { http::StatusCode::NOT_FOUND });
        let layered = Router::new()
            .fallback_service(app)
            .layer(tower::server().tracer(traced.tracer.clone()));
        let address = serve(layered).await;
        assert_eq!(get(Http::One, address, "/nowhere/17").await.0, 404);
        let span = traced.only().await;
        assert_eq!(span.operation_name, "GET");
        assert_eq!(text(&span, "http.route"), None);
        assert_eq!(text(&span, "url.path"), Some("/nowhere/17"));
        assert!(!is(&span, "error"));
    });
}

#[test]
fn a_method_that_is_not_known_names_no_span() {
    run(async {
        let traced = Traced::new("shop");
        let address = serve(app(&traced)).await;
        let mut connection = Connection::open(Http::One, address).await;
        let request = request(Http::One, address, "PURGE17", "/any");
        assert_eq!(connection.send(request).await.unwrap().status(), 200);
        let span = traced.only().await;
        assert_eq!(span.operation_name, "HTTP /any");
        assert_eq!(text(&span, "http.request.method"), Some("_OTHER"));
        assert_eq!(text(&span, "http.request.method_original"), Some("PURGE17"));
    });
}

#[test]
fn the_callers_trace_goes_on() {
    run(async {
        for version in VERSIONS {
            let traced = Traced::new("shop");
            let address = serve(app(&traced)).await;
            let mut request = request(version, address, "GET", "/orders/3");
            let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            request
                .headers_mut()
                .insert("traceparent", caller.parse().unwrap());
            let mut connection = Connection::open(version, address).await;
            connection.send(request).await.unwrap();
            let spans = traced.spans(2).await;
            let span = named(&spans, "GET /orders/{id}");
            assert_eq!(
                span.trace_id.to_string(),
                "0af7651916cd43dd8448eb211c80319c"
            );
            assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
        }
    });
}

#[test]
fn the_span_is_active_in_the_body_too() {
    run(async {
        for version in VERSIONS {
            let traced = Traced::new("shop");
            let tracer = traced.tracer.clone();
            let rows = move || {
                let tracer = tracer.clone();
                async move {
                    let rows = stream::unfold(0, move |row| {
                        let tracer = tracer.clone();
                        async move {
                            tokio::task::yield_now().await;
                            (row < 3).then(|| {
                                tracer.start("row").finish();
                                (Ok::<_, std::io::Error>("row\n"), row + 1)
                            })
                        }
                    });
                    Body::from_stream(rows)
                }
            };
            let app = Router::new().route("/rows", on_get(rows));
            let address = serve(app.layer(tower::server().tracer(traced.tracer.clone()))).await;
            assert_eq!(get(version, address, "/rows").await.1, "row\n".repeat(3));
            let spans = traced.spans(4).await;
            let request = named(&spans, "GET /rows");
            let rows = spans.iter().filter(|span| span.operation_name == "row");
            assert!(
                rows.clone()
                    .all(|row| row.parent_span_id == request.span_id)
            );
            assert_eq!(rows.count(), 3);
        }
    });
}

#[test]
fn many_requests_at_a_time_keep_their_parents() {
    run(async {
        const REQUESTS: u64 = 100;
        let traced = Traced::new("shop");
        let address = serve(app(&traced)).await;
        let requests = (0..REQUESTS).map(|id| async move {
            let version = VERSIONS[(id % 2) as usize];
            get(version, address, &format!("/orders/{id}")).await.0
        });
        let statuses = futures_util::future::join_all(requests).await;
        assert!(statuses.iter().all(|status| *status == 200));
        let spans = traced.spans(2 * REQUESTS).await;
        let (stocks, requests): (Vec<_>, Vec<_>) = spans
            .iter()
            .partition(|span| span.operation_name == "stock");
        assert_eq!(
            (stocks.len(), requests.len()),
            (REQUESTS as usize, REQUESTS as usize)
        );
        for stock in stocks {
            let parent = requests
                .iter()
                .filter(|it| it.span_id == stock.parent_span_id);
            assert_eq!(parent.count(), 1);
        }
    });
}
