//! The first pass over the headers of several formats, and the passes that it finds necessary.

use crate::baggage::BaggageSink;
use crate::context::{Flags, SpanContext};
use crate::propagation::b3::B3;
use crate::propagation::candidate::Candidate;
use crate::propagation::carrier::TextMapReader;
use crate::propagation::composite::Propagator;
use crate::propagation::error::{BaggageDrops, ExtractError};
use crate::propagation::format::Format;
use crate::propagation::jaeger::{self, Extracted, Extras, Precedence};
use crate::propagation::w3c::{baggage, traceparent, tracestate};

/// The contexts of a carrier, from [`Propagator::scan`].
///
/// ```
/// use picojaeger_core::{Format, Propagator};
///
/// let propagator = Propagator::new(&[Format::Jaeger], &[]);
/// let scan = propagator.scan(&[("uber-trace-id", "1:2:0:1"), ("uberctx-a", "b")]);
/// assert!(scan.has_more());
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Scan<'n> {
    propagator: Propagator<'n>,
    reads: Reads,
    w3c: Candidate,
    jaeger: Candidate,
    b3: B3,
    state: tracestate::Summary,
    has_state: bool,
    has_w3c_baggage: bool,
    has_extras: bool,
}

/// The formats that are read.
#[derive(Clone, Copy)]
struct Reads {
    w3c: bool,
    baggage: bool,
    jaeger: bool,
    b3: bool,
}

/// The context that wins, and the first header that could not be read.
struct Choice {
    context: Option<SpanContext>,
    is_w3c: bool,
    rejected: Option<(Format, ExtractError)>,
}

impl<'n> Scan<'n> {
    pub(super) fn new(propagator: Propagator<'n>) -> Self {
        let reads = |format| propagator.reads(format);
        Scan {
            propagator,
            reads: Reads {
                w3c: reads(Format::TraceContext),
                baggage: reads(Format::Baggage),
                jaeger: reads(Format::Jaeger),
                b3: reads(Format::B3) || reads(Format::B3Multi),
            },
            w3c: Candidate::NONE,
            jaeger: Candidate::NONE,
            b3: B3::NONE,
            state: tracestate::Summary::default(),
            has_state: false,
            has_w3c_baggage: false,
            has_extras: false,
        }
    }

    /// Takes one header.
    pub(super) fn visit(&mut self, key: &str, value: &[u8]) {
        let is = |name| key.eq_ignore_ascii_case(name);
        if self.reads.w3c && is(traceparent::NAME) {
            self.w3c.take_joined(value, traceparent::parse);
        } else if self.reads.w3c && is(tracestate::NAME) {
            self.state.visit(value);
            self.has_state = true;
        } else if self.reads.jaeger && is(self.propagator.codec.names.trace_context) {
            jaeger::take_context(&mut self.jaeger, &self.propagator.codec, value);
        } else if self.reads.baggage && is(baggage::NAME) {
            self.has_w3c_baggage = true;
        } else if !self.reads.b3 || !self.b3.visit(key, value) {
            self.has_extras |= self.is_extra(key);
        }
    }

    /// Returns whether a header is a request of a caller without a tracer, or an item of baggage.
    fn is_extra(&self, key: &str) -> bool {
        let (is, names) = (
            |name| key.eq_ignore_ascii_case(name),
            &self.propagator.codec.names,
        );
        let is_request =
            self.propagator.takes_requests && (is(names.debug_id) || is(names.baggage));
        is_request || self.reads.jaeger && jaeger::strip_prefix(key, names.baggage_prefix).is_some()
    }

    /// Returns whether there is more than the context: baggage, a debug id, `tracestate`. If not,
    /// [`Scan::complete`] needs no scratch buffer.
    pub fn has_more(&self) -> bool {
        self.has_state || self.has_w3c_baggage || self.has_extras
    }

    /// Reads the rest from the same carrier, as [`Propagator::extract`] does.
    pub fn complete<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        sink: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Extracted<'s> {
        let mut choice = self.choose();
        let (tracestate, scratch) = match choice.is_w3c && self.has_state && self.state.is_valid() {
            true => self.tracestate(carrier, scratch),
            false => (None, scratch),
        };
        if choice.is_w3c && self.state.is_valid() && self.state.is_debug {
            choice.add(Flags::SAMPLED | Flags::DEBUG);
        }
        let (debug_id, dropped) = match self.has_w3c_baggage || self.has_extras {
            true => self.extras(carrier, sink, scratch),
            false => (Ok(None), BaggageDrops::default()),
        };
        Extracted {
            context: match (choice.context, choice.rejected) {
                (None, Some((_, error))) => Err(error),
                (context, _) => Ok(context),
            },
            debug_id,
            dropped,
            tracestate,
            rejected: choice.rejected,
        }
    }

    /// Copies the members of `tracestate` to the front of the scratch buffer.
    fn tracestate<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        scratch: &'s mut [u8],
    ) -> (Option<&'s str>, &'s mut [u8]) {
        let room = tracestate::LIMIT.min(scratch.len() / 2);
        let Some((front, rest)) = scratch.split_at_mut_checked(room) else {
            return (None, &mut []);
        };
        let mut list = tracestate::List::new(front, &self.state);
        carrier.for_each(&mut |key, value| {
            if key.eq_ignore_ascii_case(tracestate::NAME) {
                list.visit(value);
            }
        });
        (list.finish().0, rest)
    }

    /// Reads the debug id and the baggage: the W3C's first, since its keys have a case.
    fn extras<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        sink: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> (Result<Option<&'s str>, ExtractError>, BaggageDrops) {
        let mut extras = Extras::new(self.propagator.codec, sink, scratch);
        if self.has_w3c_baggage {
            carrier.for_each(&mut |key, value| {
                if key.eq_ignore_ascii_case(baggage::NAME) {
                    extras.visit_w3c(value);
                }
            });
            extras.items.precedence = self.precedence();
        }
        if self.has_extras {
            carrier.for_each(&mut |key, value| {
                let is_request = self.propagator.takes_requests && extras.visit_request(key, value);
                if !is_request && self.reads.jaeger {
                    extras.visit_item(key, value);
                }
            });
        }
        extras.finish()
    }

    /// Returns the precedence of Jaeger's items, which come after the W3C's.
    fn precedence(&self) -> Precedence {
        let is_either = |format: &&Format| matches!(format, Format::Jaeger | Format::Baggage);
        match self.propagator.extract.iter().find(is_either) {
            Some(Format::Jaeger) => Precedence::LastUnlessCase,
            _ => Precedence::First,
        }
    }

    /// Returns the first valid context, else the first decision without ids.
    fn choose(&self) -> Choice {
        let mut choice = Choice {
            context: None,
            is_w3c: false,
            rejected: None,
        };
        for format in self.propagator.extract {
            let found = match format {
                Format::TraceContext => self.w3c(),
                Format::Jaeger => self.jaeger.0,
                Format::B3 | Format::B3Multi => self.b3.context(),
                Format::Baggage => Ok(None),
            };
            match found {
                Ok(Some(context)) => choice.offer(context, *format),
                Ok(None) => {}
                Err(error) => choice.reject(*format, error),
            }
        }
        self.join(&mut choice);
        choice
    }

    /// Returns the context of `traceparent`, where ids of zero mean none.
    fn w3c(&self) -> Result<Option<SpanContext>, ExtractError> {
        self.w3c.0.map(|found| found.filter(SpanContext::is_valid))
    }

    /// Takes the ids of the W3C's header and the flags that only Jaeger's has, where both name the
    /// trace that was chosen.
    fn join(&self, choice: &mut Choice) {
        let (Ok(Some(w3c)), Ok(Some(jaeger)), Some(chosen)) =
            (self.w3c(), self.jaeger.0, choice.context)
        else {
            return;
        };
        if w3c.trace != jaeger.trace || w3c.trace != chosen.trace {
            return;
        }
        (choice.context, choice.is_w3c) = (Some(w3c), true);
        choice.add(jaeger.flags & Flags::FIREHOSE);
        if jaeger.flags.contains(Flags::SAMPLED | Flags::DEBUG) {
            choice.add(Flags::SAMPLED | Flags::DEBUG);
        }
    }
}

impl Choice {
    /// Takes a context, unless there is one that is as good.
    fn offer(&mut self, context: SpanContext, format: Format) {
        let is_better = |held: SpanContext| context.is_valid() && !held.is_valid();
        if self.context.is_none_or(is_better) {
            self.context = Some(context);
            self.is_w3c = format == Format::TraceContext;
        }
    }

    fn reject(&mut self, format: Format, error: ExtractError) {
        self.rejected = self.rejected.or(Some((format, error)));
    }

    fn add(&mut self, flags: Flags) {
        if let Some(context) = &mut self.context {
            context.flags = context.flags | flags;
        }
    }
}
