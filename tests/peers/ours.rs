//! This project's tracers, one for each format.

use std::collections::BTreeMap;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{SpanContext, Tracer};
use serde_json::{Value as Json, json};

use crate::cases::{Baggage, Carried};

pub(crate) struct Ours {
    format: &'static str,
    tracer: Tracer,
}

impl Ours {
    pub(crate) fn new(format: &'static str) -> Result<Self, String> {
        let config = Config::new("ours").sampler(Sampler::Const(true));
        let tracer = config.new_tracer().map_err(|error| error.to_string())?;
        Ok(Ours { format, tracer })
    }

    /// Injects, and returns the request that has a peer extract it.
    pub(crate) fn write(&self, case: &Carried) -> Result<Json, String> {
        let context = self.context(case)?;
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

    /// Makes a context of a case, through the text form, which leaves baggage as it is.
    fn context(&self, case: &Carried) -> Result<SpanContext, String> {
        let items = case.baggage.iter();
        let mut carrier: BTreeMap<_, _> = items
            .map(|(key, value)| (format!("uberctx-{key}"), value.clone()))
            .collect();
        carrier.insert("uber-trace-id".into(), case.context());
        let context = self.tracer.extract_text_map(&carrier);
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
