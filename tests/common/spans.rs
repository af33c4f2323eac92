//! The finished spans of a tracer, and their tree.

use std::time::Duration;

use picojaeger_std::Tracer;
use picojaeger_std::model::Span;
use picojaeger_std::reporters::InMemoryReporter;

const SOON: Duration = Duration::from_secs(20);

/// The finished spans, where so many are open.
pub(crate) fn finished_but(tracer: &Tracer, spans: &InMemoryReporter, open: u64) -> Vec<Span> {
    tracer.flush(SOON).unwrap();
    assert!(tracer.stats().adds_up(), "{}", tracer.stats());
    assert_eq!(tracer.stats().open, open, "every other span has ended");
    spans.spans()
}

/// `name of the parent > name` of each span, sorted.
pub(crate) fn tree(spans: &[Span]) -> Vec<String> {
    let line = |span: &Span| {
        let parent = spans.iter().find(|it| it.span_id == span.parent_span_id);
        let parent = parent.map_or("-", |parent| parent.operation_name.as_str());
        format!("{parent} > {}", span.operation_name)
    };
    let mut lines: Vec<_> = spans.iter().map(line).collect();
    lines.sort();
    lines
}

/// The only span of a name.
pub(crate) fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.operation_name == name);
    let span = found.next().unwrap_or_else(|| panic!("no span {name}"));
    assert!(found.next().is_none(), "two spans {name}");
    span
}
