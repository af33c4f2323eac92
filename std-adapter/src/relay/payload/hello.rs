//! The frame by which a device names itself.

use serde::Deserialize;

use crate::model::TagValue;

/// The description of a device and of one of its tracers.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Hello<'h> {
    pub(crate) device: &'h [u8],
    pub(crate) boot: u32,
    /// The GNU build id of the image; empty if it has none.
    pub(crate) build: &'h [u8],
    /// Ticks a second.
    pub(crate) frequency: u64,
    /// Whether names that are static text come as addresses.
    pub(crate) names: u8,
    pub(crate) service: &'h str,
    #[serde(borrow)]
    pub(crate) tags: Vec<(&'h str, WireValue<'h>)>,
    pub(crate) samplers: Vec<(u8, &'h str, WireValue<'h>)>,
}

/// A value of a tag.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) enum WireValue<'v> {
    Str(&'v str),
    F64(f64),
    Bool(bool),
    I64(i64),
    Bytes(&'v [u8]),
    U64(u64),
}

/// The reason why a hello is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Its fields cannot be read.
    Malformed,
    /// The device has no id, or one of more than 32 bytes.
    Device,
    /// The clock has a frequency of 0.
    Frequency,
}

/// The most tags and samplers of a hello: more than a device writes, and little of a relay's memory.
const MOST_TAGS: usize = 127;
const MOST_SAMPLERS: usize = 16;

impl<'h> Hello<'h> {
    /// Reads a payload.
    pub(crate) fn parse(payload: &'h [u8]) -> Result<Self, Refusal> {
        let read = postcard::take_from_bytes(payload);
        let (hello, _later): (Self, _) = read.map_err(|_| Refusal::Malformed)?;
        match () {
            () if hello.tags.len() > MOST_TAGS || hello.samplers.len() > MOST_SAMPLERS => {
                Err(Refusal::Malformed)
            }
            () if hello.device.is_empty() || hello.device.len() > 32 => Err(Refusal::Device),
            () if hello.frequency == 0 => Err(Refusal::Frequency),
            () => Ok(hello),
        }
    }
}

impl Hello<'_> {
    /// Returns a copy of the samplers.
    pub(crate) fn owned_samplers(&self) -> Vec<(u8, String, TagValue)> {
        let samplers = self.samplers.iter();
        let owned =
            samplers.map(|(code, kind, param)| (*code, (*kind).to_owned(), (*param).into()));
        owned.collect()
    }
}

impl From<WireValue<'_>> for TagValue {
    fn from(value: WireValue<'_>) -> Self {
        match value {
            WireValue::Str(text) => text.into(),
            WireValue::F64(number) => number.into(),
            WireValue::Bool(value) => value.into(),
            WireValue::I64(number) => number.into(),
            WireValue::Bytes(bytes) => bytes.into(),
            WireValue::U64(number) => number.into(),
        }
    }
}
