//! Finds devices, or boots of one, that draw the same ids.

use std::collections::{HashMap, VecDeque};

use picojaeger_core::{SpanId, TraceId};

use super::tracer::TracerId;

/// The ids of the last spans, and whose they are.
#[derive(Default)]
pub(super) struct SeedWatch {
    owners: HashMap<(TraceId, SpanId), TracerId>,
    order: VecDeque<(TraceId, SpanId)>,
}

/// The spans that are remembered.
const MOST: usize = 16 << 10;

impl SeedWatch {
    /// Notes the ids of a new span; returns another tracer that had a span of the same ids.
    pub(super) fn note(
        &mut self,
        trace: TraceId,
        span: SpanId,
        owner: &TracerId,
    ) -> Option<TracerId> {
        if let Some(other) = self.owners.get(&(trace, span)) {
            return (other != owner).then(|| other.clone());
        }
        if self.order.len() == MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.owners.remove(&oldest);
        }
        self.order.push_back((trace, span));
        self.owners.insert((trace, span), owner.clone());
        None
    }
}
