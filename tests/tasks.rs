//! Spans of futures and closures: their parents whatever runs in between, and what is active where.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{
    Config, CurrentSpan, InSpan, SpanContext, Tracer, current, current_ids, current_root,
    in_current_span,
};

#[path = "common/spans.rs"]
mod spans;
use spans::{finished_but, named, tree};

const SOON: Duration = Duration::from_secs(20);

/// A tracer without a worker, and the spans that it sends.
fn tracer() -> (Tracer, InMemoryReporter) {
    // Before any test could have the one line that is logged once.
    collect_lines();
    let spans = InMemoryReporter::new();
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config.agent(false).background(false);
    let tracer = config.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

fn finished(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<Finished> {
    finished_but(tracer, spans, 0)
}

fn is_set(span: &Finished, key: &str) -> bool {
    span.tag(key) == Some(&TagValue::Bool(true))
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Ready at the second poll.
async fn turn() {
    let mut waited = false;
    poll_fn(|_| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// Starts and ends a child of what is active.
fn mark(tracer: &Tracer, name: &'static str) {
    tracer.start(name).finish();
}

#[test]
fn tasks_that_alternate_keep_their_parents() {
    let (tracer, spans) = tracer();
    let task = |name: &'static str, first, second| {
        let tracer = &tracer;
        async move {
            mark(tracer, first);
            turn().in_span("wait").await;
            mark(tracer, second);
        }
        .in_span(tracer.start(name))
    };
    let mut a = pin!(task("a", "a1", "a2"));
    let mut b = pin!(task("b", "b1", "b2"));
    assert!(poll(a.as_mut()).is_pending());
    assert_eq!(current_ids(), None, "between the polls");
    assert!(poll(b.as_mut()).is_pending());
    assert!(poll(a.as_mut()).is_ready());
    assert!(poll(b.as_mut()).is_ready());
    let found = finished(&tracer, &spans);
    assert_eq!(
        tree(&found),
        [
            "- > a", "- > b", "a > a1", "a > a2", "a > wait", "b > b1", "b > b2", "b > wait"
        ]
    );
    assert!(found.iter().all(|span| !is_set(span, "cancelled")));
}

#[test]
fn a_future_is_polled_on_any_thread() {
    let (tracer, spans) = tracer();
    let mut future = Box::pin(
        async {
            for name in ["one", "two", "three"] {
                mark(&tracer, name);
                turn().await;
            }
        }
        .in_span(tracer.start("task")),
    );
    for _ in 0..3 {
        thread::scope(|scope| {
            scope
                .spawn(|| assert!(poll(future.as_mut()).is_pending()))
                .join()
        })
        .unwrap();
    }
    assert!(poll(future.as_mut()).is_ready());
    let found = finished(&tracer, &spans);
    assert_eq!(
        tree(&found),
        ["- > task", "task > one", "task > three", "task > two"]
    );
}

#[test]
fn a_span_ends_as_its_future_is_ready() {
    let (tracer, _) = tracer();
    let mut future = pin!(async {}.in_span(tracer.start("task")));
    assert_eq!(tracer.stats().open, 1);
    assert!(poll(future.as_mut()).is_ready());
    assert_eq!(tracer.stats().open, 0, "though the future is still there");
}

#[test]
fn a_future_that_is_dropped_early_is_cancelled() {
    let (tracer, spans) = tracer();
    {
        let mut begun = pin!(turn().in_span(tracer.start("begun")));
        assert!(poll(begun.as_mut()).is_pending());
        let _unpolled = turn().in_span(tracer.start("unpolled"));
    }
    let found = finished(&tracer, &spans);
    for name in ["begun", "unpolled"] {
        let span = named(&found, name);
        assert!(is_set(span, "cancelled") && !is_set(span, "error"));
    }
}

#[test]
fn a_poll_that_unwinds_is_an_error_and_leaves_the_thread_as_it_was() {
    let (tracer, spans) = tracer();
    let mut outer = tracer.start("outer");
    outer.in_scope(|| {
        let mut future = Box::pin(async { panic!("caught") }.in_span("inner"));
        let caught = catch_unwind(AssertUnwindSafe(|| poll(future.as_mut())));
        assert!(caught.is_err());
        mark(&tracer, "after");
    });
    drop(outer);
    let found = finished(&tracer, &spans);
    assert_eq!(
        tree(&found),
        ["- > outer", "outer > after", "outer > inner"]
    );
    let inner = named(&found, "inner");
    assert!(is_set(inner, "error") && !is_set(inner, "cancelled"));
    assert!(!is_set(named(&found, "outer"), "error"));
}

/// Lines of the log, of all tests.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        LINES.lock().unwrap().push(line);
    }
    fn flush(&self) {}
}

fn logged(part: &str) -> usize {
    let lines = LINES.lock().unwrap();
    lines.iter().filter(|line| line.contains(part)).count()
}

fn collect_lines() {
    static START: std::sync::Once = std::sync::Once::new();
    START.call_once(|| {
        log::set_logger(&Lines).unwrap();
        log::set_max_level(log::LevelFilter::Warn);
    });
}

#[test]
fn a_scope_held_across_an_await_is_no_parent_of_other_tasks() {
    let (tracer, spans) = tracer();
    for _ in 0..2 {
        let mut holder = pin!(
            async {
                let step = tracer.start("step");
                let _active = step.activate();
                turn().await;
                mark(&tracer, "within");
            }
            .in_span(tracer.start("holder"))
        );
        assert!(poll(holder.as_mut()).is_pending());
        assert_eq!(current_ids(), None);
        mark(&tracer, "other");
        assert!(poll(holder.as_mut()).is_ready());
        assert_eq!(current_ids(), None);
    }
    let found = finished(&tracer, &spans);
    let lines = ["- > holder", "- > other", "holder > step", "step > within"];
    assert_eq!(tree(&found), lines.map(|line| [line; 2]).concat());
    assert_eq!(logged("held across an await"), 1);
}

#[test]
fn a_future_that_is_dropped_with_a_scope_leaves_nothing_active() {
    let (tracer, spans) = tracer();
    {
        let mut holder = pin!(
            async {
                let step = tracer.start("step");
                let _active = step.activate();
                turn().await;
            }
            .in_span(tracer.start("holder"))
        );
        assert!(poll(holder.as_mut()).is_pending());
    }
    assert_eq!(current_ids(), None);
    mark(&tracer, "after");
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > after", "- > holder", "holder > step"]);
}

#[test]
fn scopes_that_end_out_of_order_are_logged_once() {
    let (tracer, _spans) = tracer();
    for _ in 0..2 {
        let (outer, inner) = (tracer.start("outer"), tracer.start("inner"));
        let first = outer.activate();
        let second = inner.activate();
        drop(first);
        assert_eq!(
            current_ids().map(|ids| ids.span_id),
            Some(inner.context().span_id())
        );
        drop(second);
        assert_eq!(current_ids(), None);
    }
    assert_eq!(logged("ended before one that began later"), 1);
}

#[test]
fn the_current_span_is_written_to_by_reference() {
    let (tracer, spans) = tracer();
    let mut request = tracer.start("request");
    request.in_scope(|| {
        current().tag("first", 1).set_operation_name("GET");
        let mut query = tracer.start("query");
        query.in_scope(|| {
            current()
                .tag("rows", 7)
                .tag_fmt("text", format_args!("{:02}", 3));
            current().log().field("event", "retry").field("attempt", 2);
            current_root().tag("customer", "c-3");
            current().record_error(&"x".parse::<u8>().unwrap_err());
        });
        current().tag("second", 2);
    });
    request.tag("third", 3).finish();
    let found = finished(&tracer, &spans);
    let (request, query) = (named(&found, "GET"), named(&found, "query"));
    for (key, value) in [("first", 1), ("second", 2), ("third", 3)] {
        assert_eq!(request.tag(key), Some(&TagValue::Long(value)));
    }
    assert_eq!(
        request.tag("customer"),
        Some(&TagValue::String("c-3".into()))
    );
    assert_eq!(query.tag("rows"), Some(&TagValue::Long(7)));
    assert_eq!(query.tag("text"), Some(&TagValue::String("03".into())));
    assert!(is_set(query, "error"));
    let fields = |at: usize| query.logs[at].fields.iter().map(|field| field.key.as_str());
    assert_eq!(fields(0).collect::<Vec<_>>(), ["event", "attempt"]);
    assert_eq!(query.logs.len(), 2);
}

#[test]
fn a_value_that_traces_as_it_is_formatted_sees_its_span() {
    struct Traced<'t>(&'t Tracer);
    impl std::fmt::Display for Traced<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            mark(self.0, "formatted");
            f.write_str("text")
        }
    }
    let (tracer, spans) = tracer();
    tracer.start("outer").in_scope(|| {
        current().tag_fmt("value", format_args!("{}", Traced(&tracer)));
    });
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > outer", "outer > formatted"]);
    let outer = named(&found, "outer");
    assert_eq!(outer.tag("value"), Some(&TagValue::String("text".into())));
}

#[test]
fn a_write_under_a_copied_context_is_counted_and_logged_once() {
    let (tracer, spans) = tracer();
    let span = tracer.start("owned elsewhere");
    current().tag("nothing", "active");
    let before = CurrentSpan::missed_writes();
    {
        let _active = span.activate();
        current().tag("lost", true);
        current_root().tag("lost", true);
        current().log().field("lost", true);
    }
    assert_eq!(CurrentSpan::missed_writes() - before, 3);
    assert_eq!(logged("found a context in place of a span"), 1);
    drop(span);
    let found = finished(&tracer, &spans);
    assert!(found[0].tags.iter().all(|tag| tag.key != "lost"));
}

#[test]
fn names_are_started_by_the_tracer_of_the_active_span() {
    let tracers = [tracer(), tracer()];
    for (tracer, spans) in &tracers {
        let mut task = pin!(
            async {
                async {}.in_span("own").await;
                async {}.in_span(format!("item {}", 7)).await;
                let spawned = async { async {}.in_span("of the spawned").await }.in_current_span();
                let closure =
                    in_current_span(|| pin!(async {}.in_span("of the closure")).poll_now());
                thread::scope(|scope| {
                    scope.spawn(|| pin!(spawned).poll_now());
                    scope.spawn(closure);
                });
                let context: SpanContext = current_context();
                let _active = tracer.start("activated").activate();
                let _child = "by name".into_child();
                drop(context);
            }
            .in_span(tracer.start("root"))
        );
        assert!(poll(task.as_mut()).is_ready());
        let found = finished(tracer, spans);
        assert_eq!(
            tree(&found),
            [
                "- > root",
                "activated > by name",
                "root > activated",
                "root > item 7",
                "root > of the closure",
                "root > of the spawned",
                "root > own",
            ]
        );
    }
    // Without an active span by the global tracer, which is disabled here.
    pin!(async {}.in_span("nowhere")).poll_now();
}

/// The context that is active, as a spawned task gets it.
fn current_context() -> SpanContext {
    use picojaeger_std::ToContext;
    current().to_context().unwrap()
}

trait IntoChild {
    fn into_child(self) -> picojaeger_std::Span;
}

impl IntoChild for &'static str {
    fn into_child(self) -> picojaeger_std::Span {
        picojaeger_std::IntoSpan::into_span(self)
    }
}

trait PollNow {
    fn poll_now(self);
}

impl<F: Future> PollNow for Pin<&mut F> {
    fn poll_now(self) {
        assert!(poll(self).is_ready());
    }
}

#[test]
fn futures_that_run_at_once_are_siblings() {
    let (tracer, spans) = tracer();
    let both = async {
        let mut left = pin!(step(&tracer, "l").in_span("left"));
        let mut right = pin!(step(&tracer, "r").in_span("right"));
        let mut done = [false; 2];
        poll_fn(|context| {
            done[0] = done[0] || left.as_mut().poll(context).is_ready();
            done[1] = done[1] || right.as_mut().poll(context).is_ready();
            if done == [true; 2] {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    };
    let mut both = pin!(both.in_span(tracer.start("both")));
    assert!(poll(both.as_mut()).is_pending());
    assert!(poll(both.as_mut()).is_ready());
    let found = finished(&tracer, &spans);
    assert_eq!(
        tree(&found),
        [
            "- > both",
            "both > left",
            "both > right",
            "left > l",
            "right > r"
        ]
    );
}

async fn step(tracer: &Tracer, name: &'static str) {
    turn().await;
    mark(tracer, name);
}

#[test]
fn a_panic_in_a_scope_leaves_the_span_to_its_owner() {
    let (tracer, spans) = tracer();
    let mut span = tracer.start("span");
    let caught = catch_unwind(AssertUnwindSafe(|| {
        span.in_scope(|| {
            current().tag("before", true);
            panic!("caught")
        })
    }));
    assert!(caught.is_err());
    assert_eq!(current_ids(), None);
    span.tag("after", true).finish();
    let found = finished(&tracer, &spans);
    assert!(is_set(&found[0], "before") && is_set(&found[0], "after"));
}

#[test]
fn a_scope_may_leave_a_scope_to_its_caller() {
    let (tracer, spans) = tracer();
    let inner = tracer.start("inner");
    let active = tracer.start("outer").in_scope(|| inner.activate());
    mark(&tracer, "child");
    drop(active);
    assert_eq!(current_ids(), None);
    drop(inner);
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > inner", "- > outer", "inner > child"]);
}

#[test]
fn baggage_set_within_reaches_later_children() {
    let (tracer, _spans) = tracer();
    let mut task = pin!(
        async {
            current().set_baggage_item("customer", "7").unwrap();
            let child = tracer.start("child");
            assert_eq!(child.baggage_item("customer"), Some("7"));
            turn().await;
            let child = tracer.start("child");
            assert_eq!(child.baggage_item("customer"), Some("7"));
        }
        .in_span(tracer.start("span"))
    );
    assert!(poll(task.as_mut()).is_pending());
    assert!(poll(task.as_mut()).is_ready());
}

/// A scope of a task, forgotten or handed to another thread's stack: keys are one of a kind in the process.
#[test]
fn a_forgotten_scope_costs_no_span_on_another_thread() {
    let (tracer, spans) = tracer();
    let mut task = Box::pin(
        async {
            std::mem::forget(tracer.start("step").activate());
            turn().await;
        }
        .in_span(tracer.start("task")),
    );
    thread::scope(|scope| {
        scope
            .spawn(|| assert!(poll(task.as_mut()).is_pending()))
            .join()
    })
    .unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            drop(tracer.start("one before").activate());
            assert!(poll(task.as_mut()).is_ready());
            assert_eq!(current_ids(), None);
        });
        other.join()
    })
    .unwrap();
    assert_eq!(tree(&finished(&tracer, &spans)).len(), 3);
}

#[test]
fn a_scope_that_ends_while_its_task_waits_does_not_come_back() {
    let (tracer, spans) = tracer();
    let kept = std::cell::RefCell::new(None);
    let step = tracer.start("step");
    {
        let mut task = pin!(
            async {
                *kept.borrow_mut() = Some(step.activate());
                turn().await;
                mark(&tracer, "after");
            }
            .in_span(tracer.start("task"))
        );
        assert!(poll(task.as_mut()).is_pending());
        kept.borrow_mut().take();
        assert!(poll(task.as_mut()).is_ready());
    }
    drop(step);
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > step", "- > task", "task > after"]);
}

#[test]
fn the_root_is_the_outermost_whatever_it_is() {
    let (tracer, spans) = tracer();
    let root = tracer.start("root");
    let (mut request, mut query) = (tracer.start("request"), tracer.start("query"));
    request.in_scope(|| {
        query.in_scope(|| {
            tracer
                .span_builder("audit")
                .child_of(current_root())
                .start()
                .finish();
            assert_ne!(current().context(), current_root().context());
        });
    });
    let _active = root.activate();
    query.in_scope(|| current_root().tag("customer", 7));
    drop((request, query));
    let found = finished_but(&tracer, &spans, 1);
    let audit = named(&found, "audit");
    assert_eq!(audit.parent_span_id, named(&found, "request").span_id);
    assert!(found.iter().all(|span| span.tag("customer").is_none()));
}

#[test]
fn destructors_of_a_dropped_future_run_within_its_span() {
    struct Rollback<'t>(&'t Tracer);
    impl Drop for Rollback<'_> {
        fn drop(&mut self) {
            current().tag("rolled back", true);
            mark(self.0, "rollback");
        }
    }
    let (tracer, spans) = tracer();
    {
        let work = async {
            let _rollback = Rollback(&tracer);
            turn().await;
        };
        let mut task = pin!(work.in_span(tracer.start("task")));
        assert!(poll(task.as_mut()).is_pending());
    }
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > task", "task > rollback"]);
    let task = named(&found, "task");
    assert!(is_set(task, "rolled back") && is_set(task, "cancelled"));
}

#[test]
fn an_error_is_marked_once() {
    let (tracer, spans) = tracer();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let mut task = pin!(async { panic!("caught") }.in_span(tracer.start("task")));
        poll(task.as_mut())
    }));
    assert!(caught.is_err());
    let found = finished(&tracer, &spans);
    let errors = found[0].tags.iter().filter(|tag| tag.key == "error");
    assert_eq!(errors.count(), 1);
}

#[test]
fn a_closure_may_leave_a_scope_to_its_caller() {
    let (tracer, spans) = tracer();
    let (inner, mut outer) = (tracer.start("inner"), tracer.start("outer"));
    let lent = &inner;
    let closure = outer.in_scope(|| in_current_span(move || lent.activate()));
    let active = closure();
    mark(&tracer, "child");
    drop(active);
    assert_eq!(current_ids(), None);
    drop((inner, outer));
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > inner", "- > outer", "inner > child"]);
}

#[test]
fn a_panic_hook_sends_what_is_active() {
    for is_on in [true, false] {
        let spans = InMemoryReporter::new();
        let config = Config::new("shop").sampler(Sampler::Const(true));
        let config = config.agent(false).background(false).flush_open(is_on);
        let tracer = config.reporter(spans.clone()).build().unwrap();
        let (other, other_spans) = self::tracer();
        let task = async {
            current().tag("item", 7);
            let mut step = other.start("of another tracer");
            step.in_scope(|| tracer.flush_open(SOON).unwrap());
            current().tag("late", true);
        };
        let mut task = pin!(task.in_span(tracer.start("order")));
        assert!(poll(task.as_mut()).is_ready());
        let found = finished(&tracer, &spans);
        let unfinished = |span: &&Finished| is_set(span, "picojaeger.unfinished");
        let (open, whole): (Vec<_>, Vec<_>) = found.iter().partition(unfinished);
        assert_eq!((open.len(), whole.len()), (usize::from(is_on), 1));
        for span in &open {
            assert_eq!(span.tag("item"), Some(&TagValue::Long(7)));
            assert_eq!((span.tag("late"), span.span_id), (None, whole[0].span_id));
        }
        assert!(is_set(whole[0], "late"));
        assert_eq!(finished(&other, &other_spans).len(), 1);
    }
}

#[test]
fn futures_in_spans_may_be_sent() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let (tracer, _spans) = tracer();
    drop(sent(async {}.in_span(tracer.start("span"))));
    drop(sent(async {}.in_current_span()));
    drop(sent(in_current_span(|| ())));
}
