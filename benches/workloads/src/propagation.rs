//! Contexts between processes, through the public API of servers: one without baggage and
//! `tracestate`.

use std::hint::black_box;

use picojaeger_std::carriers::CarrierMut;
use picojaeger_std::{Config, Format as Header, SpanContext, Tracer};

use crate::{Direction, Drained, Format, Library, Workload};

/// The header of the measured context in each format.
const CONTEXT: [(&str, &str); 6] = [
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    (
        "uber-trace-id",
        "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1",
    ),
    ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"),
    ("x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"),
    ("x-b3-spanid", "b7ad6b7169203331"),
    ("x-b3-sampled", "1"),
];

/// Headers of a request besides.
const OTHERS: [(&str, &str); 4] = [
    ("host", "example.com"),
    ("user-agent", "curl/8.5.0"),
    ("accept", "*/*"),
    ("content-length", "0"),
];

/// Returns the headers of a request with a context in this format.
pub fn request(format: Format) -> Vec<(&'static str, &'static str)> {
    let of_format = match format {
        Format::W3c => &CONTEXT[..1],
        Format::Jaeger => &CONTEXT[1..2],
        Format::B3 => &CONTEXT[2..3],
        Format::B3Multi => &CONTEXT[3..],
        Format::Both => &CONTEXT[..2],
    };
    OTHERS.iter().chain(of_format).copied().collect()
}

/// A carrier whose memory is reused: the bytes of the values that were set last.
#[derive(Debug, Default)]
struct Buffer(String);

impl CarrierMut for Buffer {
    fn set(&mut self, _key: &str, value: &str) {
        self.0.clear();
        self.0.push_str(value);
    }
}

/// One format of a tracer.
#[derive(Debug)]
struct One {
    format: Format,
    tracer: Tracer,
    request: Vec<(&'static str, &'static str)>,
    context: SpanContext,
}

/// The tracer's formats as measured libraries.
#[derive(Debug)]
pub struct Propagators {
    each: Vec<One>,
    buffer: Buffer,
}

impl One {
    fn new(format: Format) -> Self {
        let headers: &[Header] = match format {
            Format::W3c => &[Header::TraceContext],
            Format::Jaeger => &[Header::Jaeger],
            Format::B3 => &[Header::B3],
            Format::B3Multi => &[Header::B3Multi],
            Format::Both => &[Header::TraceContext, Header::Baggage, Header::Jaeger],
        };
        let config = Config::new("benches")
            .sampler(picojaeger_std::config::Sampler::Const(true))
            .agent(false)
            .background(false)
            .flush_at_exit(false)
            .propagation(headers);
        let tracer = config.new_tracer().expect("the settings are right");
        let request = request(format);
        let context = tracer.extract(request.as_slice());
        One {
            format,
            context: context.expect("the headers hold it"),
            tracer,
            request,
        }
    }
}

impl Propagators {
    /// Makes a tracer for each format.
    pub fn new() -> Self {
        let formats = [
            Format::W3c,
            Format::Jaeger,
            Format::B3,
            Format::B3Multi,
            Format::Both,
        ];
        Self {
            each: formats.map(One::new).into(),
            buffer: Buffer::default(),
        }
    }
}

impl Default for Propagators {
    fn default() -> Self {
        Self::new()
    }
}

impl Library for Propagators {
    fn name(&self) -> &'static str {
        "picojaeger"
    }

    fn package(&self) -> &'static str {
        "picojaeger-std"
    }

    fn workloads(&self) -> &'static [Workload] {
        &Workload::PROPAGATION
    }

    fn burst(&mut self, workload: Workload) {
        let Workload::Propagation(direction, format) = workload else {
            return;
        };
        let one = self.each.iter().find(|one| one.format == format);
        let one = one.expect("each format has one");
        for _ in 0..workload.spans() {
            match direction {
                Direction::Inject => {
                    let injected = one.tracer.inject(black_box(&one.context), &mut self.buffer);
                    injected.expect("there is no baggage");
                    black_box(&self.buffer);
                }
                Direction::Extract => {
                    let request = black_box(one.request.as_slice());
                    black_box(one.tracer.extract(request));
                }
            }
        }
    }

    fn drain(&mut self) -> Drained {
        Drained::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_writes_what_it_read() {
        let mut library = Propagators::new();
        for workload in Workload::PROPAGATION {
            library.burst(workload);
            if let Workload::Propagation(Direction::Inject, format) = workload {
                let last = request(format).last().expect("it has headers").1;
                assert_eq!(library.buffer.0, last, "{}", workload.name());
            }
        }
    }
}
