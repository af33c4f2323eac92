//! Unit tests of both word sizes, on a target of either.

use std::collections::HashSet;
use std::vec::Vec;

use super::*;

/// The most words and bytes that are copied: past the lengths at which the ways to copy change.
const WORDS: usize = if cfg!(miri) { 40 } else { 100 };
const BYTES: u8 = if cfg!(miri) { 40 } else { 200 };

/// Counts of words or bytes up to the most. The tests take their square in time, of which Miri has
/// less: it sees those around the powers of two, where the ways to copy change.
fn counts(most: usize) -> impl Iterator<Item = usize> {
    let is_near = |count: usize| {
        let power = count.next_power_of_two();
        count < 10 || power - count <= 1 || count - power / 2 <= 1
    };
    (0..=most).filter(move |count| !cfg!(miri) || is_near(*count) || *count == most)
}

/// A varint byte by byte, as the specification has it.
pub(crate) fn plain_varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[test]
#[cfg_attr(miri, ignore = "slow, and without unsafe code")]
fn both_ways_to_write_a_varint_agree_with_the_specification() {
    for bit in 0..64 {
        for number in [0, 1 << bit, (1 << bit) - 1, u64::MAX >> bit, 0xaaaa << bit] {
            for put in [word64::put_varint, word32::put_varint] {
                let mut room = [0xee; LONGEST_VARINT];
                let length = put(&mut room, number);
                assert_eq!(room[..length], plain_varint(number), "{number}");
            }
        }
    }
}

#[test]
fn every_byte_in_every_place_is_a_hex_digit_or_none_on_each_target() {
    // Miri sees the places at the ends of the registers and within them.
    let (places, bytes) = if cfg!(miri) { (5, 13) } else { (1, 1) };
    for (place, byte) in (0..16)
        .step_by(places)
        .flat_map(|place| (0..=u8::MAX).step_by(bytes).map(move |byte| (place, byte)))
    {
        let mut text = *b"0123456789abcdef";
        text[place] = byte;
        let expected = text.iter().try_fold(0, |number, byte| {
            let digit = (*byte as char).to_digit(16)?;
            Some(number << 4 | u64::from(digit))
        });
        for read in [hex::hex_number, super::hex_number] {
            assert_eq!(read(&text, Capitals::Taken), expected, "{byte} at {place}");
            let small = expected.filter(|_| !byte.is_ascii_uppercase());
            assert_eq!(read(&text, Capitals::Refused), small, "{byte} at {place}");
        }
    }
}

#[test]
fn small_numbers_are_0_to_63() {
    for (number, small) in [
        (0, true),
        (63, true),
        (64, false),
        (1 << 32, false),
        (-1, false),
        (i64::MIN, false),
    ] {
        let found = [word32::is_small(number), word64::is_small(number)];
        assert_eq!(found, [small; 2], "{number}");
    }
}

#[test]
fn sixty_four_bits_survive_as_words_and_in_ids() {
    for bits in [0, 1, 1 << 32, u64::MAX, 0x0123_4567_89ab_cdef] {
        let mut words = [Word::uninit(); 2];
        word32::store_bits(bits, &mut words);
        // SAFETY: they were stored.
        assert_eq!(unsafe { word32::load_bits(&words) }, bits);
        #[cfg(target_pointer_width = "64")]
        {
            word64::store_bits(bits, &mut words);
            // SAFETY: they were stored.
            assert_eq!(unsafe { word64::load_bits(&words) }, bits);
        }
        let (halved, whole) = (word32::Bits::new(bits), word64::Bits::new(bits));
        assert_eq!([halved.get(), whole.get()], [bits; 2]);
        assert_eq!([halved.is_zero(), whole.is_zero()], [bits == 0; 2]);
    }
    assert!(word32::Bits::default().is_zero() && word64::Bits::default().is_zero());
}

#[test]
fn words_of_every_count_are_copied_to_as_many_and_no_further() {
    let from: Vec<_> = (1..=WORDS).map(Word::new).collect();
    for copy in [
        word32::copy_words,
        word64::copy_words,
        word32::copy_fresh_words,
        word64::copy_fresh_words,
    ] {
        for count in counts(from.len()) {
            let mut to = [Word::new(0); WORDS + 1];
            copy(&from[..count], &mut to[..count]);
            // SAFETY: each word was written above.
            let found = to.map(|word| unsafe { word.assume_init() });
            assert!(found[..count].iter().copied().eq(1..=count));
            assert!(found[count..].iter().all(|word| *word == 0));
        }
    }
}

#[test]
fn bytes_of_every_count_are_copied_padded_and_moved() {
    let from: Vec<u8> = (1..=BYTES).collect();
    for count in counts(from.len()) {
        let from = &from[..count];
        for copy in [word32::copy_many_bytes, word64::copy_many_bytes, copy_bytes] {
            let mut to = [0; BYTES as usize + 1];
            copy(from, &mut to[..count]);
            assert_eq!(to[..count], *from);
            assert!(to[count..].iter().all(|byte| *byte == 0));
        }
        for insert in [word32::insert_first, word64::insert_first] {
            let mut moved = from.to_vec();
            insert(0xff, &mut moved);
            let expected = [&[0xff], from];
            assert!(expected.concat().starts_with(&moved));
        }
        for copy in [word32::copy_padded, word64::copy_padded] {
            padded(copy, from);
        }
    }
}

/// Compares a padded copy with its source, and the padding with zeros.
fn padded(copy: unsafe fn(&[u8], &mut [Word]), from: &[u8]) {
    let mut words = std::vec![Word::new(usize::MAX); from.len().div_ceil(WORD)];
    // SAFETY: so many words were made.
    unsafe { copy(from, &mut words) };
    // SAFETY: each word was written above.
    let words = words.iter().map(|word| unsafe { word.assume_init() });
    let found: Vec<u8> = words.flat_map(usize::to_ne_bytes).collect();
    assert_eq!(found[..from.len()], *from);
    assert!(found[from.len()..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_zero_id_is_replaced() {
    // A state whose words are zero until the counter has moved.
    let [a, b, c, counter] = [0; 4];
    let mut chip = word32::GeneratorState { a, b, c, counter };
    assert_eq!(chip.draw(), 1);
    // Zero times anything.
    let mut server = word64::GeneratorState { counter: 0, key: 0 };
    server.counter = server.counter.wrapping_sub(word64::GeneratorState::STEP);
    assert_eq!(server.draw(), 1);
}

#[test]
#[cfg_attr(miri, ignore = "slow, and without unsafe code")]
fn each_bit_of_a_servers_ids_is_set_in_half_of_them() {
    const IDS: usize = 100_000;
    let mut state = word64::GeneratorState::new([0; 3]);
    let mut set = [0; 64];
    for _ in 0..IDS {
        let id = state.draw();
        let bits = set.iter_mut().enumerate();
        bits.for_each(|(bit, count)| *count += (id >> bit & 1) as usize);
    }
    // Six standard deviations of a fair coin.
    let fair = IDS / 2 - 950..IDS / 2 + 950;
    assert!(set.iter().all(|count| fair.contains(count)), "{set:?}");
}

#[test]
#[cfg_attr(miri, ignore = "slow, and without unsafe code")]
fn generators_that_share_a_counter_go_separate_ways() {
    let mut ids = HashSet::new();
    for key in 0..100 {
        let mut state = word64::GeneratorState::new([7, 7, key]);
        state.counter = 42;
        ids.extend((0..1_000).map(|_| state.draw()));
    }
    assert_eq!(ids.len(), 100_000);
}

#[test]
#[cfg_attr(miri, ignore = "slow, and without unsafe code")]
fn seeds_that_differ_in_one_bit_differ_in_about_half_of_the_ids_bits() {
    for bit in 0..96 {
        let mut words = [0x1234_5678, 0x9abc_def0, 0x0f1e_2d3c];
        let first = first_ids(words);
        words[bit / 32] ^= 1 << (bit % 32);
        for (first, second) in first.iter().zip(first_ids(words)) {
            let differing = (first ^ second).count_ones();
            assert!((12..=52).contains(&differing), "bit {bit}: {differing}");
        }
    }
}

/// Of chips and of servers.
fn first_ids(seed: [u32; 3]) -> [u64; 2] {
    [
        word32::GeneratorState::new(seed).draw(),
        word64::GeneratorState::new(seed).draw(),
    ]
}
