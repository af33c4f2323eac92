//! Unit tests of the images.

use std::string::String;
use std::vec::Vec;

use super::layout::LONGEST_VALUE;
use super::*;
use crate::arch::WORD;
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::value::Key;
use crate::value::Value;

type Span<const N: usize> = Open<[Word; N]>;

fn span<const N: usize>() -> Span<N> {
    let context = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
    Open::new("op", context, SpanId::new(4), 5)
}

fn tags<A: Area + ?Sized>(span: &Open<A>) -> Vec<(String, Value<'_>)> {
    span.record()
        .tags()
        .map(|tag| (tag.key.into(), tag.value))
        .collect()
}

#[test]
fn an_image_that_starts_over_is_as_new() {
    let mut again = span::<8>();
    again.set_untimed();
    again.set_segment(3);
    again.tag("fits".into(), 1.into());
    assert!(again.try_log(Timestamp::Ticks(6)));
    again.tag("does not".into(), "x".repeat(100).as_str().into());
    again.finish_at(7);
    let (context, parent) = (again.context(), again.parent());
    for code in [0, 15] {
        let name = "another";
        again.restart(name, context, parent, 5, code);
        let mut new = Span::<8>::new(name, context, parent, 5);
        new.set_sampler(code);
        assert_eq!(
            std::format!("{:?}", again.fixed),
            std::format!("{:?}", new.fixed)
        );
    }
}

#[test]
fn a_copy_of_an_image_is_whole() {
    let (mut small, mut large) = (span::<4>(), span::<8>());
    small.tag("fits".into(), true.into());
    small.tag("does not".into(), "x".repeat(100).as_str().into());
    small.tag("nor this".into(), 1.into());
    large.tag("to be replaced".into(), 2.into());
    assert!(!large.copy_to(&mut span::<1>()), "that is too small");
    assert!(small.copy_to(&mut large));
    assert_eq!(
        std::format!("{:?}", large.fixed),
        std::format!("{:?}", small.fixed)
    );
    assert_eq!(tags(&large), tags(&small));
}

#[test]
fn a_start_that_is_set_again_is_known() {
    let mut span = span::<0>();
    for start in [Timestamp::UnixMicros(9), Timestamp::Ticks(8)] {
        span.set_untimed();
        assert!(!span.is_timed());
        span.set_start(start);
        assert!(span.is_timed());
        assert_eq!(span.record().start(), start);
    }
}

#[test]
fn an_end_that_is_noted_is_the_records() {
    let mut span = span::<0>();
    span.set_finish(13);
    assert!(span.is_writable());
    assert_eq!(span.record().finish(), Timestamp::Ticks(13));
}

#[test]
fn an_image_gives_back_what_was_appended() {
    let mut span = span::<64>();
    let name = String::from("copied.key");
    span.tag("s".into(), "text".into());
    span.tag(Key::copied(&name), (-7i64).into());
    span.tag("u".into(), u64::MAX.into());
    span.tag("f".into(), 1.5.into());
    span.tag("yes".into(), true.into());
    span.tag("no".into(), false.into());
    span.tag("raw".into(), b"\x00\xff".into());
    let other = Reference {
        follows: true,
        trace: TraceId::from_parts(8, 9),
        span: SpanId::new(10),
    };
    assert!(span.try_reference(other));
    assert!(span.try_log(Timestamp::UnixMicros(11)));
    span.field("event".into(), "e".into());
    span.field("n".into(), 1.into());
    assert!(span.try_log(Timestamp::Ticks(12)));
    span.tag("after".into(), "".into());
    span.finish(13);

    let record = span.record();
    assert_eq!((record.operation(), record.parent().get()), ("op", 4));
    assert_eq!(
        (record.start(), record.finish()),
        (Timestamp::Ticks(5), Timestamp::Ticks(13))
    );
    let keys = ["s", "copied.key", "u", "f", "yes", "no", "raw", "after"];
    let values = [
        Value::Str("text"),
        Value::I64(-7),
        Value::U64(u64::MAX),
        Value::F64(1.5),
        Value::Bool(true),
        Value::Bool(false),
        Value::Bytes(b"\x00\xff"),
        Value::Str(""),
    ];
    let expected: Vec<_> = keys
        .iter()
        .map(|key| String::from(*key))
        .zip(values)
        .collect();
    assert_eq!(tags(&span), expected);
    assert_eq!(record.references().collect::<Vec<_>>(), [other]);
    let logs: Vec<_> = record.logs().collect();
    assert_eq!(
        (logs[0].time, logs[1].time),
        (Timestamp::UnixMicros(11), Timestamp::Ticks(12))
    );
    let fields: Vec<_> = logs[0]
        .fields()
        .map(|field| (field.key, field.value))
        .collect();
    assert_eq!(fields, [("event", Value::Str("e")), ("n", Value::I64(1))]);
    assert_eq!(logs[1].fields().count(), 0);
    assert!(!record.is_cut());
}

#[test]
fn the_newest_entry_is_cut_at_a_character_or_refused() {
    let mut span = span::<4>();
    span.tag("k".into(), "äöüäöüäöüäöü".into());
    let room = 2 * WORD;
    let kept = "äöüäöüäöüäöü".get(..room - room % 2).unwrap();
    assert_eq!(tags(&span), [(String::from("k"), Value::Str(kept))]);
    assert!(span.record().is_cut());
    assert_eq!(span.record().dropped(), 0);
    span.tag("l".into(), 1.into());
    assert_eq!(span.record().dropped(), 1);
    assert_eq!(tags(&span).len(), 1);
}

#[test]
fn what_fits_exactly_is_not_marked() {
    let mut span = span::<3>();
    span.tag("k".into(), [b'x'; WORD].as_slice().into());
    assert!(!span.record().is_cut());
    assert_eq!(tags(&span)[0].1, Value::Bytes(&[b'x'; WORD]));
}

#[test]
fn long_keys_and_values_are_cut() {
    let mut span = span::<20_000>();
    let key = String::from("ß").repeat(200);
    span.tag(Key::copied(&key), 1.into());
    let value = String::from("x").repeat(1 << 20);
    span.tag("v".into(), value.as_str().into());
    let found = tags(&span);
    assert_eq!(found[0].0.len(), 254, "127 characters of two bytes");
    assert_eq!(found[1].1, Value::Str(&value[..65_535]));
    assert!(span.record().is_cut());
}

#[test]
fn the_longest_value_is_kept_and_one_byte_more_is_cut() {
    const ROOM: usize = (LONGEST_VALUE + 1) / WORD + 3;
    let text = String::from("x").repeat(LONGEST_VALUE + 1);
    let kept = &text[..LONGEST_VALUE];
    for key in [Key::Static("k"), Key::copied("k")] {
        let mut span = span::<ROOM>();
        assert!(!span.try_tag(key, text.as_str().into()));
        assert!(!span.try_tag(key, text.as_bytes().into()));
        assert!(span.try_tag(key, kept.into()));
        assert_eq!(tags(&span)[0].1, Value::Str(kept));
        assert!(!span.record().is_cut());
        span.restart("op", span.context(), SpanId::new(4), 5, 0);
        span.tag(key, text.as_str().into());
        assert_eq!(tags(&span)[0].1, Value::Str(kept));
        assert!(span.record().is_cut());
    }
}

#[test]
fn a_count_of_refused_entries_stays_at_its_most() {
    let mut span = span::<0>();
    let most = 32_767;
    span.fixed.dropped = most - 1;
    for _ in 0..3 {
        span.tag("n".into(), 1.into());
    }
    assert_eq!(
        (span.record().dropped(), span.record().is_cut()),
        (most, true)
    );
}

#[test]
fn a_span_keeps_its_flags_beside_its_state() {
    let mut span = span::<0>();
    span.set_flags(Flags::SAMPLED | Flags::RANDOM);
    span.mark_cut();
    span.finish(7);
    assert_eq!(span.flags(), Flags::SAMPLED | Flags::RANDOM);
    assert!(span.record().is_cut() && span.is_finished());
    assert_eq!(span.record().dropped(), 0);
    span.set_flags(Flags::NONE);
    assert!(span.flags() == Flags::NONE && span.record().is_cut() && span.is_finished());
}

#[test]
fn ten_thousand_tags_are_counted() {
    let mut span = span::<16>();
    for i in 0..10_000 {
        span.tag("n".into(), i.into());
    }
    assert_eq!(
        tags(&span).len() + usize::from(span.record().dropped()),
        10_000
    );
}

#[test]
fn the_last_operation_name_holds() {
    let mut span = span::<16>();
    span.copy_operation("first");
    span.tag("k".into(), 1.into());
    span.copy_operation("second");
    assert_eq!(span.record().operation(), "second");
    span.set_operation("static");
    assert_eq!(span.record().operation(), "static");
    let mut full = self::span::<1>();
    full.copy_operation("no room");
    assert_eq!(full.record().operation(), "op");
    assert_eq!(full.record().dropped(), 1);
}

#[test]
fn a_copy_has_all_of_the_image() {
    let (mut small, mut large) = (span::<8>(), span::<64>());
    small.tag("k".into(), 1.into());
    small.set_sampler(9);
    small.set_segment(2);
    assert!(small.copy_to(&mut large));
    assert_eq!(tags(&large), tags(&small));
    assert_eq!((large.record().sampler(), large.record().segment()), (9, 2));
    assert!(!large.copy_to(&mut span::<1>()));
}

#[test]
fn states_do_not_touch_each_other() {
    let mut span = span::<1>();
    span.set_flags(Flags::SAMPLED | Flags::DEBUG | Flags::FIREHOSE);
    span.set_sampler(15);
    span.set_segment(3);
    span.set_start(Timestamp::UnixMicros(1));
    assert!(span.is_writable());
    span.finish_at(2);
    assert!(!span.is_writable() && span.is_finished());
    assert_eq!(span.flags().wire(), 11);
    let record = span.record();
    assert_eq!(
        (record.sampler(), record.segment(), record.is_cut()),
        (15, 3, false)
    );
    assert_eq!(
        (record.start(), record.finish()),
        (Timestamp::UnixMicros(1), Timestamp::UnixMicros(2))
    );
}

#[test]
fn boundaries_are_those_of_characters() {
    for limit in 0..12 {
        let at = boundary("aé€😀x".as_bytes(), limit);
        assert!("aé€😀x".is_char_boundary(at) && at <= limit);
        assert!(limit > 11 || at + 4 > limit);
    }
}

#[test]
fn text_of_every_length_comes_back_and_is_filled_up_with_zeros() {
    let text = "abcdefghijklmnopqrstuvwxyz";
    for length in 0..=text.len() {
        let (text, mut span) = (&text[..length], span::<16>());
        // What lay there before must not show.
        span.tag("other".into(), "\u{7f}".repeat(64).as_str().into());
        let context = span.context();
        span.restart("op", context, SpanId::new(4), 5, 0);
        span.tag("k".into(), text.into());
        assert_eq!(tags(&span), [(String::from("k"), Value::Str(text))]);
        let image = span.image();
        // SAFETY: every word of an image is written.
        let last = unsafe { image.area[image.area.len() - 1].assume_init() };
        let used = length % WORD;
        if length > 0 && used > 0 {
            assert!(last.to_ne_bytes()[used..].iter().all(|byte| *byte == 0));
        }
    }
}

#[test]
fn characters_are_text_and_absent_values_are_not_written() {
    let mut span = span::<32>();
    span.tag("char".into(), '\u{20ac}'.into());
    span.tag("absent".into(), Value::Absent);
    assert!(span.try_tag("some".into(), Some('x').into()));
    assert!(span.try_tag("none".into(), None::<bool>.into()));
    let expected = [
        ("char".into(), Value::Str("\u{20ac}")),
        ("some".into(), Value::Str("x")),
    ];
    assert_eq!(tags(&span), expected);
    assert!(!span.record().is_cut() && span.record().dropped() == 0);
}

#[test]
fn a_key_that_is_too_long_is_cut_whatever_its_kind() {
    const LONG: &str = match str::from_utf8(&[b'k'; 300]) {
        Ok(text) => text,
        Err(_) => "",
    };
    for key in [Key::Static(LONG), Key::copied(LONG)] {
        for whole in [true, false] {
            let mut span = span::<64>();
            if whole {
                assert!(span.try_tag(key, true.into()));
            } else {
                span.tag(key, true.into());
            }
            assert_eq!(tags(&span), [(LONG[..255].into(), Value::Bool(true))]);
            assert!(span.record().is_cut());
            assert_eq!(span.record().dropped(), 0);
        }
    }
}

#[test]
fn a_copied_key_is_kept_with_what_fits_of_its_value_or_refused() {
    // Header, key and one word of the value.
    let mut small = span::<3>();
    small.tag(Key::copied("k"), [b'x'; 2 * WORD].as_slice().into());
    assert_eq!(tags(&small), [("k".into(), Value::Bytes(&[b'x'; WORD]))]);
    assert!(small.record().is_cut());
    assert_eq!(small.record().dropped(), 0);
    small.tag(Key::copied("l"), true.into());
    assert_eq!(small.record().dropped(), 1);
}

#[test]
fn fields_of_each_kind_belong_to_their_log_and_not_to_the_span() {
    let values = [
        Value::Str("s"),
        Value::Bytes(b"b"),
        Value::Bool(true),
        Value::I64(-1),
        Value::U64(1),
        Value::F64(0.5),
        Value::Str("c"),
    ];
    let mut span = span::<64>();
    assert!(span.try_log(Timestamp::Ticks(6)));
    for value in &values[..6] {
        assert!(span.try_field("field".into(), *value));
    }
    span.field("field".into(), 'c'.into());
    let record = span.record();
    assert_eq!(record.tags().count(), 0);
    let fields: Vec<_> = record.logs().flat_map(|log| log.fields()).collect();
    assert!(fields.iter().map(|field| field.value).eq(values));
    let mut full = Open::<[Word; 0]>::new("op", span.context(), SpanId::new(4), 5);
    assert!(!full.try_field("field".into(), true.into()));
    assert_eq!(full.record().dropped(), 0, "its caller counts it");
}

#[test]
fn an_area_of_bytes_is_words() {
    const BYTES: usize = 3 * WORD;
    let fixed = span::<0>().fixed;
    let area = AreaBytes::<[core::mem::MaybeUninit<u8>; BYTES]>::new();
    assert_eq!(
        std::format!("{area:?}"),
        std::format!("AreaBytes {{ bytes: {BYTES} }}")
    );
    let mut span = Open::begun(fixed, area);
    assert_eq!(span.capacity(), 3);
    span.tag("k".into(), [b'x'; WORD].as_slice().into());
    assert_eq!(tags(&span), [("k".into(), Value::Bytes(&[b'x'; WORD]))]);
    assert!(!span.record().is_cut());
    span.tag("none".into(), true.into());
    assert_eq!(span.record().dropped(), 1);
    assert_eq!(Image::words(span.image().area), span.image_words());
}

#[test]
fn text_is_cut_between_characters_and_bytes_are_cut_anywhere() {
    let text = "\u{20ac}".repeat(WORD);
    let room = 2 * WORD;
    let whole = room - room % 3;
    let expected = [
        (Value::Str(&text), Value::Str(&text[..whole])),
        // The same bytes, of which most continue a character.
        (
            Value::Bytes(text.as_bytes()),
            Value::Bytes(&text.as_bytes()[..room]),
        ),
    ];
    for (value, kept) in expected {
        let mut span = span::<4>();
        span.tag("k".into(), value);
        assert_eq!(tags(&span)[0].1, kept);
    }
}

/// The times of the logs, each with its fields.
fn logs(span: &Open) -> Vec<(u64, Vec<(String, Value<'_>)>)> {
    let time = |time| match time {
        Timestamp::Ticks(ticks) => ticks,
        Timestamp::UnixMicros(micros) => micros,
    };
    let logs = span.record().logs();
    logs.map(|log| {
        let fields = log.fields().map(|field| (field.key.into(), field.value));
        (time(log.time), fields.collect())
    })
    .collect()
}

/// A span with tags between its logs, each of which has as many fields as its number.
fn with_logs(count: u64) -> Span<200> {
    let mut span = span::<200>();
    for number in 0..count {
        span.tag(Key::Copied("a key of its own"), number.into());
        assert!(span.try_log(Timestamp::Ticks(number)));
        for field in 0..number {
            span.field("field".into(), field.into());
        }
    }
    span
}

#[test]
fn removed_logs_leave_all_else() {
    let ranges = [0..0, 0..1, 1..3, 3..5, 4..9, 0..5, 7..9];
    for removed in ranges {
        let mut span = with_logs(5);
        let whole = with_logs(5);
        let (span, whole): (&mut Open, &Open) = (&mut span, &whole);
        let mut expected = logs(whole);
        span.remove_logs(removed.clone());
        expected.retain(|(time, _)| !removed.contains(&(*time as usize)));
        assert_eq!(logs(span), expected, "{removed:?}");
        assert_eq!(tags(span), tags(whole), "{removed:?}");
        // What is appended next belongs to the last log.
        assert!(span.try_log(Timestamp::Ticks(77)));
        assert_eq!(logs(span).last().unwrap().0, 77);
    }
}

#[test]
fn the_last_log_moves_with_its_fields() {
    for number in [0, 2, 4, 9] {
        let mut span = with_logs(5);
        let whole = with_logs(5);
        let (span, whole): (&mut Open, &Open) = (&mut span, &whole);
        let mut expected = logs(whole);
        let last = expected.pop().unwrap();
        expected.insert(number.min(4), last);
        span.move_last_log(number);
        assert_eq!(logs(span), expected, "{number}");
        assert_eq!(tags(span), tags(whole), "{number}");
    }
    let mut none = span::<8>();
    let none: &mut Open = &mut none;
    none.tag("tag".into(), 1.into());
    none.move_last_log(0);
    assert_eq!(tags(none).len(), 1);
}
