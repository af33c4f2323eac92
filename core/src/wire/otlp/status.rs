//! Tags that OTLP has fields for: the kind of the span, and its status.

use crate::record::Tag;
use crate::tags;
use crate::value::Value;

/// The tags that kind and status are made of, each the last of its key.
#[derive(Clone, Copy, Default)]
pub(super) struct StatusTags<'r> {
    found: [Option<Value<'r>>; KEYS.len()],
    any: bool,
}

/// What these tags become, and which of them are not written as attributes.
#[derive(Clone, Copy, Default)]
pub(super) struct Status<'r> {
    /// The code of `SpanKind`, 0 if unspecified.
    pub(super) kind: u8,
    /// The code of `StatusCode`: 0 unset, 1 ok, 2 error.
    pub(super) code: u8,
    pub(super) message: &'r str,
    /// A bit for each of [`KEYS`].
    omitted: u8,
}

/// The keys of these tags.
pub(super) const KEYS: [&str; 6] = [
    tags::ERROR,
    tags::SPAN_KIND,
    "otel.status_code",
    tags::HTTP_STATUS_CODE,
    "http.status_message",
    "otel.status_description",
];
/// Places in [`KEYS`].
mod at {
    pub(super) const ERROR: usize = 0;
    pub(super) const KIND: usize = 1;
    pub(super) const CODE: usize = 2;
    pub(super) const HTTP_CODE: usize = 3;
    pub(super) const HTTP_MESSAGE: usize = 4;
    pub(super) const DESCRIPTION: usize = 5;
}

/// Codes of `StatusCode`.
const OK: u8 = 1;
const ERROR: u8 = 2;

/// The names of kinds, from code 1 on.
const KINDS: [&str; 5] = [
    "internal",
    tags::SPAN_KIND_SERVER,
    tags::SPAN_KIND_CLIENT,
    tags::SPAN_KIND_PRODUCER,
    tags::SPAN_KIND_CONSUMER,
];
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// The place of a key in [`KEYS`], of which only those of the same length are compared.
#[inline(always)]
fn place(key: &str) -> Option<usize> {
    let candidates = match key.len() {
        5 => at::ERROR..at::ERROR + 1,
        9 => at::KIND..at::KIND + 1,
        16 => at::CODE..at::HTTP_CODE + 1,
        19 => at::HTTP_MESSAGE..at::HTTP_MESSAGE + 1,
        23 => at::DESCRIPTION..at::DESCRIPTION + 1,
        _ => return None,
    };
    candidates
        .into_iter()
        .find(|place| KEYS.get(*place) == Some(&key))
}

impl<'r> StatusTags<'r> {
    #[inline(always)]
    pub(super) fn add(&mut self, tag: &Tag<'r>) {
        if let Some(found) = place(tag.key).and_then(|place| self.found.get_mut(place)) {
            *found = Some(tag.value);
            self.any = true;
        }
    }

    /// What the tags become, by the rules of Jaeger's receiver.
    #[inline(always)]
    pub(super) fn status(&self) -> Status<'r> {
        if self.any {
            self.translated()
        } else {
            Status::default()
        }
    }

    #[inline(never)]
    fn translated(&self) -> Status<'r> {
        let mut status = Status::default();
        status.set_kind(self.found[at::KIND]);
        if self.found[at::ERROR] == Some(Value::Bool(true)) {
            status.code = ERROR;
            status.omit(at::ERROR);
            status.message = match self.found[at::DESCRIPTION] {
                Some(_) => self.described(&mut status),
                None => self.text(at::HTTP_MESSAGE),
            };
            if self.found[at::CODE].is_some() {
                status.omit(at::CODE);
            }
        } else if self.found[at::CODE].is_some() {
            status.code = code(self.text(at::CODE));
            status.omit(at::CODE);
            status.message = self.described(&mut status);
        } else if self.is_http_error(status.kind) {
            status.code = ERROR;
            status.message = self.text(at::HTTP_MESSAGE);
        }
        status
    }

    /// The text of the status, which becomes no attribute.
    fn described(&self, status: &mut Status<'r>) -> &'r str {
        status.omit(at::DESCRIPTION);
        self.text(at::DESCRIPTION)
    }

    fn text(&self, place: usize) -> &'r str {
        match self.found.get(place) {
            Some(Some(Value::Str(text))) => text,
            _ => "",
        }
    }

    /// Whether the status of HTTP stands for an error: codes of 400 to 499 do not for a server.
    fn is_http_error(&self, kind: u8) -> bool {
        let code = match self.found[at::HTTP_CODE] {
            Some(Value::I64(code)) => Some(code),
            Some(Value::U64(code)) => i64::try_from(code).ok(),
            Some(Value::Str(text)) => text.parse().ok(),
            _ => None,
        };
        match code {
            Some(400..500) if kind == SERVER => false,
            Some(400..500) if kind == CLIENT => true,
            // The receiver counts 399 as an error.
            Some(code) => !(100..399).contains(&code),
            None => false,
        }
    }
}

impl Status<'_> {
    /// Sets the kind if it is known; another one stays an attribute.
    fn set_kind(&mut self, value: Option<Value<'_>>) {
        if let Some(Value::Str(name)) = value
            && let Some(place) = KINDS.iter().position(|kind| *kind == name)
        {
            self.kind = place as u8 + 1;
            self.omit(at::KIND);
        }
    }

    fn omit(&mut self, place: usize) {
        self.omitted |= 1 << place;
    }

    /// Whether a tag is a field here and no attribute.
    #[inline(always)]
    pub(super) fn omits(&self, key: &str) -> bool {
        self.omitted != 0 && place(key).is_some_and(|place| self.omitted >> place & 1 != 0)
    }
}

/// The code of a name, in any case.
fn code(name: &str) -> u8 {
    if name.eq_ignore_ascii_case("ok") {
        OK
    } else if name.eq_ignore_ascii_case("error") {
        ERROR
    } else {
        0
    }
}
