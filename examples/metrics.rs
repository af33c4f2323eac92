//! Metrics of two tracers as Prometheus reads them, served by the standard library alone.
//!
//! `cargo run --example metrics` serves one request of its own and prints the answer;
//! `cargo run --example metrics -- 127.0.0.1:9464` serves until it is stopped.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use picojaeger_std::Tracer;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::metrics::{MetricsSnapshot, PROMETHEUS_CONTENT_TYPE};
use picojaeger_std::transport::Recorder;

/// Longest wait for a request's first line.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let tracers = [tracer("shop")?, tracer("stock")?];
    work(&tracers)?;
    match std::env::args().nth(1) {
        Some(address) => {
            let listener = TcpListener::bind(address)?;
            println!("http://{}/metrics", listener.local_addr()?);
            loop {
                if let Err(error) = serve(&listener, &tracers) {
                    eprintln!("metrics: {error}");
                }
            }
        }
        None => {
            print!("{}", ask_self(&tracers)?);
            Ok(())
        }
    }
}

/// Makes a tracer whose packets go nowhere.
fn tracer(service: &str) -> Result<Tracer, Box<dyn Error>> {
    let config = Config::new(service).sampler(Sampler::Const(true));
    let tracer = config.tracer_builder().transport(Recorder::new).build()?;
    Ok(tracer)
}

fn work(tracers: &[Tracer]) -> Result<(), Box<dyn Error>> {
    for tracer in tracers {
        for _ in 0..3 {
            tracer.start("order").tag("items", 3);
        }
        tracer.flush(Duration::from_secs(2))?;
    }
    Ok(())
}

/// Answers one request, whatever its path.
fn serve(listener: &TcpListener, tracers: &[Tracer]) -> io::Result<()> {
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    read_head(&stream)?;
    let all: MetricsSnapshot = tracers.iter().map(Tracer::metrics).collect();
    let body = all.to_prometheus();
    write!(
        &stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {PROMETHEUS_CONTENT_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Reads a request up to its empty line, 8 KiB at most.
fn read_head(stream: &TcpStream) -> io::Result<()> {
    for line in BufReader::new(stream.take(8_192)).lines() {
        if line?.is_empty() {
            break;
        }
    }
    Ok(())
}

fn ask_self(tracers: &[Tracer]) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stream = TcpStream::connect(listener.local_addr()?)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")?;
    thread::scope(|scope| {
        let served = scope.spawn(|| serve(&listener, tracers));
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        served
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the server panicked")))?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok(body.to_owned())
    })
}
