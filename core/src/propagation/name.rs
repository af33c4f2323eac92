//! Comparison of header names, without regard to case.

/// The beginnings of names, a bit for each: few other headers of a request share one.
#[derive(Clone, Copy)]
pub(super) struct Beginnings(u32);

impl Beginnings {
    pub(super) const NONE: Self = Beginnings(0);

    /// Adds the beginning of a name; a shorter one may begin as any.
    #[inline]
    pub(super) const fn add(&mut self, name: &str) {
        self.0 |= match name.as_bytes() {
            [first, second, ..] => Self::bit(*first, *second),
            _ => u32::MAX,
        };
    }

    /// Returns whether a header may have one of the names.
    #[inline]
    pub(super) const fn admit(self, key: &str) -> bool {
        match key.as_bytes() {
            [first, second, ..] => self.0 & Self::bit(*first, *second) != 0,
            _ => true,
        }
    }

    /// Returns the same bit for both cases of a letter. The factor tells `user-agent` and `host`
    /// from all names.
    #[inline]
    const fn bit(first: u8, second: u8) -> u32 {
        1 << (first.wrapping_mul(5).wrapping_add(second) & 31)
    }
}

/// Returns whether a header has this name. Most are in lower case, as HTTP/2 has them.
#[inline]
pub(super) fn is_name(key: &str, name: &str) -> bool {
    key.len() == name.len() && (key == name || is_but_for_case(key, name))
}

/// Returns the rest of `key` after `prefix`.
#[inline]
pub(super) fn strip_prefix<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = key.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[inline(never)]
fn is_but_for_case(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_admit_their_names_in_any_case_and_few_others() {
        let mut beginnings = Beginnings::NONE;
        let names = ["traceparent", "baggage", "uber-trace-id", "jaeger-debug-id"];
        names.iter().for_each(|name| beginnings.add(name));
        for name in names
            .iter()
            .chain(&["tracestate", "Uberctx-A", "JAEGER-BAGGAGE", "t", ""])
        {
            assert!(beginnings.admit(name), "{name}");
        }
        for name in [
            "host",
            "user-agent",
            "accept",
            "content-type",
            "cookie",
            "authorization",
        ] {
            assert!(!beginnings.admit(name), "{name}");
        }
        beginnings.add("p");
        assert!(beginnings.admit("host"));
    }

    #[test]
    fn names_are_compared_without_regard_to_case() {
        assert!(is_name("traceparent", "traceparent") && is_name("TraceParent", "traceparent"));
        assert!(!is_name("traceparent", "traceparens") && !is_name("trace", "traceparent"));
        assert_eq!(strip_prefix("UberCtx-Key", "uberctx-"), Some("Key"));
        assert_eq!(strip_prefix("uberctx", "uberctx-"), None);
        assert_eq!(strip_prefix("abc", ""), Some("abc"));
    }
}
