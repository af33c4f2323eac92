//! Transports over `embedded-io`: packets as frames on a serial line.

#[cfg(feature = "embedded-io-async-07")]
use super::AsyncTransport;
use super::SendOutcome;
#[cfg(feature = "embedded-io-07")]
use super::Transport;
use super::slip::{END, Pieces};

/// Sends each packet as a frame by RFC 1055 (SLIP) to a writer of `embedded-io` or
/// `embedded-io-async`: a UART, USB-CDC, RTT, a pipe.
///
/// A writer that fails before it took a byte of a packet leaves it to be sent again
/// ([`SendOutcome::Retry`]); later its spans are lost ([`SendOutcome::Failed`]), and the next frame
/// begins with an end, so that it does not join the half one. So does the first one, which a boot
/// message or a frame before a reset may precede, and the frame after an `async` send that
/// was dropped, whose packet is sent again, as of any dropped future.
///
/// A frame takes 1 byte more than the packet, and 1 for each byte `c0` or `db` in it. A call lasts as
/// long as the writer takes for it; use one with a buffer, or an `async` one, where that is too
/// long. The line carries nothing else: log lines between frames would be read as frames.
///
/// ```
/// use picojaeger_core::{SendOutcome, SlipWriter, Transport};
///
/// let mut wire = [0; 16];
/// let mut writer = SlipWriter::new(&mut wire[..]);
/// assert_eq!(writer.send(&[1, 0xc0, 2]), SendOutcome::Accepted);
/// assert_eq!(wire[..6], [0xc0, 1, 0xdb, 0xdc, 2, 0xc0]);
/// ```
#[derive(Clone, Debug)]
pub struct SlipWriter<W> {
    writer: W,
    /// Bytes without an end may be on the line: half a frame, or what was there before this writer.
    is_within: bool,
}

impl<W> SlipWriter<W> {
    /// Makes a transport of a writer.
    pub const fn new(writer: W) -> Self {
        SlipWriter {
            writer,
            is_within: true,
        }
    }

    /// Returns the writer, as to flush it before a sleep.
    pub const fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Returns the pieces to write, after an end where one is missing.
    fn pieces<'p>(&self, packet: &'p [u8]) -> impl Iterator<Item = &'p [u8]> + use<'p, W> {
        let missing: Option<&[u8]> = self.is_within.then_some(&[END]);
        missing.into_iter().chain(Pieces::new(packet))
    }
}

impl<W: Default> Default for SlipWriter<W> {
    fn default() -> Self {
        SlipWriter::new(W::default())
    }
}

#[cfg(feature = "embedded-io-07")]
impl<W: embedded_io::Write> Transport for SlipWriter<W> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let (mut is_begun, mut is_missing_end) = (false, self.is_within);
        for piece in self.pieces(packet) {
            let mut rest = piece;
            while !rest.is_empty() {
                match self.writer.write(rest) {
                    Ok(written @ 1..) => rest = rest.get(written..).unwrap_or_default(),
                    // `Ok(0)` is an error by the contract of `embedded-io`.
                    _ if is_begun => return SendOutcome::Failed,
                    _ => return SendOutcome::Retry,
                }
                is_begun = !core::mem::take(&mut is_missing_end);
                self.is_within = is_begun;
            }
        }
        self.is_within = false;
        SendOutcome::Accepted
    }
}

#[cfg(feature = "embedded-io-async-07")]
impl<W: embedded_io_async::Write> AsyncTransport for SlipWriter<W> {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let (mut is_begun, mut is_missing_end) = (false, self.is_within);
        for piece in self.pieces(packet) {
            let mut rest = piece;
            while !rest.is_empty() {
                // Before the wait: a write that is dropped may have taken bytes.
                let was_within = core::mem::replace(&mut self.is_within, true);
                match self.writer.write(rest).await {
                    Ok(written @ 1..) => rest = rest.get(written..).unwrap_or_default(),
                    _ if is_begun => return SendOutcome::Failed,
                    _ => {
                        self.is_within = was_within;
                        return SendOutcome::Retry;
                    }
                }
                is_begun = !core::mem::take(&mut is_missing_end);
                self.is_within = is_begun;
            }
        }
        self.is_within = false;
        SendOutcome::Accepted
    }
}

#[cfg(all(test, feature = "embedded-io-07"))]
mod tests {
    use std::vec::Vec;

    use embedded_io::ErrorKind;

    use super::super::slip::tests::frames;
    use super::*;

    /// A line that takes few bytes at a time, and fails or takes none at scripted calls.
    #[derive(Default)]
    struct Line {
        bytes: Vec<u8>,
        call: usize,
        fails_at: Option<usize>,
        most: usize,
    }

    impl Line {
        fn take(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            let call = self.call;
            self.call += 1;
            if self.fails_at == Some(call) {
                return Err(ErrorKind::Other);
            }
            let most = bytes.len().min(self.most.max(1));
            self.bytes.extend(&bytes[..most]);
            Ok(most)
        }
    }

    impl embedded_io::ErrorType for Line {
        type Error = ErrorKind;
    }

    impl embedded_io::Write for Line {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            self.take(bytes)
        }
        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }

    const PACKET: [u8; 6] = [1, 2, END, 3, 0xdb, 4];

    #[test]
    fn a_half_frame_after_an_error_never_joins_the_next() {
        for most in 1..4 {
            let mut whole = SlipWriter::new(Line {
                most,
                ..Line::default()
            });
            assert_eq!(whole.send(&PACKET), SendOutcome::Accepted);
            for fails_at in 0..whole.writer().call {
                let mut line = SlipWriter::new(Line {
                    most,
                    fails_at: Some(fails_at),
                    ..Line::default()
                });
                let expected = match fails_at {
                    0 | 1 => SendOutcome::Retry, // the end that comes first is none of the packet's
                    _ => SendOutcome::Failed,
                };
                assert_eq!(line.send(&PACKET), expected, "{fails_at}");
                assert_eq!(line.send(&PACKET), SendOutcome::Accepted);
                assert_eq!(line.send(&[7]), SendOutcome::Accepted);
                let found = frames(&line.writer().bytes);
                let whole = [Some(PACKET.to_vec()), Some([7].to_vec())];
                assert!(found.ends_with(&whole), "{fails_at}: {found:?}");
                assert!(found.len() <= 3);
            }
        }
    }

    #[test]
    fn a_frame_joins_nothing_that_was_on_the_line_before() {
        let bytes = b"boot".to_vec();
        let mut line = SlipWriter::new(Line {
            bytes,
            ..Line::default()
        });
        assert_eq!(line.send(&PACKET), SendOutcome::Accepted);
        let found = frames(&line.writer().bytes);
        assert_eq!(found, [Some(b"boot".to_vec()), Some(PACKET.to_vec())]);
    }

    #[test]
    fn a_full_line_is_tried_again_without_a_trace() {
        let mut wire = [0; 8];
        let mut rest = SlipWriter::new(&mut wire[..0]);
        assert_eq!(Transport::send(&mut rest, &[1]), SendOutcome::Retry);
        let mut rest = SlipWriter::new(&mut wire[..2]);
        let outcome = Transport::send(&mut rest, &[1, 2, 3]);
        assert_eq!(outcome, SendOutcome::Failed);
        assert!(rest.is_within);
    }

    #[cfg(feature = "embedded-io-async-07")]
    mod polled {
        use core::future::{Future, poll_fn};
        use core::pin::pin;
        use core::task::{Context, Poll, Waker};

        use super::*;

        /// A line whose writes each wait for one poll more, after they took their bytes.
        #[derive(Default)]
        struct Slow(Line);

        impl embedded_io::ErrorType for Slow {
            type Error = ErrorKind;
        }

        impl embedded_io_async::Write for Slow {
            async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
                let taken = self.0.take(bytes);
                let mut waited = false;
                poll_fn(|_| match core::mem::replace(&mut waited, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
                taken
            }
            async fn flush(&mut self) -> Result<(), ErrorKind> {
                Ok(())
            }
        }

        /// Polls a send so many times, then drops it.
        fn polled(line: &mut SlipWriter<Slow>, packet: &[u8], polls: usize) -> Option<SendOutcome> {
            let mut send = pin!(AsyncTransport::send(line, packet));
            let mut context = Context::from_waker(Waker::noop());
            (0..polls).find_map(|_| match send.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => None,
            })
        }

        #[test]
        fn a_send_that_is_dropped_anywhere_never_joins_the_next() {
            let mut polls = 0;
            loop {
                let mut line = SlipWriter::new(Slow::default());
                let outcome = polled(&mut line, &PACKET, polls);
                let next = polled(&mut line, &PACKET, 100);
                assert_eq!(next, Some(SendOutcome::Accepted), "{polls}");
                let found = frames(&line.writer().0.bytes);
                assert_eq!(found.last(), Some(&Some(PACKET.to_vec())), "{polls}");
                assert!(found.len() <= 2);
                if outcome.is_some() {
                    break assert_eq!(found.len(), 2);
                }
                polls += 1;
            }
            assert!(polls > 5);
        }

        #[test]
        fn errors_are_those_of_the_other_twin() {
            for fails_at in 0..10 {
                let failing = Line {
                    fails_at: Some(fails_at),
                    most: 2,
                    ..Line::default()
                };
                let mut line = SlipWriter::new(Slow(failing));
                let expected = match fails_at {
                    0 | 1 => SendOutcome::Retry,
                    2..=6 => SendOutcome::Failed,
                    _ => SendOutcome::Accepted,
                };
                let found = polled(&mut line, &PACKET, 100);
                assert_eq!(found, Some(expected), "{fails_at}");
            }
        }
    }
}
