//! This project's tracers, one for each format.

use std::collections::BTreeMap;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{Format, SpanContext, Tracer};
use serde_json::{Value as Json, json};

use crate::cases::{Baggage, Carried};

pub(crate) struct Ours {
    format: &'static str,
    tracer: Tracer,
    /// Makes the contexts.
    reader: Tracer,
}

impl Ours {
    pub(crate) fn new(format: &'static str) -> Result<Self, String> {
        let tracer = |format| {
            let config = Config::new("ours").sampler(Sampler::Const(true));
            let tracer = config.propagation(formats(format)).new_tracer();
            tracer.map_err(|error| error.to_string())
        };
        Ok(Ours {
            format,
            tracer: tracer(format)?,
            reader: tracer("text")?,
        })
    }

    /// Injects, and returns the request that has a peer extract it.
    pub(crate) fn write(&self, case: &Carried) -> Result<Json, String> {
        let context = self.context(case)?;
        if self.format == "binary" {
            let mut bytes = Vec::new();
            let written = self.tracer.inject_binary(context, &mut bytes);
            written.map_err(|error| error.to_string())?;
            return Ok(json!({"format": self.format, "bytes": hex(&bytes)}));
        }
        let mut headers = BTreeMap::new();
        let written = match self.format {
            "text" => self.tracer.inject_text_map(context, &mut headers),
            _ => self.tracer.inject(context, &mut headers),
        };
        written.map_err(|error| error.to_string())?;
        Ok(json!({"format": self.format, "headers": headers}))
    }

    /// Extracts what a peer answered.
    pub(crate) fn read(&self, answer: &Json) -> Result<Carried, String> {
        let headers = strings(&answer["headers"])?;
        let found = match self.format {
            "text" => self.tracer.extract_text_map(&headers),
            "binary" => self.tracer.extract_binary(&unhex(&answer["bytes"])?),
            _ => self.tracer.extract(&headers),
        };
        let found = found.ok_or_else(|| format!("no context in {answer}"))?;
        let baggage = found.baggage();
        Ok(Carried {
            trace: found.trace_id().into(),
            span: found.span_id().get(),
            flags: found.flags().wire(),
            baggage: baggage
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        })
    }

    /// Makes a context of a case, through Jaeger's text form, which leaves baggage as it is.
    fn context(&self, case: &Carried) -> Result<SpanContext, String> {
        let items = case.baggage.iter();
        let mut carrier: BTreeMap<_, _> = items
            .map(|(key, value)| (format!("uberctx-{key}"), value.clone()))
            .collect();
        carrier.insert("uber-trace-id".into(), case.context());
        let context = self.reader.extract_text_map(&carrier);
        context.ok_or_else(|| format!("no context for {case:?}"))
    }
}

/// Reads an object of strings.
pub(crate) fn strings(object: &Json) -> Result<Baggage, String> {
    let fields = object.as_object().into_iter().flatten();
    let strings = fields.map(|(key, value)| {
        let text = value.as_str().ok_or_else(|| format!("no text: {object}"))?;
        Ok((key.clone(), text.to_owned()))
    });
    strings.collect()
}

/// Returns the formats of headers that a peer's format stands for.
fn formats(format: &str) -> &'static [Format] {
    match format {
        "w3c" => &[Format::TraceContext, Format::Baggage],
        "b3" => &[Format::B3Multi],
        "b3-single" => &[Format::B3],
        _ => &[Format::Jaeger],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Json) -> Result<Vec<u8>, String> {
    let text = text.as_str().unwrap_or_default();
    let digits = |at| text.get(at..at + 2).ok_or("odd hex");
    let bytes = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits(at)?, 16).map_err(|_| "no hex"));
    bytes.collect::<Result<_, &str>>().map_err(String::from)
}
