//! The payload of frames.

use super::Word;
use super::frame::Frame;

/// The payload of a ring's frames, and how it is read back: [`Words`], or
/// [`Records`](crate::record::Records).
///
/// What goes in as one kind never comes out as another, so a ring and its ends are
/// invariant in it: where one kind is a subtype of another, neither end coerces.
///
/// ```compile_fail,E0308
/// use picojaeger_core::ring::Consumer;
///
/// fn other<'r>(end: Consumer<'r, for<'a> fn(&'a str)>) -> Consumer<'r, fn(&'static str)> {
///     end
/// }
/// ```
///
/// ```compile_fail,E0308
/// use picojaeger_core::ring::Producer;
///
/// fn other<'r>(end: Producer<'r, fn(&'static str)>) -> Producer<'r, for<'a> fn(&'a str)> {
///     end
/// }
/// ```
///
/// ```compile_fail,E0308
/// use picojaeger_core::ring::Reservation;
///
/// fn other<'r>(reservation: Reservation<'r, fn(&'static str)>) -> Reservation<'r, for<'a> fn(&'a str)> {
///     reservation
/// }
/// ```
///
/// # Safety
///
/// `view` is only called with the words of one body, as `parts` gave them, that
/// was committed and is not freed in `'v`; it may rely on what `parts` promises
/// about them. It may run on another thread, after the body is gone: what the
/// words hold must bear both.
pub unsafe trait Payload {
    /// The value that a producer hands over; it is copied word by word.
    type Body<'b>: ?Sized;
    /// The value that the consumer reads in place.
    type View<'v>;

    /// The words of a body, in order.
    fn parts<'b>(body: &'b Self::Body<'_>) -> [&'b [Word]; 2];

    /// Reads a frame in place.
    ///
    /// # Safety
    /// `frame` came from `parts` of this type.
    unsafe fn view(frame: Frame<'_>) -> Self::View<'_>;
}

/// Frames of plain words, which come back as [`Frame`]s.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a marker")]
pub struct Words;

// SAFETY: a frame is viewed as the words it is.
unsafe impl Payload for Words {
    type Body<'b> = [Word];
    type View<'v> = Frame<'v>;

    #[inline]
    fn parts(body: &[Word]) -> [&[Word]; 2] {
        [body, &[]]
    }

    #[inline]
    unsafe fn view(frame: Frame<'_>) -> Frame<'_> {
        frame
    }
}

/// A ring whose frames hold borrowed text must not lengthen the borrow.
///
/// ```compile_fail
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, DropNewest};
///
/// type Ring<'t> = FrameRing<Interrupts, (), Bytes<128>, DropNewest, fn(&'t str)>;
/// fn shorten<'r, 't>(ring: &'r Ring<'static>) -> &'r Ring<'t> { ring }
/// ```
///
/// ```compile_fail
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, DropNewest};
///
/// type Ring<'t> = FrameRing<Interrupts, (), Bytes<128>, DropNewest, fn(&'t str)>;
/// fn lengthen<'r, 't>(ring: &'r Ring<'t>) -> &'r Ring<'static> { ring }
/// ```
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, DropNewest};
///
/// type Ring<'t> = FrameRing<Interrupts, (), Bytes<128>, DropNewest, fn(&'t str)>;
/// fn same<'r, 't>(ring: &'r Ring<'t>) -> &'r Ring<'t> { ring }
/// ```
#[cfg(doctest)]
mod invariance {}
