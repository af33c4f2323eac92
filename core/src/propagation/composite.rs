//! Several formats together: the first context wins, and all are written.

use crate::baggage::BaggageSink;
use crate::context::{Flags, SpanContext};
use crate::propagation::b3;
use crate::propagation::carrier::{CarrierFull, TextMapReader, TextMapWriter};
use crate::propagation::error::{BaggageDrops, InjectError};
use crate::propagation::format::Format;
use crate::propagation::jaeger::{Extracted, TextMapCodec};
use crate::propagation::scan::Scan;
use crate::propagation::w3c::{baggage, traceparent, tracestate};

/// Injects and extracts contexts and baggage in several formats.
///
/// Extract takes the first valid context, in the order of its list; a header that cannot be read
/// does not stop the next format. Where `traceparent` and `uber-trace-id` name one trace, ids come
/// from the former and the debug flag from either: a proxy that knows one format rewrites its
/// header and passes the other on. Baggage is merged: the first format has precedence, and an item
/// `uberctx-…` gives way to an item of `baggage` whose key is the same but for case. Inject writes
/// each format of its list.
///
/// ```
/// use picojaeger_core::{Format, Propagator, TextMap};
///
/// let formats = [Format::TraceContext, Format::Baggage, Format::Jaeger];
/// let propagator = Propagator::new(&formats, &formats[..1]);
/// let headers = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
/// let found = propagator.extract(&headers, &mut (), &mut []);
/// let context = found.context?.unwrap();
///
/// let mut outgoing = TextMap::<1, 16, 64>::new();
/// propagator.inject(&context.into(), [], &mut outgoing, &mut [])?;
/// assert!(outgoing.iter().eq(headers));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Propagator<'n> {
    pub(super) extract: &'n [Format],
    inject: &'n [Format],
    pub(super) codec: TextMapCodec<'n>,
    pub(super) takes_requests: bool,
}

/// The context that inject writes, with what no context holds of the W3C's headers.
///
/// ```
/// use picojaeger_core::{Format, Outgoing, Propagator, SpanContext, TextMap};
///
/// let context: SpanContext = "1:2:0:1".parse().unwrap();
/// let outgoing = Outgoing::from(context).with_tracestate("other=x").with_random(true);
/// let mut headers = TextMap::<2, 16, 64>::new();
/// let propagator = Propagator::new(&[], &[Format::TraceContext]);
/// propagator.inject(&outgoing, [], &mut headers, &mut [])?;
/// assert!(headers.iter().eq([
///     ("traceparent", "00-00000000000000000000000000000001-0000000000000002-03"),
///     ("tracestate", "other=x"),
/// ]));
/// # Ok::<(), picojaeger_core::InjectError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing<'a> {
    context: SpanContext,
    tracestate: &'a str,
}

impl<'n> Propagator<'n> {
    /// Makes a propagator that reads the first list's formats and writes the second's, with
    /// Jaeger's headers in their HTTP form.
    pub const fn new(extract: &'n [Format], inject: &'n [Format]) -> Self {
        Propagator {
            extract,
            inject,
            codec: TextMapCodec::http(),
            takes_requests: true,
        }
    }

    /// Sets the form, the names and the limit of Jaeger's headers.
    #[must_use]
    pub const fn with_jaeger(mut self, codec: TextMapCodec<'n>) -> Self {
        self.codec = codec;
        self
    }

    /// Sets whether extract takes the headers of callers without a tracer, `jaeger-debug-id` and
    /// `jaeger-baggage`: with every format, unless set.
    ///
    /// ```
    /// use picojaeger_core::Propagator;
    ///
    /// let public = Propagator::new(&[], &[]).with_requests(false);
    /// let mut scratch = [0; 16];
    /// let found = public.extract(&[("jaeger-debug-id", "find-me")], &mut (), &mut scratch);
    /// assert_eq!(found.debug_id, Ok(None));
    /// ```
    #[must_use]
    pub const fn with_requests(mut self, taken: bool) -> Self {
        self.takes_requests = taken;
        self
    }

    /// Writes the context and the baggage into the carrier, in each format.
    ///
    /// A context that is not valid is left out, so that its baggage travels alone. The scratch
    /// buffer holds one item at a time for Jaeger's headers, and all items for the W3C's.
    ///
    /// # Errors
    /// A format's context did not fit, or some baggage items could not be written in any format; all
    /// else was written.
    pub fn inject<'b, C: TextMapWriter + ?Sized>(
        &self,
        outgoing: &Outgoing<'_>,
        baggage: impl IntoIterator<Item = (&'b str, &'b str), IntoIter: Clone>,
        carrier: &mut C,
        scratch: &mut [u8],
    ) -> Result<(), InjectError> {
        let baggage = baggage.into_iter();
        let (mut is_full, mut drops) = (false, None::<BaggageDrops>);
        for format in self.inject {
            is_full |= self.inject_context(*format, outgoing, carrier).is_err();
            let dropped = match format {
                Format::Baggage => baggage::inject(baggage.clone(), carrier, scratch),
                Format::Jaeger => {
                    let items = baggage.clone();
                    self.codec.inject_baggage(items, carrier, scratch)
                }
                _ => continue,
            };
            drops = Some(drops.map_or(dropped, |drops| drops.fewer(dropped)));
        }
        match drops.filter(|drops| !drops.is_empty()) {
            _ if is_full => Err(InjectError::CarrierFull),
            Some(drops) => Err(InjectError::Baggage(drops)),
            None => Ok(()),
        }
    }

    /// Reads the context, the debug id and `tracestate`, and passes each baggage item to
    /// `baggage`.
    ///
    /// A header that comes again with the same contents is taken once, also where a proxy has
    /// joined both with a comma; `tracestate`, `baggage` and `jaeger-baggage` are lists, and joined
    /// in order. The scratch buffer holds `tracestate`, up to 512 bytes and half of the buffer, the
    /// debug id, and one baggage item at a time. Items of `baggage` count to the limit as those of
    /// Jaeger's headers do. The carrier is read once for contexts, and again for each kind of what
    /// else it was seen to hold.
    pub fn extract<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        baggage: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Extracted<'s> {
        let mut scan = self.scan();
        scan.read(carrier);
        scan.complete(carrier, baggage, scratch)
    }

    /// Begins to read: the first pass over the carrier is [`Scan::read`].
    #[inline]
    pub fn scan(&self) -> Scan<'_> {
        Scan::new(self)
    }

    fn inject_context<C: TextMapWriter + ?Sized>(
        &self,
        format: Format,
        outgoing: &Outgoing<'_>,
        carrier: &mut C,
    ) -> Result<(), CarrierFull> {
        let context = &outgoing.context;
        if !context.is_valid() {
            return Ok(());
        }
        match format {
            Format::TraceContext => {
                traceparent::inject(context, carrier)?;
                let is_debug = context.flags().contains(Flags::SAMPLED | Flags::DEBUG);
                tracestate::inject(outgoing.tracestate, is_debug, carrier)
            }
            Format::Jaeger => self.codec.inject_context(context, carrier),
            Format::B3 => b3::inject_single(context, carrier),
            Format::B3Multi => b3::inject_multi(context, carrier),
            Format::Baggage => Ok(()),
        }
    }
}

impl<'a> Outgoing<'a> {
    /// Sets the members of `tracestate`, as [`Extracted::tracestate`] has them.
    #[must_use]
    pub const fn with_tracestate(mut self, members: &'a str) -> Self {
        self.tracestate = members;
        self
    }

    /// Sets whether the trace id is said to be random, as [`Flags::RANDOM`] of the extracted context
    /// does.
    #[must_use]
    pub const fn with_random(mut self, is_random: bool) -> Self {
        let flags = self.context.flags.without(Flags::RANDOM);
        self.context.flags = match is_random {
            true => flags.with(Flags::RANDOM),
            false => flags,
        };
        self
    }
}

impl From<SpanContext> for Outgoing<'_> {
    fn from(context: SpanContext) -> Self {
        Outgoing {
            context,
            tracestate: "",
        }
    }
}
