//! What is known to change on the way, and why: what a format does not carry, and the peers' faults.

use crate::cases::{Carried, SAMPLED};

/// Returns what a peer reads of what this project writes.
pub(crate) fn read_by(peer: &str, format: &str, case: &Carried) -> Carried {
    let mut expected = carried(peer, format, case);
    match (peer, format) {
        // `X-B3-Flags: 1` alone means sampled too; these clients take it for the debug flag alone.
        ("python" | "java", "b3") if case.is_debug() => expected.flags = 2,
        // It ignores that header.
        ("go", "b3") if case.is_debug() => expected.flags = 0,
        _ => {}
    }
    expected
}

/// Returns what this project reads of what a peer writes.
pub(crate) fn written_by(peer: &str, format: &str, case: &Carried) -> Carried {
    let mut expected = carried(peer, format, case);
    // They write items beside B3, as `baggage-KEY`.
    if let ("go" | "java", "b3") = (peer, format) {
        expected.baggage.clone_from(&case.baggage);
    }
    if peer == "go" {
        // Setting an item to an empty value removes it.
        expected.baggage.retain(|_, value| !value.is_empty());
    }
    match (peer, format) {
        // It writes no header for debug.
        ("go", "b3") => expected.flags &= SAMPLED,
        // It counts characters where bytes are due, and cuts the rest off.
        ("java", "binary") => expected.baggage.retain(|_, value| value.is_ascii()),
        // It encodes a blank as in a form, where the specification knows percent-encoding only.
        ("opentelemetry", "w3c") => {
            let values = expected.baggage.values_mut();
            values.for_each(|value| *value = value.replace(' ', "+"));
        }
        _ => {}
    }
    expected
}

/// Returns what the format can carry, as far as the peer has it.
fn carried(peer: &str, format: &str, case: &Carried) -> Carried {
    let mut carried = case.clone();
    // B3 has no baggage of its own, and the Java client none beside `traceparent`.
    if format.starts_with("b3") || (peer, format) == ("java", "w3c") {
        carried.baggage.clear();
    }
    // `traceparent` has no debug flag, and OpenTelemetry none at all.
    if format == "w3c" || peer == "opentelemetry" {
        carried.flags &= SAMPLED;
    }
    carried
}
