//! The checksum of what leaves the program, or outlives it.

/// A CRC-32 with the polynomial x³² + x⁷ + x⁶ + x² + 1, initial value and final XOR all ones, bits
/// not reflected.
///
/// Needs no table: a byte takes five instructions on ARM. It detects all bursts of up to 32 bits, and all
/// errors of up to 4 bits in up to 660 bytes.
///
/// ```
/// use picojaeger_core::adapter::Crc;
///
/// assert_eq!(Crc::new().bytes(b"frame").finish(), Crc::new().bytes(b"fra").bytes(b"me").finish());
/// assert_eq!(Crc::new().finish(), 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Crc(u32);

impl Default for Crc {
    fn default() -> Self {
        Crc::new()
    }
}

impl Crc {
    /// Begins a checksum.
    #[inline(always)]
    pub const fn new() -> Self {
        Crc(u32::MAX)
    }

    /// Adds a byte.
    #[inline(always)]
    pub(crate) const fn byte(self, byte: u8) -> Self {
        Crc(self.0 << 8 ^ Self::multiple(byte as u32 ^ self.0 >> 24))
    }

    /// Adds bytes, three at a time: the polynomial has no term between x⁷ and x³², so that the
    /// remainder of up to 25 bits is one product.
    #[inline]
    pub fn bytes(mut self, mut bytes: &[u8]) -> Self {
        while let Some(([a, b, c], rest)) = bytes.split_first_chunk() {
            let bits = u32::from_be_bytes([0, *a, *b, *c]);
            self = Crc(self.0 << 24 ^ Self::multiple(bits ^ self.0 >> 8));
            bytes = rest;
        }
        bytes.iter().fold(self, |crc, byte| crc.byte(*byte))
    }

    /// Returns the product with the polynomial without its highest term.
    #[inline(always)]
    const fn multiple(x: u32) -> u32 {
        x ^ x << 2 ^ x << 6 ^ x << 7
    }

    /// Returns the checksum.
    #[inline(always)]
    pub const fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: a division, bit by bit.
    fn divided(bytes: &[u8]) -> u32 {
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

    #[test]
    fn it_is_the_division() {
        assert_eq!(Crc::new().bytes(b"").finish(), 0);
        let many: [u8; 1_000] = core::array::from_fn(|n| ((n * n) >> 3) as u8);
        assert_eq!(Crc::new().bytes(&many).finish(), divided(&many));
        let all: [u8; 256] = core::array::from_fn(|n| n as u8);
        for length in 0..all.len() {
            assert_eq!(
                Crc::new().bytes(&all[..length]).finish(),
                divided(&all[..length])
            );
            let one = &all[length..=length];
            assert_eq!(Crc::new().bytes(one).finish(), divided(one));
        }
    }

    #[test]
    fn each_change_of_two_bits_shows() {
        let bytes = [0x5a_u8; 40];
        let whole = Crc::new().bytes(&bytes).finish();
        for first in 0..8 * bytes.len() {
            for second in first + 1..8 * bytes.len() {
                let mut changed = bytes;
                changed[first / 8] ^= 1 << (first % 8);
                changed[second / 8] ^= 1 << (second % 8);
                assert_ne!(Crc::new().bytes(&changed).finish(), whole);
            }
        }
    }
}
