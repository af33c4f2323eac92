//! HTTP to a collector.
//!
//! The worker puts a batch into a mailbox and goes on; a thread of its own posts it, repeats what
//! failed, and wakes the worker when the outcome is known. The thread lives while there are
//! batches, and 3 s longer.

mod answer;
mod client;
#[cfg(feature = "gzip")]
mod gzip;
mod mailbox;
mod partial_success;
mod retry;
mod retry_after;
mod sender;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::thread::JoinHandle;

use picojaeger_core::{ExportCounts, SendOutcome, Transport};

use crate::config::CollectorSettings;
use crate::sys::fork;
use crate::transport::Closing;
use client::Client;
use mailbox::Mailbox;
use sender::{Pauses, Sender};

/// Posts each packet to a collector; one at a time is under way.
pub(crate) struct HttpTransport {
    mailbox: Arc<Mailbox>,
    pauses: Arc<dyn Pauses>,
    /// Interrupts requests.
    agent: ureq::Agent,
    closing: Arc<Closing>,
    settled: Waker,
    spawn: Spawn,
    silence: String,
    /// The error of the latest attempt, when it was looked at last.
    error: Option<String>,
    /// Fork generation of the process whose sockets these are.
    generation: u32,
}

/// Starts a thread, whose spans are discarded.
pub(crate) type Spawn = fn(&'static str, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>;

impl HttpTransport {
    /// Makes a transport, which wakes `settled` at each outcome. Opens no connection and starts no
    /// thread before the first packet.
    pub(crate) fn new(
        settings: &CollectorSettings,
        closing: Arc<Closing>,
        settled: Waker,
        spawn: Spawn,
    ) -> Self {
        let client = Client::new(settings);
        Self::with_parts(settings, client, |mailbox| mailbox, closing, settled, spawn)
    }

    /// Makes a transport with this client, and with the pauses that `pauses` makes of a mailbox.
    fn with_parts(
        settings: &CollectorSettings,
        client: Client,
        pauses: impl FnOnce(Arc<Mailbox>) -> Arc<dyn Pauses>,
        closing: Arc<Closing>,
        settled: Waker,
        spawn: Spawn,
    ) -> Self {
        let agent = client.agent();
        let mailbox = Arc::new(Mailbox::new(Sender::new(settings, client)));
        HttpTransport {
            agent,
            pauses: pauses(mailbox.clone()),
            mailbox,
            closing,
            settled,
            spawn,
            silence: format!("collector {}: it has not answered yet", settings.endpoint),
            error: None,
            generation: fork::generation(),
        }
    }

    fn start_thread(&self) -> io::Result<JoinHandle<()>> {
        let (mailbox, pauses) = (self.mailbox.clone(), self.pauses.clone());
        let settled = self.settled.clone();
        let run = move || Sender::run(&mailbox, &*pauses, &settled);
        (self.spawn)("picojaeger-http", Box::new(run))
    }

    /// Gives up, and interrupts the request that is under way. The thread is not waited for: it may
    /// hang in a look-up or a connect.
    fn end(&self) {
        self.mailbox.end();
        self.agent.clone().shutdown();
    }

    fn look(&mut self) {
        self.error = self.mailbox.error();
    }
}

impl Transport for HttpTransport {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        if self.closing.has_ended() {
            self.end();
            return SendOutcome::Unreachable;
        }
        if !self.mailbox.put(packet) {
            return SendOutcome::Pending;
        }
        match self.start_thread() {
            Ok(_detached) => SendOutcome::Pending,
            Err(error) => {
                let error = format!("cannot start the thread that sends: {error}");
                self.mailbox.take_back(error);
                self.look();
                SendOutcome::Retry
            }
        }
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        if self.closing.has_begun() {
            self.mailbox.close();
        }
        let outcome = self.mailbox.take_outcome();
        self.look();
        match outcome {
            Some(outcome) => outcome,
            None if self.closing.has_ended() => {
                self.end();
                SendOutcome::Unreachable
            }
            None => SendOutcome::Pending,
        }
    }

    fn export_counts(&self) -> Option<ExportCounts> {
        Some(self.mailbox.counts())
    }

    fn last_error(&self) -> Option<&dyn fmt::Display> {
        Some(self.error.as_ref().unwrap_or(&self.silence))
    }
}

impl Drop for HttpTransport {
    /// Ends the thread, unless it is that of a parent process, whose sockets are left alone.
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            self.end();
        }
    }
}

#[cfg(any(test, feature = "testing"))]
pub(crate) mod mock_server;
#[cfg(test)]
mod outage_tests;
#[cfg(all(test, feature = "receiver"))]
mod several_tests;
#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "tls"))]
mod tls_tests;
#[cfg(all(test, feature = "tls"))]
pub(crate) use tls_tests::TlsServer;
