//! Panics as logs of the span that is active where they happen.

use std::panic::{self, PanicHookInfo};

use crate::scope::{Which, active_tracer, with_active_span};
use crate::spans::logs::ErrorText;
use crate::state::at_exit;
use crate::tracer::builder::global_tracer;
use crate::tracer::lifecycle;
use crate::tracer::span::Span;

/// Logs each panic to the span that is active where it happens, and then calls the hook that was set before.
///
/// The log has the names of [`Span::record_error`]: `event=error`, `error.kind=panic`, the panic's text as `message`, and
/// its file, line and column as `stack`. Without this hook a span that unwinding drops has its tag `error`, but no text. A
/// span that is active by [`Span::activate`] is a context only, and gets none.
///
/// In a program that is built with `panic = "abort"` nothing is dropped, and this hook is the last code of ours that runs:
/// there it sends what has finished, for at most half a second each, and with the setting
/// [`flush_open`](crate::Config::flush_open) the spans that are active on the thread too
/// ([`Tracer::flush_open`](crate::Tracer::flush_open)). The tracers are that of the active span and the global one.
///
/// To be called once, as the program starts; a hook that is set later may call this one or not.
///
/// # Panics
/// On a thread that is panicking, as [`std::panic::set_hook`] does.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::reporters::InMemoryReporter;
///
/// picojaeger_std::install_panic_hook();
/// let spans = InMemoryReporter::new();
/// let config = Config::new("shop").sampler(Sampler::Const(true)).agent(false);
/// let tracer = config.reporter(spans.clone()).build()?;
/// let caught = std::panic::catch_unwind(|| {
///     tracer.start("order").in_scope(|| panic!("out of stock"));
/// });
/// tracer.flush(std::time::Duration::from_secs(2))?;
/// let message = &spans.spans()[0].logs[0].fields[2];
/// assert_eq!(message.value, "out of stock".into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn install_panic_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        log_to_span(panic);
        before(panic);
        if cfg!(panic = "abort") {
            send_before_abort();
        }
    }));
}

fn log_to_span(panic: &PanicHookInfo<'_>) {
    let message = text(panic).unwrap_or("a value that is no text");
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let text = ErrorText {
        kind: Some("panic"),
        message,
        causes: &place,
    };
    with_active_span(Which::Innermost, |slot, _| {
        Span::in_home(slot, |span| span.record_error_text(&text));
    });
}

fn text<'p>(panic: &'p PanicHookInfo<'_>) -> Option<&'p str> {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Sends what the tracers of this place have, since no destructor will. Its losses are in the log.
fn send_before_abort() {
    let global = global_tracer().state().cloned();
    for state in [active_tracer(), global].into_iter().flatten() {
        lifecycle::finish_copies(&state);
        let _complete = lifecycle::flush(&state, at_exit::LAST_FLUSH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sampler};

    /// In a program that aborts, its tracer's worker ends with it.
    #[test]
    fn before_an_abort_finished_and_active_spans_are_sent() {
        let config = Config::new("aborts").sampler(Sampler::Const(true));
        let config = config.agent(false).background(false).flush_open(true);
        let tracer = config.new_tracer().unwrap();
        tracer.start("finished").finish();
        tracer.start("active").in_scope(|| {
            send_before_abort();
            let stats = tracer.stats();
            assert_eq!((stats.delivered, stats.unfinished), (2, 1), "{stats}");
        });
    }
}
