//! The firmware that README.md shows, behind the relay.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use picojaeger_std::SpanId;
use picojaeger_std::model::{Span, Tag, TagValue};

use crate::answer::spans_of;
use crate::machine;
use crate::model::Way;
use crate::server::Jaeger;

/// Spans of the rounds of `examples/cortex-m/src/bin/readme.rs`, less those that a ring of 512 bytes keeps at the end.
const SPANS: usize = 200 - 10;

/// Runs the program, and checks the spans that it sent until it ended in the middle of a round.
pub fn run(jaeger: &Jaeger, relay: &Path, program: &Path) -> Result<String, String> {
    let agent = jaeger.receiver(Way::Compact).to_string();
    let destination = ["--agent", &agent];
    let printed = machine::run_behind_relay(relay, destination, machine::CORTEX_M, program)?;
    print!("{printed}");
    let found = spans_of(jaeger, "pump-7", SPANS)?;
    let rounds = found.iter().map(|it| (it.span.span_id, &it.span));
    let rounds: HashMap<SpanId, &Span> = rounds.collect();
    let mut values = HashSet::new();
    for span in found.iter().map(|it| &it.span) {
        match span.operation_name.as_str() {
            "round" => assert_eq!(span.tag("mode"), Some(&TagValue::String("fast".into()))),
            "sample" => {
                assert_eq!(span.tags[0], Tag::new("channel", TagValue::Long(3)));
                assert!(
                    values.insert(format!("{:?}", span.tag("value"))),
                    "{span:?}"
                );
                // A sample ends first, so the last one may have come without its round.
                let round = rounds.get(&span.parent_span_id);
                assert!(round.is_none_or(|it| it.operation_name == "round"));
                assert!(round.is_some() || values.len() >= SPANS / 2, "{span:?}");
            }
            other => return Err(format!("an unexpected span: {other}")),
        }
    }
    Ok(format!(
        "{} spans of the firmware in README.md",
        found.len()
    ))
}
