//! The first pass over the headers of several formats, and the passes that it finds necessary.

use crate::baggage::BaggageSink;
use crate::context::{Flags, SpanContext};
use crate::propagation::b3::{self, B3};
use crate::propagation::candidate::Candidate;
use crate::propagation::carrier::TextMapReader;
use crate::propagation::choice::Choice;
use crate::propagation::composite::Propagator;
use crate::propagation::error::{BaggageDrops, ExtractError};
use crate::propagation::format::Format;
use crate::propagation::jaeger::{self, Extracted, Extras, HeaderNames, Precedence};
use crate::propagation::name::{Beginnings, is_name, strip_prefix};
use crate::propagation::w3c::{baggage, traceparent, tracestate};

/// The contexts of a carrier, from [`Propagator::scan`].
///
/// ```
/// use picojaeger_core::{Format, Propagator};
///
/// let propagator = Propagator::new(&[Format::Jaeger], &[]);
/// let mut scan = propagator.scan();
/// scan.read(&[("uber-trace-id", "1:2:0:1")]);
/// assert!(scan.sole_context().is_some_and(|context| context.is_some()));
/// scan.read(&[("uberctx-a", "b")]);
/// assert_eq!(scan.sole_context(), None);
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Scan<'p> {
    propagator: &'p Propagator<'p>,
    reads: Reads,
    w3c: Candidate,
    jaeger: Candidate,
    /// `None` if it is not read.
    b3: Option<B3>,
    state: tracestate::Summary,
    has_state: bool,
    has_w3c_baggage: bool,
    has_extras: bool,
}

/// The formats that are read, and the beginnings of their names.
#[derive(Clone, Copy)]
struct Reads {
    w3c: bool,
    baggage: bool,
    jaeger: bool,
    b3: bool,
    beginnings: Beginnings,
}

impl Reads {
    #[inline]
    fn new(propagator: &Propagator<'_>) -> Self {
        let mut reads = Reads {
            w3c: false,
            baggage: false,
            jaeger: false,
            b3: false,
            beginnings: Beginnings::NONE,
        };
        let names = &propagator.codec.names;
        for format in propagator.extract {
            reads.add(*format, names);
        }
        if propagator.takes_requests {
            reads.beginnings.add(names.debug_id);
            reads.beginnings.add(names.baggage);
        }
        reads
    }

    #[inline]
    fn add(&mut self, format: Format, names: &HeaderNames<'_>) {
        match format {
            Format::TraceContext => {
                self.w3c = true;
                self.beginnings.add(traceparent::NAME);
                self.beginnings.add(tracestate::NAME);
            }
            Format::Baggage => {
                self.baggage = true;
                self.beginnings.add(baggage::NAME);
            }
            Format::Jaeger => {
                self.jaeger = true;
                self.beginnings.add(names.trace_context);
                self.beginnings.add(names.baggage_prefix);
            }
            Format::B3 | Format::B3Multi => {
                self.b3 = true;
                self.beginnings.add(b3::NAME);
                self.beginnings.add(b3::PREFIX);
                self.beginnings.add(b3::BAGGAGE_PREFIX);
            }
        }
    }
}

impl<'p> Scan<'p> {
    #[inline]
    pub(super) fn new(propagator: &'p Propagator<'p>) -> Self {
        let reads = Reads::new(propagator);
        Scan {
            propagator,
            reads,
            w3c: Candidate::NONE,
            jaeger: Candidate::NONE,
            b3: reads.b3.then_some(B3::NONE),
            state: tracestate::Summary::default(),
            has_state: false,
            has_w3c_baggage: false,
            has_extras: false,
        }
    }

    /// Reads the contexts, and notes what else there is to read.
    #[inline]
    pub fn read<C: TextMapReader + ?Sized>(&mut self, carrier: &C) {
        carrier.for_each(&mut |key, value| self.visit(key, value));
    }

    /// Takes one header.
    #[inline]
    fn visit(&mut self, key: &str, value: &[u8]) {
        if self.reads.beginnings.admit(key) {
            self.take(key, value);
        }
    }

    /// Takes a header that may have one of the names.
    fn take(&mut self, key: &str, value: &[u8]) {
        let is = |name| is_name(key, name);
        if self.reads.w3c && is(traceparent::NAME) {
            self.w3c.take_joined(value, traceparent::parse);
        } else if self.reads.w3c && is(tracestate::NAME) {
            self.state.visit(value);
            self.has_state = true;
        } else if self.reads.jaeger && is(self.propagator.codec.names.trace_context) {
            jaeger::take_context(&mut self.jaeger, &self.propagator.codec, value);
        } else if self.reads.baggage && is(baggage::NAME) {
            self.has_w3c_baggage = true;
        } else if !self.b3.as_mut().is_some_and(|b3| b3.visit(key, value)) {
            self.has_extras |= self.is_extra(key);
        }
    }

    /// Returns whether a header is a request of a caller without a tracer, or an item of baggage.
    fn is_extra(&self, key: &str) -> bool {
        let names = &self.propagator.codec.names;
        let is_request = self.propagator.takes_requests
            && (is_name(key, names.debug_id) || is_name(key, names.baggage));
        is_request
            || self.reads.jaeger && strip_prefix(key, names.baggage_prefix).is_some()
            || self.b3.is_some() && strip_prefix(key, b3::BAGGAGE_PREFIX).is_some()
    }

    /// Returns the context, or that there is none, if that is all. If not, the result is
    /// [`Scan::complete`]'s: there is baggage, a debug id or `tracestate`, or a header that cannot be
    /// read.
    pub fn sole_context(&self) -> Option<Option<SpanContext>> {
        if self.has_more() {
            return None;
        }
        self.choose(|choice| (!choice.has_rejected()).then(|| choice.context()))
    }

    /// Reads the rest from the same carrier, as [`Propagator::extract`] does.
    pub fn complete<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        sink: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Extracted<'s> {
        let (context, takes_state) = self.context_and_state();
        match self.has_more() {
            true => self.with_more(context, takes_state, carrier, sink, scratch),
            false => context,
        }
    }

    /// Returns whether there is more than the context: baggage, a debug id, `tracestate`.
    #[inline]
    fn has_more(&self) -> bool {
        self.has_state || self.has_w3c_baggage || self.has_extras
    }

    /// Reads what there is beside the context.
    #[inline(never)]
    fn with_more<'s, C: TextMapReader + ?Sized>(
        &self,
        context: Extracted<'static>,
        takes_state: bool,
        carrier: &C,
        sink: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Extracted<'s> {
        let (tracestate, scratch) = match takes_state {
            true => self.tracestate(carrier, scratch),
            false => (None, scratch),
        };
        let (debug_id, dropped) = match self.has_w3c_baggage || self.has_extras {
            true => self.extras(carrier, sink, scratch),
            false => (Ok(None), BaggageDrops::default()),
        };
        Extracted {
            debug_id,
            dropped,
            tracestate,
            ..context
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
            if is_name(key, tracestate::NAME) {
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
                if is_name(key, baggage::NAME) {
                    extras.visit_w3c(value);
                }
            });
            extras.items.precedence = self.precedence(|format| format == Format::Jaeger);
        }
        if self.has_extras {
            let of_b3 = match self.has_w3c_baggage {
                true => self.precedence(|format| format.is_b3()),
                false => Precedence::Last,
            };
            carrier.for_each(&mut |key, value| {
                let is_taken = self.propagator.takes_requests && extras.visit_request(key, value)
                    || self.reads.jaeger && extras.visit_item(key, value);
                if !is_taken && self.b3.is_some() {
                    extras.visit_b3_item(key, value, of_b3);
                }
            });
        }
        extras.finish()
    }

    /// Returns the precedence of the items of such a format, which come after the W3C's.
    fn precedence(&self, is_such: impl Fn(Format) -> bool) -> Precedence {
        let is_either = |format: &&Format| is_such(**format) || **format == Format::Baggage;
        match self.propagator.extract.iter().find(is_either) {
            Some(Format::Baggage) | None => Precedence::First,
            Some(_) => Precedence::LastUnlessCase,
        }
    }

    /// Returns the context, and whether it has the `tracestate`.
    fn context_and_state(&self) -> (Extracted<'static>, bool) {
        self.choose(|choice| {
            let takes_state = choice.is_w3c() && self.has_state && self.state.is_valid();
            if takes_state && self.state.is_debug {
                choice.add(Flags::SAMPLED | Flags::DEBUG);
            }
            (choice.extracted(), takes_state)
        })
    }

    /// Chooses the context, where ids of zero in `traceparent` mean none.
    #[inline]
    fn choose<R>(&self, then: impl FnOnce(&mut Choice<'_>) -> R) -> R {
        let is_valid = |context: &&SpanContext| context.is_valid();
        let w3c = self.w3c.get().map(|found| found.filter(is_valid));
        let jaeger = self.jaeger.get();
        let b3 = self.b3.as_ref().map_or(Ok(None), B3::context);
        let mut choice = Choice::new(self.propagator.extract, |format| match format {
            Format::TraceContext => w3c,
            Format::Jaeger => jaeger,
            Format::B3 | Format::B3Multi => b3.as_ref().map(Option::as_ref).map_err(|error| *error),
            Format::Baggage => Ok(None),
        });
        if let (Ok(Some(w3c)), Ok(Some(jaeger))) = (w3c, jaeger) {
            choice.join(w3c, jaeger);
        }
        then(&mut choice)
    }
}
