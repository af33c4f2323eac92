//! What the attribute `traced` calls. No part of the API: it changes with the version that pins the macro.

mod future;
mod outcome;
mod parent;
mod values;

use crate::scope::EnteredHome;
use crate::tasks::in_span::{FutureInSpan, InSpan};
use crate::tasks::into_span::IntoSpan;
use crate::tracer::span::Span;

pub use future::WrittenFuture;
pub use outcome::{Fault, Outcome, record_debug};
pub use parent::Parent;
pub use values::Field;

/// Traits whose methods have one name each: the compiler takes the first that holds for a type.
pub mod levels {
    pub use super::outcome::{ByDisplay as _, ByError as _, ByTarget as _};
    pub use super::parent::{ByContext as _, BySpan as _};
    pub use super::values::{ByReference as _, ByText as _, ByValue as _, ByValueBehind as _};
}

/// Starts a child of the active span, by its tracer.
#[inline]
pub fn start(name: &'static str) -> Span {
    name.into_span()
}

/// A span that is active on this thread until this is dropped, and then ends.
pub struct Entered(EnteredHome);

impl Entered {
    #[inline]
    #[must_use]
    pub fn new(mut span: Span) -> Self {
        Entered(EnteredHome::new(span.take_home()))
    }

    /// Lets `write` write to the span, which is active no longer.
    fn leave(mut self, write: impl FnOnce(&mut Span)) {
        if let Some(slot) = self.0.leave().span() {
            Span::in_home(slot, write);
        }
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        let home = self.0.leave();
        drop(Span::from(home.span().and_then(Option::take)));
        home.return_held();
    }
}

/// Runs `body` with the span active, and then `write`.
#[inline]
pub fn run<R>(span: Span, body: impl FnOnce() -> R, write: impl FnOnce(&mut Span, &R)) -> R {
    let entered = Entered::new(span);
    let result = body();
    entered.leave(|span| write(span, &result));
    result
}

/// Calls a body that returns a future, also from its middle.
#[inline]
pub fn call<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[inline]
pub fn future<F: Future>(span: Span, future: F) -> FutureInSpan<F> {
    future.in_span(span)
}

/// Makes a future that runs in the span, to which `write` writes the output.
#[inline]
pub fn written_future<F, W>(span: Span, future: F, write: W) -> WrittenFuture<F, W>
where
    F: Future,
    W: FnOnce(&mut Span, &F::Output),
{
    WrittenFuture::new(span, future, write)
}
