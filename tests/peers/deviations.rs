//! What is known to change on the way, and why: faults and gaps of the peers.

use crate::cases::Carried;

/// Returns what a peer reads of what this project writes.
pub(crate) fn read_by(_peer: &str, _format: &str, case: &Carried) -> Carried {
    case.clone()
}

/// Returns what this project reads of what a peer writes.
pub(crate) fn written_by(peer: &str, _format: &str, case: &Carried) -> Carried {
    let mut expected = case.clone();
    // Setting an item to an empty value removes it.
    if peer == "go" {
        expected.baggage.retain(|_, value| !value.is_empty());
    }
    expected
}
