//! The measured code, without the measurement: the workloads, the trait that a
//! measured library implements, and the implementations that need no peer.
//!
//! Two programs use it. `cargo compare` times these libraries beside the
//! peers; the program `instructions` of this package, which builds without
//! them, runs one workload for callgrind.

pub mod encode;
pub mod floor;
pub mod picojaeger;
pub mod polls;
pub mod propagation;
pub mod spans;
pub mod tracing;

/// Spans of one burst: few enough for a thread's ring of 64 KiB.
pub const BURST: usize = 400;

/// Spans of one tree: a root and its children. Divides [`BURST`].
pub const TREE: usize = 100;

/// Operation name of every root.
pub const ROOT: &str = "root";

/// Operation name of every child.
pub const CHILD: &str = "child";

/// The string tag of a span in a tree: key and value.
pub const COMPONENT: (&str, &str) = ("component", "anchors");

/// Key of the integer tag of a span in a tree; its value is the span's place
/// in the tree.
pub const ITEM_INDEX: &str = "item.index";

/// Content of one burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Start and finish a root span.
    W1,
    /// A root and 99 children, each span with [`COMPONENT`] and
    /// [`ITEM_INDEX`], started and finished in one function.
    W2,
    /// Like W2, but each child is made in one function, held in a struct that a
    /// second returns, and finished in a third; none of them is inlined.
    W2Moved,
    /// A child, with the same two tags, of a span that is not sampled.
    UnsampledChild,
    /// One span is made: that of a future that waits, which is polled; each poll counts as a span.
    Polls,
    /// As W2, by the macros of the crate `tracing`: each span is entered and found as the parent by the thread.
    Tracing,
    /// The same with an event of one field in each span.
    TracingEvents,
    /// No span is made: those of a W2 burst are encoded into one packet of Thrift
    /// compact.
    Encode,
    /// The same in OTLP.
    EncodeOtlp,
    /// No span is made: a context is written as headers, or read from them.
    Propagation(Direction, Format),
}

/// The direction of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into a carrier whose memory is reused.
    Inject,
    /// From the headers of a request, see [`propagation::request`].
    Extract,
}

/// The headers of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `traceparent`.
    W3c,
    /// `uber-trace-id`.
    Jaeger,
    /// `b3`.
    B3,
    /// `x-b3-traceid` and others.
    B3Multi,
    /// `traceparent` and `uber-trace-id`, the default.
    Both,
}

impl Workload {
    /// Every workload.
    pub const ALL: [Self; 19] = [
        Self::W1,
        Self::W2,
        Self::W2Moved,
        Self::UnsampledChild,
        Self::Polls,
        Self::Encode,
        Self::EncodeOtlp,
        Self::PROPAGATION[0],
        Self::PROPAGATION[1],
        Self::PROPAGATION[2],
        Self::PROPAGATION[3],
        Self::PROPAGATION[4],
        Self::PROPAGATION[5],
        Self::PROPAGATION[6],
        Self::PROPAGATION[7],
        Self::PROPAGATION[8],
        Self::PROPAGATION[9],
        // At the end, since their subscribers stay, and would change what a span costs that none wants.
        Self::Tracing,
        Self::TracingEvents,
    ];

    /// The workloads that write and read headers.
    pub const PROPAGATION: [Self; 10] = [
        Self::Propagation(Direction::Inject, Format::W3c),
        Self::Propagation(Direction::Inject, Format::Jaeger),
        Self::Propagation(Direction::Inject, Format::B3),
        Self::Propagation(Direction::Inject, Format::B3Multi),
        Self::Propagation(Direction::Inject, Format::Both),
        Self::Propagation(Direction::Extract, Format::W3c),
        Self::Propagation(Direction::Extract, Format::Jaeger),
        Self::Propagation(Direction::Extract, Format::B3),
        Self::Propagation(Direction::Extract, Format::B3Multi),
        Self::Propagation(Direction::Extract, Format::Both),
    ];

    /// The workloads that make spans.
    pub const SPANS: [Self; 4] = [Self::W1, Self::W2, Self::W2Moved, Self::UnsampledChild];

    /// The name in tables and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W2Moved => "W2-moved",
            Self::UnsampledChild => "unsampled-child",
            Self::Polls => "polls",
            Self::Tracing => "tracing",
            Self::TracingEvents => "tracing-events",
            Self::Encode => "encode",
            Self::EncodeOtlp => "encode-otlp",
            Self::Propagation(Direction::Inject, format) => match format {
                Format::W3c => "inject-w3c",
                Format::Jaeger => "inject-jaeger",
                Format::B3 => "inject-b3",
                Format::B3Multi => "inject-b3multi",
                Format::Both => "inject-both",
            },
            Self::Propagation(Direction::Extract, format) => match format {
                Format::W3c => "extract-w3c",
                Format::Jaeger => "extract-jaeger",
                Format::B3 => "extract-b3",
                Format::B3Multi => "extract-b3multi",
                Format::Both => "extract-both",
            },
        }
    }

    /// Returns the number of spans, or contexts, of a burst: [`BURST`], or ten times as many if they are not
    /// kept, so that code which is cold at first counts for little.
    pub fn spans(self) -> usize {
        match self {
            Self::UnsampledChild | Self::Polls | Self::Propagation(..) => 10 * BURST,
            _ => BURST,
        }
    }

    /// Returns the number of spans of a burst that are exported.
    pub fn exported(self) -> usize {
        match self {
            Self::UnsampledChild | Self::Propagation(..) => 0,
            Self::Polls => 1,
            _ => self.spans(),
        }
    }
}

/// Counts of a library's spans after a drain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Spans that reached the exporter.
    pub exported: u64,
    /// Spans that the library itself counted as lost.
    pub lost: u64,
}

/// A measured library.
///
/// ```
/// use picojaeger_workloads::{BURST, Library, Workload, floor::Floor};
///
/// let mut floor = Floor;
/// floor.burst(Workload::W2);
/// assert_eq!(floor.drain().exported, BURST as u64);
/// ```
pub trait Library {
    /// The name in tables and results.
    fn name(&self) -> &'static str;

    /// The package whose version in the lock file is the library's.
    fn package(&self) -> &'static str;

    /// The workloads that the library can do: all that make spans.
    fn workloads(&self) -> &'static [Workload] {
        &Workload::SPANS
    }

    /// Makes and finishes [`Workload::spans`] spans on this thread. The one span above
    /// the children of [`Workload::UnsampledChild`] comes on top.
    ///
    /// This call is measured.
    fn burst(&mut self, workload: Workload);

    /// Delivers all spans, and returns the counts since the last call. Never part
    /// of a burst's time.
    fn drain(&mut self) -> Drained;
}
