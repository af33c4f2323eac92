//! One `/metrics` page of two sources: the registry of `prometheus-client`, and a tracer's counts.
//!
//! `cargo run --bin prometheus` serves one request of its own and prints the answer;
//! `cargo run --bin prometheus -- 127.0.0.1:9464` serves until it is stopped.

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use picojaeger_std::Tracer;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::metrics::PROMETHEUS_CONTENT_TYPE;
use picojaeger_std::transport::Recorder;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Longest wait for a request's first line.
const PATIENCE: Duration = Duration::from_secs(5);

/// A program with metrics of its own, and a tracer.
struct Shop {
    registry: Registry,
    orders: Counter,
    tracer: Tracer,
}

fn main() -> Result<(), Box<dyn Error>> {
    let shop = Shop::open()?;
    shop.work()?;
    match std::env::args().nth(1) {
        Some(address) => {
            let listener = TcpListener::bind(address)?;
            println!("http://{}/metrics", listener.local_addr()?);
            loop {
                if let Err(error) = shop.serve(&listener) {
                    eprintln!("metrics: {error}");
                }
            }
        }
        None => {
            print!("{}", shop.ask_self()?);
            Ok(())
        }
    }
}

impl Shop {
    /// Registers the program's counter, and makes a tracer whose packets go nowhere.
    fn open() -> Result<Self, Box<dyn Error>> {
        let (mut registry, orders) = (Registry::default(), Counter::default());
        registry.register("shop_orders", "Orders", orders.clone());
        let config = Config::new("shop").sampler(Sampler::Const(true));
        let tracer = config.tracer_builder().transport(Recorder::new).build()?;
        Ok(Shop {
            registry,
            orders,
            tracer,
        })
    }

    fn work(&self) -> Result<(), Box<dyn Error>> {
        for items in 1..=3 {
            self.tracer.start("order").tag("items", items);
            self.orders.inc();
        }
        self.tracer.flush(Duration::from_secs(2))?;
        Ok(())
    }

    /// Returns the page: both texts have Prometheus's format 0.0.4, and their names differ.
    fn page(&self) -> io::Result<String> {
        let mut page = String::new();
        prometheus_text::encode(&mut page, &self.registry).map_err(io::Error::other)?;
        page.push_str(&self.tracer.metrics().to_prometheus());
        Ok(page)
    }

    /// Answers one request, whatever its path.
    fn serve(&self, listener: &TcpListener) -> io::Result<()> {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        read_head(&stream)?;
        let page = self.page()?;
        write!(
            &stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {PROMETHEUS_CONTENT_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        )
    }

    fn ask_self(&self) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut stream = TcpStream::connect(listener.local_addr()?)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")?;
        thread::scope(|scope| {
            let served = scope.spawn(|| self.serve(&listener));
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            served
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the server panicked")))?;
            let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            Ok(body.to_owned())
        })
    }
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
