//! A reader of relay frames: postcard's own, behind COBS and a CRC of the plainest kind.

use serde::Deserialize;

/// A frame's header and payload.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    pub kind: u8,
    pub producer: u8,
    pub boot: u16,
    pub number: u32,
    pub payload: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, Debug)]
pub enum Value<'a> {
    Str(&'a str),
    F64(f64),
    Bool(bool),
    I64(i64),
    Bytes(&'a [u8]),
    U64(u64),
}

#[derive(PartialEq, Deserialize, Debug)]
pub struct Hello<'a> {
    pub device: &'a [u8],
    pub boot: u32,
    pub build: &'a [u8],
    pub frequency: u64,
    pub names: u8,
    pub service: &'a str,
    #[serde(borrow)]
    pub tags: Vec<(&'a str, Value<'a>)>,
    #[serde(borrow)]
    pub samplers: Vec<(u8, &'a str, Value<'a>)>,
}

#[derive(Clone, PartialEq, Deserialize, Debug)]
pub struct Status {
    pub now: u64,
    pub anchor: Option<(u64, u64, u32)>,
    pub sampled: u64,
    pub open: u64,
    pub queued: u64,
    pub delivered: u64,
    pub cleared: u64,
    pub unsampled: u64,
    pub unseeded: u64,
    pub decode_errors: u64,
    pub lost: Vec<u64>,
}

#[derive(PartialEq, Deserialize, Debug)]
pub enum Id {
    None,
    Trace,
    Other([u8; 8]),
}

/// A name where static ones are sent by their address.
#[derive(PartialEq, Deserialize, Debug)]
pub enum Name<'a> {
    Text(&'a str),
    Static(u64, u16),
}

#[derive(PartialEq, Deserialize, Debug)]
pub struct Start<N> {
    pub sequence: u32,
    pub flags: u8,
    pub state: u8,
    pub trace_high: u64,
    pub trace_low: [u8; 8],
    pub span: Id,
    pub parent: Id,
    pub operation: N,
    pub start: u64,
    pub finish: i64,
}

#[derive(PartialEq, Deserialize, Debug)]
pub enum Entry<'a, N> {
    End,
    TagStr(N, &'a str),
    TagF64(N, f64),
    TagBool(N, bool),
    TagI64(N, i64),
    TagBytes(N, &'a [u8]),
    TagU64(N, u64),
    Reference(bool, u64, [u8; 8], [u8; 8]),
    Log(u64, bool),
    FieldStr(N, &'a str),
    FieldF64(N, f64),
    FieldBool(N, bool),
    FieldI64(N, i64),
    FieldBytes(N, &'a [u8]),
    FieldU64(N, u64),
    Dropped(u16),
}

#[derive(PartialEq, Debug)]
pub struct Span<'a, N> {
    pub start: Start<N>,
    pub entries: Vec<Entry<'a, N>>,
}

#[derive(PartialEq, Deserialize, Debug)]
pub struct Memory<'a> {
    pub address: u64,
    pub bytes: &'a [u8],
}

/// Reads the frames of a packet, or of several.
pub fn frames(packet: &[u8]) -> Vec<Frame> {
    let (first, last) = (packet.first(), packet.last());
    assert_eq!((first, last), (Some(&0), Some(&0)), "zeros around");
    let chunks = packet[1..].strip_suffix(&[0]).expect("a frame");
    let chunks = chunks.split(|byte| *byte == 0);
    chunks
        .filter(|chunk| !chunk.is_empty())
        .map(frame)
        .collect()
}

/// Reads a payload that has nothing behind it.
pub fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> T {
    let (read, rest) = postcard::take_from_bytes(payload).expect("postcard");
    assert!(rest.is_empty(), "{} bytes behind", rest.len());
    read
}

/// Reads the spans of a payload; the sequences are no differences any more.
pub fn spans<'a, N: Deserialize<'a>>(payload: &'a [u8]) -> Vec<Span<'a, N>> {
    let (mut rest, mut spans, mut sequence) = (payload, Vec::new(), 0u32);
    while !rest.is_empty() {
        let (mut start, mut behind) = postcard::take_from_bytes::<Start<N>>(rest).expect("span");
        sequence = sequence.wrapping_add(start.sequence);
        start.sequence = sequence;
        let mut entries = Vec::new();
        loop {
            let entry;
            (entry, behind) = postcard::take_from_bytes(behind).expect("entry");
            if matches!(entry, Entry::End) {
                break;
            }
            entries.push(entry);
        }
        rest = behind;
        spans.push(Span { start, entries });
    }
    spans
}

fn frame(chunk: &[u8]) -> Frame {
    let body = unstuffed(chunk);
    let (body, check) = body.split_last_chunk().expect("a check");
    assert_eq!(plain_crc(body), u32::from_le_bytes(*check));
    let [version, kind, producer, low, high, rest @ ..] = body else {
        panic!("no header")
    };
    assert_eq!(*version, 1);
    let (number, rest) = postcard::take_from_bytes(rest).expect("a number");
    let (length, payload) = rest.split_first_chunk().expect("a length");
    assert_eq!(usize::from(u16::from_le_bytes(*length)), payload.len());
    Frame {
        kind: *kind,
        producer: *producer,
        boot: u16::from_le_bytes([*low, *high]),
        number,
        payload: payload.to_vec(),
    }
}

/// Decodes COBS.
fn unstuffed(mut chunk: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some((code, rest)) = chunk.split_first() {
        let (block, behind) = rest.split_at(usize::from(*code) - 1);
        body.extend(block);
        if *code < 255 && !behind.is_empty() {
            body.push(0);
        }
        chunk = behind;
    }
    body
}

/// The CRC bit by bit.
pub fn plain_crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            let carry = crc >> 31;
            crc = (crc << 1) ^ (carry * 0xc5);
        }
    }
    !crc
}
