//! When a span ends, for each kind of response, in memory.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_layer::Layer as _;
use tower_service::Service;

use super::{ResponseBody, client, server};
use crate::config::{Config, Sampler};
use crate::model::{Span, TagValue};
use crate::reporters::InMemoryReporter;
use crate::tasks::current;
use crate::tracer::Tracer;

const SOON: Duration = Duration::from_secs(20);

/// A step of a body.
#[derive(Clone, Debug)]
enum Step {
    Data(&'static str),
    /// The last data, after which the body is at its end.
    Last(&'static str),
    Trailers(&'static str),
    Fails,
    Waits,
}

/// A body of steps, and then its end.
#[derive(Debug, Default)]
struct Steps {
    steps: Vec<Step>,
    is_at_end: bool,
    size: Option<u64>,
}

impl Body for Steps {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        current().log().field("event", "frame");
        if self.steps.is_empty() {
            return Poll::Ready(None);
        }
        let step = self.steps.remove(0);
        let data = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
        Poll::Ready(Some(match step {
            Step::Data(text) => Ok(data(text)),
            Step::Last(text) => {
                self.is_at_end = true;
                Ok(data(text))
            }
            Step::Trailers(status) => Ok(Frame::trailers(HeaderMap::from_iter([(
                HeaderName::from_static("grpc-status"),
                HeaderValue::from_static(status),
            )]))),
            Step::Fails => Err("the disk is gone"),
            Step::Waits => return Poll::Pending,
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.is_at_end
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// A service whose future is ready at the second poll.
struct Answers<F>(F);

struct Answer<R> {
    result: Option<R>,
    has_waited: bool,
}

impl<R: Unpin> Future for Answer<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        current().log().field("event", "poll");
        match std::mem::replace(&mut self.has_waited, true) {
            true => Poll::Ready(self.result.take().unwrap()),
            false => Poll::Pending,
        }
    }
}

impl<E: Unpin, F> Service<Request<()>> for Answers<F>
where
    F: FnMut(Request<()>) -> Result<Response<Steps>, E>,
{
    type Response = Response<Steps>;
    type Error = E;
    type Future = Answer<Result<Response<Steps>, E>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        current().log().field("event", "call");
        Answer {
            result: Some((self.0)(request)),
            has_waited: false,
        }
    }
}

fn tracer() -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent(false);
    let tracer = config.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

fn finished(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<Span> {
    tracer.flush(SOON).unwrap();
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.open == 0, "{stats}");
    spans.spans()
}

fn only(tracer: &Tracer, spans: &InMemoryReporter) -> Span {
    let mut spans = finished(tracer, spans);
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans.remove(0)
}

fn is(span: &Span, key: &str) -> bool {
    span.tag(key) == Some(&TagValue::Bool(true))
}

fn text<'s>(span: &'s Span, key: &str) -> Option<&'s str> {
    match span.tag(key) {
        Some(TagValue::String(text)) => Some(text),
        _ => None,
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls to the end.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

fn frame(
    body: &mut Pin<Box<ResponseBody<Steps>>>,
) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
    body.as_mut()
        .poll_frame(&mut Context::from_waker(Waker::noop()))
}

/// Sends a request through the server's layer, and returns the body of the response.
fn served(
    tracer: &Tracer,
    request: Request<()>,
    response: Response<Steps>,
) -> Pin<Box<ResponseBody<Steps>>> {
    let mut response = Some(response);
    let service = Answers(|_| Ok::<_, Infallible>(response.take().unwrap()));
    let mut service = server().tracer(tracer.clone()).layer(service);
    Box::pin(ready(service.call(request)).unwrap().into_body())
}

fn get() -> Request<()> {
    Request::get("/").body(()).unwrap()
}

fn answer(status: u16, steps: &[Step]) -> Response<Steps> {
    let body = Steps {
        steps: steps.to_vec(),
        ..Steps::default()
    };
    Response::builder().status(status).body(body).unwrap()
}

#[test]
fn a_head_that_no_body_follows_ends_the_span() {
    let head = Request::head("/").body(()).unwrap();
    let connect = Request::connect("shop.example:80").body(()).unwrap();
    let mut at_end = answer(200, &[]);
    at_end.body_mut().is_at_end = true;
    let mut empty = answer(200, &[]);
    empty
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    let mut sized = answer(200, &[]);
    sized.body_mut().size = Some(0);
    let cases = [
        (head, answer(200, &[Step::Data("x")])),
        (connect, answer(200, &[Step::Data("x")])),
        (get(), answer(101, &[Step::Waits])),
        (get(), answer(204, &[])),
        (get(), answer(304, &[])),
        (get(), at_end),
        (get(), empty),
        (get(), sized),
    ];
    for (request, response) in cases {
        let (tracer, spans) = tracer();
        let case = format!("{request:?} {response:?}");
        let body = served(&tracer, request, response);
        assert_eq!(tracer.stats().open, 0, "{case}");
        drop(body);
        assert!(!is(&only(&tracer, &spans), "cancelled"), "{case}");
    }
}

#[test]
fn a_body_ends_the_span() {
    let sized = |mut response: Response<Steps>, size| {
        response.body_mut().size = Some(size);
        response
    };
    let announced = |mut response: Response<Steps>| {
        let value = HeaderValue::from_static("2");
        response.headers_mut().insert(CONTENT_LENGTH, value);
        response
    };
    let (a, b) = (Step::Data("a"), Step::Data("b"));
    // The response, and after how many polls of the body it is complete.
    let cases = [
        (answer(200, &[]), 1),
        (answer(200, &[a.clone(), b.clone()]), 3),
        (answer(200, &[a.clone(), Step::Waits, b.clone()]), 4),
        (answer(200, &[a.clone(), Step::Last("b")]), 2),
        (answer(200, &[a.clone(), Step::Trailers("0")]), 2),
        (sized(answer(200, &[a.clone(), b.clone()]), 2), 2),
        (announced(answer(200, &[a, b])), 2),
    ];
    for (response, polls) in cases {
        let (tracer, spans) = tracer();
        let case = format!("{response:?}");
        let mut body = served(&tracer, get(), response);
        for _ in 0..polls {
            assert_eq!(tracer.stats().open, 1, "{case}");
            let _frame = frame(&mut body);
        }
        assert_eq!(tracer.stats().open, 0, "{case}");
        let _after = frame(&mut body);
        drop(body);
        let span = only(&tracer, &spans);
        assert!(!is(&span, "cancelled") && !is(&span, "error"), "{case}");
        // The call, two polls of the future, and those of the body, each within the span.
        assert_eq!(span.logs.len(), 3 + polls, "{case}");
    }
}

#[test]
fn what_is_dropped_early_is_cancelled() {
    let (tracer, spans) = tracer();
    let service = Answers(|_| Ok::<_, Infallible>(answer(200, &[])));
    let mut service = server().tracer(tracer.clone()).layer(service);
    drop(service.call(get()));
    let mut future = Box::pin(service.call(get()));
    assert!(poll(future.as_mut()).is_pending());
    drop(future);
    drop(served(&tracer, get(), answer(200, &[Step::Data("a")])));
    let mut body = served(&tracer, get(), answer(200, &[Step::Data("a")]));
    assert!(frame(&mut body).is_ready());
    drop(body);
    let spans = finished(&tracer, &spans);
    assert_eq!(spans.len(), 4);
    for span in spans {
        assert!(is(&span, "cancelled") && !is(&span, "error"), "{span:?}");
    }
}

#[test]
fn errors_are_recorded_and_passed_on() {
    let (tracer, spans) = tracer();
    let mut service = server()
        .tracer(tracer.clone())
        .layer(Answers(|_| Err("no answer")));
    assert_eq!(ready(service.call(get())).unwrap_err(), "no answer");
    let mut body = served(&tracer, get(), answer(200, &[Step::Fails]));
    assert!(matches!(
        frame(&mut body),
        Poll::Ready(Some(Err("the disk is gone")))
    ));
    drop(body);
    let boxed = |_| Err(Box::<dyn std::error::Error>::from("boxed"));
    let mut service = server().tracer(tracer.clone()).layer(Answers(boxed));
    assert!(ready(service.call(get())).is_err());
    let spans = finished(&tracer, &spans);
    let kinds: Vec<_> = spans.iter().map(|span| text(span, "error.type")).collect();
    assert_eq!(kinds, [Some("&str"), Some("&str"), Some("_OTHER")]);
    for span in spans {
        assert!(is(&span, "error") && !is(&span, "cancelled"), "{span:?}");
    }
}

#[test]
fn statuses_are_errors_from_500_for_servers_and_from_400_for_clients() {
    let cases = [(200, false, false), (404, false, true), (503, true, true)];
    for (status, of_server, of_client) in cases {
        let (tracer, spans) = tracer();
        let service = |_| Ok::<_, Infallible>(answer(status, &[]));
        let mut as_server = server().tracer(tracer.clone()).layer(Answers(service));
        let mut as_client = client().tracer(tracer.clone()).layer(Answers(service));
        for response in [ready(as_server.call(get())), ready(as_client.call(get()))] {
            let mut body = Box::pin(response.unwrap().into_body());
            assert!(matches!(frame(&mut body), Poll::Ready(None)));
        }
        let spans = finished(&tracer, &spans);
        let status = i64::from(status);
        for (span, is_error) in spans.iter().zip([of_server, of_client]) {
            assert_eq!(is(span, "error"), is_error, "{span:?}");
            assert_eq!(
                span.tag("http.response.status_code"),
                Some(&TagValue::Long(status))
            );
            let expected = is_error.then(|| status.to_string());
            assert_eq!(text(span, "error.type"), expected.as_deref());
        }
    }
}

#[test]
fn a_panic_marks_the_span_and_goes_on() {
    let (tracer, spans) = tracer();
    let service = Answers(|_| -> Result<_, Infallible> { panic!("out of stock") });
    let mut service = server().tracer(tracer.clone()).layer(service);
    let unwound = catch_unwind(AssertUnwindSafe(|| service.call(get())));
    assert!(unwound.is_err());
    let span = only(&tracer, &spans);
    assert!(is(&span, "error") && !is(&span, "cancelled"), "{span:?}");
    assert_eq!(text(&span, "error.type"), Some("panic"));
}

fn call() -> Request<()> {
    let request = Request::post("http://stock.example:50051/shop.Stock/Get");
    request
        .header("content-type", "application/grpc")
        .body(())
        .unwrap()
}

#[test]
fn calls_of_grpc_end_with_the_status_of_trailers_or_head() {
    let with_head = |status: &'static str| {
        let mut response = answer(200, &[]);
        let value = HeaderValue::from_static(status);
        response.headers_mut().insert("grpc-status", value);
        response
    };
    let data = Step::Data("message");
    // The response, its status, whether it is an error of a server, and of a client.
    let cases = [
        (
            answer(200, &[data.clone(), Step::Trailers("0")]),
            "OK",
            false,
            false,
        ),
        (
            answer(200, &[data.clone(), Step::Trailers("5")]),
            "NOT_FOUND",
            false,
            true,
        ),
        (
            answer(200, &[data.clone(), Step::Trailers("13")]),
            "INTERNAL",
            true,
            true,
        ),
        (with_head("7"), "PERMISSION_DENIED", false, true),
        (answer(200, &[data]), "UNKNOWN", true, true),
    ];
    for (response, status, of_server, of_client) in cases {
        for (is_server, is_error) in [(true, of_server), (false, of_client)] {
            let (tracer, spans) = tracer();
            let (parts, body) = (response.headers().clone(), response.body().steps.clone());
            let again = |_| {
                let mut response = answer(200, &body);
                *response.headers_mut() = parts.clone();
                let grpc = HeaderValue::from_static("application/grpc");
                response.headers_mut().insert("content-type", grpc);
                Ok::<_, Infallible>(response)
            };
            let response = match is_server {
                true => ready(
                    server()
                        .tracer(tracer.clone())
                        .layer(Answers(again))
                        .call(call()),
                ),
                false => ready(
                    client()
                        .tracer(tracer.clone())
                        .layer(Answers(again))
                        .call(call()),
                ),
            };
            let mut body = Box::pin(response.unwrap().into_body());
            while tracer.stats().open == 1 {
                assert!(frame(&mut body).is_ready());
            }
            let span = only(&tracer, &spans);
            assert_eq!(span.operation_name, "shop.Stock/Get");
            assert_eq!(text(&span, "rpc.method"), Some("shop.Stock/Get"));
            assert_eq!(text(&span, "rpc.system.name"), Some("grpc"));
            assert_eq!(text(&span, "server.address"), Some("stock.example"));
            assert_eq!(span.tag("server.port"), Some(&TagValue::Long(50051)));
            assert_eq!(text(&span, "rpc.status_code"), Some(status));
            assert_eq!(is(&span, "error"), is_error, "{status}");
            assert_eq!(text(&span, "error.type"), is_error.then_some(status));
        }
    }
}

#[test]
fn a_method_that_nobody_serves_names_no_span() {
    let (tracer, spans) = tracer();
    let mut response = answer(200, &[]);
    response
        .headers_mut()
        .insert("grpc-status", HeaderValue::from_static("12"));
    drop(served(&tracer, call(), response));
    let span = only(&tracer, &spans);
    assert_eq!(span.operation_name, "grpc");
    assert_eq!(text(&span, "rpc.status_code"), Some("UNIMPLEMENTED"));
}

/// Anybody can send it, with any path.
#[test]
fn what_looks_like_a_call_to_a_server_of_http_is_a_request() {
    let (tracer, spans) = tracer();
    drop(served(&tracer, call(), answer(404, &[Step::Last("no")])));
    let span = only(&tracer, &spans);
    assert_eq!(span.operation_name, "POST");
    assert_eq!(text(&span, "http.request.method"), Some("POST"));
    let status = span.tag("http.response.status_code");
    assert_eq!(status, Some(&TagValue::Long(404)));
    assert!(!is(&span, "error"), "{span:?}");
}

#[test]
fn sizes_and_ends_pass_through() {
    let (tracer, _spans) = tracer();
    let mut response = answer(200, &[Step::Last("abc")]);
    response.body_mut().size = Some(3);
    let mut body = served(&tracer, get(), response);
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(!body.is_end_stream());
    assert!(frame(&mut body).is_ready());
    assert!(body.is_end_stream());
}

#[test]
fn requests_are_counted_by_their_status() {
    let config = Config::new("shop")
        .sampler(Sampler::Const(false))
        .agent(false);
    let tracer = config.rpc_metrics(true).new_tracer().unwrap();
    drop(served(
        &tracer,
        Request::head("/").body(()).unwrap(),
        answer(404, &[]),
    ));
    let metrics = tracer.metrics().to_prometheus();
    let counted = metrics
        .lines()
        .find(|line| line.contains("http_requests") && line.contains("4xx"));
    assert!(
        counted.is_some_and(|line| line.contains("HEAD") && line.ends_with(" 1")),
        "{metrics}"
    );
}
