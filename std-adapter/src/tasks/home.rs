//! The span of a future or stream, between its polls and in them.

use std::task::Poll;

use picojaeger_core::tags;

use crate::scope::Home;
use crate::tasks::into_span::IntoSpan;
use crate::tracer::span::Span;

/// The home of a future's span, which ends with it.
pub(super) struct TaskHome {
    home: Home,
    /// Whether the future was ready, or unwound.
    is_ended: bool,
}

impl TaskHome {
    pub(super) fn of_span(span: impl IntoSpan) -> Self {
        TaskHome::new(span.into_span().take_home())
    }

    pub(super) fn of_active() -> Self {
        TaskHome::new(Home::of_active())
    }

    fn new(home: Home) -> Self {
        TaskHome {
            home,
            is_ended: false,
        }
    }

    pub(super) const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Polls with the span active; ends it if the outcome is the last one.
    #[inline]
    pub(super) fn poll<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<T>,
        is_last: impl FnOnce(&T) -> bool,
    ) -> Poll<T> {
        let mut polling = Polling {
            task: self,
            has_returned: false,
        };
        let entered = polling.task.home.enter();
        let polled = poll();
        drop(entered);
        polling.has_returned = true;
        let task = &mut *polling.task;
        match &polled {
            Poll::Ready(outcome) if is_last(outcome) => task.end(),
            _ => task.home.warn_of_held(),
        }
        polled
    }

    /// Drops the future: within its span, which is marked, if it is not ready.
    pub(super) fn drop_future(&mut self, drop: impl FnOnce()) {
        if self.is_ended {
            return drop();
        }
        self.tag(tags::CANCELLED);
        let _entered = self.home.enter();
        drop();
    }

    /// Sets a tag of the span to `true`.
    fn tag(&mut self, key: &'static str) {
        if let Some(home) = self.home.span() {
            Span::in_home(home, |span| {
                span.tag(key, true);
            });
        }
    }

    fn end(&mut self) {
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

/// Ends the span of a future whose poll unwinds: its drop marks the error.
struct Polling<'h> {
    task: &'h mut TaskHome,
    has_returned: bool,
}

impl Drop for Polling<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.has_returned {
            self.task.end();
        }
    }
}
