//! The remote sampler against a server over TCP.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use picojaeger_std::model::{Span, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::sampling::StrategySource;
use picojaeger_std::{Config, Tracer};

const PATIENCE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);

/// A sampling server that gives the answer of the moment, and keeps the questions.
struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    status: u16,
    body: String,
    questions: Vec<String>,
}

impl Server {
    fn start(body: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            shared: Arc::default(),
        };
        server.answer(200, body);
        let shared = server.shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                let mut shared = shared.lock().unwrap();
                shared.questions.push(line);
                let (status, body) = (shared.status, &shared.body);
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}", body.len());
                // The client may be gone.
                let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n{body}");
            }
        });
        server
    }

    fn answer(&self, status: u16, body: &str) {
        let mut shared = self.shared.lock().unwrap();
        shared.status = status;
        shared.body = body.into();
    }

    fn questions(&self) -> Vec<String> {
        self.shared.lock().unwrap().questions.clone()
    }

    /// Waits until two more questions were asked: then the answer to one that was asked after this
    /// call is in use.
    fn await_poll(&self) {
        let before = self.questions().len();
        wait_for(|| self.questions().len() >= before + 2);
    }

    fn config(&self) -> Config {
        Config::new("shop")
            .agent(false)
            .sampling_endpoint(&self.address.to_string())
            .sampling_refresh_interval(SHORT)
    }
}

fn wait_for(condition: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "it took longer than {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn sampled(tracer: &Tracer, operation: &'static str) -> bool {
    tracer.start(operation).is_sampled()
}

fn probabilistic(share: f64) -> String {
    format!(
        r#"{{"strategyType":"PROBABILISTIC","probabilisticSampling":{{"samplingRate":{share}}}}}"#
    )
}

/// The tags of the sampler on the span.
fn sampler(span: &Span) -> (String, f64) {
    let tag = |key| span.tags.iter().find(|tag| tag.key == key).unwrap();
    match (&tag("sampler.type").value, &tag("sampler.param").value) {
        (TagValue::String(kind), TagValue::Double(param)) => (kind.clone(), *param),
        other => panic!("{other:?}"),
    }
}

#[test]
fn strategies_replace_each_other_while_spans_start() {
    let server = Server::start(&probabilistic(0.0));
    let spans = InMemoryReporter::new();
    let tracer = server.config().reporter(spans.clone()).build().unwrap();
    assert_eq!(server.questions().len(), 0, "before the first span");
    sampled(&tracer, "first");
    server.await_poll();
    assert!((0..1_000).all(|_| !sampled(&tracer, "never")));
    server.answer(200, &probabilistic(1.0));
    server.await_poll();
    assert!((0..10).all(|_| sampled(&tracer, "always")));
    server.answer(
        200,
        r#"{"strategyType":0,"operationSampling":{"defaultSamplingProbability":0,
            "defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[
            {"operation":"a","probabilisticSampling":{"samplingRate":0.75}}]}}"#,
    );
    server.await_poll();
    let of_a = (0..1_000).filter(|_| sampled(&tracer, "a")).count();
    assert!((700..800).contains(&of_a), "{of_a}");
    assert!((0..100).all(|_| !sampled(&tracer, "b")));
    tracer.close(PATIENCE).unwrap();
    let mut samplers = BTreeMap::new();
    for span in spans.spans() {
        let (kind, param) = sampler(&span);
        let of_name = samplers.entry(span.operation_name.clone());
        of_name.or_insert((0, format!("{kind} {param}"))).0 += 1;
    }
    samplers.remove("first");
    assert_eq!(
        samplers,
        BTreeMap::from([
            ("a".into(), (of_a, "probabilistic 0.75".into())),
            ("always".into(), (10, "probabilistic 1".into())),
        ])
    );
    let question = "GET /sampling?service=shop HTTP/1.1\r\n";
    assert!(server.questions().iter().all(|line| line == question));
    let asked = server.questions().len();
    thread::sleep(5 * SHORT);
    assert!(server.questions().len() <= asked + 1, "closed");
}

#[test]
fn the_last_good_strategy_stays() {
    let server = Server::start(&probabilistic(1.0));
    let tracer = server
        .config()
        .sampling_first_fetch(PATIENCE)
        .new_tracer()
        .unwrap();
    assert!((0..10).all(|_| sampled(&tracer, "fetched before the first span")));
    for (status, body) in [
        (500, probabilistic(0.0)),
        (404, probabilistic(0.0)),
        (302, probabilistic(0.0)),
        (200, r#"{"code":5,"message":"no such service"}"#.into()),
        (200, "not JSON".into()),
        (200, " ".repeat(2 << 20)),
    ] {
        server.answer(status, &body);
        server.await_poll();
        assert!(
            (0..10).all(|_| sampled(&tracer, "still")),
            "{status} {body:.50}"
        );
    }
    server.answer(200, r#"{"rateLimitingSampling":{"maxTracesPerSecond":0}}"#);
    server.await_poll();
    assert!((0..10).all(|_| !sampled(&tracer, "never")));
}

/// A server that takes connections and never answers.
#[test]
fn a_close_waits_for_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tracer = Config::new("shop")
        .agent(false)
        .sampling_endpoint(&address)
        .sampling_refresh_interval(Duration::from_millis(1))
        .new_tracer()
        .unwrap();
    sampled(&tracer, "first");
    let _asked = listener.accept().unwrap();
    let begun = Instant::now();
    tracer.close(PATIENCE).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn until_the_first_answer_the_initial_share_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener); // nobody listens
    let tracer = Config::new("shop")
        .agent(false)
        .sampling_endpoint(&address)
        .new_tracer()
        .unwrap();
    let sampled = (0..100_000).filter(|_| sampled(&tracer, "root")).count();
    assert!((50..200).contains(&sampled), "{sampled}");
}

/// A strategy that never changes.
struct Fixed(&'static str);

impl StrategySource for Fixed {
    fn fetch(&mut self, _: Duration) -> Result<Vec<u8>, String> {
        Ok(self.0.into())
    }
    fn url(&self) -> &str {
        "fixed"
    }
}

/// Samples the operation `kept`, and no other.
const KEPT: &str = r#"{"operationSampling":{"defaultSamplingProbability":0,
    "defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[
    {"operation":"kept","probabilisticSampling":{"samplingRate":1}}]}}"#;

/// A tracer that samples `kept`, and the spans that it sends.
fn keeper(late: bool) -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let tracer = Config::new("shop")
        .agent(false)
        .operation_name_late_binding(late)
        .sampling_first_fetch(PATIENCE)
        .reporter(spans.clone())
        .strategy_source(|| Fixed(KEPT))
        .build()
        .unwrap();
    (tracer, spans)
}

/// Names of the spans that were sent; checks the sum of all counts.
fn sent(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<String> {
    tracer.flush(PATIENCE).unwrap();
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    let sent = spans.spans();
    assert_eq!(stats.delivered, sent.len() as u64, "{stats}");
    sent.iter()
        .map(|span| span.operation_name.clone())
        .collect()
}

/// Before that it counts as nothing, so a report of open spans knows no name of it.
#[test]
fn a_root_whose_decision_waits_is_named_once_it_counts() {
    let (tracer, _) = keeper(true);
    let undecided = tracer.start("GET");
    let mut renamed = tracer.start("GET");
    renamed.set_operation_name("kept");
    let parent = tracer.start("kept");
    let child = tracer.span_builder("child").child_of(&parent).start();
    drop(tracer.start("kept"));
    let report = tracer.drain_blocking(Duration::from_millis(20));
    let open = report.open().to_string();
    assert_eq!(open, "2 spans open (1 child, 1 kept)");
    drop((undecided, renamed, parent, child));
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.open == 0, "{stats}");
}

#[test]
fn late_binding_keeps_what_was_written_before_the_decision() {
    let (tracer, spans) = keeper(true);
    let mut root = tracer.start("GET");
    root.tag("early", 1).log().field("event", "early");
    root.set_baggage_item("user", "ann").unwrap();
    root.set_operation_name("kept").tag("late", 2);
    let child = tracer.span_builder("child").child_of(&root).start();
    assert!(child.is_sampled());
    assert_eq!(child.baggage_item("user"), Some("ann"));
    drop(child);
    drop(root);
    assert_eq!(sent(&tracer, &spans), ["child", "kept"]);
    let root = spans.spans().pop().unwrap();
    assert_eq!(sampler(&root), ("probabilistic".into(), 1.0));
    let keys: Vec<_> = root.tags.iter().map(|tag| tag.key.as_str()).collect();
    assert!(
        keys.contains(&"early") && keys.contains(&"late"),
        "{keys:?}"
    );
    assert_eq!(root.logs.len(), 2, "the log, and the baggage");
}

#[test]
fn the_first_use_decides_and_then_nothing_changes_it() {
    type Use = fn(&Tracer, &mut picojaeger_std::Span);
    let uses: [(&str, Use); 4] = [
        ("child", |tracer, root| {
            drop(tracer.span_builder("child").child_of(&*root).start());
        }),
        ("inject", |tracer, root| {
            let mut headers: Vec<(String, String)> = Vec::new();
            tracer.inject(&*root, &mut headers).unwrap();
            assert!(!headers.is_empty());
        }),
        ("context", |_, root| drop(root.context())),
        ("scope", |_, root| drop(root.activate())),
    ];
    for (name, use_it) in uses {
        let (tracer, spans) = keeper(true);
        for (first, then) in [("kept", "GET"), ("GET", "kept")] {
            let mut root = tracer.start(first);
            assert!(root.is_sampled(), "while the decision waits");
            use_it(&tracer, &mut root);
            let kept = first == "kept";
            assert_eq!(root.is_sampled(), kept, "{name} {first}");
            assert_eq!(root.context().is_sampled(), kept, "{name} {first}");
            root.set_operation_name(then);
            assert_eq!(root.is_sampled(), kept, "{name} {first} then {then}");
            root.finish();
            assert_eq!(root.context().is_sampled(), kept, "{name} after the finish");
        }
        let sent = sent(&tracer, &spans);
        let roots: Vec<_> = sent.iter().filter(|name| *name != "child").collect();
        assert_eq!(roots, ["GET"], "{name}: the kept one, renamed");
        let stats = tracer.stats();
        let child = u64::from(name == "child");
        assert_eq!(
            (stats.sampled, stats.unsampled),
            (1 + child, 1 + child),
            "{name}"
        );
    }
}

#[test]
fn a_finish_decides_by_the_name_of_that_moment() {
    let (tracer, spans) = keeper(true);
    drop(tracer.start("kept"));
    drop(tracer.start("GET"));
    tracer.start("kept").finish();
    tracer.start("GET").finish();
    let name = String::from("kept");
    tracer.start(&name).finish_at(std::time::SystemTime::now());
    assert_eq!(sent(&tracer, &spans), ["kept"; 3]);
    for span in spans.spans() {
        assert_eq!(sampler(&span), ("probabilistic".into(), 1.0));
    }
    assert_eq!(tracer.stats().unsampled, 2);
}

#[test]
fn a_priority_decides_what_waits() {
    let (tracer, spans) = keeper(true);
    for (operation, priority) in [("GET", 1), ("kept", 0)] {
        let mut root = tracer.start(operation);
        root.tag("sampling.priority", priority);
        assert_eq!(root.is_sampled(), priority == 1);
    }
    assert_eq!(sent(&tracer, &spans), ["GET"]);
    assert_eq!((tracer.stats().sampled, tracer.stats().cleared), (1, 0));
}

#[test]
fn without_late_binding_the_first_name_decides() {
    let (tracer, spans) = keeper(false);
    for (first, then) in [("GET", "kept"), ("kept", "GET")] {
        let mut root = tracer.start(first);
        assert_eq!(root.is_sampled(), first == "kept");
        root.set_operation_name(then);
    }
    assert_eq!(sent(&tracer, &spans), ["GET"]);
}

/// Answers once, then with nothing that is a strategy, then not at all.
struct Failing(usize);

impl StrategySource for Failing {
    fn fetch(&mut self, _: Duration) -> Result<Vec<u8>, String> {
        self.0 += 1;
        match self.0 {
            1 => Ok(KEPT.into()),
            2 => Ok(b"{}".into()),
            _ => Err("no more".into()),
        }
    }
    fn url(&self) -> &str {
        "failing"
    }
}

#[test]
fn questions_and_answers_are_counted() {
    let tracer = Config::new("shop")
        .agent(false)
        .sampling_refresh_interval(Duration::from_millis(1))
        .sampling_first_fetch(PATIENCE)
        .tracer_builder()
        .strategy_source(|| Failing(0))
        .build()
        .unwrap();
    let has = |line: &str| tracer.metrics().to_prometheus().contains(line);
    let series = |name: &str, result: &str, count: u64| {
        let labels = format!(r#"result="{result}",service="shop""#);
        has(&format!(
            "jaeger_tracer_sampler_{name}_total{{{labels}}} {count}\n"
        ))
    };
    assert!(series("queries", "ok", 1) && series("queries", "err", 0));
    assert!(series("updates", "ok", 1) && series("updates", "err", 0));
    sampled(&tracer, "starts the polls");
    wait_for(|| series("updates", "err", 1) && series("queries", "ok", 2));
    wait_for(|| !series("queries", "err", 0));
    assert!(series("updates", "ok", 1));
}
