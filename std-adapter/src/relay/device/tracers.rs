//! The tracers of a relay: how they come and go, and what they pass on.

use std::sync::Arc;

use picojaeger_core::SpanId;

use super::event::{Event, Sink};
use super::relay::Relay;
use super::tracer::{DeviceTracer, TracerId};
use crate::relay::payload::Hello;
use crate::sys::hex::hex;

/// The most tracers of devices and boots.
const MOST_TRACERS: usize = 1_024;
/// The most accounts of tracers that are gone.
const MOST_PAST: usize = 1_024;

impl Relay {
    pub(super) fn add(&mut self, id: TracerId, hello: &Hello<'_>, sink: Sink<'_>) {
        if self.tracers.len() >= MOST_TRACERS
            && let Some((oldest, _)) = self
                .tracers
                .iter()
                .min_by_key(|(_, tracer)| tracer.last_used)
        {
            let oldest = oldest.clone();
            self.forget(&oldest, sink);
        }
        self.tracers
            .insert(id.clone(), DeviceTracer::new(id, hello));
    }

    /// Keeps the account of a tracer alone.
    pub(super) fn forget(&mut self, id: &TracerId, sink: Sink<'_>) {
        self.pass_on(id, true, sink);
        let Some(tracer) = self.tracers.remove(id) else {
            return;
        };
        self.past.push_back(tracer.account());
        if self.past.len() > MOST_PAST {
            self.past.pop_front();
            self.counts.forgotten += 1;
        }
    }

    /// Begins anew with a device that was reset and has the same boot id as before.
    pub(super) fn restart(&mut self, id: &TracerId, sink: Sink<'_>) {
        self.pass_on(id, true, sink);
        let Some(tracer) = self.tracers.get(id) else {
            return;
        };
        let (again, account) = (tracer.restarted(), tracer.account());
        sink(Event::Warning(format!(
            "device {} was reset and has the same boot id, {:#x}: ids of boots should differ",
            account.device, account.boot
        )));
        self.forget(id, sink);
        self.tracers.insert(id.clone(), again);
    }

    /// Passes on the spans of a tracer that need not wait; all with `release`.
    pub(super) fn pass_on(&mut self, id: &TracerId, release: bool, sink: Sink<'_>) {
        let Some(tracer) = self.tracers.get_mut(id) else {
            return;
        };
        let (mut ids, process) = (Vec::new(), Arc::clone(&tracer.process));
        let duplicates = tracer.duplicates();
        tracer.ready(release, self.image.as_deref(), |span| {
            ids.push((span.trace_id, span.span_id));
            sink(Event::Span {
                process: Arc::clone(&process),
                span: Box::new(span),
            });
        });
        self.counts.spans += ids.len() as u64;
        self.counts.duplicates += tracer.duplicates() - duplicates;
        for (trace, span) in ids
            .into_iter()
            .filter(|(_, span)| *span != SpanId::default())
        {
            if let Some(other) = self.seeds.note(trace, span, id) {
                self.warn_of_seed(id, &other, sink);
            }
        }
    }

    fn warn_of_seed(&mut self, id: &TracerId, other: &TracerId, sink: Sink<'_>) {
        if self.warned.len() >= MOST_TRACERS {
            return;
        }
        let mut pair = [id.device.clone(), other.device.clone()];
        pair.sort_unstable();
        if !self.warned.insert(pair) {
            return;
        }
        let of = |id: &TracerId| format!("device {} in boot {:#x}", hex(&id.device), id.boot);
        sink(Event::Warning(format!(
            "{} and {} draw the same ids, so their traces mix: seed each boot with random bits",
            of(other),
            of(id)
        )));
    }
}
