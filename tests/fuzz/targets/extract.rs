//! Any headers are a context or none, and what was extracted survives an injection.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use picojaeger_core::{BaggageTable, TextMapCodec};
use picojaeger_fuzz::{Pair, assert_prints, pairs};
use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, SpanContext, Tracer};

static TRACER: LazyLock<Tracer> = LazyLock::new(|| {
    let config = Config::new("fuzz").sampler(Sampler::Const(true));
    config.agent(false).new_tracer().expect("nothing is wrong")
});

fuzz_target!(|data: &[u8]| {
    let headers = pairs(data, b':');
    for form in [HTTP, TEXT_MAP] {
        check(&form, &headers);
    }
    small_buffers(&headers);
});

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
    }
}
