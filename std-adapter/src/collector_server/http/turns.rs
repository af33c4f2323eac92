//! Turns: how many bodies and answers are in memory at one time.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Refusal;

/// Answers of more bytes keep their turn until their peer has them, or is given up.
const LARGE_ANSWER: usize = 1 << 20;

/// The right to have a body or an answer in memory.
///
/// It moves with what it stands for: a request whose client has gone is dropped, while a thread still works for it.
pub(in crate::collector_server) struct Turn(#[expect(dead_code)] OwnedSemaphorePermit);

/// Gives a number of turns.
pub(super) struct Turns {
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Turns {
    /// Gives so many turns at one time; a request waits for its own for `patience`.
    pub(super) fn new(turns: usize, patience: Duration) -> Self {
        let free = Arc::new(Semaphore::new(turns));
        Turns { free, patience }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self) -> Result<Turn, Refusal> {
        let free = Arc::clone(&self.free).acquire_owned();
        match timeout(self.patience, free).await {
            Ok(Ok(permit)) => Ok(Turn(permit)),
            // It is never closed.
            Ok(Err(_)) | Err(_) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the collector is busy with other requests: send this one again",
            )),
        }
    }
}

impl Turn {
    /// Returns the bytes of an answer, which keep the turn if they are many.
    pub(in crate::collector_server) fn keep(self, body: Vec<u8>) -> Bytes {
        match body.len() > LARGE_ANSWER {
            true => Bytes::from_owner(Kept { body, _turn: self }),
            false => body.into(),
        }
    }
}

/// An answer with its turn.
struct Kept {
    body: Vec<u8>,
    _turn: Turn,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}
