//! What is measured, apart from how: the workloads, the trait that a library
//! under measure implements, and the implementations that need no peer.
//!
//! Two programs use it. `cargo compare` times these libraries beside the
//! peers; the program `instructions` of this package, which builds without
//! them, runs one workload for callgrind.

pub mod encode;
pub mod floor;
pub mod picojaeger;
pub mod spans;

/// Spans that one burst makes: so few that a thread's ring of 64 KiB holds them.
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

/// What one burst does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Start and finish a root span.
    W1,
    /// A root and 99 children, each span with [`COMPONENT`] and
    /// [`ITEM_INDEX`], started and finished in one function.
    W2,
    /// As W2, but each child is made in one function, held in a struct that a
    /// second returns, and finished in a third; none of them can inline.
    W2Moved,
    /// A child, with the same two tags, of a span that is not sampled.
    UnsampledChild,
    /// Nothing is made: the spans of a W2 burst become one packet of Thrift
    /// compact.
    Encode,
}

impl Workload {
    /// Every workload.
    pub const ALL: [Self; 5] = [
        Self::W1,
        Self::W2,
        Self::W2Moved,
        Self::UnsampledChild,
        Self::Encode,
    ];

    /// Those that make spans.
    pub const SPANS: [Self; 4] = [Self::W1, Self::W2, Self::W2Moved, Self::UnsampledChild];

    /// The name in tables and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W2Moved => "W2-moved",
            Self::UnsampledChild => "unsampled-child",
            Self::Encode => "encode",
        }
    }

    /// How many spans a burst makes: [`BURST`], or ten times as many where they take no
    /// room, so that code which is cold at first counts for little.
    pub fn spans(self) -> usize {
        match self {
            Self::UnsampledChild => 10 * BURST,
            _ => BURST,
        }
    }

    /// How many spans of a burst come out at the other end.
    pub fn exported(self) -> usize {
        match self {
            Self::UnsampledChild => 0,
            _ => self.spans(),
        }
    }
}

/// What came out of a library.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Spans that reached the exporter.
    pub exported: u64,
    /// Spans that the library itself counted as lost.
    pub lost: u64,
}

/// One library under measure.
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
    /// This is what is measured.
    fn burst(&mut self, workload: Workload);

    /// Delivers everything that was made, and says what came out since the
    /// last call. Never part of a burst's time.
    fn drain(&mut self) -> Drained;
}
