//! The check sum of frames.

/// x³² + x⁷ + x⁶ + x² + 1, of which a chip calculates a byte in five instructions without a table.
const POLYNOMIAL: u32 = 0xc5;

/// The remainder of each byte.
static TABLE: [u32; 256] = table();

/// Returns the CRC-32 of a frame's header and payload: initial value and final XOR 0xFFFFFFFF, not
/// reflected.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let index = usize::from(byte ^ (crc >> 24) as u8);
        (crc << 8) ^ TABLE.get(index).copied().unwrap_or_default()
    };
    !bytes.iter().fold(u32::MAX, step)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let (mut crc, mut bit) = ((byte as u32) << 24, 0);
        while bit < 8 {
            let carry = crc >> 31;
            crc = (crc << 1) ^ (carry * POLYNOMIAL);
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The polynomial division, bit by bit.
    fn slow(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte) << 24;
            for _ in 0..8 {
                crc = match crc >> 31 {
                    0 => crc << 1,
                    _ => (crc << 1) ^ POLYNOMIAL,
                };
            }
        }
        !crc
    }

    #[test]
    fn the_table_divides_as_bit_by_bit() {
        let bytes: Vec<u8> = (0..1_000u32).map(|n| ((n * n) >> 3) as u8).collect();
        for length in [0, 1, 2, 255, 1_000] {
            assert_eq!(crc(&bytes[..length]), slow(&bytes[..length]), "{length}");
        }
        assert_eq!(crc(b""), 0);
    }
}
