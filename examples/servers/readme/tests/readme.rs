//! The README's server as it stands there: its text, its trace, and its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use picojaeger_std::collector::{CollectedSpan, Collector};

const SOON: Duration = Duration::from_secs(20);

/// The address of this process alone: any of 127.0.0.0/8 is this machine.
fn address() -> String {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    format!("127.{}.{b}.{c}:3000", a + 1)
}

/// Starts the server, and waits until it listens.
fn start(agent: &Collector) -> (Child, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.env("ADDRESS", address()).env("RUST_LOG", "info");
    command.env("JAEGER_AGENT_HOST", "127.0.0.1");
    command.env("JAEGER_AGENT_PORT", agent.local_addr().port().to_string());
    command.env("OTEL_TRACES_SAMPLER", "parentbased_always_on");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    while TcpStream::connect(address()).is_err() {
        assert!(server.try_wait().unwrap().is_none(), "it has ended");
        std::thread::yield_now();
    }
    (server, vec![line])
}

fn get(path: &str) -> String {
    let mut stream = TcpStream::connect(address()).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// `parent > span` of each span, sorted.
fn tree(spans: &[CollectedSpan]) -> Vec<String> {
    let line = |it: &CollectedSpan| {
        let mut parents = spans.iter().map(|it| &it.span);
        let parent = parents.find(|parent| parent.span_id == it.span.parent_span_id);
        let parent = parent.map_or("-", |parent| &parent.operation_name);
        format!("{parent} > {}", it.span.operation_name)
    };
    let mut lines: Vec<_> = spans.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn a_request_is_one_trace_and_a_signal_ends_the_server_in_order() {
    let agent = Collector::bind("127.0.0.1:0").unwrap();
    let (mut server, lines) = start(&agent);
    let expected = format!(
        "service shop, spans to {} (UDP, compact), sampler const (all traces), \
         propagation tracecontext, baggage, jaeger",
        agent.local_addr()
    );
    assert!(lines[0].ends_with(&expected), "{lines:?}");

    let answer = get("/orders/7");
    assert!(answer.ends_with(r#"{"id":7,"in_stock":3}"#), "{answer}");
    assert!(agent.wait_for_spans(5, SOON));
    let expected = [
        "- > GET /orders/{id}",
        "GET /orders/{id} > order",
        "GET > GET /stock/{id}",
        "order > GET",
        "order > audit",
    ];
    let spans = agent.spans();
    assert_eq!(tree(&spans), expected);
    let trace = spans[0].span.trace_id;
    assert!(spans.iter().all(|it| it.span.trace_id == trace));

    let answer = get("/orders/13");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(agent.wait_for_spans(9, SOON));

    let terminated = Command::new("kill").arg(server.id().to_string()).status();
    assert!(terminated.unwrap().success());
    let mut report = String::new();
    let mut out = server.stdout.take().unwrap();
    out.read_to_string(&mut report).unwrap();
    assert!(server.wait().unwrap().success());
    assert!(report.starts_with("drained in "), "{report}");
    assert!(
        report.trim_end().ends_with("0 lost, no span open"),
        "{report}"
    );
}

/// Returns the first block of this language in the README that has this text.
fn block<'r>(readme: &'r str, language: &str, text: &str) -> &'r str {
    let fence = format!("```{language}\n");
    let blocks = readme.split(fence.as_str()).skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split_once("```"));
    let found = blocks.find(|(block, _)| block.contains(text));
    found
        .unwrap_or_else(|| panic!("no {language} with {text}"))
        .0
}

#[test]
fn the_readme_shows_the_whole_file_and_its_dependencies() {
    let readme = include_str!("../../../../README.md");
    let file = include_str!("../src/main.rs");
    assert_eq!(block(readme, "rust,ignore", "tower::server()"), file);
    let manifest = include_str!("../Cargo.toml");
    let (_, dependencies) = manifest.split_once("[dependencies]\n").unwrap();
    let (dependencies, _) = dependencies.split_once("\n\n").unwrap();
    let shown = block(readme, "toml", "axum-08");
    let shown = shown.strip_prefix("[dependencies]\n").unwrap();
    let there = dependencies.replace("../../../std-adapter", "../picojaeger/std-adapter");
    assert_eq!(shown.trim_end(), there);
}
