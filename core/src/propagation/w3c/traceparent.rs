//! `traceparent`: `{version}-{trace}-{span}-{flags}` in lower-case hex.

use core::str;

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::propagation::carrier::{CarrierFull, TextMapWriter};
use crate::propagation::hex;
use crate::propagation::jaeger::ParseContextError;

pub(in crate::propagation) const NAME: &str = "traceparent";

/// Bytes of version 0; later versions may have more behind a hyphen.
const LEN: usize = 55;

/// Bits of the flags; the others are of later levels.
const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// Reads the header; ids of zero are a context that is not valid, and stands for none.
#[inline]
pub(in crate::propagation) fn parse(text: &[u8]) -> Result<SpanContext, ParseContextError> {
    read(text).ok_or(ParseContextError::Traceparent)
}

#[inline]
fn read(text: &[u8]) -> Option<SpanContext> {
    let (head, rest) = text.split_first_chunk::<LEN>()?;
    let hyphens = [head[2], head[35], head[52]] == [b'-'; 3];
    if !hyphens || !ends([head[0], head[1]], rest) {
        return None;
    }
    let trace = TraceId::from_parts(
        hex::lower(head[3..].first_chunk()?)?,
        hex::lower(head[19..].first_chunk()?)?,
    );
    let span = SpanId::new(hex::lower(head[36..].first_chunk()?)?);
    let bits = hex::lower_byte([head[53], head[54]])?;
    let when = |bit, flag| if bits & bit == 0 { Flags::NONE } else { flag };
    let flags = when(SAMPLED, Flags::SAMPLED) | when(RANDOM, Flags::RANDOM);
    Some(SpanContext::new(trace, span, flags | Flags::REMOTE))
}

/// Returns whether a header of this version may go on, or end, as this one does after version 0.
#[inline]
fn ends(version: [u8; 2], rest: &[u8]) -> bool {
    match &version {
        b"00" => rest.is_empty(),
        b"ff" => false,
        // After a comma, another header would begin.
        _ => {
            hex::lower_byte(version).is_some()
                && rest.first().is_none_or(|byte| *byte == b'-')
                && !rest.contains(&b',')
        }
    }
}

/// Writes the header of a valid context.
pub(in crate::propagation) fn inject<C: TextMapWriter + ?Sized>(
    context: &SpanContext,
    carrier: &mut C,
) -> Result<(), CarrierFull> {
    let text = write(context);
    carrier.set(NAME, str::from_utf8(&text).unwrap_or_default())
}

fn write(context: &SpanContext) -> [u8; LEN] {
    let mut text = [b'-'; LEN];
    let flags = context.flags();
    let when = |bit, flag| if flags.contains(flag) { bit } else { 0 };
    let bits = when(SAMPLED, Flags::SAMPLED) | when(RANDOM, Flags::RANDOM);
    (text[0], text[1], text[53], text[54]) = (b'0', b'0', b'0', b'0' + bits);
    text[3..19].copy_from_slice(&hex::digits(context.trace_id().high()));
    text[19..35].copy_from_slice(&hex::digits(context.trace_id().low()));
    text[36..52].copy_from_slice(&hex::digits(context.span_id().get()));
    text
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn context(flags: Flags) -> SpanContext {
        SpanContext::new(
            TRACE.parse().unwrap(),
            SPAN.parse().unwrap(),
            flags | Flags::REMOTE,
        )
    }

    fn with(version: &str, rest: &str) -> String {
        format!("{version}-{TRACE}-{SPAN}-{rest}")
    }

    #[test]
    fn every_version_and_flag_of_the_specification_is_read() {
        let (sampled, random) = (Flags::SAMPLED, Flags::RANDOM);
        for (text, flags) in [
            (with("00", "00"), Flags::NONE),
            (with("00", "01"), sampled),
            (with("00", "02"), random),
            (with("00", "03"), sampled | random),
            (with("00", "ff"), sampled | random),
            (with("00", "fc"), Flags::NONE),
            (with("01", "01"), sampled),
            (with("cc", "01-what-comes"), sampled),
            (with("fe", "01-"), sampled),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(context(flags)), "{text}");
        }
    }

    #[test]
    fn what_the_specification_refuses_is_refused() {
        let upper = with("00", "01").to_ascii_uppercase();
        for text in [
            String::new(),
            with("00", "0"),
            with("00", "01-"),
            with("00", "01-x"),
            with("00", "01x"),
            with("00", "0x"),
            with("00", "0A"),
            with("01", "01x"),
            with("ff", "01"),
            with("0", "001"),
            with("FE", "01"),
            format!(" {}", with("00", "01")),
            format!("00-{TRACE}-{SPAN}_01"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}0{SPAN}-01"),
            upper,
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                Err(ParseContextError::Traceparent),
                "{text}"
            );
        }
        for place in 0..LEN {
            let mut text = with("00", "01").into_bytes();
            text[place] = b'g';
            assert!(parse(&text).is_err(), "{place}");
        }
    }

    #[test]
    fn ids_of_zero_are_no_valid_context() {
        let zero = "0".repeat(32);
        for text in [
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zero[..16]),
        ] {
            assert!(parse(text.as_bytes()).is_ok_and(|context| !context.is_valid()));
        }
    }

    #[test]
    fn contexts_are_written_as_they_are_read() {
        for (flags, text) in [
            (Flags::NONE, with("00", "00")),
            (Flags::SAMPLED, with("00", "01")),
            (Flags::SAMPLED | Flags::RANDOM, with("00", "03")),
        ] {
            assert_eq!(write(&context(flags)), text.as_bytes());
        }
        let debug = Flags::SAMPLED | Flags::DEBUG | Flags::FIREHOSE | Flags::DEFERRED;
        assert_eq!(write(&context(debug)), with("00", "01").as_bytes());
        let short = SpanContext::new(TraceId::new(1), SpanId::new(2), Flags::NONE);
        let padded = format!("00-{:032x}-{:016x}-00", 1, 2);
        assert_eq!(write(&short), padded.as_bytes());
    }
}
