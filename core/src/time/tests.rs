//! Unit tests of the conversion of spans.

use super::*;

const ANCHORS: [Anchor; 2] = [
    Anchor {
        ticks: 1_000,
        unix_micros: 50_000,
        uncertainty_micros: 3,
    },
    Anchor::new(2_000, 90_000), // Unix time stepped meanwhile
];

/// The times by a segment 1 of 1 MHz.
fn times(anchors: &[Anchor], start: Timestamp, finish: Timestamp) -> (u64, u64, bool, u32) {
    let rate = Rate::new(1_000_000);
    let other = ClockSegment {
        rate: Rate::new(1),
        anchors: &[],
    };
    let segments = [other, ClockSegment { rate, anchors }];
    let times = Timeline {
        segments: &segments,
    }
    .times(1, start, finish);
    (
        times.start_micros,
        times.duration_micros,
        times.synced,
        times.uncertainty_micros,
    )
}

#[test]
fn the_anchor_nearest_to_the_start_converts_a_span() {
    use Timestamp::{Ticks, UnixMicros};
    let cases = [
        (Ticks(1_500), Ticks(2_500), (50_500, 1_000, true, 3)),
        (Ticks(1_501), Ticks(2_500), (89_501, 999, true, 0)),
        (Ticks(2_000), Ticks(2_500), (90_000, 500, true, 0)),
        (Ticks(7_000), Ticks(7_500), (95_000, 500, true, 0)),
        (Ticks(900), Ticks(901), (49_900, 1, true, 3)),
        (Ticks(2_000), Ticks(1_999), (90_000, 0, true, 0)),
        (Ticks(1_100), UnixMicros(60_000), (50_100, 9_900, true, 3)),
        (Ticks(1_100), UnixMicros(50_099), (50_100, 0, true, 3)),
        (UnixMicros(80_000), Ticks(2_100), (80_000, 10_100, true, 0)),
        (UnixMicros(80_000), Ticks(1_100), (80_000, 0, true, 3)),
        (UnixMicros(7), UnixMicros(9), (7, 2, true, 0)),
        (UnixMicros(9), UnixMicros(7), (9, 0, true, 0)),
    ];
    for (start, finish, expected) in cases {
        assert_eq!(
            times(&ANCHORS, start, finish),
            expected,
            "{start:?} {finish:?}"
        );
    }
}

#[test]
fn without_an_anchor_ticks_count_from_zero() {
    use Timestamp::{Ticks, UnixMicros};
    let cases = [
        (Ticks(30), Ticks(40), (30, 10, false, 0)),
        (Ticks(30), UnixMicros(1_000), (30, 0, false, 0)),
        (UnixMicros(1_000), Ticks(5_000), (1_000, 0, false, 0)),
        (UnixMicros(7), UnixMicros(9), (7, 2, true, 0)),
    ];
    for (start, finish, expected) in cases {
        assert_eq!(times(&[], start, finish), expected, "{start:?} {finish:?}");
    }
}

#[test]
fn instants_within_a_span_keep_to_the_scale_of_its_start() {
    use Timestamp::{Ticks, UnixMicros};
    let known = [ClockSegment {
        rate: Rate::new(1_000_000),
        anchors: &ANCHORS,
    }];
    let unknown = [ClockSegment {
        rate: Rate::new(1_000_000),
        anchors: &[],
    }];
    let at = |segments, start, instant| {
        let times = Timeline { segments }.times(0, start, Ticks(9_000));
        times.micros_at(instant)
    };
    assert_eq!(at(&known, Ticks(1_500), Ticks(2_500)), 51_500);
    assert_eq!(at(&known, Ticks(1_500), Ticks(1_400)), 50_400);
    assert_eq!(at(&known, Ticks(1_500), UnixMicros(8)), 8);
    assert_eq!(at(&known, UnixMicros(1), Ticks(2_500)), 90_500);
    assert_eq!(at(&unknown, UnixMicros(60), Ticks(2_500)), 60);
    assert_eq!(at(&unknown, Ticks(60), Ticks(70)), 70);
}

#[test]
fn a_segment_that_is_not_there_counts_in_microseconds() {
    let times = Timeline { segments: &[] }.times(3, Timestamp::Ticks(5), Timestamp::Ticks(8));
    assert_eq!((times.start_micros, times.duration_micros), (5, 3));
    assert!(!times.synced);
}
