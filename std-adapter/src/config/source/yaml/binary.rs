//! Text that a file has as Base64, with the tag `!!binary`.

/// Decodes Base64 whose bytes are text; blanks and new lines do not count.
pub(super) fn decode(text: &str) -> Result<String, &'static str> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let bytes = bytes(&digits).ok_or("not Base64, as its tag `!!binary` demands")?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8 behind its tag `!!binary`")
}

fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let unpadded = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] => digits,
        digits => digits,
    };
    // Each byte takes 8 of the 6 bits of each digit.
    let (whole, rest) = (unpadded.len() / 4, unpadded.len() % 4);
    if !text.len().is_multiple_of(4) || rest == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(whole * 3 + rest);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in unpadded {
        bits = bits << 6 | value(*digit)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // Bits behind the last byte would be lost.
    (bits == 0).then_some(bytes)
}

/// The value of a digit.
fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}
