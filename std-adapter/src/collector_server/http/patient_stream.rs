//! A stream that gives up a peer which does not read, and lets one that still writes read the answer.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A connection on which a write may wait for `patience` only: a peer that does not read would keep its answers, and
/// its place among the connections, for ever.
pub(super) struct PatientStream {
    stream: TokioIo<TcpStream>,
    patience: Duration,
    /// The end of the wait of the present write.
    end: Option<Pin<Box<Sleep>>>,
    /// Counts peers that were given up.
    slow: Arc<AtomicU64>,
    /// The bytes that are left to read after the end of the answers.
    rest: Option<Rest>,
}

/// The longest wait for a peer to end its request when its answer is sent, and the most bytes that are read meanwhile.
const LAST_WAIT: Duration = Duration::from_secs(2);
const LAST_BYTES: usize = 64 << 20;

/// Bytes of a request that nobody wants any more, as of a body that is too long.
struct Rest {
    end: Pin<Box<Sleep>>,
    bytes: usize,
}

impl PatientStream {
    pub(super) fn new(stream: TcpStream, patience: Duration, slow: Arc<AtomicU64>) -> Self {
        PatientStream {
            stream: TokioIo::new(stream),
            patience,
            end: None,
            slow,
            rest: None,
        }
    }

    /// Bounds the wait of a write.
    fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let end = self
            .end
            .get_or_insert_with(|| Box::pin(sleep(self.patience)));
        ready!(end.as_mut().poll(cx));
        self.slow.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads and forgets what the peer still sends, until it ends, or a limit.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let rest = self.rest.get_or_insert_with(|| Rest {
            end: Box::pin(sleep(LAST_WAIT)),
            bytes: 0,
        });
        while rest.bytes < LAST_BYTES && rest.end.as_mut().poll(cx).is_pending() {
            let mut piece = [0; 4 << 10];
            let mut buffer = ReadBuf::new(&mut piece);
            let read = Pin::new(&mut self.stream).poll_read(cx, buffer.unfilled());
            match (ready!(read), buffer.filled().len()) {
                (Ok(()), 1..) => rest.bytes += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl Read for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bound(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        // To close while bytes are unread resets the connection, and the peer may lose the answer.
        self.poll_rest(cx).map(Ok)
    }
}
