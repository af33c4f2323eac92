//! What the server's layer does by choice.

use axum::Router;
use axum::routing::get as on_get;
use http::HeaderName;
use picojaeger_std::tower;
use picojaeger_std::tower::ServerLayer;

use crate::harness::*;

const CALLER: &str = "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1";

/// Sends a request with these headers to a service of this layer; returns the tracer, and a header of the response.
async fn asked(
    layer: ServerLayer,
    path: &str,
    headers: &[(&str, &str)],
) -> (Traced, Option<String>) {
    let traced = Traced::new("shop");
    let tracer = traced.tracer.clone();
    let handler = move || {
        let tracer = tracer.clone();
        async move { tracer.start("work").finish() }
    };
    let app = Router::new().route("/orders/{id}", on_get(handler));
    let address = serve(app.layer(layer.tracer(traced.tracer.clone()))).await;
    let mut request = request(Http::One, address, "GET", path);
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let mut connection = Connection::open(Http::One, address).await;
    let response = connection.send(request).await.unwrap();
    let id = response.headers().get("x-trace-id");
    let id = id.map(|id| id.to_str().unwrap().to_owned());
    (traced, id)
}

#[test]
fn an_untrusted_caller_gets_a_link_and_no_more() {
    run(async {
        let headers = [
            ("uber-trace-id", CALLER),
            ("uberctx-customer", "7"),
            ("jaeger-debug-id", "force"),
        ];
        let layer = || tower::server().baggage_tags(["customer"]);
        let (traced, _) = asked(layer().untrusted(), "/orders/3", &headers).await;
        let spans = traced.spans(2).await;
        let span = named(&spans, "GET /orders/{id}");
        assert!(span.parent_span_id.is_zero());
        assert_ne!(span.trace_id.to_string(), CALLER[..32]);
        assert_eq!(span.references.len(), 1, "{span:?}");
        assert_eq!(span.references[0].trace_id.to_string(), CALLER[..32]);
        assert_eq!(text(span, "customer"), None);
        assert_eq!(text(span, "jaeger-debug-id"), None);
        assert_eq!(named(&spans, "work").parent_span_id, span.span_id);

        let (traced, _) = asked(layer(), "/orders/3", &headers).await;
        let spans = traced.spans(2).await;
        let span = named(&spans, "GET /orders/{id}");
        assert_eq!(span.trace_id.to_string(), CALLER[..32]);
        assert_eq!(text(span, "customer"), Some("7"));
    });
}

#[test]
fn an_untrusted_caller_decides_nothing() {
    run(async {
        let unsampled = CALLER.replace(":0:1", ":0:0");
        let headers = [("uber-trace-id", unsampled.as_str())];
        let (traced, _) = asked(tower::server().untrusted(), "/orders/3", &headers).await;
        assert_eq!(traced.spans(2).await.len(), 2);
        let (traced, _) = asked(tower::server(), "/orders/3", &headers).await;
        assert!(traced.spans(0).await.is_empty());
    });
}

#[test]
fn a_request_that_is_filtered_out_is_not_recorded_nor_its_calls() {
    run(async {
        let layer = || tower::server().filter(|request| request.uri.path() != "/orders/0");
        let (traced, _) = asked(layer(), "/orders/0", &[]).await;
        assert!(traced.spans(0).await.is_empty());
        let (traced, _) = asked(layer(), "/orders/0", &[("uber-trace-id", CALLER)]).await;
        assert!(traced.spans(0).await.is_empty());
        let (traced, _) = asked(layer(), "/orders/1", &[]).await;
        assert_eq!(traced.spans(2).await.len(), 2);
    });
}

#[test]
fn the_trace_id_returns_by_choice() {
    run(async {
        let layer = tower::server().trace_id_header(HeaderName::from_static("x-trace-id"));
        let (traced, id) = asked(layer, "/orders/3", &[]).await;
        let spans = traced.spans(2).await;
        assert_eq!(id, Some(spans[0].trace_id.to_string()));
        let (_traced, none) = asked(tower::server(), "/orders/3", &[]).await;
        assert_eq!(none, None);
    });
}

#[test]
fn the_query_is_redacted_by_choice() {
    run(async {
        let path = "/orders/3?token=1&sig=2";
        let cases = [
            (tower::server(), Some("token=1&sig=REDACTED")),
            (
                tower::server().redact_query(["token"]),
                Some("token=REDACTED&sig=2"),
            ),
            (tower::server().without_query(), None),
        ];
        for (layer, expected) in cases {
            let (traced, _) = asked(layer, path, &[]).await;
            let spans = traced.spans(2).await;
            assert_eq!(
                text(named(&spans, "GET /orders/{id}"), "url.query"),
                expected
            );
        }
    });
}

#[test]
fn route_and_scheme_are_the_users() {
    run(async {
        let layer = tower::server().route(|_| Some("/orders/*")).scheme("https");
        let (traced, _) = asked(layer, "/orders/3", &[]).await;
        let spans = traced.spans(2).await;
        let span = named(&spans, "GET /orders/*");
        assert_eq!(text(span, "http.route"), Some("/orders/*"));
        assert_eq!(text(span, "url.scheme"), Some("https"));
    });
}

#[test]
fn opentracing_names() {
    run(async {
        let layer = tower::server().opentracing_names();
        let (traced, _) = asked(layer, "/orders/3?sig=1", &[("host", "shop.example:80")]).await;
        let spans = traced.spans(2).await;
        let span = named(&spans, "GET /orders/{id}");
        assert_eq!(text(span, "http.method"), Some("GET"));
        assert_eq!(
            text(span, "http.url"),
            Some("http://shop.example:80/orders/3?sig=REDACTED")
        );
        assert_eq!(number(span, "http.status_code"), Some(200));
        assert_eq!(text(span, "span.kind"), Some("server"));
        assert_eq!(span.tag("http.request.method"), None);
        assert_eq!(span.tag("url.path"), None);
    });
}
