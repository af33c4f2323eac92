//! The losses that clients report, as they become known.

use std::collections::VecDeque;

use super::client::Client;

/// Losses remembered; the oldest one is forgotten first.
pub(super) const MAX_LOSSES: usize = 1000;

/// Why something was lost, as its client counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Spans that met a full queue.
    Full,
    /// Spans that alone exceeded a packet.
    TooLarge,
    /// Spans of packets that could not be sent.
    Failed,
    /// Batches that did not arrive, by the gaps in their numbers.
    Batches,
}

impl Cause {
    /// The name in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
            Self::Batches => "batches",
        }
    }
}

/// An increase of one of a client's counts of losses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Time of the batch that reported it, in microseconds since 1970.
    pub(crate) time_us: i64,
    pub(crate) service: String,
    pub(crate) client: Option<String>,
    pub(crate) cause: Cause,
    /// Spans, or batches.
    pub(crate) count: u64,
}

/// The losses of all clients, the newest one last.
#[derive(Debug, Default)]
pub(super) struct Losses(VecDeque<Loss>);

impl Losses {
    /// Returns the losses, the newest one first.
    pub(super) fn newest_first(&self) -> Vec<Loss> {
        self.0.iter().rev().cloned().collect()
    }

    /// Adds what a client's account grew by.
    pub(super) fn note(&mut self, time_us: i64, before: [u64; 4], client: &Client) {
        for ((cause, count), before) in totals(client).into_iter().zip(before) {
            let count = count.saturating_sub(before);
            if count == 0 {
                continue;
            }
            if self.0.len() == MAX_LOSSES {
                self.0.pop_front();
            }
            self.0.push_back(Loss {
                time_us,
                service: client.service_name.clone(),
                client: client.client_uuid.clone(),
                cause,
                count,
            });
        }
    }
}

/// Returns what a client lost since it began, by cause.
pub(crate) fn totals(client: &Client) -> [(Cause, u64); 4] {
    let stats = client.stats.unwrap_or_default();
    let count = |spans: i64| u64::try_from(spans).unwrap_or(0);
    [
        (Cause::Full, count(stats.full_queue_dropped_spans)),
        (Cause::TooLarge, count(stats.too_large_dropped_spans)),
        (Cause::Failed, count(stats.failed_to_emit_spans)),
        (Cause::Batches, client.lost_batches),
    ]
}
