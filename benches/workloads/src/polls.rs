//! A future that waits, polled many times.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use crate::Workload;

/// A future that is never ready, and counts its polls.
#[derive(Debug, Default)]
pub struct Waiting {
    polls: u64,
}

impl Future for Waiting {
    type Output = ();

    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.polls = black_box(self.polls + 1);
        Poll::Pending
    }
}

/// Polls a future as often as [`Workload::Polls`] has it.
#[inline(never)]
pub fn poll_often(future: impl Future) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..Workload::Polls.spans() {
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
}
