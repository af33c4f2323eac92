//! One round of one service: a process of its own, warmed up, loaded, and ended in order.

use std::fmt;
use std::time::Duration;

use crate::Result;
use crate::arguments::Arguments;
use crate::load;
use crate::service::{Sends, Service};
use crate::sink::{SPANS, Sink};

/// Figures of a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Round {
    /// Processor time of the service a request, in microseconds: until all spans have arrived.
    pub(crate) processor_us: f64,
    pub(crate) requests_per_second: f64,
    /// Peak of resident memory, in KiB.
    pub(crate) memory: f64,
    /// Spans that arrived a request; the warm-up and what comes at the end are counted.
    pub(crate) spans: f64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} µs/request, {:.0} requests/s, {:.0} KiB, {:.4} spans/request",
            self.processor_us, self.requests_per_second, self.memory, self.spans
        )
    }
}

pub(crate) fn run(service: &Service, arguments: &Arguments) -> Result<Round> {
    let warm_up = arguments.requests / 10;
    let sink = Sink::open(service.sends)?;
    let expected = match service.sends {
        Sends::Nothing => 0,
        Sends::Thrift | Sends::Otlp => SPANS,
    };
    let running = service.start(sink.address)?;
    let drive = |requests| load::drive(running.address, requests, arguments.connections);

    drive(warm_up)?;
    sink.wait_for(warm_up * expected);
    let before = running.processor_time()?;
    let taken = drive(arguments.requests)?;
    // What the service does behind its answers belongs to them.
    sink.wait_for((warm_up + arguments.requests) * expected);
    let processor = running.processor_time()?.saturating_sub(before);
    let memory = running.peak_memory()?;
    running.end()?;
    sink.wait_for((warm_up + arguments.requests) * expected);
    Ok(Round {
        processor_us: micros(processor) / arguments.requests as f64,
        requests_per_second: arguments.requests as f64 / taken.as_secs_f64(),
        memory: memory as f64,
        spans: sink.spans() as f64 / (warm_up + arguments.requests) as f64,
    })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Returns the median of each figure; of the spans the least, so that no loss is hidden.
pub(crate) fn median(rounds: &[Round]) -> Round {
    let of = |figure: fn(&Round) -> f64| {
        let mut figures: Vec<_> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        match figures.len() % 2 {
            0 => (figures[middle - 1] + figures[middle]) / 2.0,
            _ => figures[middle],
        }
    };
    Round {
        processor_us: of(|round| round.processor_us),
        requests_per_second: of(|round| round.requests_per_second),
        memory: of(|round| round.memory),
        spans: rounds
            .iter()
            .map(|round| round.spans)
            .fold(f64::MAX, f64::min),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_each_figure_and_of_spans_the_least() {
        let round = |figure: f64, spans| Round {
            processor_us: figure,
            requests_per_second: -figure,
            memory: figure,
            spans,
        };
        let three = [round(3.0, 3.0), round(1.0, 2.0), round(2.0, 3.0)];
        assert_eq!(median(&three), round(2.0, 2.0));
        assert_eq!(median(&three[..2]), round(2.0, 2.0));
    }
}
