//! One trace through a service that OpenTelemetry's Python SDK traces and one of this project's, over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{SpanContext, Tracer};
use serde_json::{Value as Json, json};

/// Longest wait for a peer's bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Baggage that both sides have to carry.
const TENANT: &str = "acme & söhne";

type Headers = Vec<(String, String)>;

/// The service of the peer.
struct Service {
    child: Child,
    port: u16,
}

/// Compares a trace that begins here, and one that begins at the peer; returns the spans in both.
pub(crate) fn run(folder: &Path) -> Result<usize, String> {
    let service = Service::start(folder)?;
    // The defaults: nothing is said of propagation.
    let config = Config::new("ours")
        .sampler(Sampler::Const(true))
        .agent(false);
    let tracer = config.new_tracer().map_err(|error| error.to_string())?;
    let mut root = tracer.start("client");
    root.set_baggage_item("tenant", TENANT)
        .map_err(|error| error.to_string())?;
    let here = root.context();
    let mut headers = Headers::new();
    tracer
        .inject(&here, &mut headers)
        .map_err(|error| error.to_string())?;
    check(&service, &tracer, headers, Some(&here))?;
    check(&service, &tracer, Headers::new(), None)?;
    Ok(4 + 3)
}

/// Passes a request through the peer's service and ours, and checks the trace from end to end.
fn check(
    service: &Service,
    tracer: &Tracer,
    headers: Headers,
    root: Option<&SpanContext>,
) -> Result<(), String> {
    let (answer, incoming) = pass(service, tracer, headers)?;
    let (server, client) = (&answer["server"], &answer["client"]);
    let mut facts = vec![
        (
            "the client's parent",
            client["parent"].clone(),
            server["span"].clone(),
        ),
        (
            "the client's trace",
            client["trace"].clone(),
            server["trace"].clone(),
        ),
        (
            "our parent",
            json!(format!("{:x}", incoming.span_id().get())),
            client["span"].clone(),
        ),
        (
            "our trace",
            json!(format!("{:x}", u128::from(incoming.trace_id()))),
            client["trace"].clone(),
        ),
        (
            "our decision",
            json!(incoming.is_sampled()),
            client["sampled"].clone(),
        ),
        (
            "the peer's baggage",
            json!(incoming.baggage_item("via")),
            json!("opentelemetry"),
        ),
    ];
    match root {
        Some(root) => facts.extend([
            (
                "the server's parent",
                server["parent"].clone(),
                json!(format!("{:x}", root.span_id().get())),
            ),
            (
                "the server's trace",
                server["trace"].clone(),
                json!(format!("{:x}", u128::from(root.trace_id()))),
            ),
            (
                "the baggage there",
                answer["baggage"]["tenant"].clone(),
                json!(TENANT),
            ),
            // It writes a blank as `+`.
            (
                "the baggage back here",
                json!(incoming.baggage_item("tenant")),
                json!(TENANT.replace(' ', "+")),
            ),
        ]),
        None => facts.push(("the peer's root", server["parent"].clone(), json!("0"))),
    }
    let wrong = facts.iter().find(|(_, found, expected)| found != expected);
    match wrong {
        None => Ok(()),
        Some((what, found, expected)) => {
            Err(format!("{what}: {found} where {expected} is due; {answer}"))
        }
    }
}

/// Sends one request to the peer, which calls us; returns its answer, and the context that came back.
fn pass(
    service: &Service,
    tracer: &Tracer,
    mut headers: Headers,
) -> Result<(Json, SpanContext), String> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let port = listener
        .local_addr()
        .map_err(|error| error.to_string())?
        .port();
    headers.push(("next".into(), format!("http://127.0.0.1:{port}/")));
    thread::scope(|scope| {
        let ours = scope.spawn(|| serve_one(&listener, tracer));
        let answer = service.get(&headers);
        if answer.is_err() {
            // Ends our service, if it still waits for a request.
            drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        }
        let incoming = ours.join().map_err(|_| "our service panicked")?;
        Ok((answer?, incoming?))
    })
}

/// Serves one request, and returns the context that it came with.
fn serve_one(listener: &TcpListener, tracer: &Tracer) -> Result<SpanContext, String> {
    let (mut stream, _) = listener.accept().map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .map_err(|error| error.to_string())?;
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let lines = lines.take_while(|line| !line.is_empty());
    let headers: Headers = lines
        .filter_map(|line| {
            line.split_once(": ")
                .map(|(key, value)| (key.into(), value.into()))
        })
        .collect();
    let incoming = tracer
        .extract(&headers)
        .ok_or_else(|| format!("no context in {headers:?}"))?;
    tracer
        .span_builder("server")
        .child_of(&incoming)
        .start()
        .finish();
    let answered =
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    answered.map_err(|error| error.to_string())?;
    Ok(incoming)
}

impl Service {
    fn start(folder: &Path) -> Result<Self, String> {
        let mut child = Command::new(folder.join("opentelemetry-service"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("no standard output")?;
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        let port = line
            .trim()
            .parse()
            .map_err(|_| "the service printed no port")?;
        Ok(Service { child, port })
    }

    fn get(&self, headers: &Headers) -> Result<Json, String> {
        let failed = |error: std::io::Error| format!("the peer's service: {error}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let mut request = String::from("GET / HTTP/1.0\r\n");
        for (key, value) in headers {
            request += &format!("{key}: {value}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).map_err(|_| format!("the peer's service answered {answer}"))
    }
}

impl Drop for Service {
    /// Ends the service by the end of its input.
    fn drop(&mut self) {
        self.child.stdin = None;
        let _ = self.child.wait();
    }
}
