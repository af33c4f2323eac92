//! The span of a future or stream, between its polls and in them.

use std::task::Poll;

use picojaeger_core::tags;

use crate::scope::Home;
use crate::tasks::into_span::IntoSpan;
use crate::tracer::span::Span;

/// The home of a future's span, which ends with it.
pub(crate) struct TaskHome {
    home: Home,
    /// Whether the future was ready, or unwound.
    is_ended: bool,
    /// Whether a panic is a type of errors, by OpenTelemetry's conventions.
    #[cfg(feature = "tower")]
    types_panics: bool,
}

/// The tag of an error's type, and its value for a panic.
#[cfg(feature = "tower")]
const PANIC: (&str, &str) = ("error.type", "panic");

impl TaskHome {
    pub(crate) fn of_span(span: impl IntoSpan) -> Self {
        TaskHome::new(span.into_span().take_home())
    }

    pub(super) fn of_active() -> Self {
        TaskHome::new(Home::of_active())
    }

    fn new(home: Home) -> Self {
        TaskHome {
            home,
            is_ended: false,
            #[cfg(feature = "tower")]
            types_panics: false,
        }
    }

    /// Tags a panic with its type of errors.
    #[cfg(feature = "tower")]
    pub(crate) const fn typing_panics(mut self, is_on: bool) -> Self {
        self.types_panics = is_on;
        self
    }

    /// Takes what lies here, with the span: for the body that a future becomes.
    #[cfg(feature = "tower")]
    pub(crate) fn take(&mut self) -> Self {
        self.home.forget_held();
        let is_ended = std::mem::replace(&mut self.is_ended, true);
        TaskHome {
            home: std::mem::take(&mut self.home),
            is_ended,
            types_panics: self.types_panics,
        }
    }

    pub(crate) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Runs a part of the work with the span active, and ends it if that unwinds.
    #[inline]
    pub(crate) fn run<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let mut running = Running {
            task: self,
            has_returned: false,
        };
        let entered = running.task.home.enter();
        let result = part();
        drop(entered);
        running.has_returned = true;
        result
    }

    /// Polls with the span active; ends it if the outcome is the last one. `is_last` gets the home of the span.
    #[inline]
    pub(crate) fn poll<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<T>,
        is_last: impl FnOnce(&T, &mut Home) -> bool,
    ) -> Poll<T> {
        let polled = self.run(poll);
        match &polled {
            Poll::Ready(outcome) if is_last(outcome, &mut self.home) => self.end(),
            _ => self.home.warn_of_held(),
        }
        polled
    }

    /// Drops the future: within its span, which is marked, if it is not ready.
    pub(crate) fn drop_future(&mut self, drop: impl FnOnce()) {
        if self.is_ended {
            return drop();
        }
        self.write(|span| {
            span.tag(tags::CANCELLED, true);
        });
        let _entered = self.home.enter();
        drop();
    }

    /// Writes to the span, if one lies here.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Span)) {
        if let Some(home) = self.home.span() {
            Span::in_home(home, write);
        }
    }

    pub(crate) fn end(&mut self) {
        self.is_ended = true;
        self.home.forget_held();
        drop(Span::from(self.home.span().and_then(Option::take)));
    }
}

impl Drop for TaskHome {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends the span of a future that unwinds: its drop marks the error.
struct Running<'h> {
    task: &'h mut TaskHome,
    has_returned: bool,
}

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.has_returned {
            #[cfg(feature = "tower")]
            if self.task.types_panics {
                self.task.write(|span| {
                    span.tag(PANIC.0, PANIC.1);
                });
            }
            self.task.end();
        }
    }
}
