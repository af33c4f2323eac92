//! The debug throttler and baggage restrictions against a server over TCP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::model::TagValue;
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{Config, Tracer};

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any test: only the first poll counts.
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

/// A server that hands each question to the test, which gives the answer: a status and a body.
struct Server {
    address: SocketAddr,
    questions: Receiver<String>,
    answers: Sender<(u16, &'static str)>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ask, questions) = channel();
        let (answers, answer) = channel::<(u16, &str)>();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let Ok(()) = ask.send(path) else { return };
                let Ok((status, body)) = answer.recv() else {
                    return;
                };
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}", body.len());
                // The client may be gone.
                let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n{body}");
            }
        });
        Server {
            address,
            questions,
            answers,
        }
    }

    /// Returns the next question.
    fn asked(&self) -> String {
        self.questions.recv_timeout(PATIENCE).unwrap()
    }

    /// Answers the question that was returned last.
    fn answer(&self, status: u16, body: &'static str) {
        self.answers.send((status, body)).unwrap();
    }

    fn config(&self) -> Config {
        Config::new("the shop")
            .sampler(Sampler::Const(false))
            .agent(false)
            .tag("client-uuid", "u 1")
            .debug_throttler_endpoint(&self.address.to_string())
    }
}

const ONE: &str = r#"{"balances":[{"operation":"pay","balance":1}]}"#;

/// Starts a span with the debug id, and returns whether it is sampled.
fn with_debug_id(tracer: &Tracer, operation: &'static str) -> bool {
    let headers = [("jaeger-debug-id", "find-me"), ("jaeger-baggage", "a=1")];
    let parent = tracer.extract(&headers[..]);
    let span = tracer.span_builder(operation).child_of(parent).start();
    assert_eq!(span.baggage_item("a"), Some("1"), "baggage is inherited");
    span.is_sampled()
}

/// Returns the value of a metric of the service.
fn metric(tracer: &Tracer, name: &str) -> u64 {
    let text = tracer.metrics().to_prometheus();
    let labels = match name.split_once(' ') {
        Some((name, result)) => {
            format!("{name}_total{{result=\"{result}\",service=\"the shop\"}} ")
        }
        None => format!("{name}_total{{service=\"the shop\"}} "),
    };
    let line = text.lines().find_map(|line| line.strip_prefix(&labels));
    let value = line.unwrap_or_else(|| panic!("{name} in {text}"));
    value.parse().unwrap()
}

const THROTTLED: &str = "jaeger_tracer_throttled_debug_spans";
const CREDITS: &str = "jaeger_tracer_throttler_updates";

#[test]
fn forced_traces_spend_credits_that_are_polled_for() {
    let server = Server::start();
    let config = server.config().debug_throttler_refresh_interval(SHORT);
    let tracer = config.new_tracer().unwrap();
    let mut priority = tracer.start("pay");
    assert!(
        !priority.tag("sampling.priority", 1).is_sampled(),
        "unknown"
    );
    let question = "/credits?service=the%20shop&uuid=u%201&operations=pay";
    assert_eq!(server.asked(), question);
    server.answer(200, ONE);
    assert_eq!(server.asked(), question, "the first answer is in use");
    assert!(priority.tag("sampling.priority", 1).is_sampled());
    assert!(
        priority.tag("sampling.priority", 1).is_sampled(),
        "debug already"
    );
    assert!(!with_debug_id(&tracer, "pay"), "nothing is left");
    assert!(!with_debug_id(&tracer, "a&b"), "an operation of its own");
    server.answer(500, "");
    let both = "/credits?service=the%20shop&uuid=u%201&operations=a%26b&operations=pay";
    assert_eq!(server.asked(), both);
    server.answer(200, r#"{"balances":[{"operation":"pay","balance":2.5}]}"#);
    server.asked();
    assert!(with_debug_id(&tracer, "pay"));
    let forced = tracer
        .span_builder("pay")
        .tag("sampling.priority", 1)
        .start();
    assert!(forced.is_sampled());
    let child = tracer.span_builder("any").child_of(&forced);
    let child = child.tag("sampling.priority", 1).start();
    assert!(child.is_sampled(), "in a debug trace no credit is spent");
    let refused = tracer
        .span_builder("pay")
        .tag("sampling.priority", 1)
        .start();
    assert!(!refused.is_sampled(), "half a credit is none");
    assert_eq!(metric(&tracer, THROTTLED), 4);
    let updates = ["ok", "err"].map(|result| metric(&tracer, &format!("{CREDITS} {result}")));
    assert_eq!(updates, [2, 1]);
    drop((priority, forced, child, refused));
    tracer.close(PATIENCE).unwrap();
}

#[test]
fn a_new_operation_waits_for_its_credit_where_the_setting_says_so() {
    let server = Server::start();
    let config = server.config().debug_throttler_synchronous(true);
    let config = config.debug_throttler_refresh_interval(LONG);
    let tracer = config.new_tracer().unwrap();
    server.answer(200, ONE);
    assert!(with_debug_id(&tracer, "pay"));
    server.answer(500, ONE);
    assert!(!with_debug_id(&tracer, "browse"));
    let question = "/credits?service=the%20shop&uuid=u%201&operations=";
    assert_eq!(server.asked(), format!("{question}pay"));
    assert_eq!(server.asked(), format!("{question}browse"));
    assert!(!with_debug_id(&tracer, "browse"), "asked once");
}

#[test]
fn without_credit_a_trace_is_sampled_as_any_other() {
    let server = Server::start();
    let config = server.config().sampler(Sampler::Const(true));
    let tracer = config.new_tracer().unwrap();
    let span = tracer
        .span_builder("pay")
        .tag("sampling.priority", 1)
        .start();
    let context = span.context().to_string();
    assert!(context.ends_with(":1"), "sampled, without debug: {context}");
    let mut never = tracer.start("pay");
    never.tag("sampling.priority", 0);
    assert!(!never.is_sampled(), "0 needs no credit");
}

/// The names of fields and their values of the last log.
fn last_log(spans: &InMemoryReporter) -> Vec<String> {
    let spans = spans.spans();
    let log = spans.last().unwrap().logs.last().unwrap();
    let text = |value: &TagValue| match value {
        TagValue::String(text) => text.clone(),
        other => panic!("no text: {other:?}"),
    };
    let fields = log.fields.iter();
    let fields = fields.map(|tag| format!("{}={}", tag.key, text(&tag.value)));
    fields.collect()
}

#[test]
fn only_listed_keys_are_set_and_long_values_are_cut() {
    let server = Server::start();
    let spans = InMemoryReporter::new();
    let tracer = Config::new("the shop")
        .sampler(Sampler::Const(true))
        .agent(false)
        .baggage_restrictions_endpoint(&server.address.to_string())
        .baggage_restrictions_refresh_interval(SHORT)
        .reporter(spans.clone())
        .build()
        .unwrap();
    let set = |key: &str, value: &str| {
        let mut span = tracer.start("order");
        let set = span.set_baggage_item(key, value).map(drop);
        let kept = span.baggage_item(key).map(str::to_owned);
        span.finish();
        tracer.flush(PATIENCE).unwrap();
        (set.is_ok(), kept, last_log(&spans))
    };
    // Any key before the first answer, with the clients' limit.
    let long = "x".repeat(2_049);
    let (is_set, kept, log) = set("k", &long);
    assert_eq!((is_set, kept.as_deref()), (true, Some(&long[1..])));
    assert_eq!(log.last().unwrap(), "truncated=true");
    assert_eq!(server.asked(), "/baggageRestrictions?service=the%20shop");
    server.answer(200, r#"[{"baggageKey":"k","maxValueLength":3}]"#);
    server.asked();
    let log = |fields: &str| {
        let fields = format!("event=baggage {fields}");
        fields.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let cut = log("key=k value=ab truncated=true");
    assert_eq!(set("k", "ab\u{e9}d"), (true, Some("ab".into()), cut));
    let refused = log("key=other value=1 invalid=true");
    assert_eq!(set("other", "1"), (false, None, refused));
    let error = tracer
        .start("order")
        .set_baggage_item("other", "1")
        .map(drop);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("\"other\"") && error.contains("restrictions"),
        "{error}"
    );
    // What came from elsewhere is passed on.
    let headers = [("uber-trace-id", "1:2:0:1"), ("uberctx-other", "1")];
    let parent = tracer.extract(&headers[..]);
    let child = tracer.span_builder("order").child_of(parent).start();
    assert_eq!(child.baggage_item("other"), Some("1"));
    // The last answer counts until there is another.
    server.answer(200, r#"{"error":"overload"}"#);
    server.asked();
    assert!(!set("other", "1").0);
    server.answer(200, "[]");
    server.asked();
    assert!(!set("k", "1").0, "an empty list allows no key");
    let name = "jaeger_tracer_baggage_restrictions_updates";
    let updates = ["ok", "err"].map(|result| metric(&tracer, &format!("{name} {result}")));
    assert_eq!(updates, [2, 1]);
    let name = "jaeger_tracer_baggage_updates";
    let updates = ["ok", "err"].map(|result| metric(&tracer, &format!("{name} {result}")));
    assert_eq!(updates, [2, 4]);
    assert_eq!(metric(&tracer, "jaeger_tracer_baggage_truncations"), 2);
}

#[test]
fn no_baggage_is_set_before_the_first_answer_where_the_setting_says_so() {
    let server = Server::start();
    let config = Config::new("the shop")
        .sampler(Sampler::Const(true))
        .agent(false);
    let config = config.baggage_restrictions_endpoint(&server.address.to_string());
    let config = config.deny_baggage_until_answered(true);
    let tracer = config
        .baggage_restrictions_refresh_interval(SHORT)
        .new_tracer()
        .unwrap();
    let mut span = tracer.start("order");
    assert!(span.set_baggage_item("k", "1").is_err());
    server.asked();
    server.answer(200, r#"[{"baggageKey":"k","maxValueLength":1}]"#);
    server.asked();
    assert!(span.set_baggage_item("k", "1").is_ok());
}
