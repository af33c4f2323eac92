//! A backend that stands in for Jaeger.

mod fault;
mod request;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::collector::{CollectedSpan, Collector, Trace, decode_body, otlp};
use crate::model::{Batch, Span};
use crate::sys::sync::lock;
use crate::testing::FinishedSpans;
use crate::transport::mock_server::{Act, Request, Server, answer};

pub use fault::{Fault, Gate};
pub use request::MockRequest;

/// A backend on ports of its own on 127.0.0.1, which keeps what it gets and has the faults that a test wants.
///
/// It takes Jaeger's packets over UDP, compact and binary ([`agent_addr`](MockBackend::agent_addr)), Thrift over HTTP
/// ([`collector_url`](MockBackend::collector_url)) and OTLP over HTTP with protobuf, with the feature `collector` with JSON too ([`otlp_url`](MockBackend::otlp_url)), and
/// answers sampling servers' questions ([`sampling_url`](MockBackend::sampling_url)): at first each trace is sampled. It is for
/// trusted clients: a request of any size is read. Bodies in gzip need the feature of that name; others that are encoded get status 415.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::testing::{Fault, MockBackend};
/// use picojaeger_std::assert_trace;
///
/// const SOON: Duration = Duration::from_secs(20);
/// let backend = MockBackend::start()?;
/// backend.fail_next("/v1/traces", Fault::Status(503));
///
/// let config = Config::new("shop").sampler(Sampler::Const(true));
/// let tracer = config.otlp(backend.otlp_url()).new_tracer()?;
/// tracer.start("order").tag("items", 3);
/// tracer.flush(SOON)?; // the second attempt succeeds
///
/// assert_trace!(backend, "order | items=3");
/// assert_eq!(backend.requests().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MockBackend {
    collector: Collector,
    server: Server,
    book: Arc<Book>,
}

/// What is to be answered.
#[derive(Default)]
struct Book {
    /// The faults of requests to come, with the begin of their paths.
    faults: Mutex<Vec<(String, Fault)>>,
    /// Answers to questions, by paths.
    answers: Mutex<BTreeMap<String, String>>,
    rejected: Mutex<u64>,
}

/// Samples each trace.
const STRATEGY: &str =
    r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1.0}}"#;

impl MockBackend {
    /// Starts a backend on free ports.
    ///
    /// # Errors
    /// No port can be bound, or no thread started.
    pub fn start() -> io::Result<Self> {
        let collector = Collector::bind("127.0.0.1:0")?;
        let book = Arc::new(Book::default());
        book.answer("/sampling", STRATEGY);
        let (store, respond) = (collector.store_handle(), Arc::clone(&book));
        let server = Server::responding(Box::new(move |request| respond.serve(request, &store)))?;
        Ok(MockBackend {
            collector,
            server,
            book,
        })
    }

    /// Returns the address for Jaeger's packets over UDP, compact and binary.
    pub fn agent_addr(&self) -> SocketAddr {
        self.collector.local_addr()
    }

    /// Returns the address of the server for all that comes over HTTP.
    pub fn http_addr(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the URL for Thrift over HTTP.
    pub fn collector_url(&self) -> String {
        self.url("/api/traces")
    }

    /// Returns the URL for OTLP over HTTP.
    pub fn otlp_url(&self) -> String {
        self.url("/v1/traces")
    }

    /// Returns the URL of the sampling server.
    pub fn sampling_url(&self) -> String {
        self.url("/sampling")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http_addr())
    }

    /// Answers questions at this path with this JSON from now on: `/sampling` has the sampling strategy, `/credits` and
    /// `/baggageRestrictions` answer 404 until they are set. Each path answers for all that begin with it.
    pub fn answer(&self, path: &str, json: &str) {
        self.book.answer(path, json);
    }

    /// Has a fault at the next request whose path begins with `path`. Faults of one path take turns, in the order of these calls.
    pub fn fail_next(&self, path: &str, fault: Fault) {
        lock(&self.book.faults).push((path.to_owned(), fault));
    }

    /// Refuses datagrams and connections on all ports, and closes those that are open.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn refuse(&mut self) -> io::Result<()> {
        self.collector.refuse()?;
        self.server.refuse()
    }

    /// Undoes [`MockBackend::refuse`], on the same ports.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn accept_again(&mut self) -> io::Result<()> {
        self.collector.accept_again()?;
        self.server.accept_again()
    }

    /// Returns the spans that arrived, whatever way: trace by trace, in the order of arrival.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.collector.spans()
    }

    /// Returns the traces that arrived.
    pub fn traces(&self) -> Vec<Trace> {
        self.collector.traces()
    }

    /// Returns the requests over HTTP that were read, those with faults too, in the order of their arrival.
    pub fn requests(&self) -> Vec<MockRequest> {
        self.server
            .requests()
            .into_iter()
            .map(MockRequest)
            .collect()
    }

    /// Returns how many packets and bodies could not be read.
    pub fn rejected(&self) -> u64 {
        *lock(&self.book.rejected) + self.collector.stats().rejected
    }

    /// Waits until at least `count` spans arrived in all, and returns whether they did.
    pub fn wait_for_spans(&self, count: u64, timeout: Duration) -> bool {
        self.collector.wait_for_spans(count, timeout)
    }

    /// Waits until at least `count` requests were read in all, and returns whether they were.
    pub fn wait_for_requests(&self, count: usize, timeout: Duration) -> bool {
        self.server.wait_for_requests(count, timeout)
    }
}

impl Book {
    fn answer(&self, path: &str, json: &str) {
        lock(&self.answers).insert(path.to_owned(), json.to_owned());
    }

    /// Returns the act for a request, whose spans are stored.
    fn serve(&self, request: &Request, store: &impl Fn(Batch)) -> Act {
        let request = MockRequest(request.clone());
        match self.next_fault(request.target()) {
            Some(Fault::Status(status)) => reply(&format!("{status} Fault"), b""),
            Some(Fault::Answer(bytes)) => Act::AnswerAndClose(bytes),
            Some(Fault::CloseConnection) => Act::AnswerAndClose(Vec::new()),
            Some(Fault::Delay(gate)) => {
                gate.wait();
                self.serve_whole(&request, store)
            }
            None => self.serve_whole(&request, store),
        }
    }

    fn next_fault(&self, target: &str) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let at = faults.iter().position(|(path, _)| target.starts_with(path));
        at.map(|at| faults.remove(at).1)
    }

    fn serve_whole(&self, request: &MockRequest, store: &impl Fn(Batch)) -> Act {
        if request.method() == "GET" {
            return self.reply_to(request.target());
        }
        let Some(body) = body_of(request) else {
            return reply("415 Unsupported Media Type", b"");
        };
        let batches = match request.target() {
            target if target.starts_with("/v1/traces") => decode_otlp(request, &body),
            target if target.starts_with("/api/traces") => {
                decode_body(&body).ok().map(|batch| vec![batch])
            }
            _ => return reply("404 Not Found", b""),
        };
        match batches {
            Some(batches) => {
                batches.into_iter().for_each(store);
                reply("200 OK", b"")
            }
            None => {
                *lock(&self.rejected) += 1;
                reply("400 Bad Request", b"")
            }
        }
    }

    /// Answers a question, by the longest path that is a begin of the target.
    fn reply_to(&self, target: &str) -> Act {
        let answers = lock(&self.answers);
        let known = answers
            .iter()
            .rev()
            .find(|(path, _)| target.starts_with(*path));
        match known {
            Some((_, json)) => reply("200 OK", json.as_bytes()),
            None => reply("404 Not Found", b""),
        }
    }
}

/// Decodes a request of OTLP. One wrong id refuses the whole: a test is to see what its client sends wrongly.
fn decode_otlp(request: &MockRequest, body: &[u8]) -> Option<Vec<Batch>> {
    let decoded = match request.header("content-type") {
        #[cfg(feature = "collector")]
        Some(kind) if kind.starts_with("application/json") => otlp::decode_json(body),
        _ => otlp::decode_protobuf(body),
    };
    decoded.and_then(otlp::Decoded::whole).ok()
}

/// Returns the body as it was before it was encoded; `None` if the encoding is not known, or damaged.
fn body_of(request: &MockRequest) -> Option<Cow<'_, [u8]>> {
    match request.header("content-encoding") {
        None => Some(request.body().into()),
        #[cfg(feature = "gzip")]
        Some("gzip") => {
            use std::io::Read as _;
            let mut body = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(request.body());
            decoder.read_to_end(&mut body).ok()?;
            Some(body.into())
        }
        Some(_) => None,
    }
}

fn reply(status: &str, body: &[u8]) -> Act {
    Act::Answer(answer(status, "", body))
}

impl FinishedSpans for MockBackend {
    fn finished_spans(&self) -> Vec<Span> {
        self.collector.finished_spans()
    }
}

impl fmt::Debug for MockBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockBackend")
            .field("agent_addr", &self.agent_addr())
            .field("http_addr", &self.http_addr())
            .finish_non_exhaustive()
    }
}
