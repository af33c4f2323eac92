//! Values of options, read from the command line or a file.

use std::net::IpAddr;
use std::time::Duration;

/// A value that is written as text.
pub(in crate::collector_server) trait Value: Sized {
    /// What the text should be.
    const FORM: &'static str;

    /// Reads the text; `None` if it is not of this form.
    fn read(text: &str) -> Option<Self>;
}

/// A port.
impl Value for u16 {
    const FORM: &'static str = "a port: a number from 0 to 65535, where 0 takes a free one";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for u64 {
    const FORM: &'static str = "a whole number";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for IpAddr {
    const FORM: &'static str = "an IP address of this machine, as 127.0.0.1, ::1 or 0.0.0.0";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A time, of at most a year: a sum with the present time must not overflow.
impl Value for Duration {
    const FORM: &'static str = "a number of seconds";

    fn read(text: &str) -> Option<Self> {
        const YEAR: f64 = 31_536_000.0;
        let seconds: f64 = text.parse().ok()?;
        if seconds.is_nan() {
            return None;
        }
        Duration::try_from_secs_f64(seconds.min(YEAR)).ok()
    }
}

/// A size in bytes, with the suffix K, M or G for powers of 1,024.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::collector_server) struct Size(pub(in crate::collector_server) usize);

impl Value for Size {
    const FORM: &'static str = "a size of at least 64K, as 512K, 256M or 2G";

    fn read(text: &str) -> Option<Self> {
        let (digits, unit) = match text.char_indices().next_back()? {
            (at, 'K' | 'k') => (text.get(..at)?, 1 << 10),
            (at, 'M' | 'm') => (text.get(..at)?, 1 << 20),
            (at, 'G' | 'g') => (text.get(..at)?, 1 << 30),
            _ => (text, 1),
        };
        let bytes = digits.parse::<usize>().ok()?.checked_mul(unit)?;
        (bytes >= 64 << 10).then_some(Size(bytes))
    }
}

/// A host name, with or without a port, as requests have it.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::collector_server) struct Host(pub(in crate::collector_server) String);

impl Value for Host {
    const FORM: &'static str = "a host name, as build.example.com or build.example.com:8080";

    fn read(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        (!text.is_empty() && text.bytes().all(is_plain)).then(|| Host(text.to_owned()))
    }
}
