//! What is sent in both directions: every context with every baggage.

use std::collections::BTreeMap;

/// Baggage as keys and values.
pub(crate) type Baggage = BTreeMap<String, String>;

/// A context and its baggage, as one side wrote and the other read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Carried {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) flags: u8,
    pub(crate) baggage: Baggage,
}

/// Sampled, and sampled with debug.
pub(crate) const SAMPLED: u8 = 1;
const DEBUG: u8 = 3;

impl Carried {
    /// Reads `TRACE:SPAN:PARENT:FLAGS`.
    pub(crate) fn parse(context: &str, baggage: Baggage) -> Result<Self, String> {
        let malformed = || format!("not a context: {context:?}");
        let parts: Vec<_> = context.split(':').collect();
        let [trace, span, _, flags] = parts[..] else {
            return Err(malformed());
        };
        Ok(Carried {
            trace: u128::from_str_radix(trace, 16).map_err(|_| malformed())?,
            span: u64::from_str_radix(span, 16).map_err(|_| malformed())?,
            flags: u8::from_str_radix(flags, 16).map_err(|_| malformed())?,
            baggage,
        })
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.flags == DEBUG
    }

    /// The context in the form of `uber-trace-id`.
    pub(crate) fn context(&self) -> String {
        format!("{:032x}:{:016x}:0:{:x}", self.trace, self.span, self.flags)
    }
}

/// All cases, 42.
pub(crate) fn all() -> Vec<Carried> {
    let contexts = [
        (1, 2, SAMPLED),
        (1, 2, 0),
        (0x0012_3456_789a_bcde, 0x00ab, DEBUG),
        (u128::from(u64::MAX), u64::MAX, SAMPLED),
        (
            0x463a_c35c_9f64_13ad_4848_5a39_53bb_6124,
            0xa2fb_4a1d_1a96_d312,
            SAMPLED,
        ),
        (
            0x0000_0000_0000_0001_0000_0000_0000_0000_u128 | 7,
            1 << 63,
            0,
        ),
    ];
    let long = "0123456789".repeat(200);
    let items: [&[(&str, &str)]; 7] = [
        &[],
        &[("tenant", "acme")],
        &[("greeting", "Grüße, 漢字 ✓")],
        &[("reserved", "a b+c%20/?&=;,\"\\'<>~")],
        &[("empty", ""), ("full", "1")],
        &[("long", &long)],
        &[("a", "1"), ("b", "zwei"), ("c", "trois"), ("d-e_f.g", "4")],
    ];
    let mut cases = Vec::new();
    for (trace, span, flags) in contexts {
        for items in items {
            let pair = |(key, value): &(&str, &str)| ((*key).into(), (*value).into());
            cases.push(Carried {
                trace,
                span,
                flags,
                baggage: items.iter().map(pair).collect(),
            });
        }
    }
    cases
}
