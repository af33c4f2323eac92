//! Collectors that are away: look-ups and connects that hang, and an hour without an answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender as Channel, channel};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config as UreqConfig;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, TcpConnector};

use super::client::Client;
use super::mock_server::{Server, status};
use super::sender::Pauses;
use super::*;
use crate::config::{ClockSource, Config, Sampler};
use crate::memory::budget::Share;
use crate::memory::span_slot::SpanOwner as _;
use crate::state::TracerLink;
use crate::sys::sync::lock;
use crate::worker::spawn_helper;
use crate::{FlushError, Stats, Tracer};

const SOON: Duration = Duration::from_secs(20);
const OPERATION: &str = "during-an-outage";

fn config(url: &str) -> Config {
    Config::new("outage")
        .sampler(Sampler::Const(true))
        .clock(ClockSource::System)
        .flush_at_exit(false)
        .otlp(url)
}

/// Makes a tracer whose HTTP transport `make` makes, once.
fn tracer(
    config: Config,
    make: impl FnOnce(CollectorSettings, TracerLink) -> HttpTransport + Send + 'static,
) -> Tracer {
    let settings = config.resolve().unwrap().collector.unwrap();
    let make = Mutex::new(Some((make, settings)));
    let make = move |_: &_, link| {
        let (make, settings) = lock(&make).take()?;
        Some(Box::new(make(settings, link)) as crate::transport::BoxTransport)
    };
    let builder = config.tracer_builder().linked_transport(Arc::new(make));
    builder.build().unwrap()
}

/// A phase that begins with a message and hangs until its end is dropped.
#[derive(Debug)]
struct Hang {
    begun: Mutex<Channel<()>>,
    end: Mutex<Receiver<()>>,
}

/// The test's side of a hang.
struct Hung {
    begun: Receiver<()>,
    end: Channel<()>,
}

fn hang() -> (Hang, Hung) {
    let ((begun, is_begun), (end, is_over)) = (channel(), channel());
    let hang = Hang {
        begun: Mutex::new(begun),
        end: Mutex::new(is_over),
    };
    let hung = Hung {
        begun: is_begun,
        end,
    };
    (hang, hung)
}

impl Hang {
    fn wait(&self) {
        let _gone = lock(&self.begun).send(());
        let _over = lock(&self.end).recv();
    }
}

/// A look-up that hangs, and then finds nothing.
impl Resolver for Hang {
    fn resolve(
        &self,
        _: &Uri,
        _: &UreqConfig,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.wait();
        Err(Error::HostNotFound)
    }
}

/// A connect that hangs, and then fails.
impl Connector for Hang {
    type Out = <TcpConnector as Connector>::Out;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        self.wait();
        Err(Error::ConnectionFailed)
    }
}

fn adds_up(tracer: &Tracer) -> Stats {
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    stats
}

/// Closes a tracer whose HTTP thread hangs: it takes its time and no more, and every span is
/// counted, then and after the hang.
fn check_close(client: impl FnOnce(Client) -> Client + Send + 'static, hung: Hung) {
    const SPANS: u64 = 1_000;
    let make = |settings: CollectorSettings, link: TracerLink| {
        let client = client(Client::new(&settings));
        let TracerLink { waker, closing } = link;
        HttpTransport::with_parts(&settings, client, |it| it, closing, waker, spawn_helper)
    };
    // The time-out of a request would end the hang in a minute, were it asked for.
    let config = config("http://hangs.internal:4318").collector_timeout(Some(SOON * 3));
    let tracer = tracer(config, make);
    (0..SPANS).for_each(|_| tracer.start(OPERATION).finish());
    hung.begun.recv_timeout(SOON).unwrap();
    let begun = Instant::now();
    let end = tracer.close(Duration::from_millis(100));
    let took = begun.elapsed();
    assert!(matches!(end, Err(FlushError::TimedOut { .. })), "{end:?}");
    assert!(took < SOON / 2, "{took:?}");
    while adds_up(&tracer).queued > 0 {
        std::thread::yield_now();
    }
    assert_eq!(adds_up(&tracer).lost.unreachable, SPANS);
    drop(hung.end);
    tracer.start(OPERATION).finish();
    let stats = adds_up(&tracer);
    assert_eq!((stats.lost.unreachable, stats.lost.closed), (SPANS, 1));
}

#[test]
fn a_look_up_that_hangs_costs_a_close_its_time() {
    let (hang, hung) = hang();
    check_close(
        |client| client.with_parts(TcpConnector::default(), hang),
        hung,
    );
}

#[test]
fn a_connect_that_hangs_costs_a_close_its_time() {
    let (hang, hung) = hang();
    check_close(|client| client.with_parts(hang, Fixed), hung);
}

/// A look-up that finds an address that nobody connects to.
#[derive(Debug)]
struct Fixed;

impl Resolver for Fixed {
    fn resolve(
        &self,
        _: &Uri,
        _: &UreqConfig,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut found = self.empty();
        found.push(SocketAddr::from(([127, 0, 0, 1], 1)));
        Ok(found)
    }
}

/// A clock of the sender's thread, which its pauses move on; the outage ends when it shows an hour.
struct Hour {
    now: Mutex<Duration>,
    pauses: AtomicUsize,
    is_over: AtomicBool,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Pauses for Hour {
    fn now(&self) -> Duration {
        *lock(&self.now)
    }

    fn pause(&self, pause: Duration) {
        if !self.is_over.load(Ordering::SeqCst) {
            self.pauses.fetch_add(1, Ordering::Relaxed);
        }
        let mut now = lock(&self.now);
        *now += pause;
        if *now >= HOUR {
            self.is_over.store(true, Ordering::SeqCst);
        }
    }

    fn is_closing(&self) -> bool {
        false
    }
}

/// Refuses each connection until the hour is over, then connects.
#[derive(Debug)]
struct Away {
    hour: Arc<Hour>,
    attempts: Arc<AtomicUsize>,
    connector: TcpConnector,
}

impl std::fmt::Debug for Hour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hour")
    }
}

impl Connector for Away {
    type Out = <TcpConnector as Connector>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        if self.hour.is_over.load(Ordering::SeqCst) {
            return self.connector.connect(details, chained);
        }
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Err(Error::ConnectionFailed)
    }
}

/// Counts the wake-ups of a worker in the hour.
struct Alarms {
    hour: Arc<Hour>,
    waker: Waker,
    count: Arc<AtomicUsize>,
}

impl Wake for Alarms {
    fn wake(self: Arc<Self>) {
        if !self.hour.is_over.load(Ordering::SeqCst) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        self.waker.wake_by_ref();
    }
}

#[test]
fn an_hour_without_a_collector_costs_little_and_then_all_arrives() {
    const LIMIT: usize = 1 << 20;
    let server = Server::new(&[status("200 OK")]);
    let hour = Arc::new(Hour {
        now: Mutex::default(),
        pauses: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let attempts = Arc::<AtomicUsize>::default();
    let away = Away {
        hour: hour.clone(),
        attempts: attempts.clone(),
        connector: TcpConnector::default(),
    };
    let (clock, alarms) = (hour.clone(), Arc::<AtomicUsize>::default());
    let count = alarms.clone();
    let make = |settings: CollectorSettings, link: TracerLink| {
        let client = Client::new(&settings).with_parts(away, DefaultResolver::default());
        let TracerLink { waker, closing } = link;
        let waker = Waker::from(Arc::new(Alarms {
            hour: clock.clone(),
            waker,
            count,
        }));
        HttpTransport::with_parts(&settings, client, |_| clock, closing, waker, spawn_helper)
    };
    let tracer = tracer(config(&server.url()).memory_limit(LIMIT), make);
    while !hour.is_over.load(Ordering::SeqCst) {
        tracer.start(OPERATION).finish();
        let stats = tracer.stats();
        assert!(
            stats.delivered == 0 || hour.is_over.load(Ordering::SeqCst),
            "{stats}"
        );
    }
    let alarms = alarms.load(Ordering::Relaxed);
    let state = tracer.state().unwrap();
    assert!(state.pool().budget().drawn(Share::Rings) <= LIMIT, "memory");
    let attempts = attempts.load(Ordering::Relaxed);
    assert!(
        (720..=1_600).contains(&attempts),
        "one in 2.5 to 5 s: {attempts}"
    );
    let pauses = hour.pauses.load(Ordering::Relaxed);
    assert!(
        pauses <= attempts + 2,
        "{pauses} pauses, {attempts} attempts"
    );
    assert!(
        alarms <= attempts * 2,
        "{alarms} wake-ups, {attempts} attempts"
    );

    (0..100).for_each(|_| tracer.start(OPERATION).finish());
    tracer.flush(SOON).ok();
    let stats = adds_up(&tracer);
    assert_eq!((stats.queued, stats.open), (0, 0), "{stats}");
    assert!(stats.lost.unreachable > 0, "batches were given up: {stats}");
    assert_eq!(stats.lost.total(), stats.lost.unreachable + stats.lost.full);
    assert_eq!(stats.delivered, server.spans(OPERATION) as u64, "{stats}");
    assert!(stats.delivered >= 100, "delivery has resumed: {stats}");
    tracer.close(SOON).unwrap();
}
