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
        task.home.warn_of_held();
        if let Poll::Ready(outcome) = &polled
            && is_last(outcome)
        {
            task.is_ended = true;
            task.end();
        }
        polled
    }

    /// Marks the span of a future that is dropped before it is ready.
    pub(super) fn mark_dropped(&mut self) {
        if !self.is_ended {
            self.tag(tags::CANCELLED);
        }
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
        self.home.forget_held();
        drop(Span::from(self.home.span().and_then(Option::take)));
    }
}

impl Drop for TaskHome {
    fn drop(&mut self) {
        self.end();
    }
}

/// Marks the span of a future whose poll unwinds.
struct Polling<'h> {
    task: &'h mut TaskHome,
    has_returned: bool,
}

impl Drop for Polling<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.has_returned {
            self.task.is_ended = true;
            self.task.tag(tags::ERROR);
        }
    }
}
