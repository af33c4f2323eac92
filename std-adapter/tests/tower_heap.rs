//! A request through the server's layer allocates nothing, sampled or not, by a count of all allocations.
//!
//! One test in a binary of its own, since the allocations of other threads would count too.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::tower;
use tower_layer::Layer as _;
use tower_service::Service;

#[path = "../../tests/common/heap.rs"]
mod heap;

use heap::peak_of;

const SOON: Duration = Duration::from_secs(20);
const ROUNDS: u64 = 100;
const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const URL: &str = "http://shop.example:8080/orders/3?q=1&sig=2";

/// A body of two frames.
struct Frames(u8);

impl Body for Frames {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        self.0 += 1;
        Poll::Ready((self.0 < 3).then(|| Ok(Frame::data(&b"frame"[..]))))
    }
}

#[derive(Clone)]
struct Shop;

impl Service<Request<()>> for Shop {
    type Response = Response<Frames>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Frames>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        // The request is the caller's, and so is what its drop frees.
        std::mem::forget(request);
        ready(Ok(Response::new(Frames(0))))
    }
}

/// Sends a request, and reads the response to its end.
fn answered<S, B>(service: &mut S, request: Request<()>)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let context = &mut Context::from_waker(Waker::noop());
    let future = std::pin::pin!(service.call(request));
    let Poll::Ready(Ok(response)) = future.poll(context) else {
        panic!("it is ready")
    };
    let mut body = std::pin::pin!(response.into_body());
    while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(context) {}
}

fn request(caller: &'static str) -> Request<()> {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert("traceparent", HeaderValue::from_static(caller));
    let mut request = Request::get(URL).body(()).unwrap();
    *request.headers_mut() = headers;
    request
}

#[test]
fn a_request_allocates_nothing() {
    let (counted, block) = peak_of(|| vec![1_u8; 100]);
    assert!(counted >= block.len(), "nothing is counted");
    for (caller, sampled) in [(SAMPLED, ROUNDS), (UNSAMPLED, 0)] {
        let config = Config::new("shop").sampler(Sampler::Const(true));
        let tracer = config.agent(false).background(false).new_tracer().unwrap();
        let layer = tower::server().route(|_| Some("/orders/{id}"));
        let mut server = layer.tracer(tracer.clone()).layer(Shop);
        for round in 0..ROUNDS {
            let request = request(caller);
            let (bytes, ()) = peak_of(|| answered(&mut server, request));
            // The first one takes slots and a ring, which stay with the thread.
            assert!(bytes == 0 || round == 0, "{bytes} bytes in round {round}");
            tracer.flush(SOON).unwrap();
        }
        assert_eq!(tracer.stats().sampled, sampled);
    }
}
