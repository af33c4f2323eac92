//! Any headers are a context or none, and what was extracted survives an injection.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use picojaeger_core::{BaggageTable, BinaryCodec, Flags, Format, Propagator, TextMapCodec};
use picojaeger_fuzz::{Pair, assert_prints, pairs};
use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, SpanContext, Tracer};

/// The formats alone, and in two orders together.
const FORMATS: [&[Format]; 6] = [
    &[Format::Jaeger],
    &[Format::TraceContext, Format::Baggage],
    &[Format::B3],
    &[Format::B3Multi],
    &[Format::TraceContext, Format::Baggage, Format::Jaeger],
    &[
        Format::Jaeger,
        Format::B3,
        Format::Baggage,
        Format::TraceContext,
    ],
];

/// A tracer for each list of formats.
static TRACERS: LazyLock<Vec<Tracer>> = LazyLock::new(|| FORMATS.map(tracer).into());

/// Jaeger's format alone.
static TRACER: LazyLock<Tracer> = LazyLock::new(|| tracer(FORMATS[0]));

fn tracer(formats: &[Format]) -> Tracer {
    let config = Config::new("fuzz").sampler(Sampler::Const(true));
    let config = config.agent(false).propagation(formats);
    config.new_tracer().expect("nothing is wrong")
}

fuzz_target!(|data: &[u8]| {
    let headers = pairs(data, b':');
    for form in [HTTP, TEXT_MAP] {
        check(&form, &headers);
    }
    TRACERS.iter().for_each(|tracer| goes_on(tracer, &headers));
    binary(data);
    small_buffers(&headers);
});

/// Whatever the formats, what was extracted once is extracted again.
fn goes_on(tracer: &Tracer, headers: &[Pair<'_>]) {
    let Some(context) = tracer.extract(headers) else {
        return;
    };
    let has_ids = !context.trace_id().is_zero();
    let child = tracer.span_builder("child").child_of(&context).start();
    assert!(!child.context().trace_id().is_zero());
    assert!(!has_ids || child.context().trace_id() == context.trace_id());
    let again = |context: &SpanContext| {
        let mut injected = Vec::new();
        if let Err(error) = tracer.inject(context, &mut injected) {
            assert_prints(&error);
        }
        tracer.extract(&injected)
    };
    let passed_on = again(&context);
    assert!(!has_ids || passed_on.is_some());
    if let Some(passed_on) = passed_on {
        let ids = |context: &SpanContext| (context.trace_id(), context.span_id());
        assert_eq!(ids(&passed_on), ids(&context));
        // A decision without ids belongs to the root that it comes to, and travels no further.
        let sampled = |context: &SpanContext| context.flags().contains(Flags::SAMPLED);
        assert!(!has_ids || sampled(&passed_on) == sampled(&context));
        // Formats that cannot hold a flag, a key's case or a long item drop it once.
        assert_eq!(again(&passed_on), Some(passed_on));
    }
}

/// Binary forms.
fn binary(data: &[u8]) {
    if let Ok(context) = SpanContext::from_binary(data) {
        assert_eq!(SpanContext::from_binary(&context.to_binary()), Ok(context));
    }
    if let Some(context) = TRACER.extract_binary(data) {
        let mut bytes = Vec::new();
        if let Err(error) = TRACER.inject_binary(&context, &mut bytes) {
            assert_prints(&error);
        }
        assert_eq!(TRACER.extract_binary(&bytes), Some(context));
    }
    let mut table = BaggageTable::<3, 8, 16>::new();
    let found = BinaryCodec::new().extract(data, &mut table);
    if let Err(error) = found.context {
        assert_prints(&error);
    }
}

/// Both directions of one form.
struct Form {
    extract: fn(&[Pair<'_>]) -> Option<SpanContext>,
    inject: fn(&SpanContext) -> Vec<(String, String)>,
}

const HTTP: Form = Form {
    extract: |headers| TRACER.extract(headers),
    inject: |context| {
        let mut headers = Vec::new();
        if let Err(error) = TRACER.inject(context, &mut headers) {
            assert_prints(&error);
        }
        headers
    },
};

const TEXT_MAP: Form = Form {
    extract: |headers| TRACER.extract_text_map(headers),
    inject: |context| {
        let mut headers = Vec::new();
        if let Err(error) = TRACER.inject_text_map(context, &mut headers) {
            assert_prints(&error);
        }
        headers
    },
};

fn check(form: &Form, headers: &[Pair<'_>]) {
    let Some(context) = (form.extract)(headers) else {
        return;
    };
    let child = TRACER.span_builder("child").child_of(&context);
    let has_ids = !context.trace_id().is_zero();
    let child = child.start().context();
    assert!(!has_ids || child.trace_id() == context.trace_id());
    assert!(child.baggage().eq(context.baggage()));

    let Some(passed_on) = again(form, &context) else {
        assert!(!has_ids, "its baggage may be left out, its ids may not");
        return;
    };
    let ids = |context: &SpanContext| (context.trace_id(), context.span_id(), context.flags());
    assert_eq!(ids(&passed_on), ids(&context));
    // Keys change their case and long items are left out once, and not again.
    assert_eq!(again(form, &passed_on), Some(passed_on));
}

/// Injects a context, and extracts it.
fn again(form: &Form, context: &SpanContext) -> Option<SpanContext> {
    let headers = (form.inject)(context);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    (form.extract)(&headers)
}

/// Extracts as a chip does: into a small table, with scratch of every length that matters.
fn small_buffers(headers: &[Pair<'_>]) {
    for length in [0, 1, 16, 64] {
        for codec in [TextMapCodec::http(), TextMapCodec::text_map()] {
            let (mut table, mut scratch) = (BaggageTable::<3, 8, 16>::new(), [0; 64]);
            let found = codec.extract(headers, &mut table, &mut scratch[..length]);
            if let Err(error) = found.context {
                assert_prints(&error);
            }
        }
        for formats in FORMATS {
            let (mut table, mut scratch) = (BaggageTable::<3, 8, 16>::new(), [0; 64]);
            let propagator = Propagator::new(formats, formats);
            let found = propagator.extract(headers, &mut table, &mut scratch[..length]);
            let state = found.tracestate.unwrap_or_default();
            assert!(state.len() <= length / 2);
            if let Some((_, error)) = found.rejected {
                assert_prints(&error);
            }
        }
    }
}
