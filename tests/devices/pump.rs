//! The pump of `examples/riscv32` behind the relay.

use std::path::Path;
use std::time::SystemTime;

use picojaeger_std::model::{Span, Tag, TagValue};

use crate::answer::spans_of;
use crate::kernel::micros;
use crate::machine;
use crate::made;
use crate::model::Way;
use crate::server::Jaeger;

/// The tag of a span whose time is not exact.
const UNCERTAINTY: &str = "clock.uncertainty_us";

/// By how much its clock may be off, in microseconds.
const OFF: i64 = 500_000;

/// Runs the pump behind the relay, which sends Thrift by UDP to Jaeger, and checks what it makes.
pub fn run(jaeger: &Jaeger, relay: &Path, pump: &Path) -> Result<String, String> {
    let begun = micros(SystemTime::now());
    let agent = jaeger.receiver(Way::Compact).to_string();
    let printed = machine::run_behind_relay(relay, ["--agent", &agent], machine::RISCV, pump)?;
    print!("{printed}");
    let found = spans_of(jaeger, "pump-rv32", made::SPANS, begun - OFF)?;
    let board = Tag::new("board", TagValue::String("virt".into()));
    let mut spans = Vec::new();
    for it in found {
        assert!(it.process.contains(&board), "{:?}", it.process);
        let mut span = it.span;
        let Some(TagValue::Long(off)) = span.tag(UNCERTAINTY) else {
            panic!("{span:?}");
        };
        assert!((1..=OFF + 1_000).contains(off), "{span:?}");
        // Jaeger adds the status to spans with `error=true`.
        span.tags
            .retain(|tag| ![UNCERTAINTY, "otel.status_code"].contains(&tag.key.as_str()));
        span.flags = 1; // which Jaeger does not return
        spans.push(span);
    }
    spans.sort_by_key(|span| span.start_time_us);
    let spans: Vec<&Span> = spans.iter().collect();
    made::check(&spans, begun - OFF..micros(SystemTime::now()) + OFF);
    Ok(format!("{} spans, as made", spans.len()))
}
