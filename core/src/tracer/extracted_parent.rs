//! A parent and its debug id from a carrier.

use crate::context::{Flags, SpanContext, ToContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::{BaggageDrops, Extracted};
use crate::tags::JAEGER_DEBUG_ID;
use crate::value::{Key, Value};

/// A parent extracted from a carrier, if any; passed to [`child_of`](crate::SpanBuilder::child_of),
/// with its [`tags`](Incoming::tags).
///
/// A malformed header is counted and yields no parent, so that a new trace begins. A debug id
/// begins a new trace that is sampled and has the debug flag.
///
/// ```
/// use picojaeger_core::{ToContext, Incoming, TextMapCodec};
///
/// let mut scratch = [0; 32];
/// let found = TextMapCodec::http().extract(&[("jaeger-debug-id", "find-me")], &mut (), &mut scratch);
/// let incoming = Incoming::from(found);
/// assert!(incoming.to_context().is_some_and(|parent| parent.is_sampled() && !parent.is_valid()));
/// assert_eq!(incoming.tags()[0].1, "find-me".into());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'s> {
    context: Option<SpanContext>,
    tag: Option<(Key<'s>, Value<'s>)>,
    dropped: BaggageDrops,
    tracestate: Option<&'s str>,
    errors: bool,
}

impl<'s> Incoming<'s> {
    /// Returns the tag with the debug id, if there is one.
    pub fn tags(&self) -> &[(Key<'s>, Value<'s>)] {
        self.tag.as_slice()
    }

    /// Returns the counts of baggage items that were left out.
    pub fn dropped(&self) -> BaggageDrops {
        self.dropped
    }

    /// Returns the members of `tracestate`, for [`Outgoing::with_tracestate`](crate::Outgoing).
    pub fn tracestate(&self) -> Option<&'s str> {
        self.tracestate
    }

    /// Returns whether a header was malformed.
    pub fn had_errors(&self) -> bool {
        self.errors
    }
}

impl<'s> From<Extracted<'s>> for Incoming<'s> {
    fn from(found: Extracted<'s>) -> Self {
        let context = found.context.ok().flatten();
        let (parent, debug_id) = match context.filter(SpanContext::is_valid) {
            Some(parent) => (Some(parent), None),
            None => (None, found.debug_id.ok().flatten()),
        };
        Incoming {
            context: parent.or(debug_id.map(|_| DEBUG_ROOT)).or(context),
            tag: debug_id.map(|id| (Key::Static(JAEGER_DEBUG_ID), Value::Str(id))),
            dropped: found.dropped,
            tracestate: found.tracestate,
            errors: found.rejected.is_some() || found.context.is_err() || found.debug_id.is_err(),
        }
    }
}

impl ToContext for Incoming<'_> {
    #[inline]
    fn to_context(&self) -> Option<SpanContext> {
        self.context
    }
}

/// A context without ids, but with the decision of another process.
const DEBUG_ROOT: SpanContext = SpanContext::new(
    TraceId::from_parts(0, 0),
    SpanId::new(0),
    Flags::SAMPLED.with(Flags::DEBUG).with(Flags::REMOTE),
);
