//! Query strings: decoded, within limits, and with known names only.

/// Longest query string in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// Most parameters.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a request, in their order.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes a query string. Parameters that are not among `known` are refused.
    ///
    /// # Errors
    /// A text for the caller.
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, String> {
        if query.len() > MAX_LENGTH {
            let length = query.len();
            return Err(format!(
                "the query has {length} bytes: send at most {MAX_LENGTH}"
            ));
        }
        let mut parameters = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(format!(
                    "the query has more than {MAX_PARAMETERS} parameters"
                ));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                return Err(unknown(&name, known));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// Returns the value of a parameter; an empty one is as if absent.
    ///
    /// # Errors
    /// It stands more than once.
    pub(super) fn text<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, String> {
        let mut values = self.all(name);
        let value = values.next();
        match values.next() {
            Some(_) => Err(format!("`{name}` stands twice: send it once")),
            None => Ok(value),
        }
    }

    /// Returns a parameter as an integer.
    ///
    /// # Errors
    /// It is none, or stands more than once.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.text(name)? else {
            return Ok(None);
        };
        let parsed = value.parse().map(Some);
        parsed.map_err(|_| format!("`{name}` is `{}`: send an integer", shorten(value)))
    }

    /// Returns a parameter as a duration in microseconds: a number with a unit, or whole microseconds without one.
    ///
    /// # Errors
    /// It is none, or stands more than once.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.text(name)? else {
            return Ok(None);
        };
        let form = "send microseconds, or a number with us, ms, s, m or h";
        let wrong = || format!("`{name}` is `{}`: {form}", shorten(value));
        micros_of(value).map(Some).ok_or_else(wrong)
    }

    /// Returns the values of a parameter that may stand several times, without empty ones.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// Units of durations with their microseconds. Of two that a text may end with, the longer one stands first.
const UNITS: [(&str, f64); 7] = [
    ("us", 1.0),
    ("\u{b5}s", 1.0),
    ("\u{3bc}s", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("m", 60e6),
    ("h", 3600e6),
];

/// Returns the microseconds of a duration, rounded.
fn micros_of(text: &str) -> Option<i64> {
    if let Ok(us) = text.parse() {
        return Some(us);
    }
    let unit = |(unit, us): &(&str, f64)| Some((text.strip_suffix(unit)?, *us));
    let (number, us) = UNITS.iter().find_map(unit)?;
    let is_plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.trim_end().parse().ok().filter(|_| is_plain)?;
    // Beyond the range it is the greatest value.
    Some((number * us).round() as i64)
}

fn unknown(name: &str, known: &[&str]) -> String {
    let name = shorten(name);
    match known {
        [] => format!("unknown parameter `{name}`: this path takes none"),
        _ => format!(
            "unknown parameter `{name}`: this path takes {}",
            known.join(", ")
        ),
    }
}

/// Cuts a value for an error.
fn shorten(value: &str) -> String {
    value.chars().take(64).collect()
}

/// Decodes `%` with two hexadecimal digits, and `+` as a space.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => escape(rest.next(), rest.next()).ok_or_else(|| {
                format!(
                    "`%` without two hexadecimal digits in `{}`: write `%25`",
                    shorten(text)
                )
            })?,
            _ => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| format!("`{}` is not UTF-8", shorten(text)))
}

fn escape(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}
