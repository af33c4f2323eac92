//! `--demo`: a trace of three made-up services, sent over UDP by their tracers as programs send it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use picojaeger_core::Key;

use crate::config::{Config, ConfigError, Sampler};
use crate::context::SpanContext;
use crate::tracer::Tracer;
use crate::tracer::span::Span;

/// The longest wait for the packets to leave.
const PATIENCE: Duration = Duration::from_secs(5);

/// Milliseconds of the trace.
const LENGTH: u64 = 48;

/// Sends the trace to a port for UDP of this program.
pub(super) fn send(port: SocketAddr) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("--demo: {error}");
    let agent = SocketAddr::new(reachable(port.ip()), port.port());
    let new = |service| new_tracer(service, agent).map_err(|error| failed(&error));
    let [shop, stock, bank] = [new("shop")?, new("stock")?, new("bank")?];
    order(&shop, &stock, &bank);
    for tracer in [shop, stock, bank] {
        tracer.close(PATIENCE).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Returns the address by which this machine reaches what listens on an address.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn new_tracer(service: &str, agent: SocketAddr) -> Result<Tracer, ConfigError> {
    Config::new(service)
        .sampler(Sampler::Const(true))
        .agent_host(agent.ip().to_string())
        .agent_port(agent.port())
        .new_tracer()
}

/// Makes the spans of an order that ends now: the stock reserves, and the bank refuses.
fn order(shop: &Tracer, stock: &Tracer, bank: &Tracer) {
    let clock = Clock {
        zero: SystemTime::now() - Duration::from_millis(LENGTH),
    };
    let mut request = clock.start(shop, "POST /orders", 0, None);
    request.tag("span.kind", "server");
    request.tag("http.request.method", "POST");
    request.tag("http.response.status_code", 402);
    let of_request = Some(request.context());

    let mut cart = clock.start(shop, "read cart", 1, of_request.clone());
    cart.tag("cart.items", 3);
    clock.finish(cart, 6);

    let mut reserve = clock.start(shop, "POST /reservations", 7, of_request.clone());
    reserve.tag("span.kind", "client");
    let mut reserved = clock.start(stock, "POST /reservations", 8, Some(reserve.context()));
    reserved.tag("span.kind", "server");
    let mut query = clock.start(stock, "UPDATE shelf", 10, Some(reserved.context()));
    query.tag("db.system.name", "sqlite");
    query.tag(
        "db.query.text",
        "UPDATE shelf SET reserved = reserved + ? WHERE item = ?",
    );
    clock.finish(query, 18);
    clock.finish(reserved, 21);
    clock.finish(reserve, 23);

    let mut charge = clock.start(shop, "POST /charges", 24, of_request.clone());
    charge.tag("span.kind", "client");
    charge.tag("error", true);
    let mut charged = clock.start(bank, "POST /charges", 26, Some(charge.context()));
    charged.tag("span.kind", "server");
    charged.tag("error", true);
    let score = clock.start(bank, "score", 28, Some(charged.context()));
    clock.finish(score, 37);
    let refused = clock.at(38);
    let mut log = charged.log_at(refused);
    log.field("event", "error")
        .field("message", "the card has expired");
    clock.finish(charged, 43);
    clock.finish(charge, 45);

    clock.finish(request, LENGTH);
}

/// Times of the trace, so that nothing has to wait for them.
struct Clock {
    zero: SystemTime,
}

impl Clock {
    fn at(&self, millis: u64) -> SystemTime {
        self.zero + Duration::from_millis(millis)
    }

    fn start(
        &self,
        tracer: &Tracer,
        name: &'static str,
        millis: u64,
        parent: Option<SpanContext>,
    ) -> Span {
        let builder = tracer.span_builder(Key::Static(name));
        builder.start_time(self.at(millis)).child_of(parent).start()
    }

    fn finish(&self, mut span: Span, millis: u64) {
        span.finish_at(self.at(millis));
    }
}
