//! The budgets of servers, compared with the figures of the same run.
//!
//! A ratio applies to any machine; an absolute time does not. Bounds in
//! instructions are in `bounds.toml`.

use crate::results::Record;

/// One budget, as data.
struct Budget {
    what: &'static str,
    measure: Measure,
    limit: Limit,
}

/// The quantity that is compared with the limit.
enum Measure {
    /// A figure itself.
    Plain(Figure),
    /// The first figure as a multiple of the second.
    Ratio(Figure, Figure),
    /// The first figure less the second.
    Above(Figure, Figure),
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// A figure's workload, library and name.
struct Figure(&'static str, &'static str, &'static str);

use Limit::{AtLeast, AtMost};
use Measure::{Above, Plain, Ratio};

const BUDGETS: &[Budget] = &[
    at_most("W1", "picojaeger", 0.35, "fastrace"),
    at_most("W1", "picojaeger", 1.4, "floor"),
    at_most("W2", "picojaeger", 0.35, "fastrace"),
    at_most("W2", "picojaeger", 0.18, "opentelemetry"),
    at_most("W2", "picojaeger", 1.5, "floor"),
    at_most("W2-moved", "picojaeger", 0.35, "fastrace"),
    at_most("W2-moved", "picojaeger", 0.18, "opentelemetry"),
    at_most("W2-moved", "picojaeger", 1.5, "floor"),
    wide_ids("W1"),
    wide_ids("W2"),
    at_most("unsampled-child", "picojaeger", 0.5, "fastrace"),
    at_most(
        "unsampled-child",
        "picojaeger-disabled",
        2.0,
        "tracing-no-subscriber",
    ),
    Budget {
        what: "ns above a bare poll",
        measure: Above(
            Figure("polls", "picojaeger", MIN),
            Figure("polls", "floor", MIN),
        ),
        limit: AtMost(12.0),
    },
    at_most("polls", "picojaeger", 1.0, "fastrace-span"),
    at_most(
        "tracing",
        "picojaeger-tracing",
        0.3,
        "tracing-opentelemetry",
    ),
    at_most(
        "tracing-events",
        "picojaeger-tracing",
        0.3,
        "tracing-opentelemetry",
    ),
    at_most("encode", "picojaeger", 1.3, "straight-line"),
    at_most("encode-otlp", "picojaeger", 1.3, "straight-line"),
    propagated("inject-w3c", "inject-w3c"),
    propagated("inject-jaeger", "inject-w3c"),
    propagated("inject-b3", "inject-w3c"),
    propagated("inject-b3multi", "inject-w3c"),
    propagated("inject-both", "inject-w3c"),
    propagated("extract-w3c", "extract-w3c"),
    propagated("extract-jaeger", "extract-w3c"),
    propagated("extract-b3", "extract-w3c"),
    propagated("extract-b3multi", "extract-w3c"),
    propagated("extract-both", "extract-w3c"),
    both("inject-both"),
    both("extract-both"),
    without_allocation("inject-w3c"),
    without_allocation("inject-jaeger"),
    without_allocation("inject-b3"),
    without_allocation("inject-b3multi"),
    without_allocation("inject-both"),
    without_allocation("extract-w3c"),
    without_allocation("extract-jaeger"),
    without_allocation("extract-b3"),
    without_allocation("extract-b3multi"),
    without_allocation("extract-both"),
    Budget {
        what: "allocations per span, all threads, UDP",
        measure: Plain(Figure(
            "pipeline",
            "picojaeger-65000",
            "allocations_per_span",
        )),
        limit: AtMost(NONE),
    },
    at_most("pipeline", "picojaeger-65000", 0.1, "fastrace-jaeger"),
    at_most("pipeline", "picojaeger-65000", 0.2, "opentelemetry-otlp"),
    at_most("pipeline", "picojaeger-otlp", 0.25, "opentelemetry-otlp"),
    nothing_lost("pipeline", "picojaeger-65000"),
    nothing_lost("pipeline", "picojaeger-1400"),
    nothing_lost("pipeline", "picojaeger-otlp"),
    above_the_bare_send("pipeline"),
    above_the_bare_send("inline"),
    Budget {
        what: "delivered spans/s × opentelemetry",
        measure: Ratio(
            Figure("flat-out", "picojaeger", "delivered_per_s"),
            Figure("flat-out", "opentelemetry", "delivered_per_s"),
        ),
        limit: AtLeast(5.0),
    },
    Budget {
        what: "spans lost without a count",
        measure: Plain(Figure("flat-out", "picojaeger", "missing")),
        limit: AtMost(0.0),
    },
    Budget {
        what: "growth of memory, bytes",
        measure: Plain(Figure("flat-out", "picojaeger", "rss_growth_bytes")),
        limit: AtMost((16 << 20) as f64),
    },
    nothing_lost("burst-16-1x50000", "picojaeger"),
    nothing_lost("burst-16-1x50000", "picojaeger-udp"),
    nothing_lost("burst-16-8x6000", "picojaeger"),
    nothing_lost("burst-16-8x6000", "picojaeger-udp"),
    nothing_lost("burst-16-16x1000", "picojaeger"),
    nothing_lost("burst-16-16x1000", "picojaeger-udp"),
    nothing_lost("burst-16-64x1000", "picojaeger"),
    nothing_lost("burst-16-64x1000", "picojaeger-udp"),
    Budget {
        what: "spans lost × opentelemetry (an aim)",
        measure: Ratio(
            Figure("burst-16-200x1000", "picojaeger", "lost"),
            Figure("burst-16-200x1000", "opentelemetry", "lost"),
        ),
        limit: AtMost(0.5),
    },
    nothing_lost("burst-64-1x200000", "picojaeger"),
    nothing_lost("burst-64-1x200000", "picojaeger-udp"),
    nothing_lost("burst-64-200x1000", "picojaeger"),
    nothing_lost("burst-64-200x1000", "picojaeger-udp"),
];

/// Bursts of which every span is delivered, in each round.
const fn nothing_lost(workload: &'static str, library: &'static str) -> Budget {
    Budget {
        what: "spans lost, all rounds",
        measure: Plain(Figure(workload, library, "lost")),
        limit: AtMost(0.0),
    }
}

/// A context in any format, compared with OpenTelemetry's in the W3C's.
const fn propagated(workload: &'static str, peers: &'static str) -> Budget {
    Budget {
        what: "× opentelemetry's w3c",
        measure: Ratio(
            Figure(workload, "picojaeger", MIN),
            Figure(peers, "opentelemetry", MIN),
        ),
        limit: AtMost(0.3),
    }
}

/// The default's formats, compared with OpenTelemetry's default: trace context and baggage.
const fn both(workload: &'static str) -> Budget {
    Budget {
        what: "× opentelemetry's w3c with baggage",
        ..at_most(workload, "picojaeger", 0.3, "opentelemetry")
    }
}

/// A context in any format, in a carrier that allocates nothing itself.
const fn without_allocation(workload: &'static str) -> Budget {
    Budget {
        what: "allocations per context",
        measure: Plain(Figure(workload, "picojaeger", "allocations_per_span")),
        limit: AtMost(0.0),
    }
}

/// Less than one allocation in two thousand spans: a line of the log about a
/// loss makes ten, once a minute.
const NONE: f64 = 0.0005;

/// Compared with a peer, by the fastest round of each.
const fn at_most(
    workload: &'static str,
    library: &'static str,
    times: f64,
    peer: &'static str,
) -> Budget {
    Budget {
        what: "",
        measure: Ratio(Figure(workload, library, MIN), Figure(workload, peer, MIN)),
        limit: AtMost(times),
    }
}

/// Trace ids of 128 bits compared with those of 64.
const fn wide_ids(workload: &'static str) -> Budget {
    Budget {
        what: "ns above 64-bit ids",
        measure: Above(
            Figure(workload, "picojaeger-128", MIN),
            Figure(workload, "picojaeger", MIN),
        ),
        limit: AtMost(1.5),
    }
}

/// In packets of up to 1,400 bytes.
const fn above_the_bare_send(workload: &'static str) -> Budget {
    Budget {
        what: "ns above the bare send",
        measure: Above(
            Figure(workload, "picojaeger-1400", MIN),
            Figure(workload, "bare-send-1400", MIN),
        ),
        limit: AtMost(110.0),
    }
}

const MIN: &str = "min_ns";

/// Prints each budget whose figures were measured, and whether it is kept.
pub(crate) fn print(records: &[Record]) {
    let mut lines = BUDGETS
        .iter()
        .filter_map(|budget| budget.line(records))
        .peekable();
    if lines.peek().is_none() {
        return;
    }
    println!("\nbudgets, by the figures of this run\n");
    for line in lines {
        println!("{line}");
    }
}

impl Budget {
    /// Returns `None` if a figure was not measured.
    fn line(&self, records: &[Record]) -> Option<String> {
        let value = self.measure.value(records)?;
        let verdict = if self.limit.holds(value) {
            "kept"
        } else {
            "missed"
        };
        let of = self.measure.of();
        Some(format!(
            "{:<17} {:<20} {:<38} {:>12} {:>14}  {verdict}",
            of.0,
            of.1,
            self.what(),
            self.limit.text(),
            number(value)
        ))
    }

    fn what(&self) -> String {
        match &self.measure {
            Ratio(_, peer) if self.what.is_empty() => format!("× {}", peer.1),
            _ => self.what.into(),
        }
    }
}

impl Measure {
    fn value(&self, records: &[Record]) -> Option<f64> {
        Some(match self {
            Plain(figure) => figure.value(records)?,
            Ratio(figure, other) => figure.value(records)? / other.value(records)?,
            Above(figure, other) => figure.value(records)? - other.value(records)?,
        })
    }

    /// Returns the figure of the library to which the budget applies.
    fn of(&self) -> &Figure {
        match self {
            Plain(figure) | Ratio(figure, _) | Above(figure, _) => figure,
        }
    }
}

impl Limit {
    fn holds(&self, value: f64) -> bool {
        match *self {
            AtMost(limit) => value <= limit,
            AtLeast(limit) => value >= limit,
        }
    }

    fn text(&self) -> String {
        match *self {
            AtMost(limit) => format!("≤ {}", number(limit)),
            AtLeast(limit) => format!("≥ {}", number(limit)),
        }
    }
}

impl Figure {
    fn value(&self, records: &[Record]) -> Option<f64> {
        let Self(workload, library, name) = *self;
        let mut records = records.iter();
        records
            .find(|record| (record.workload, record.library) == (workload, library))?
            .get(name)
    }
}

/// Formats a figure with at most two decimals, and fewer if it is large or whole.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(workload: &'static str, library: &'static str, min_ns: f64) -> Record {
        let mut record = Record::new(workload, library, "");
        record.set(MIN, min_ns);
        record
    }

    fn words(budget: &Budget, records: &[Record]) -> Vec<String> {
        let line = budget.line(records).expect("both are measured");
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn a_ratio_is_kept_up_to_its_limit() {
        let budget = at_most("W1", "picojaeger", 0.35, "fastrace");
        let with = |ours| {
            [
                record("W1", "fastrace", 100.0),
                record("W1", "picojaeger", ours),
            ]
        };
        let kept = [
            "W1",
            "picojaeger",
            "×",
            "fastrace",
            "≤",
            "0.35",
            "0.35",
            "kept",
        ];
        assert_eq!(words(&budget, &with(35.0)), kept);
        assert_eq!(words(&budget, &with(36.0))[6..], ["0.36", "missed"]);
    }

    #[test]
    fn a_difference_and_a_least_ratio() {
        let figures = || (Figure("W1", "a", MIN), Figure("W1", "b", MIN));
        let records = [record("W1", "a", 250.0), record("W1", "b", 50.0)];
        let (a, b) = figures();
        assert_eq!(Above(a, b).value(&records), Some(200.0));
        let (a, b) = figures();
        assert_eq!(Ratio(a, b).value(&records), Some(5.0));
        assert!(AtLeast(5.0).holds(5.0) && !AtLeast(5.0).holds(4.9));
    }

    #[test]
    fn what_was_not_measured_has_no_line() {
        let budget = at_most("W1", "picojaeger", 0.35, "fastrace");
        assert_eq!(budget.line(&[record("W1", "picojaeger", 1.0)]), None);
    }

    #[test]
    fn every_budget_names_what_is_measured() {
        let known = crate::known(&crate::libraries());
        for budget in BUDGETS {
            let others = match &budget.measure {
                Plain(figure) => vec![figure],
                Ratio(figure, other) | Above(figure, other) => vec![figure, other],
            };
            for Figure(workload, library, _) in others {
                assert!(
                    known.contains(&(*workload, *library)),
                    "{workload}, {library}"
                );
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.345, "0.34"),
            (110.0, "110"),
            (98.76, "98.8"),
            (0.0, "0"),
            (1e7 + 0.5, "10000000"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
