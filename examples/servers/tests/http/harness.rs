//! A server on a free port, a client for it, and the spans of both.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use picojaeger_std::config::Sampler;
use picojaeger_std::model::{Span, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{Config, Tracer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

pub const SOON: Duration = Duration::from_secs(20);

/// The version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Http {
    One,
    Two,
}

pub const VERSIONS: [Http; 2] = [Http::One, Http::Two];

/// A tracer, and its spans.
pub struct Traced {
    pub tracer: Tracer,
    spans: InMemoryReporter,
}

/// A connection that sends one request at a time.
pub enum Connection {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Traced {
    pub fn new(service: &str) -> Self {
        let spans = InMemoryReporter::new();
        let config = Config::new(service)
            .sampler(Sampler::Const(true))
            .agent(false);
        let tracer = config.reporter(spans.clone()).build().unwrap();
        Traced { tracer, spans }
    }

    /// Waits until as many spans have ended, and none is open.
    pub async fn ended(&self, count: u64) {
        let start = Instant::now();
        loop {
            let stats = self.tracer.stats();
            assert!(stats.sampled <= count, "{stats}, not {count}");
            if stats.sampled == count && stats.open == 0 {
                return;
            }
            assert!(start.elapsed() < SOON, "{stats}, not {count} that ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Returns the spans once as many have ended.
    pub async fn spans(&self, count: u64) -> Vec<Span> {
        self.ended(count).await;
        self.tracer.flush(SOON).unwrap();
        let stats = self.tracer.stats();
        assert!(stats.adds_up(), "{stats}");
        self.spans.spans()
    }

    /// Returns the only span once it has ended.
    pub async fn only(&self) -> Span {
        self.spans(1).await.remove(0)
    }
}

/// Runs a test on two threads.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

/// Serves on a free port of this machine.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

impl Connection {
    pub async fn open(version: Http, address: SocketAddr) -> Self {
        Self::over(version, TcpStream::connect(address).await.unwrap()).await
    }

    /// Begins to speak HTTP over a stream.
    pub async fn over<S>(version: Http, stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(stream);
        match version {
            Http::One => {
                let (sender, connection) = http1::handshake(io).await.unwrap();
                tokio::spawn(connection);
                Connection::One(sender)
            }
            Http::Two => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, io).await.unwrap();
                tokio::spawn(connection);
                Connection::Two(sender)
            }
        }
    }

    pub async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Connection::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Connection::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// Makes a request without a body, as each version of the protocol has it.
pub fn request(
    version: Http,
    address: SocketAddr,
    method: &str,
    path: &str,
) -> Request<Empty<Bytes>> {
    let request = Request::builder().method(method);
    let request = match version {
        Http::One => request.uri(path).header("host", address.to_string()),
        Http::Two => request.uri(format!("http://{address}{path}")),
    };
    request.body(Empty::new()).unwrap()
}

/// Sends one request over a connection of its own, and reads all of the response.
pub async fn get(version: Http, address: SocketAddr, path: &str) -> (u16, Bytes) {
    let mut connection = Connection::open(version, address).await;
    let response = connection
        .send(request(version, address, "GET", path))
        .await
        .unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

pub fn is(span: &Span, key: &str) -> bool {
    span.tag(key) == Some(&TagValue::Bool(true))
}

pub fn text<'s>(span: &'s Span, key: &str) -> Option<&'s str> {
    match span.tag(key)? {
        TagValue::String(text) => Some(text),
        other => panic!("{key} is {other:?}"),
    }
}

pub fn number(span: &Span, key: &str) -> Option<i64> {
    match span.tag(key)? {
        TagValue::Long(number) => Some(*number),
        other => panic!("{key} is {other:?}"),
    }
}

/// Returns the span of this name.
pub fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.operation_name == name);
    let span = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {spans:?}"));
    assert!(found.next().is_none(), "several of {name}");
    span
}
