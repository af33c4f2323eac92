//! Errors as logs of a span.

use std::any::type_name;
use std::error::Error;
use std::fmt::{Display, Write as _};

use crate::spans::logs::ErrorText;
use crate::tracer::span::Span;

impl Span {
    /// Tags the span `error=true` and logs the error, by the names of OpenTracing: `event=error`, its
    /// type as `error.kind`, its text as `message`, and with its causes, a line each, as `stack`.
    ///
    /// The type of a `dyn Error` is not known, and left out. The list of causes is cut to
    /// [`max_traceback_length`](crate::config::SpanSettings::max_traceback_length) bytes.
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
    /// let mut span = tracer.start("order");
    /// if let Err(error) = "seven".parse::<u32>() {
    ///     span.record_error(&error);
    /// }
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn record_error<E: Error + ?Sized>(&mut self, error: &E) -> &mut Self {
        let kind = Some(type_name::<E>()).filter(|name| !name.starts_with("dyn "));
        self.record_failure(kind, error, error.source())
    }

    /// Records an error of which only type, text and cause are known.
    pub(crate) fn record_failure(
        &mut self,
        kind: Option<&str>,
        message: impl Display,
        source: Option<&(dyn Error + 'static)>,
    ) -> &mut Self {
        if self.writable().is_none() {
            self.note_error();
            return self;
        }
        let message = message.to_string();
        let causes = causes(&message, source);
        self.record_error_text(&ErrorText {
            kind,
            message: &message,
            causes: &causes,
        });
        self
    }

    /// Records an error that is text already.
    pub(crate) fn record_error_text(&mut self, text: &ErrorText<'_>) {
        self.note_error();
        if let Some(slot) = self.writable() {
            let longest = slot.owner.common.settings.spans.max_traceback_length;
            slot.record_error(text, longest);
        }
    }
}

/// Returns the error and its causes, a line each; nothing if there is no cause.
fn causes(message: &str, mut source: Option<&(dyn Error + 'static)>) -> String {
    if source.is_none() {
        return String::new();
    }
    let mut lines = message.to_owned();
    while let Some(cause) = source {
        // Writing to a string does not fail.
        let _written = write!(lines, "\ncaused by: {cause}");
        source = cause.source();
    }
    lines
}
