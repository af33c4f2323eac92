//! Ids in the lines of `tracing-subscriber`'s formatter.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use picojaeger_std::config::Sampler;
use picojaeger_std::tracing::{JsonWithIds, SpanExt as _, TextWithIds, layer};
use picojaeger_std::{Config, SpanContext, Tracer, current_ids};
use tracing::{Subscriber, info, info_span};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;

/// What was written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Lines;

    fn make_writer(&self) -> Lines {
        self.clone()
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn tracer() -> Tracer {
    let config = Config::new("shop").sampler(Sampler::Const(true));
    config.agent(false).background(false).new_tracer().unwrap()
}

/// Logs a line outside of spans, one in a span of `tracing`, and one in a span of ours; returns the contexts of the
/// spans.
fn log_three(tracer: &Tracer, subscriber: impl Subscriber + Send + Sync) -> [SpanContext; 2] {
    tracing::subscriber::with_default(subscriber, || {
        info!("outside");
        let theirs = info_span!("theirs", field = 1).entered();
        info!(quoted = "a \"b\"", "in theirs");
        let ours = tracer.start("ours");
        let _active = ours.activate();
        info!("in ours");
        [theirs.context(), ours.context()]
    })
}

#[test]
fn text_has_the_ids_in_front() {
    let (tracer, lines) = (tracer(), Lines::default());
    let format = TextWithIds::new(fmt::format().without_time().with_target(false));
    let text = fmt::layer()
        .with_ansi(false)
        .with_writer(lines.clone())
        .event_format(format);
    let spans = log_three(
        &tracer,
        tracing_subscriber::registry()
            .with(text)
            .with(layer(&tracer)),
    );
    let ids = spans.map(|it| {
        format!(
            "trace_id={} span_id={} sampled=true",
            it.trace_id(),
            it.span_id()
        )
    });
    let lines = lines.take();
    assert_eq!(lines[0].trim(), "INFO outside");
    assert!(
        lines[1].starts_with(&format!("{}  INFO theirs{{field=1}}: in theirs", ids[0])),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with(&format!("{}  INFO theirs{{field=1}}: in ours", ids[1])),
        "{lines:?}"
    );
}

#[test]
fn json_with_ids_is_json() {
    for flat in [false, true] {
        let (tracer, lines) = (tracer(), Lines::default());
        let format = JsonWithIds::new(fmt::format().json().flatten_event(flat));
        let json = fmt::layer()
            .json()
            .with_writer(lines.clone())
            .event_format(format);
        let spans = log_three(
            &tracer,
            tracing_subscriber::registry()
                .with(layer(&tracer))
                .with(json),
        );
        let lines = lines.take();
        let objects: Vec<serde_json::Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(objects.len(), 3);
        assert_eq!(objects[0].get("trace_id"), None);
        for (object, context) in objects[1..].iter().zip(spans) {
            assert_eq!(object["trace_id"], context.trace_id().to_string());
            assert_eq!(object["span_id"], context.span_id().to_string());
            assert_eq!(object["sampled"], true);
            assert_eq!(object["level"], "INFO");
            assert_eq!(object["span"]["name"], "theirs");
        }
        let fields = if flat {
            &objects[1]
        } else {
            &objects[1]["fields"]
        };
        assert_eq!(fields["quoted"], "a \"b\"");
    }
}

#[test]
fn the_ids_are_those_of_log() {
    let tracer = tracer();
    let subscriber = tracing_subscriber::registry().with(layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("theirs").entered();
        let ids = current_ids().unwrap();
        assert_eq!(
            (ids.trace_id, ids.span_id),
            (span.context().trace_id(), span.context().span_id())
        );
    });
}
