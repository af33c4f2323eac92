//! Server-sent events: that the store has changed.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::http::Refusal;

#[cfg(test)]
mod tests;

/// Time between two events at least.
const INTERVAL: Duration = Duration::from_millis(250);
/// Time after which a client without news gets a comment, so that it and proxies see that the connection stands.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Clients at one time.
const MOST_CLIENTS: usize = 24;
/// Events that wait for a client, beside those in the buffers of the connection. A client that is late misses events in
/// between, and gets the last.
const WAITING: usize = 1;

/// The events of all clients.
pub(super) struct Live {
    events: watch::Sender<Bytes>,
    clients: Arc<Semaphore>,
    keep_alive: Duration,
}

impl Live {
    pub(super) fn new() -> Self {
        Live {
            events: watch::Sender::new(Bytes::new()),
            clients: Arc::new(Semaphore::new(MOST_CLIENTS)),
            keep_alive: KEEP_ALIVE,
        }
    }

    /// Makes events for ever: `state` is compared, and `event` makes the data of a new one. Needs a runtime around it.
    pub(super) fn publish<S: PartialEq + Send>(
        self: &Arc<Self>,
        state: impl Fn() -> S + Send + 'static,
        event: impl Fn() -> String + Send + 'static,
    ) {
        let live = Arc::clone(self);
        tokio::spawn(async move {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut last = None;
            loop {
                ticks.tick().await;
                let now = Some(state());
                let is_new = std::mem::replace(&mut last, now) != last;
                if is_new && live.events.receiver_count() > 0 {
                    live.events.send_replace(change(&event()));
                }
            }
        });
    }

    /// Adds a client, whose first event is `first`.
    pub(super) fn client(&self, first: &str) -> Result<LiveBody, Refusal> {
        let Ok(place) = Arc::clone(&self.clients).try_acquire_owned() else {
            let message = format!("{MOST_CLIENTS} pages are open already: close some");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        let (events, first) = (self.events.subscribe(), change(first));
        let feed = tokio::spawn(feed(events, first, sender, self.keep_alive)).abort_handle();
        Ok(LiveBody {
            events: receiver,
            feed,
            _place: place,
        })
    }
}

fn change(data: &str) -> Bytes {
    format!("event: change\ndata: {data}\n\n").into()
}

/// Sends events to one client until it is gone.
async fn feed(
    mut events: watch::Receiver<Bytes>,
    first: Bytes,
    to: mpsc::Sender<Bytes>,
    keep_alive: Duration,
) {
    let mut next = first;
    while to.send(next).await.is_ok() {
        next = match timeout(keep_alive, events.changed()).await {
            Ok(Ok(())) => events.borrow_and_update().clone(),
            Ok(Err(_)) => return,
            Err(_) => Bytes::from_static(b": alive\n\n"),
        };
    }
}

/// The body of an answer that has no end.
pub(super) struct LiveBody {
    events: mpsc::Receiver<Bytes>,
    /// The task that feeds it.
    feed: AbortHandle,
    _place: OwnedSemaphorePermit,
}

impl Drop for LiveBody {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

impl Body for LiveBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = self.events.poll_recv(cx);
        event.map(|event| event.map(|bytes| Ok(Frame::data(bytes))))
    }
}
