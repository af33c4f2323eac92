//! The clients of a collector, each with its own account.

use std::collections::VecDeque;

use crate::model::{ClientStats, Process};

/// Clients remembered; the one that was silent for longest is forgotten first.
pub(super) const MAX_CLIENTS: usize = 256;

/// Longest service name and client-uuid of a remembered client, together, in bytes.
const MAX_CLIENT_NAME: usize = 1024;

/// A client's account of itself, as last received; clients differ by service and `client-uuid`.
///
/// Like Jaeger's agent, the collector ignores a batch number that is not greater than the last one
/// and takes a gap for lost batches. Batches lost before the first that arrived are not seen.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{Encoding, Received, encode};
/// use picojaeger_std::model::{Batch, Process};
///
/// let mut received = Received::default();
/// for seq_no in [1, 2, 5] {
///     let mut batch = Batch::new(Process::new("shop"));
///     batch.seq_no = Some(seq_no);
///     received.accept(&encode(&batch, Encoding::default())?);
/// }
/// assert_eq!(received.clients()[0].lost_batches, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// Name of the service.
    pub service_name: String,
    /// Process tag `client-uuid`, if it is sent.
    pub client_uuid: Option<String>,
    /// Greatest batch number.
    pub seq_no: Option<i64>,
    /// The client's statistics, of the batch with that number.
    pub stats: Option<ClientStats>,
    /// Batches that arrived.
    pub batches: u64,
    /// Batches that did not arrive, by the gaps in `seq_no`.
    pub lost_batches: u64,
    /// Time of the last batch in microseconds since 1970, in the store of the program.
    pub(crate) last_us: i64,
}

/// The clients that sent lately, the most recent one last.
#[derive(Debug, Default)]
pub(super) struct Clients(VecDeque<Client>);

impl Clients {
    pub(super) fn to_vec(&self) -> Vec<Client> {
        self.0.iter().cloned().collect()
    }

    /// The client of a process, if it is known.
    #[cfg(feature = "collector")]
    pub(super) fn find(&self, process: &Process) -> Option<&Client> {
        self.0.iter().rfind(|client| client.is(process))
    }

    /// Takes the account of a batch, and makes its client the most recent one. Returns it, unless its name is too long.
    pub(super) fn note(
        &mut self,
        process: &Process,
        seq_no: Option<i64>,
        stats: Option<ClientStats>,
    ) -> Option<&mut Client> {
        let uuid = process.client_uuid().map_or(0, str::len);
        if process.service_name.len() + uuid > MAX_CLIENT_NAME {
            return None;
        }
        let known = self.0.iter().position(|client| client.is(process));
        let known = known.and_then(|at| self.0.remove(at));
        let mut client = known.unwrap_or_else(|| Client::new(process));
        client.note(seq_no, stats);
        if self.0.len() == MAX_CLIENTS {
            self.0.pop_front();
        }
        self.0.push_back(client);
        self.0.back_mut()
    }
}

impl Client {
    fn new(process: &Process) -> Self {
        Self {
            service_name: process.service_name.clone(),
            client_uuid: process.client_uuid().map(str::to_owned),
            seq_no: None,
            stats: None,
            batches: 0,
            lost_batches: 0,
            last_us: 0,
        }
    }

    fn is(&self, process: &Process) -> bool {
        self.service_name == process.service_name
            && self.client_uuid.as_deref() == process.client_uuid()
    }

    fn note(&mut self, seq_no: Option<i64>, stats: Option<ClientStats>) {
        self.batches += 1;
        match (self.seq_no, seq_no) {
            (Some(last), Some(new)) if new <= last => return,
            (Some(last), Some(new)) => {
                let lost = new.abs_diff(last) - 1;
                self.lost_batches = self.lost_batches.saturating_add(lost);
            }
            _ => {}
        }
        self.seq_no = seq_no.or(self.seq_no);
        self.stats = stats.or(self.stats);
    }
}
