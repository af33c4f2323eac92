//! Forks at bad moments.

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::collector::Collector;
use crate::config::{Config, Sampler};
use crate::reporters::InMemoryReporter;
use crate::state::fork_test_locks::Lock;
use crate::tracer::Tracer;
use crate::tracer::own_process::{HUNG, hang_at_most, in_own_process};
use crate::tracer::span::Span;

const SOON: Duration = Duration::from_secs(10);
/// One test for each case that needs nothing but its name.
macro_rules! cases {
    ($($name:ident => $run:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            let test = concat!("fork_tests::", stringify!($name));
            in_own_process(test, stringify!($name), $run);
        }
    )*};
}

cases! {
    a_fork_of_a_fork => of_a_fork,
    a_fork_of_a_fork_that_is_the_first_to_trace => of_a_fork_that_never_traced,
    a_fork_in_the_middle_of_a_burst => in_a_burst,
    a_fork_while_threads_trace => while_threads_trace,
    a_fork_while_a_reporter_is_read => while_a_reporter_is_read,
    a_child_that_exits_flushes => a_child_that_exits,
    a_child_that_ends_at_once_loses_its_own => a_child_that_ends_at_once,
    a_child_that_drops_its_handle_flushes => a_child_that_drops_its_handle,
    spans_of_the_parent_are_contexts_in_the_child => spans_of_the_parent,
    a_child_that_drains_waits_for_its_own_spans => of_open_spans,
    a_fork_of_a_closed_tracer => of_a_closed_tracer,
    a_fork_by_a_thread_that_never_traced => by_a_fresh_thread,
    a_fork_beside_a_lock_of_a_closed_tracer => beside_a_lock_of_a_closed_tracer,
    a_fork_by_a_thread_that_ends => by_a_thread_that_ends,
    a_child_has_further_transports_of_its_own => with_two_agents,
}

#[cfg(feature = "http")]
cases! {
    a_child_keeps_the_sampling_strategy_and_asks_for_it => with_a_remote_sampler,
}

#[cfg(feature = "tls")]
cases! {
    a_fork_in_the_middle_of_a_request_over_tls => in_a_request_over_tls,
    a_child_that_drops_the_transport_leaves_the_request_alone => drops_a_transport,
}

#[test]
fn a_child_needs_no_lock_that_another_thread_held() {
    for which in Lock::ALL {
        in_own_process(
            "fork_tests::a_child_needs_no_lock_that_another_thread_held",
            &format!("{which:?}"),
            || while_another_thread_holds(which),
        );
    }
}

/// Forks; returns the child's number, or 0 in the child.
fn fork_here() -> libc::pid_t {
    // SAFETY: the child runs code that the library supports there, and the standard library's, on
    // glibc, whose allocator survives forks.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no fork");
    if pid == 0 {
        hang_at_most(HUNG / 2);
    }
    pid
}

/// Runs `child` in a fork, which then ends without any handler.
fn fork(child: impl FnOnce()) -> libc::pid_t {
    let pid = fork_here();
    if pid == 0 {
        let good = catch_unwind(AssertUnwindSafe(child)).is_ok();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(if good { 0 } else { 1 }) };
    }
    pid
}

/// Waits for the child, which must have ended well.
#[track_caller]
fn join(pid: libc::pid_t) {
    let mut status = 0;
    // SAFETY: the status is ours to write.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((waited, status), (pid, 0), "the child's status");
}

/// Names of the parent's open spans are not the child's.
fn of_open_spans() {
    let config = Config::new("forks").sampler(Sampler::Const(true));
    let tracer = config.agent(false).new_tracer().unwrap();
    let mut of_parent = Some(tracer.start("of the parent"));
    join(fork(|| {
        drop(of_parent.take());
        let _open = tracer.start("of the child");
        let report = tracer.drain_blocking(Duration::from_millis(20));
        let open = report.open().to_string();
        assert_eq!(open, "1 span open (1 of the child)");
    }));
    let report = tracer.drain_blocking(Duration::from_millis(20));
    let open = report.open().to_string();
    assert_eq!(open, "1 span open (1 of the parent)");
    drop(of_parent);
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.open == 0, "{stats}");
}

/// The child has a connection of its own, and leaves that of its parent as it is.
#[cfg(feature = "tls")]
fn in_a_request_over_tls() {
    let server = crate::transport::TlsServer::new(false, true);
    let tracer = server.config().new_tracer().unwrap();
    trace(&tracer, "of-parent", 3);
    tracer.flush(Duration::from_millis(1)).unwrap_err();
    server.wait();
    join(fork(|| {
        trace(&tracer, "of-child", 2);
        tracer.flush(SOON).unwrap();
        let stats = tracer.stats();
        assert_eq!((stats.sampled, stats.delivered), (2, 2), "{stats}");
    }));
    assert_eq!(tracer.stats().queued, 3);
    server.go_on();
    tracer.flush(SOON).unwrap();
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.delivered == 3, "{stats}");
    assert_eq!(server.spans("of-parent"), [3, 0]);
    assert_eq!(server.spans("of-child"), [0, 2]);
    assert_eq!(server.connections(), 2);
}

/// Both processes have the socket, which a shutdown ends for both.
#[cfg(feature = "tls")]
fn drops_a_transport() {
    use crate::transport::{Closing, HttpTransport};
    use crate::worker::spawn_helper;
    use crate::{SendOutcome, Transport as _};
    use std::task::Waker;

    let server = crate::transport::TlsServer::new(false, true);
    let settings = server.config().resolve().unwrap().collector.unwrap();
    // Forks are noticed from the first tracer on.
    let _tracer = server.config().new_tracer().unwrap();
    let closing = Arc::<Closing>::default();
    let transport = HttpTransport::new(&settings, closing, Waker::noop().clone(), spawn_helper);
    let transport = RefCell::new(Some(transport));
    let sent = transport.borrow_mut().as_mut().unwrap().send(b"batch");
    assert_eq!(sent, SendOutcome::Pending);
    server.wait();
    join(fork(|| drop(transport.take())));
    server.go_on();
    let mut transport = transport.take().unwrap();
    let mut outcome = SendOutcome::Pending;
    while outcome == SendOutcome::Pending {
        thread::yield_now();
        outcome = transport.poll_outcome();
    }
    assert_eq!((outcome, server.connections()), (SendOutcome::Accepted, 1));
}

/// What waits for the parent's transports stays the parent's.
fn with_two_agents() {
    let [first, second] = [(); 2].map(|()| Collector::bind("127.0.0.1:0").unwrap());
    let port = second.local_addr().port();
    let second_agent = Config::default().agent_host("127.0.0.1").agent_port(port);
    let tracer = config(&first)
        .also_send_to(second_agent)
        .new_tracer()
        .unwrap();
    let counts = |tracer: &Tracer| {
        let (stats, further) = (tracer.stats(), tracer.further_transports());
        [stats.delivered, further[0].delivered, further[0].queued]
    };
    trace(&tracer, "flushed", 2);
    tracer.flush(SOON).unwrap();
    trace(&tracer, "of the parent", 3);
    join(fork(|| {
        trace(&tracer, "of the child", 4);
        tracer.close(SOON).unwrap();
        assert_eq!(counts(&tracer), [4, 4, 0]);
    }));
    tracer.close(SOON).unwrap();
    assert_eq!(counts(&tracer), [5, 5, 0]);
    for agent in [first, second] {
        assert!(agent.wait_for_spans(9, SOON));
        assert_eq!(agent.spans().len(), 9);
    }
}

fn config(collector: &Collector) -> Config {
    Config::new("fork")
        .sampler(Sampler::Const(true))
        .agent_host("127.0.0.1")
        .agent_port(collector.local_addr().port())
        // Nothing is sent without a flush.
        .flush_interval(Duration::from_secs(3_600))
}

fn traced() -> (Tracer, Collector) {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    (config(&collector).new_tracer().unwrap(), collector)
}

fn trace(tracer: &Tracer, operation: &'static str, times: usize) {
    (0..times).for_each(|i| drop(tracer.span_builder(operation).tag("i", i as u64).start()));
}

/// Checks that each span has arrived once, and that all ids differ.
#[track_caller]
fn assert_arrived(collector: &Collector, expected: &[(&str, usize)]) {
    let total: usize = expected.iter().map(|(_, times)| times).sum();
    let all = collector.wait_for_spans(total as u64, SOON);
    let spans = collector.spans();
    assert!(all, "{} of {total} arrived", spans.len());
    for (operation, times) in expected {
        let found = spans
            .iter()
            .filter(|it| it.span.operation_name == *operation);
        assert_eq!(found.count(), *times, "{operation}");
    }
    let ids: HashSet<_> = spans.iter().map(|it| it.span.span_id).collect();
    let traces: HashSet<_> = spans.iter().map(|it| it.span.trace_id).collect();
    assert_eq!(
        (spans.len(), ids.len(), traces.len()),
        (total, total, total)
    );
}

#[track_caller]
fn assert_settled(tracer: &Tracer, delivered: u64) {
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(
        (stats.sampled, stats.delivered),
        (delivered, delivered),
        "{stats}"
    );
}

/// Uses a tracer of the parent's in all the ways that a child may.
fn use_in_child(tracer: &Tracer, inherited: &RefCell<Option<Span>>) {
    assert_eq!(tracer.stats().sampled, 0, "the counts start again");
    let mut span = inherited.take().unwrap();
    let text = "x".repeat(3_000);
    span.tag("sampling.priority", 0).tag("long", text.as_str());
    span.log().field("long", text.as_str());
    drop(
        tracer
            .span_builder("child")
            .child_of(&span)
            .ignore_active_span(),
    );
    span.finish();
    drop(span);
    assert_eq!(tracer.stats().forked, 1);
    // More than fits the slots and the ring that a thread keeps.
    let open: Vec<_> = (0..100).map(|_| tracer.start("child")).collect();
    drop(open);
    thread::scope(|scope| {
        scope.spawn(|| trace(tracer, "child", 100));
    });
    tracer.flush(SOON).unwrap();
    assert_settled(tracer, 200);
    let own = Config::new("own")
        .sampler(Sampler::Const(true))
        .agent(false);
    let own = own.new_tracer().unwrap();
    own.start("own").finish();
    own.close(SOON).unwrap();
    assert_settled(&own, 1);
    tracer.close(SOON).unwrap();
    assert_settled(tracer, 200);
}

/// Runs `f` while another thread holds a lock of the tracer.
fn while_another_thread_locks(tracer: &Tracer, which: Lock, f: impl FnOnce()) {
    let (locked, is_locked) = channel();
    let (let_go, may_go) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            tracer.state().unwrap().while_locked(which, || {
                locked.send(()).unwrap();
                may_go.recv().unwrap();
            });
        });
        is_locked.recv().unwrap();
        f();
        let_go.send(()).unwrap();
    });
}

fn while_another_thread_holds(which: Lock) {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let mut config = config(&collector);
    if which == Lock::Sampler {
        config = config.sampler(Sampler::RateLimiting(1e9));
    }
    let tracer = config.new_tracer().unwrap();
    trace(&tracer, "parent", 10);
    let inherited = RefCell::new(Some(tracer.start("inherited")));
    while_another_thread_locks(&tracer, which, || {
        join(fork(|| use_in_child(&tracer, &inherited)));
    });
    drop(inherited.take());
    trace(&tracer, "parent", 10);
    tracer.flush(SOON).unwrap();
    assert_settled(&tracer, 21);
    assert_arrived(
        &collector,
        &[("parent", 20), ("inherited", 1), ("child", 200)],
    );
    let uuids: HashSet<_> = collector
        .clients()
        .iter()
        .map(|it| it.client_uuid.clone())
        .collect();
    assert_eq!(uuids.len(), 2, "a client-uuid for each process");
}

fn of_a_fork() {
    let (tracer, collector) = traced();
    trace(&tracer, "parent", 10);
    join(fork(|| {
        trace(&tracer, "child", 10);
        join(fork(|| {
            trace(&tracer, "grandchild", 10);
            tracer.flush(SOON).unwrap();
            assert_settled(&tracer, 10);
        }));
        tracer.flush(SOON).unwrap();
        assert_settled(&tracer, 10);
    }));
    tracer.flush(SOON).unwrap();
    assert_arrived(
        &collector,
        &[("parent", 10), ("child", 10), ("grandchild", 10)],
    );
}

/// Records wait in several rings, of 4 and 8 KiB, which belong to the parent.
fn in_a_burst() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let config = config(&collector).background(false).memory_limit(1 << 20);
    let tracer = config.new_tracer().unwrap();
    trace(&tracer, "parent", 300);
    join(fork(|| {
        trace(&tracer, "child", 200);
        tracer.flush(SOON).unwrap();
        assert_settled(&tracer, 200);
    }));
    trace(&tracer, "parent", 100);
    tracer.flush(SOON).unwrap();
    assert_settled(&tracer, 400);
    assert_arrived(&collector, &[("parent", 400), ("child", 200)]);
}

fn of_a_fork_that_never_traced() {
    let (tracer, collector) = traced();
    trace(&tracer, "parent", 10);
    join(fork(|| {
        join(fork(|| {
            trace(&tracer, "grandchild", 10);
            tracer.flush(SOON).unwrap();
            assert_settled(&tracer, 10);
        }));
        trace(&tracer, "child", 10);
        tracer.flush(SOON).unwrap();
    }));
    tracer.flush(SOON).unwrap();
    assert_arrived(
        &collector,
        &[("parent", 10), ("child", 10), ("grandchild", 10)],
    );
}

fn while_threads_trace() {
    const FORKS: usize = 20;
    let (tracer, collector) = traced();
    let done = AtomicBool::new(false);
    let (started, starts) = channel();
    thread::scope(|scope| {
        let busy = || {
            started.send(()).unwrap();
            while !done.load(Ordering::Relaxed) {
                // Too many to compare: this checks only that nothing hangs.
                let elsewhere = Config::new("busy").sampler(Sampler::Const(true));
                // No thread starts or ends here: a fork at that moment would leave a lock of
                // the standard library held.
                let elsewhere = elsewhere.agent(false).background(false);
                let elsewhere = elsewhere.new_tracer().unwrap();
                trace(&elsewhere, "busy", 50);
                elsewhere.flush(SOON).unwrap();
                tracer.stats();
            }
        };
        scope.spawn(busy);
        scope.spawn(busy);
        (0..2).for_each(|_| starts.recv().unwrap());
        for _ in 0..FORKS {
            join(fork(|| {
                trace(&tracer, "child", 5);
                tracer.flush(SOON).unwrap();
                assert_settled(&tracer, 5);
            }));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_arrived(&collector, &[("child", 5 * FORKS)]);
}

fn while_a_reporter_is_read() {
    const FORKS: usize = 20;
    let reporter = InMemoryReporter::new();
    let config = Config::new("fork")
        .sampler(Sampler::Const(true))
        .agent(false);
    let builder = config.reporter(Arc::new(reporter.clone()));
    let tracer = builder.build().unwrap();
    trace(&tracer, "parent", 10);
    tracer.flush(SOON).unwrap();
    let done = AtomicBool::new(false);
    let (started, starts) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            started.send(()).unwrap();
            while !done.load(Ordering::Relaxed) {
                assert_eq!(reporter.spans().len(), 10);
            }
        });
        starts.recv().unwrap();
        for _ in 0..FORKS {
            join(fork(|| {
                assert!(reporter.is_empty());
                trace(&tracer, "child", 5);
                tracer.flush(SOON).unwrap();
                assert_eq!(reporter.len(), 5);
            }));
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn a_child_that_exits() {
    let tracers = [traced(), traced(), traced()];
    for (tracer, _) in &tracers {
        trace(tracer, "parent", 10);
    }
    join(fork(|| {
        for (tracer, _) in &tracers {
            trace(tracer, "child", 10);
        }
        exit(0);
    }));
    for (tracer, collector) in &tracers {
        assert_arrived(collector, &[("child", 10)]);
        tracer.flush(SOON).unwrap();
        assert_settled(tracer, 10);
        assert_arrived(collector, &[("parent", 10), ("child", 10)]);
    }
}

fn a_child_that_ends_at_once() {
    let (tracer, collector) = traced();
    trace(&tracer, "parent", 10);
    join(fork(|| trace(&tracer, "child", 10)));
    tracer.flush(SOON).unwrap();
    assert_arrived(&collector, &[("parent", 10), ("child", 0)]);
}

fn a_child_that_drops_its_handle() {
    let (tracer, collector) = traced();
    trace(&tracer, "parent", 10);
    let handle = RefCell::new(Some(tracer));
    join(fork(|| {
        let tracer = handle.take().unwrap();
        trace(&tracer, "child", 10);
        drop(tracer);
    }));
    assert_arrived(&collector, &[("child", 10)]);
    drop(handle.take());
    assert_arrived(&collector, &[("parent", 10), ("child", 10)]);
}

fn spans_of_the_parent() {
    let (tracer, collector) = traced();
    let mut finished = tracer.start("parent");
    finished.finish();
    let active = tracer.start("parent");
    let scope = active.activate();
    let spans = RefCell::new(Some((finished, active, scope)));
    let begun =
        RefCell::new([(); 2].map(|()| Some(tracer.span_builder("begun").tag("key", "value"))));
    join(fork(|| {
        // The active span continues as a context.
        let (finished, active, scope) = spans.take().unwrap();
        let child = tracer.start("child");
        assert_eq!(child.context().trace_id(), active.context().trace_id());
        drop((child, scope, finished, active));
        assert_eq!(tracer.stats().forked, 1, "one had finished before");
        let [started, dropped] = begun.take();
        drop(dropped);
        drop(started.map(|builder| builder.tag("more", 1).start()));
        tracer.close(SOON).unwrap();
        assert_settled(&tracer, 2);
    }));
    let [started, dropped] = begun.take();
    drop(dropped);
    drop(spans.take());
    drop(started.map(|builder| builder.start()));
    tracer.close(SOON).unwrap();
    assert_settled(&tracer, 3);
    assert!(collector.wait_for_spans(5, SOON));
    let ids: HashSet<_> = collector.spans().iter().map(|it| it.span.span_id).collect();
    assert_eq!(ids.len(), 5);
}

fn of_a_closed_tracer() {
    let (tracer, collector) = traced();
    trace(&tracer, "parent", 10);
    tracer.close(SOON).unwrap();
    join(fork(|| {
        trace(&tracer, "child", 10);
        let stats = tracer.stats();
        assert!(stats.adds_up() && stats.lost.closed == 10, "{stats}");
    }));
    assert_arrived(&collector, &[("parent", 10)]);
}

/// The thread that forks has a shard of another tracer too, which is closed, so the thread drops it
/// at its next look for one.
fn beside_a_lock_of_a_closed_tracer() {
    let (tracer, collector) = traced();
    let (closed, _other) = traced();
    trace(&closed, "closed", 1);
    trace(&tracer, "parent", 10);
    closed.close(SOON).unwrap();
    while_another_thread_locks(&closed, Lock::SpanPool, || {
        join(fork(|| {
            trace(&tracer, "child", 10);
            tracer.flush(SOON).unwrap();
            assert_settled(&tracer, 10);
        }));
    });
    tracer.flush(SOON).unwrap();
    assert_arrived(&collector, &[("parent", 10), ("child", 10)]);
}

/// The child's only thread ends with a shard of each tracer of the parent, and so the child.
fn by_a_thread_that_ends() {
    let tracers = [traced().0, traced().0];
    let (used, is_used) = channel();
    let (locked, is_locked) = channel::<()>();
    let [first, second] = tracers.clone();
    let forks = thread::spawn(move || {
        trace(&first, "parent", 1);
        trace(&second, "parent", 1);
        used.send(()).unwrap();
        is_locked.recv().unwrap();
        match fork_here() {
            0 => {}
            pid => join(pid),
        }
    });
    is_used.recv().unwrap();
    while_another_thread_locks(&tracers[0], Lock::SpanPool, || {
        locked.send(()).unwrap();
        // The thread's own end needs the lock, so only its child is waited for here.
        while !forks.is_finished() {
            thread::yield_now();
        }
    });
    forks.join().unwrap();
}

fn by_a_fresh_thread() {
    let (tracer, collector) = traced();
    trace(&tracer, "parent", 10);
    let child = || {
        trace(&tracer, "child", 10);
        tracer.flush(SOON).unwrap();
    };
    thread::scope(|scope| {
        scope.spawn(|| join(fork(child)));
    });
    tracer.flush(SOON).unwrap();
    assert_arrived(&collector, &[("parent", 10), ("child", 10)]);
}

/// Answers each question with a strategy that samples all; returns its address, and a channel with
/// a message for each question.
#[cfg(feature = "http")]
fn sampling_server() -> (String, std::sync::mpsc::Receiver<()>) {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, questions) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A child that ends may have connected and asked nothing yet.
            if !matches!(stream.read(&mut [0; 1024]), Ok(1..)) {
                continue;
            }
            let body = r#"{"probabilisticSampling":{"samplingRate":1}}"#;
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            asked.send(()).unwrap();
        }
    });
    (address, questions)
}

#[cfg(feature = "http")]
fn with_a_remote_sampler() {
    use std::io::{Read as _, Write as _};

    let (address, questions) = sampling_server();
    let tracer = Config::new("fork")
        .agent(false)
        .sampling_endpoint(&address)
        .sampling_refresh_interval(Duration::from_millis(1))
        .sampling_first_fetch(SOON)
        .new_tracer()
        .unwrap();
    questions.recv_timeout(SOON).unwrap();
    let (go_on, mut tell) = std::io::pipe().unwrap();
    let pid = fork(|| {
        assert!(tracer.start("the parent's strategy").is_sampled());
        // Until the parent has seen the question.
        (&go_on).read_exact(&mut [0]).unwrap();
        tracer.close(SOON).unwrap();
    });
    questions.recv_timeout(SOON).expect("the child asks");
    tell.write_all(b"!").unwrap();
    join(pid);
    assert!(tracer.start("still").is_sampled());
    questions.recv_timeout(SOON).expect("the parent asks");
    tracer.close(SOON).unwrap();
}
