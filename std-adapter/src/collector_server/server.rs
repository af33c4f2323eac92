//! The threads of the program.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::args::Args;
use super::http::{Connections, Guard, Limits, serve};
use super::live::Live;
use super::ports::Sockets;
use super::receive::{Protocol, Receiver};
use super::routes::Routes;
use super::sampling::Strategies;
use super::{Collector, Inbox, relay};
use crate::sys::threads;

/// Threads for what takes long: with two, a large body does not hold up the page.
const WORKERS: usize = 2;
/// The longest wait for these at the end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The settings of the listeners.
pub(super) struct Settings {
    guard: Guard,
    limits: Limits,
}

impl Settings {
    pub(super) fn new(args: &Args, token: Option<&str>) -> Self {
        let any_address = !args.listen.is_loopback();
        Settings {
            guard: Guard::new(&args.allow_host, any_address, token),
            limits: Limits {
                body: args.max_body,
                ..Limits::default()
            },
        }
    }
}

/// All listeners; dropping it ends them.
pub(super) struct Server {
    _udp: [Collector; 2],
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to listen on all sockets.
    pub(super) fn start(
        sockets: Sockets,
        inbox: &Arc<Inbox>,
        settings: Settings,
        strategies: Strategies,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(WORKERS)
            .thread_name("collector-work")
            .build()?;
        let places = sockets.places().to_vec();
        let udp = [
            Collector::listen(sockets.udp_compact.socket, Arc::clone(inbox))?,
            Collector::listen(sockets.udp_binary.socket, Arc::clone(inbox))?,
        ];
        let entered = runtime.enter();
        let shared = Arc::new(Connections::new(settings.guard, settings.limits));
        for (listener, protocol) in [
            (sockets.thrift.socket, Protocol::Thrift),
            (sockets.otlp.socket, Protocol::Otlp),
        ] {
            let receiver = Receiver {
                inbox: Arc::clone(inbox),
                shared: Arc::clone(&shared),
                protocol,
            };
            serve(listener, &shared, Arc::new(receiver))?;
        }
        serve(sockets.sampling.socket, &shared, Arc::new(strategies))?;
        relay::serve(sockets.relay.socket, inbox)?;
        let routes = Arc::new(Routes {
            inbox: Arc::clone(inbox),
            shared: Arc::clone(&shared),
            live: Arc::new(Live::new()),
            places,
            cookie: format!("picojaeger-{}", sockets.page.place.address.port()),
        });
        let (state, event) = (Arc::clone(&routes), Arc::clone(&routes));
        routes
            .live
            .publish(move || state.state(), move || event.event());
        serve(sockets.page.socket, &shared, routes)?;
        drop(entered);
        let (stop, stopped) = oneshot::channel();
        let thread = threads::spawn("collector-http", move || run(runtime, stopped))?;
        Ok(Server {
            _udp: udp,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Runs all connections until the end.
fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    // An error says that the sender is gone, which is an end too.
    drop(runtime.block_on(stopped));
    runtime.shutdown_timeout(LAST_WAIT);
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails where the thread has ended.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
