//! Propagation of a context's flags, through children and headers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::model::{RefKind, SpanRef};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{Config, Span, SpanContext, Tracer, tags};

/// A tracer that samples no new trace, so that flags stem from parents only.
fn tracer() -> Tracer {
    let config = Config::new("context").sampler(Sampler::Const(false));
    config.agent(false).new_tracer().unwrap()
}

/// Returns the flags, as sent, of a child and of a child with a tag, whose parent has these flags.
fn handed_on(tracer: &Tracer, flags: &str) -> [String; 2] {
    let header = format!("7:5:0:{flags}");
    let headers = HashMap::from([("uber-trace-id", header.as_str())]);
    let parent = tracer.extract(&headers);
    let plain = tracer.span_builder("plain").child_of(&parent);
    let tagged = tracer
        .span_builder("tagged")
        .child_of(&parent)
        .tag("key", 1);
    [plain, tagged].map(|span| {
        let mut headers = HashMap::new();
        tracer.inject(span.start(), &mut headers).unwrap();
        let mut fields = headers["uber-trace-id"].split(':');
        assert_eq!(fields.next(), Some("0000000000000007"));
        fields.next_back().unwrap_or_default().to_owned()
    })
}

#[test]
fn children_inherit_every_flag_of_jaeger() {
    let tracer = tracer();
    for (came, goes) in [
        ("0", "0"),
        ("1", "1"),
        ("3", "3"),
        ("8", "8"),
        ("b", "b"),
        ("f7", "3"),
    ] {
        assert_eq!(handed_on(&tracer, came), [goes; 2], "{came}");
    }
    let stats = tracer.stats();
    assert_eq!((stats.sampled, stats.unsampled), (8, 4), "{stats}");
}

#[test]
fn the_last_sampling_priority_before_the_start_counts() {
    let tracer = tracer();
    for (first, last) in [(1, 0), (0, 1)] {
        let span = tracer.span_builder("asked twice");
        let span = span.tag(tags::SAMPLING_PRIORITY, first);
        let span = span.tag(tags::SAMPLING_PRIORITY, last).start();
        assert_eq!(span.context().is_sampled(), last == 1);
    }
}

/// A request without a readable header does not join the thread's active trace.
#[test]
fn a_missing_parent_is_a_new_root() {
    let config = Config::new("context").sampler(Sampler::Const(true));
    let tracer = config.agent(false).background(false).new_tracer().unwrap();
    let busy = tracer.start("busy");
    let _active = busy.activate();
    let headers = HashMap::<String, String>::new();
    let request = tracer
        .span_builder("request")
        .child_of(tracer.extract(&headers))
        .start();
    assert_ne!(request.context().trace_id(), busy.context().trace_id());
    let implicit = tracer.start("implicit");
    assert_eq!(implicit.context().trace_id(), busy.context().trace_id());
}

#[test]
fn the_outer_span_is_the_active_one_again() {
    let tracer = tracer();
    let [outer, inner] = ["outer", "inner"].map(|name| tracer.start(name));
    let trace = |span: &picojaeger_std::Span| span.context().trace_id();
    let outer_scope = outer.activate();
    let inner_scope = inner.activate();
    assert_eq!(trace(&tracer.start("in both")), trace(&inner));
    drop(inner_scope);
    assert_eq!(trace(&tracer.start("in one")), trace(&outer));
    drop(outer_scope);
    let root = trace(&tracer.start("in none"));
    assert!(root != trace(&outer) && root != trace(&inner));
}

#[test]
fn each_further_reference_names_its_own_span() {
    let reporter = Arc::new(InMemoryReporter::new());
    let config = Config::new("context").sampler(Sampler::Const(true));
    let config = config.agent(false).background(false);
    let tracer = config.reporter(reporter.clone()).build().unwrap();
    let [parent, second, followed] = ["1:2:0:1", "3:4:0:1", "5:6:0:1"].map(|header| {
        let headers = HashMap::from([("uber-trace-id", header)]);
        tracer.extract(&headers).unwrap()
    });
    let span = tracer.span_builder("joins").child_of(&parent);
    drop(span.child_of(&second).follows_from(&followed).start());
    tracer.flush(Duration::from_secs(20)).unwrap();
    let span = &reporter.spans()[0];
    assert_eq!(span.trace_id, parent.trace_id());
    assert_eq!(span.parent_span_id, parent.span_id());
    let reference = |kind, to: &SpanContext| SpanRef::new(kind, to.trace_id(), to.span_id());
    let expected = [
        reference(RefKind::ChildOf, &second),
        reference(RefKind::FollowsFrom, &followed),
    ];
    assert_eq!(span.references, expected);
}

#[test]
fn a_change_of_baggage_reaches_the_active_scope() {
    let tracer = tracer();
    let mut span = tracer.start("carries");
    let _active = span.activate();
    let inherited = || {
        let child: Span = tracer.start("child");
        child.baggage_item("user").map(str::to_owned)
    };
    for user in ["ann", "bob"] {
        span.set_baggage_item("user", user).unwrap();
        assert_eq!(inherited().as_deref(), Some(user));
    }
    assert_eq!(span.remove_baggage_item("user").as_deref(), Some("bob"));
    assert_eq!(inherited(), None);
}
