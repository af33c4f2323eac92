//! Connections of all ports, each in a task of its own, and their limits.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::patient_stream::PatientStream;
use super::turns::{Turn, Turns};
use super::{Guard, Refusal, Reply, body, reply};

/// Bounds of what peers may take.
#[derive(Clone, Copy, Debug)]
pub(in crate::collector_server) struct Limits {
    /// Connections of each port; more are closed at once.
    pub(in crate::collector_server) connections: usize,
    /// Bodies that are in memory at one time.
    pub(in crate::collector_server) bodies: usize,
    /// Large answers that are in memory at one time.
    pub(in crate::collector_server) answers: usize,
    /// Bytes of a body, zipped or not.
    pub(in crate::collector_server) body: usize,
    /// Time for the head of a request, from the end of the one before it.
    pub(in crate::collector_server) head_time: Duration,
    /// Time for a body.
    pub(in crate::collector_server) body_time: Duration,
    /// Time that a request waits until it may have a body or an answer in memory.
    pub(in crate::collector_server) turn_time: Duration,
    /// Time that a peer may take none of an answer.
    pub(in crate::collector_server) patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 64,
            bodies: 8,
            answers: 4,
            body: 16 << 20,
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(15),
            // Clients of OTLP give an export 10 s.
            turn_time: Duration::from_secs(5),
            patience: Duration::from_secs(15),
        }
    }
}

/// Bytes and lines of a request's head.
const HEAD_BYTES: usize = 16 << 10;
const HEAD_LINES: usize = 64;

/// The pause after a failed accept, as without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the connections of all ports share.
pub(in crate::collector_server) struct Connections {
    pub(in crate::collector_server) guard: Guard,
    pub(in crate::collector_server) limits: Limits,
    /// Requests that were refused, over all ports.
    pub(in crate::collector_server) refused: AtomicU64,
    /// Connections that were closed as there were too many.
    pub(in crate::collector_server) overflow: AtomicU64,
    /// Peers that did not read.
    pub(in crate::collector_server) slow: Arc<AtomicU64>,
    bodies: Turns,
    answers: Turns,
}

impl Connections {
    pub(in crate::collector_server) fn new(guard: Guard, limits: Limits) -> Self {
        Connections {
            guard,
            limits,
            refused: AtomicU64::new(0),
            overflow: AtomicU64::new(0),
            slow: Arc::default(),
            bodies: Turns::new(limits.bodies, limits.turn_time),
            answers: Turns::new(limits.answers, limits.turn_time),
        }
    }

    /// Reads a body and hands it to `use_it` on a thread that may work for long, so that other connections go on.
    pub(in crate::collector_server) async fn with_body<T: Send + 'static>(
        &self,
        request: Request<Incoming>,
        use_it: impl FnOnce(Bytes) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let encoding = body::Encoding::of(request.headers())?;
        let Limits {
            body: limit,
            body_time,
            ..
        } = self.limits;
        let turn = self.bodies.take().await?;
        let body = body::read(request.into_body(), limit, body_time).await?;
        work(move || {
            let _turn = turn;
            use_it(encoding.decode(body, limit)?)
        })
        .await
    }

    /// Makes an answer that may be large and take long, on a thread that may work for long.
    pub(in crate::collector_server) async fn with_turn(
        &self,
        make: impl FnOnce(Turn) -> Result<Reply, Refusal> + Send + 'static,
    ) -> Result<Reply, Refusal> {
        let turn = self.answers.take().await?;
        work(move || make(turn)).await
    }
}

/// Runs what takes long on a thread of its own.
async fn work<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(run).await;
    done.unwrap_or_else(|_| {
        let status = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        Err(Refusal::new(status, "the collector failed at this request"))
    })
}

/// Answers the requests of one port.
pub(in crate::collector_server) trait Handler:
    Send + Sync + 'static
{
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// Makes the answer to a request that is refused, whose body has this type.
    fn refuse(&self, refusal: &Refusal, _content_type: &str) -> Reply {
        refusal.json()
    }
}

/// Accepts the connections of a port for ever. Needs a runtime around it.
pub(in crate::collector_server) fn serve(
    listener: TcpListener,
    shared: &Arc<Connections>,
    handler: Arc<impl Handler>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                shared.overflow.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
            tokio::spawn(async move {
                connection(stream, port, shared, handler).await;
                drop(place);
            });
        }
    });
    Ok(())
}

/// Answers the requests of one connection.
async fn connection(
    stream: TcpStream,
    port: u16,
    shared: Arc<Connections>,
    handler: Arc<impl Handler>,
) {
    let limits = shared.limits;
    let stream = PatientStream::new(stream, limits.patience, Arc::clone(&shared.slow));
    let service = service_fn(|request| {
        let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
        async move {
            let content_type = body::content_type(request.headers());
            let result = match shared.guard.check(&request, port) {
                Ok(()) => Arc::clone(&handler).answer(request).await,
                Err(refusal) => Err(refusal),
            };
            let mut reply = result.unwrap_or_else(|refusal| {
                shared.refused.fetch_add(1, Ordering::Relaxed);
                refusal.mark(handler.refuse(&refusal, &content_type))
            });
            reply::seal(&mut reply);
            Ok::<_, Infallible>(reply)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(HEAD_LINES)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES.max(64 << 10))
        .serve_connection(stream, service)
        .await;
    // A connection that fails is over; its peer knows.
    drop(served);
}
