//! Causes of losses as text, for errors and the log.

use picojaeger_core::adapter::PacketBuilder;

use crate::export::packet_encoder::PacketEncoder;
use crate::sys::unwind::caught;
use crate::transport::{BoxTransport, PANICKED};

/// Returns the text of the transport's last error. Runs the user's code, so no lock may be held.
pub(super) fn last_error(transport: Option<&BoxTransport>) -> Option<String> {
    let transport = transport?;
    let text = || transport.last_error().map(ToString::to_string);
    caught(text).unwrap_or_else(|| Some(PANICKED.to_owned()))
}

/// Returns the span that last fitted no packet of the `most` bytes that are configured, or of the
/// fewer that the network takes, and the remedy.
pub(super) fn too_large(reporter: &PacketBuilder<PacketEncoder>, most: usize) -> Option<String> {
    let (operation, limit) = (reporter.encoder().too_large()?, reporter.limit());
    let remedy = match limit < most {
        true => "shorten them, since the network takes no larger ones",
        false => "shorten them, or raise max_packet_size",
    };
    Some(format!(
        "even when truncated, {operation:?} and the process's tags fit no packet of {limit} bytes; {remedy}"
    ))
}
