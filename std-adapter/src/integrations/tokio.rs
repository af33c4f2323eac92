//! Signals on tokio.

#[cfg(any(unix, windows))]
use std::future::poll_fn;
use std::io;
#[cfg(any(unix, windows))]
use std::task::Poll;

use log::Level;

use crate::sys::log::log_guarded;

/// Waits for the wish that the process ends: SIGTERM or SIGINT on Unix, Ctrl-C, the end of the console or of the
/// system elsewhere.
///
/// For `axum::serve(…).with_graceful_shutdown(shutdown_signal())` and the like. Any number of these futures may wait.
/// The signal is taken from the process's default action, which would end it. Once this future is ready both have
/// that action again on Unix, so a second Ctrl-C ends a process whose shutdown hangs; other listeners of these
/// signals get no further one.
///
/// A signal that the system refuses to listen for is logged (target `picojaeger`, level error) and keeps its default
/// action.
///
/// # Panics
/// Outside a tokio runtime, or in one without its IO driver (`enable_io`).
///
/// ```no_run
/// use std::time::Duration;
/// use picojaeger_std::shutdown_signal;
///
/// # async fn serve(until: impl Future<Output = ()>) { until.await }
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let tracer = picojaeger_std::init("shop")?;
/// serve(shutdown_signal()).await;
/// tracer.close_async(Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
pub async fn shutdown_signal() {
    wait().await;
    #[cfg(unix)]
    crate::sys::signals::restore_default_actions();
}

/// Waits until one of the listeners has its signal; one that is `None` never has. Each is polled, so that each wakes the
/// task. Their types differ, and have no trait in common.
#[cfg(any(unix, windows))]
macro_rules! first_of {
    ($($listener:ident),+) => {
        poll_fn(|context| {
            let is_ready = [$(
                $listener.as_mut().is_some_and(|it| it.poll_recv(context).is_ready()),
            )+];
            match is_ready.contains(&true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    };
}

#[cfg(unix)]
async fn wait() {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = listening("SIGINT", signal(SignalKind::interrupt()));
    let mut terminate = listening("SIGTERM", signal(SignalKind::terminate()));
    first_of!(interrupt, terminate).await;
}

#[cfg(windows)]
async fn wait() {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    let mut key = listening("Ctrl-C", ctrl_c());
    let mut pause = listening("Ctrl-Break", ctrl_break());
    let mut close = listening("the end of the console", ctrl_close());
    let mut shutdown = listening("the end of the system", ctrl_shutdown());
    first_of!(key, pause, close, shutdown).await;
}

#[cfg(not(any(unix, windows)))]
async fn wait() {
    std::future::pending().await
}

/// Returns the listener, or logs why there is none.
#[cfg(any(unix, windows))]
fn listening<S>(signal: &str, listener: io::Result<S>) -> Option<S> {
    let log = |error: &io::Error| {
        let line = format_args!("{signal} does not shut this process down in order: {error}");
        log_guarded(Level::Error, line);
    };
    listener.inspect_err(log).ok()
}
