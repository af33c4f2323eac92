//! A span before its start.

use core::mem::MaybeUninit;

use crate::arch::WORD;
use crate::context::{SpanContext, ToContext};
use crate::record::{Area, AreaBytes, Fixed, Open, Reference, Timestamp};
use crate::span::Span;
use crate::tags::SAMPLING_PRIORITY;
use crate::tracer::{Platform, Ring, SpanRing, Tracer};
use crate::value::{Key, Value};

/// Describes a span, and [starts](SpanBuilder::start) it.
///
/// The parent is the one given to `child_of`; else the first child-of among the references; else
/// the first context that the span follows from. Contexts that are not valid, and `None`, are
/// skipped.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, Ring, Seed, Tracer};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// let batch = TRACER.start::<0>("batch");
/// let item = TRACER
///     .span_builder("item")
///     .child_of(&batch)
///     .tags(&[("unit".into(), "celsius".into()), ("channel".into(), 3.into())])
///     .start::<96>();
/// assert_eq!(item.context().trace_id(), batch.context().trace_id());
/// assert_eq!(item.record().tags().count(), 2);
/// ```
#[must_use = "the span starts with `start`"]
#[derive(Clone, Copy, Debug)]
pub struct SpanBuilder<'t, 'a, P, R: ?Sized + 'static = Ring> {
    tracer: &'t Tracer<P, R>,
    operation: Key<'a>,
    child_of: Option<SpanContext>,
    is_local: bool,
    follows: Option<SpanContext>,
    tags: &'a [(Key<'a>, Value<'a>)],
    references: &'a [SpanReference],
    start: Option<Timestamp>,
}

/// A reference to another span, of its own or another trace.
///
/// ```
/// use picojaeger_core::{SpanContext, SpanReference};
///
/// let context: SpanContext = "1:2:0:1".parse().unwrap();
/// assert_ne!(SpanReference::ChildOf(context), SpanReference::FollowsFrom(context));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_enums,
    reason = "OpenTracing has two types of references"
)]
pub enum SpanReference {
    /// The other span waits for this one.
    ChildOf(SpanContext),
    /// The other span does not wait for this one.
    FollowsFrom(SpanContext),
}

impl<'t, 'a, P, R> SpanBuilder<'t, 'a, P, R>
where
    P: Platform,
    R: SpanRing + ?Sized,
{
    #[inline(always)]
    pub(crate) fn new(tracer: &'t Tracer<P, R>, operation: Key<'a>) -> Self {
        SpanBuilder {
            tracer,
            operation,
            child_of: None,
            is_local: false,
            follows: None,
            tags: &[],
            references: &[],
            start: None,
        }
    }

    /// Sets the parent, and replaces an earlier one.
    #[inline(always)]
    pub fn child_of<C: ToContext>(mut self, parent: C) -> Self {
        (self.child_of, self.is_local) = (parent.to_context(), C::IS_LOCAL);
        self
    }

    /// Sets the span that this one follows from, and replaces an earlier one; for several use
    /// [`references`](SpanBuilder::references).
    #[inline(always)]
    pub fn follows_from(mut self, other: impl ToContext) -> Self {
        self.follows = other.to_context();
        self
    }

    /// Adds references to other spans.
    #[inline(always)]
    pub fn references(mut self, references: &'a [SpanReference]) -> Self {
        self.references = references;
        self
    }

    /// Adds tags. A [`SAMPLING_PRIORITY`] among them decides instead of the sampler.
    #[inline(always)]
    pub fn tags(mut self, tags: &'a [(Key<'a>, Value<'a>)]) -> Self {
        self.tags = tags;
        self
    }

    /// Starts the span at this Unix time, in microseconds, instead of now.
    #[inline(always)]
    pub fn start_time(mut self, unix_micros: u64) -> Self {
        self.start = Some(Timestamp::UnixMicros(unix_micros));
        self
    }

    /// Starts the span at these ticks of [`Tracer::now`] or [`Tracer::captured`] instead of now.
    #[inline(always)]
    pub fn start_ticks(mut self, ticks: u64) -> Self {
        self.start = Some(Timestamp::Ticks(ticks));
        self
    }

    /// Starts the span, with `N` bytes for tags, logs and references; a multiple of the word.
    /// [`Span`] lists their sizes.
    #[inline(always)]
    pub fn start<const N: usize>(self) -> Span<'t, P, [MaybeUninit<u8>; N], R> {
        const { check_area(N) };
        if let Some(operation) = self.plain() {
            // A copy, so that the builder itself need not lie in memory.
            let child_of = self.child_of;
            return Span {
                tracer: self.tracer,
                image: Open::begun(
                    match &child_of {
                        Some(parent) if self.is_local => self.tracer.begin_local(operation, parent),
                        Some(parent) => self.tracer.begin_child(operation, parent),
                        None => self.tracer.begin_root(operation),
                    },
                    AreaBytes::new(),
                ),
            };
        }
        let mut span = Span {
            tracer: self.tracer,
            image: Open::begun(self.begin(), AreaBytes::new()),
        };
        self.fill(Area::erase(&mut span.image));
        span
    }

    /// Returns the operation name of a span that has a parent at most and nothing else.
    #[inline(always)]
    fn plain(&self) -> Option<&'static str> {
        match self.operation {
            Key::Static(name)
                if self.follows.is_none()
                    && self.tags.is_empty()
                    && self.references.is_empty()
                    && self.start.is_none() =>
            {
                Some(name)
            }
            _ => None,
        }
    }

    #[inline(never)]
    fn begin(&self) -> Fixed {
        let operation = match self.operation {
            Key::Static(name) => name,
            Key::Copied(_) => "",
        };
        let demands = self.tags.iter().rev();
        let forced = demands
            .filter(|(key, _)| key.as_str() == SAMPLING_PRIORITY)
            .find_map(|(_, value)| value.is_positive());
        let (parent, _) = self.parent();
        let name = self.operation.as_str();
        self.tracer.begin(operation, name, parent.as_ref(), forced)
    }

    /// Returns the chosen parent, and its index if it is a child-of among the references.
    fn parent(&self) -> (Option<SpanContext>, Option<usize>) {
        let child_of = self.child_of.filter(decides);
        if child_of.is_some() {
            return (child_of, None);
        }
        let mut references = self.references.iter().enumerate();
        let chosen = references.find_map(|(index, reference)| match reference {
            SpanReference::ChildOf(context) if context.is_valid() => Some((*context, index)),
            _ => None,
        });
        if let Some((context, index)) = chosen {
            return (Some(context), Some(index));
        }
        let mut followed = self.references.iter().map(|reference| match reference {
            SpanReference::FollowsFrom(context) | SpanReference::ChildOf(context) => *context,
        });
        let follows = self.follows.filter(SpanContext::is_valid);
        (
            follows.or_else(|| followed.find(SpanContext::is_valid)),
            None,
        )
    }

    /// Writes name, references and tags into the area.
    #[inline(never)]
    fn fill(&self, image: &mut Open) {
        if let Key::Copied(name) = self.operation {
            image.copy_operation(name);
        }
        if let Some(start) = self.start {
            image.set_start(start);
        }
        if !image.is_writable() {
            return;
        }
        let (_, chosen) = self.parent();
        if let Some(other) = self.follows {
            refer(image, other, true);
        }
        for (index, reference) in self.references.iter().enumerate() {
            match *reference {
                SpanReference::ChildOf(_) if chosen == Some(index) => {}
                SpanReference::ChildOf(other) => refer(image, other, false),
                SpanReference::FollowsFrom(other) => refer(image, other, true),
            }
        }
        for (key, value) in self.tags {
            image.tag(*key, *value);
        }
    }
}

/// Rejects areas that no image has, at compile time.
const fn check_area(bytes: usize) {
    assert!(bytes.is_multiple_of(WORD), "an area is whole words");
    let words = bytes / WORD;
    assert!(
        words <= u16::MAX as usize,
        "an area has at most 65,535 words"
    );
}

/// Returns whether a context decides anything: it is valid, or the decision of another process.
fn decides(context: &SpanContext) -> bool {
    context.is_valid() || context.flags().contains(crate::Flags::REMOTE)
}

/// Appends a reference to a valid context.
fn refer(image: &mut Open, other: SpanContext, follows: bool) {
    let reference = Reference {
        follows,
        trace: other.trace_id(),
        span: other.span_id(),
    };
    if other.is_valid() && !image.try_reference(reference) {
        image.mark_dropped();
    }
}
