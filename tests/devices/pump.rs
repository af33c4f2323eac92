//! The pumps of `examples/riscv32` and `examples/cortex-m` behind the relay.

use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use picojaeger_std::model::{Span, Tag, TagValue};

use crate::answer::{Found, spans_of};
use crate::kernel::micros;
use crate::machine;
use crate::made;
use crate::model::Way;
use crate::server::Jaeger;

/// The tag of a span whose time is not exact.
const UNCERTAINTY: &str = "clock.uncertainty_us";
/// By how much the clock of the RISC-V board may be off, in microseconds.
const RISCV_OFF: i64 = 500_000;
/// The same as in `examples/cortex-m/src/work.rs`: the Unix time at the start, in microseconds; and no pump runs
/// for three seconds.
const CORTEX_M_START: i64 = 1_700_000_000_000_000;
const CORTEX_M_TIMES: Range<i64> = CORTEX_M_START..CORTEX_M_START + 3_000_000;

/// Runs the pump for RISC-V, whose time is that of the run.
pub fn run_riscv(jaeger: &Jaeger, relay: &Path, pump: &Path) -> Result<String, String> {
    let begun = micros(SystemTime::now());
    let found = run(jaeger, relay, machine::RISCV, pump, "pump-rv32")?;
    let times = begun - RISCV_OFF..micros(SystemTime::now()) + RISCV_OFF;
    Ok(check(found, "virt", times))
}

/// Runs the pump for Cortex-M, whose time is a constant.
pub fn run_cortex_m(jaeger: &Jaeger, relay: &Path, pump: &Path) -> Result<String, String> {
    let found = run(jaeger, relay, machine::CORTEX_M, pump, "pump-7")?;
    Ok(check(found, made::board(pump), CORTEX_M_TIMES))
}

/// Runs a pump behind the relay, which sends Thrift by UDP to Jaeger; returns the spans of its service.
fn run(
    jaeger: &Jaeger,
    relay: &Path,
    script: &str,
    pump: &Path,
    service: &str,
) -> Result<Vec<Found>, String> {
    let agent = jaeger.receiver(Way::Compact).to_string();
    let printed = machine::run_behind_relay(relay, ["--agent", &agent], script, pump)?;
    print!("{printed}");
    spans_of(jaeger, service, made::SPANS)
}

/// Panics unless these are a pump's spans, of this board and these times.
fn check(found: Vec<Found>, board: &str, times: Range<i64>) -> String {
    let board = Tag::new("board", TagValue::String(board.into()));
    let mut spans = Vec::new();
    for found in found {
        let Found {
            mut span, process, ..
        } = found;
        assert!(process.contains(&board), "{process:?}");
        let Some(TagValue::Long(off)) = span.tag(UNCERTAINTY) else {
            panic!("{span:?}");
        };
        assert!((0..=RISCV_OFF + 1_000).contains(off), "{span:?}");
        // Jaeger adds the status to spans with `error=true`.
        span.tags
            .retain(|tag| ![UNCERTAINTY, "otel.status_code"].contains(&tag.key.as_str()));
        span.flags = 1; // which Jaeger does not return
        spans.push(span);
    }
    spans.sort_by_key(|span| span.start_time_us);
    let spans: Vec<&Span> = spans.iter().collect();
    made::check(&spans, times);
    format!("{} spans, as made", spans.len())
}
