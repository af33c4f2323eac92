//! Trees of spans, and their comparison.

mod compare;
mod expected;
mod text;

use std::collections::HashMap;
use std::fmt;

use picojaeger_core::tags::{SAMPLER_PARAM, SAMPLER_TYPE};

use crate::model::{Span, Tag};
use crate::testing::FinishedSpans;

pub use expected::ExpectedTreeError;

/// The trees of finished spans, by parents: names and tags, without ids and times.
///
/// Its text is what [`assert_trace!`](crate::assert_trace) takes: a line for each span, with its children under it.
///
/// ```
/// use picojaeger_std::testing::TestTracer;
///
/// let tracer = TestTracer::new();
/// tracer.start("order").in_scope(|| {
///     tracer.start("query").tag("rows", 3).tag("db.type", "sql");
/// });
/// assert_eq!(
///     tracer.tree().to_string(),
///     "order\n  query | rows=3 db.type=\"sql\"\n"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TraceTree {
    roots: Vec<Node>,
}

/// A span, and those that have it for a parent.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    name: String,
    /// The tags, but those of the sampler.
    tags: Vec<Tag>,
    children: Vec<Node>,
}

impl TraceTree {
    /// Makes the trees of these spans. Siblings stand in the order of their starts, and where these are the same of their
    /// ends. A span whose parent is not among them is a root.
    pub fn of(spans: impl FinishedSpans) -> Self {
        let mut spans = spans.finished_spans();
        spans.sort_by_key(|span| span.start_time_us);
        let mut links = Links::of(&spans);
        let roots = links.roots.clone();
        let mut roots: Vec<_> = roots.iter().map(|at| links.node(*at)).collect();
        // Those whose parents form a circle are under no root.
        for at in 0..spans.len() {
            if !links.placed[at] {
                roots.push(links.node(at));
            }
        }
        TraceTree { roots }
    }

    /// Compares the trees with expected ones, and returns the difference, if there is any.
    ///
    /// The expected text has a line for each span: its name, and behind ` | ` tags, with a space between. Its children
    /// follow with more spaces before them, in any order. A tag `key=value` must be there with this value, `key` with any,
    /// `!key` must not; others may. Text may be quoted, and has to be where it has spaces or begins with a quotation mark;
    /// it has `\"`, `\\` and control characters escaped then, as the text of a tree has.
    ///
    /// # Errors
    /// The expected text is not of this form.
    ///
    /// ```
    /// use picojaeger_std::testing::TestTracer;
    ///
    /// let tracer = TestTracer::new();
    /// tracer.start("order").in_scope(|| {
    ///     tracer.start("query").tag("rows", 3);
    /// });
    /// assert_eq!(tracer.tree().difference("order\n  query | rows !error")?, None);
    /// assert_eq!(
    ///     tracer.tree().difference("order\n  query | rows=4\n  pack")?.unwrap(),
    ///     "  order\n-   query | rows=4\n+   query | rows=3\n-   pack\n"
    /// );
    /// # Ok::<(), picojaeger_std::testing::ExpectedTreeError>(())
    /// ```
    pub fn difference(&self, expected: &str) -> Result<Option<String>, ExpectedTreeError> {
        let expected = expected::parse(expected)?;
        Ok(compare::difference(&expected, &self.roots))
    }
}

/// The children of each span, by their places.
struct Links<'s> {
    spans: &'s [Span],
    roots: Vec<usize>,
    children: HashMap<usize, Vec<usize>>,
    placed: Vec<bool>,
}

impl<'s> Links<'s> {
    fn of(spans: &'s [Span]) -> Self {
        let id = |span: &Span| (span.trace_id, span.span_id);
        let by_id: HashMap<_, _> = spans
            .iter()
            .enumerate()
            .rev()
            .map(|(at, span)| (id(span), at))
            .collect();
        let (mut roots, mut children) = (Vec::new(), HashMap::<usize, Vec<usize>>::new());
        for (at, span) in spans.iter().enumerate() {
            let parent = span.parent().map(|parent| (span.trace_id, parent));
            match parent.and_then(|parent| by_id.get(&parent)) {
                Some(parent) => children.entry(*parent).or_default().push(at),
                None => roots.push(at),
            }
        }
        Links {
            spans,
            roots,
            children,
            placed: vec![false; spans.len()],
        }
    }

    fn node(&mut self, at: usize) -> Node {
        self.placed[at] = true;
        let below = self.children.remove(&at).unwrap_or_default();
        let below = below
            .into_iter()
            .filter(|at| !self.placed[*at])
            .collect::<Vec<_>>();
        let children = below.into_iter().map(|at| self.node(at)).collect();
        let span = &self.spans[at];
        let is_own = |tag: &&Tag| tag.key != SAMPLER_TYPE && tag.key != SAMPLER_PARAM;
        Node {
            name: span.operation_name.clone(),
            tags: span.tags.iter().filter(is_own).cloned().collect(),
            children,
        }
    }
}

impl fmt::Display for TraceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = String::new();
        for root in &self.roots {
            text::write_tree(&mut lines, "", 0, root);
        }
        f.write_str(&lines)
    }
}

/// Panics with the difference, if there is any.
#[doc(hidden)]
#[track_caller]
pub fn assert_same(spans: &dyn FinishedSpans, expected: &str, note: Option<fmt::Arguments<'_>>) {
    let tree = TraceTree::of(spans);
    let difference = match tree.difference(expected) {
        Ok(None) => return,
        Ok(Some(difference)) => difference,
        Err(error) => panic!("{error}"),
    };
    let note = note.map(|note| format!(": {note}")).unwrap_or_default();
    let open = match spans.open_spans() {
        0 => String::new(),
        1 => "one span is still open\n".into(),
        open => format!("{open} spans are still open\n"),
    };
    panic!("the trace is not as expected (- expected, + found){note}\n{difference}{open}");
}

/// Compares the spans that finished with an expected tree, and panics with the difference.
///
/// The first argument is a [`TestTracer`](crate::testing::TestTracer), a backend, a slice of spans, or another of
/// [`FinishedSpans`](crate::testing::FinishedSpans). The second has a line for each span, as
/// [`TraceTree::difference`](crate::testing::TraceTree::difference) describes. More arguments are formatted into the message.
///
/// ```
/// use picojaeger_std::assert_trace;
/// use picojaeger_std::testing::TestTracer;
///
/// let tracer = TestTracer::new();
/// tracer.start("order").tag("order.id", 7).in_scope(|| {
///     tracer.start("look up").finish();
///     tracer.start("pack").tag("text", "two words");
/// });
/// assert_trace!(
///     tracer,
///     r#"
///     order | order.id=7 !error
///       look up
///       pack | text="two words"
///     "#
/// );
/// ```
///
/// # Panics
/// The trees differ, or the expected text is not of this form. The message has the lines of both, `-` before those that were
/// expected and `+` before those that were found:
///
/// ```text
/// the trace is not as expected (- expected, + found)
///   order
/// -   query | rows=4
/// +   query | rows=3
/// ```
#[macro_export]
macro_rules! assert_trace {
    ($spans:expr, $expected:expr $(,)?) => {
        $crate::testing::assert_same(&$spans, $expected, ::core::option::Option::None)
    };
    ($spans:expr, $expected:expr, $($note:tt)+) => {
        $crate::testing::assert_same(&$spans, $expected, ::core::option::Option::Some(::core::format_args!($($note)+)))
    };
}
