//! The rules of sampling: when a parent, a debug id or a priority decides, and when the sampler.

use crate::context::{Flags, SpanContext};

/// The decision about a new span, from [`sampling_decision`].
///
/// ```
/// use picojaeger_core::adapter::{SamplingDecision, sampling_decision};
/// use picojaeger_core::{Flags, SpanContext};
///
/// let parent: SpanContext = "1:2:0:1".parse().unwrap();
/// assert_eq!(sampling_decision(Some(&parent), None, false), SamplingDecision::Decided(Flags::SAMPLED));
/// assert_eq!(sampling_decision(None, None, false), SamplingDecision::AskSampler);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "each adapter must handle both")]
pub enum SamplingDecision {
    /// The span has these wire flags.
    Decided(Flags),
    /// The sampler decides.
    AskSampler,
}

/// The effect of a tag `sampling.priority` on an open span, from [`sampling_priority`].
///
/// ```
/// use picojaeger_core::Flags;
/// use picojaeger_core::adapter::{PriorityChange, sampling_priority};
///
/// let (flags, change) = sampling_priority(Flags::SAMPLED, false);
/// assert_eq!((flags, change), (Flags::NONE, PriorityChange::Cleared));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "each adapter must count all four")]
pub enum PriorityChange {
    /// The span stays unsampled; nothing is counted.
    Unchanged,
    /// The span stays sampled, with the debug flag; nothing is counted.
    DebugSet,
    /// The span becomes sampled, and counts as such.
    Upgraded,
    /// The span is not sampled any more, and counts as cleared.
    Cleared,
}

#[cfg(not(loom))]
impl SamplingDecision {
    /// Returns the flags, or [`Flags::DEFERRED`] where the sampler decides: one word, for chips.
    #[inline(always)]
    pub(crate) const fn flags_or_deferred(self) -> Flags {
        match self {
            SamplingDecision::Decided(flags) => flags,
            SamplingDecision::AskSampler => Flags::DEFERRED,
        }
    }
}

/// Both flags that a priority above 0 sets, and one of 0 clears.
const FORCED: Flags = Flags::SAMPLED.with(Flags::DEBUG);

/// Decides whether a new span is sampled, unless that is up to the sampler.
///
/// In this order: `forced`, the demand of a tag `sampling.priority`; a debug id, for a span that
/// begins a trace; the sampler, for a span without a parent or with one that
/// [defers](Flags::DEFERRED); the parent's flags. A parent without ids decides only if it came
/// [from another process](Flags::REMOTE). A priority leaves [`Flags::FIREHOSE`] alone.
#[inline(always)]
pub const fn sampling_decision(
    parent: Option<&SpanContext>,
    forced: Option<bool>,
    has_debug_id: bool,
) -> SamplingDecision {
    let (is_valid, flags) = match parent {
        Some(parent) => (parent.is_valid(), parent.flags()),
        None => (false, Flags::NONE),
    };
    let flags = if is_valid || flags.contains(Flags::REMOTE) {
        flags
    } else {
        Flags::DEFERRED
    };
    let wire = flags.only(Flags::WIRE);
    match forced {
        Some(on) => SamplingDecision::Decided(wire.without(FORCED).with(forced_flags(on))),
        None if has_debug_id && !is_valid => SamplingDecision::Decided(wire.with(FORCED)),
        None if flags.contains(Flags::DEFERRED) => SamplingDecision::AskSampler,
        None => SamplingDecision::Decided(wire),
    }
}

/// Returns the flags of an open span after a tag `sampling.priority`, and the change to count; `on`
/// is whether the priority is above 0.
#[inline]
pub const fn sampling_priority(flags: Flags, on: bool) -> (Flags, PriorityChange) {
    let change = match (on, flags.contains(Flags::SAMPLED)) {
        (true, true) => PriorityChange::DebugSet,
        (true, false) => PriorityChange::Upgraded,
        (false, true) => PriorityChange::Cleared,
        (false, false) => PriorityChange::Unchanged,
    };
    (flags.without(FORCED).with(forced_flags(on)), change)
}

#[inline(always)]
const fn forced_flags(on: bool) -> Flags {
    if on { FORCED } else { Flags::NONE }
}

#[cfg(test)]
mod tests {
    use super::SamplingDecision::{AskSampler, Decided};
    use super::*;
    use crate::id::{SpanId, TraceId};

    const NONE: Flags = Flags::NONE;
    const SAMPLED: Flags = Flags::SAMPLED;
    const DEBUG: Flags = Flags::DEBUG;
    const FIREHOSE: Flags = Flags::FIREHOSE;
    const REMOTE: Flags = Flags::REMOTE;
    const DEFERRED: Flags = Flags::DEFERRED;

    fn valid(flags: Flags) -> Option<SpanContext> {
        Some(SpanContext::new(TraceId::new(1), SpanId::new(2), flags))
    }

    fn without_ids(flags: Flags) -> Option<SpanContext> {
        Some(SpanContext::new(TraceId::new(0), SpanId::new(0), flags))
    }

    #[test]
    fn every_case_of_the_table_is_decided() {
        let (yes, no) = (Some(true), Some(false));
        for (parent, forced, has_debug_id, expected) in [
            // A root.
            (None, None, false, AskSampler),
            (None, None, true, Decided(FORCED)),
            (None, yes, false, Decided(FORCED)),
            (None, no, false, Decided(NONE)),
            (None, no, true, Decided(NONE)),
            // A parent of this process.
            (valid(NONE), None, false, Decided(NONE)),
            (valid(SAMPLED), None, false, Decided(SAMPLED)),
            (
                valid(SAMPLED | DEBUG | FIREHOSE),
                None,
                false,
                Decided(SAMPLED | DEBUG | FIREHOSE),
            ),
            (valid(NONE), None, true, Decided(NONE)),
            (valid(NONE), yes, false, Decided(FORCED)),
            (valid(FIREHOSE), yes, true, Decided(FORCED | FIREHOSE)),
            (valid(FORCED | FIREHOSE), no, false, Decided(FIREHOSE)),
            // A parent of another process.
            (valid(SAMPLED | REMOTE), None, false, Decided(SAMPLED)),
            (valid(REMOTE), None, true, Decided(NONE)),
            (valid(REMOTE | DEFERRED), None, false, AskSampler),
            (valid(REMOTE | DEFERRED), yes, false, Decided(FORCED)),
            (valid(REMOTE | DEFERRED), no, false, Decided(NONE)),
            // A decision of another process, without ids.
            (without_ids(REMOTE), None, false, Decided(NONE)),
            (without_ids(FORCED | REMOTE), None, false, Decided(FORCED)),
            (without_ids(REMOTE | DEFERRED), None, false, AskSampler),
            (without_ids(REMOTE), None, true, Decided(FORCED)),
            (
                without_ids(SAMPLED | FIREHOSE | REMOTE),
                no,
                false,
                Decided(FIREHOSE),
            ),
            // A span of this process that has no ids decides nothing.
            (without_ids(NONE), None, false, AskSampler),
            (without_ids(SAMPLED | FIREHOSE), None, false, AskSampler),
            (without_ids(SAMPLED | FIREHOSE), yes, false, Decided(FORCED)),
            (without_ids(NONE), None, true, Decided(FORCED)),
        ] {
            let found = sampling_decision(parent.as_ref(), forced, has_debug_id);
            assert_eq!(found, expected, "{parent:?} {forced:?} {has_debug_id}");
        }
    }

    #[test]
    fn a_priority_changes_two_flags_and_returns_the_change() {
        use PriorityChange::{Cleared, DebugSet, Unchanged, Upgraded};
        for (flags, on, expected, change) in [
            (NONE, true, FORCED, Upgraded),
            (FIREHOSE, true, FORCED | FIREHOSE, Upgraded),
            (SAMPLED, true, FORCED, DebugSet),
            (FORCED, true, FORCED, DebugSet),
            (SAMPLED | FIREHOSE, false, FIREHOSE, Cleared),
            (FORCED, false, NONE, Cleared),
            (NONE, false, NONE, Unchanged),
            (DEBUG, false, NONE, Unchanged),
        ] {
            assert_eq!(
                sampling_priority(flags, on),
                (expected, change),
                "{flags:?}"
            );
        }
    }
}
