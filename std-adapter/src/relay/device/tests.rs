//! Relays fed by devices that write with the crate `postcard`.

use super::*;
use crate::model::{Span, TagValue};
use crate::relay::test_device::{Random, SERVICE, TestDevice};

const NOW: u64 = 1_700_000_000_000_000;

/// A relay with what came out of it.
#[derive(Default)]
struct Bench {
    relay: Relay,
    spans: Vec<(std::sync::Arc<crate::model::Process>, Span)>,
    text: String,
    warnings: Vec<String>,
}

impl Bench {
    fn take(&mut self, line: usize, bytes: &[u8], arrival: Arrival) {
        let Bench {
            relay,
            spans,
            text,
            warnings,
        } = self;
        relay.receive(line, bytes, arrival, &mut collect(spans, text, warnings));
    }

    fn at(&mut self, line: usize, bytes: &[u8], micros: u64) {
        self.take(line, bytes, Arrival::At(NOW + micros));
    }

    fn release(&mut self) {
        let Bench {
            relay,
            spans,
            text,
            warnings,
        } = self;
        relay.release(&mut collect(spans, text, warnings));
    }

    fn account(&self) -> DeviceAccount {
        let accounts = self.relay.accounts();
        assert_eq!(accounts.len(), 1, "{accounts:?}");
        accounts[0].clone()
    }
}

fn collect<'c>(
    spans: &'c mut Vec<(std::sync::Arc<crate::model::Process>, Span)>,
    text: &'c mut String,
    warnings: &'c mut Vec<String>,
) -> impl FnMut(Event) + 'c {
    |event| match event {
        Event::Span { process, span } => spans.push((process, *span)),
        Event::Text { text: part, .. } => text.push_str(&part),
        Event::Warning(warning) => warnings.push(warning),
        Event::Status { .. } | Event::Memory { .. } => {}
    }
}

#[test]
fn a_span_reads_as_it_was_made() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"\x01\xfe", 0x1_0007));
    let bytes = [
        device.hello(),
        device.status(5_000_000),
        device.spans(&[4_000_000]),
    ]
    .concat();
    bench.at(0, &bytes, 5_000_000);
    let (process, span) = &bench.spans[0];
    assert_eq!(process.service_name, SERVICE);
    let tags: Vec<_> = process
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.clone()))
        .collect();
    assert_eq!(
        tags,
        [
            ("fw", TagValue::from("1.2")),
            ("device.id", TagValue::from("01fe")),
            ("device.boot", TagValue::Long(0x1_0007)),
            ("device.build", TagValue::from("abcd")),
        ]
    );
    assert_eq!((span.operation_name.as_str(), span.flags), ("sample", 1));
    assert_eq!(
        (span.start_time_us, span.duration_us),
        (NOW.cast_signed() + 4_000_000, 10_000)
    );
    assert_eq!(span.tag("n"), Some(&TagValue::Long(0)));
    assert_eq!(span.tag("sampler.type"), Some(&TagValue::from("const")));
    assert_eq!(span.tag("sampler.param"), Some(&TagValue::from(true)));
    assert_eq!(
        span.tag("clock.uncertainty_us"),
        Some(&TagValue::Long(250_200))
    );
    assert_eq!(span.span_id.get(), span.trace_id.low());
}

#[test]
fn a_late_attachment_waits_for_a_hello_and_loses_nothing_that_it_saw() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"late", 7));
    device.hello();
    (0..3).for_each(|_| drop(device.spans(&[0, 1])));
    let bytes = [device.status(1_000_000), device.spans(&[1, 2, 3])].concat();
    bench.at(0, &bytes, 0);
    assert!(bench.spans.is_empty() && bench.relay.accounts().is_empty());
    let bytes = [device.hello(), device.status(2_000_000)].concat();
    bench.at(0, &bytes, 1_000_000);
    let account = bench.account();
    assert_eq!(
        (
            bench.spans.len(),
            account.lost_on_link,
            account.missing_frames
        ),
        (3, 6, 0)
    );
    assert!(account.adds_up());
}

#[test]
fn spans_wait_for_a_time_and_are_released_at_the_end() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"idle", 7));
    let bytes = [device.hello(), device.spans(&[1_000, 2_000])].concat();
    bench.at(0, &bytes, 0);
    assert_eq!((bench.spans.len(), bench.account().held), (0, 2));
    let status = device.status(3_000);
    let mut with_time = Bench::default();
    with_time.at(0, &[bytes, status].concat(), 0);
    assert_eq!((with_time.spans.len(), with_time.account().held), (2, 0));
    bench.release();
    assert_eq!(
        bench.spans[0].1.tag("clock.unsynced"),
        Some(&TagValue::from(true))
    );
    assert_eq!(bench.spans[0].1.start_time_us, 1_000);
}

#[test]
fn the_spans_that_wait_are_bounded() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"idle", 7));
    bench.at(0, &device.hello(), 0);
    let starts = [9; 100];
    for _ in 0..100 {
        let bytes = device.spans(&starts);
        bench.at(0, &bytes, 0);
    }
    let account = bench.account();
    assert_eq!(
        (bench.spans.len() as u64 + account.held, account.read),
        (10_000, 10_000)
    );
    assert!((1_000..3_000).contains(&account.held), "{}", account.held);
    let mut bench = Bench::default();
    let mut device = TestDevice::new(b"mute", 7);
    for _ in 0..200 {
        let bytes = device.spans(&starts);
        bench.at(0, &bytes, 0);
    }
    assert!((100..180).contains(&bench.relay.counts().dropped_frames));
    let bytes = [device.hello(), device.status(1)].concat();
    bench.at(0, &bytes, 0);
    let account = bench.account();
    assert!(
        account.adds_up() && account.lost_on_link > 10_000,
        "{account:?}"
    );
    assert_eq!(bench.spans.len() as u64 + account.lost_on_link, 20_000);
}

#[test]
fn repeated_frames_are_removed_and_counted() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"echo", 7));
    let bytes = [device.hello(), device.status(1), device.spans(&[1, 2])].concat();
    bench.at(0, &bytes, 0);
    bench.at(0, &bytes, 10);
    let last = device.status(2);
    bench.at(0, &last, 20);
    let account = bench.account();
    assert_eq!(
        (bench.spans.len(), account.duplicates, account.lost_on_link),
        (2, 2, 0)
    );
    assert!(account.adds_up());
    assert_eq!(bench.relay.counts().duplicates, 2);
}

#[test]
fn under_damage_the_account_is_exact() {
    for seed in 0..20 {
        let (mut bench, mut device, mut random) =
            (Bench::default(), TestDevice::new(b"noisy", 7), Random(seed));
        bench.at(0, &device.hello(), 0);
        for second in 0..300 {
            let now = second * 1_000_000;
            let mut bytes = device.status(now);
            for _ in 0..random.below(4) {
                let starts = vec![now; random.below(5) as usize + 1];
                bytes.extend(device.spans(&starts));
            }
            if random.below(3) == 0 {
                device.lose();
            }
            bytes.extend(device.hello());
            // One byte in 200, so that some frames are left.
            for byte in &mut bytes {
                if random.below(200) == 0 {
                    *byte ^= 1 << random.below(8);
                }
            }
            bench.at(0, &bytes, now);
        }
        let last = [vec![0], device.hello(), device.status(400_000_000)].concat();
        bench.at(0, &last, 400_000_000);
        let account = bench.account();
        let stats = account.stats.unwrap();
        assert_eq!(account.held, 0);
        assert_eq!(bench.spans.len() as u64, account.read);
        assert_eq!(
            account.finished(),
            account.read + account.lost_on_link + stats.lost.total()
        );
        assert!(
            account.lost_on_link > 20 && account.read > 100 && account.missing_frames > 10,
            "{account:?}"
        );
    }
}

#[test]
fn five_percent_of_damage_leaves_nothing_wrong() {
    let (mut bench, mut device, mut random) =
        (Bench::default(), TestDevice::new(b"noisy", 7), Random(1));
    for second in 0..500 {
        let now = second * 1_000_000;
        let mut bytes = [device.hello(), device.status(now), device.spans(&[now])].concat();
        random.damage(&mut bytes);
        bench.at(0, &bytes, now);
    }
    let last = [vec![0], device.hello(), device.status(600_000_000)].concat();
    bench.at(0, &last, 600_000_000);
    let account = bench.account();
    assert!(account.adds_up());
    assert_eq!(account.read + account.lost_on_link, 500);
    for (_, span) in &bench.spans {
        let Some(TagValue::Long(n)) = span.tag("n") else {
            panic!("{span:?}");
        };
        assert_eq!(
            (span.operation_name.as_str(), span.trace_id.low()),
            ("sample", device.seed + n.cast_unsigned() + 1)
        );
    }
}

#[test]
fn a_hundred_devices_are_kept_apart() {
    let mut bench = Bench::default();
    let mut devices: Vec<_> = (0..100u8)
        .map(|n| TestDevice::new(&[9, n], u32::from(n) * 3))
        .collect();
    for round in 0..5 {
        for (line, device) in devices.iter_mut().enumerate() {
            let now = round * 1_000_000;
            let bytes = [
                device.hello(),
                device.status(now),
                device.spans(&[now, now]),
            ]
            .concat();
            let (first, last) = bytes.split_at(bytes.len() / 2);
            bench.at(line, first, now);
            bench.at(line, last, now);
        }
    }
    for (line, device) in devices.iter_mut().enumerate() {
        let last = device.status(9_000_000);
        bench.at(line, &last, 9_000_000);
    }
    let accounts = bench.relay.accounts();
    assert_eq!((accounts.len(), bench.spans.len()), (100, 1_000));
    assert!(
        accounts
            .iter()
            .all(|account| account.adds_up() && account.read == 10)
    );
    assert!(bench.warnings.is_empty(), "{:?}", bench.warnings);
}

#[test]
fn a_reset_in_the_middle_of_a_frame_begins_another_boot() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"reset", 7));
    let bytes = [
        device.hello(),
        device.status(9_000_000),
        device.spans(&[8_000_000]),
    ]
    .concat();
    let cut = device.spans(&[9_000_000]);
    bench.at(0, &bytes, 0);
    bench.at(0, &cut[..cut.len() / 2], 0);
    let mut again = TestDevice::new(b"reset", 8);
    let bytes = [
        again.hello(),
        again.status(1_000),
        again.spans(&[500]),
        again.status(2_000),
    ]
    .concat();
    bench.at(0, &bytes, 3_000_000);
    let accounts = bench.relay.accounts();
    let boots: Vec<_> = accounts
        .iter()
        .map(|it| (it.boot, it.read, it.lost_on_link))
        .collect();
    assert_eq!(boots, [(7, 1, 0), (8, 1, 0)]);
    let starts: Vec<_> = bench
        .spans
        .iter()
        .map(|(_, span)| span.start_time_us - NOW.cast_signed())
        .collect();
    assert_eq!(starts, [-1_000_000, 2_999_500]);
}

#[test]
fn a_boot_id_that_repeats_is_told_apart_by_its_counts() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"same", 7));
    let bytes = [
        device.hello(),
        device.spans(&[1, 2, 3]),
        device.status(9_000),
    ]
    .concat();
    bench.at(0, &bytes, 0);
    let mut again = TestDevice::new(b"same", 7);
    again.seed += 1_000;
    let bytes = [
        again.hello(),
        again.status(10),
        again.spans(&[1, 2]),
        again.status(20),
    ]
    .concat();
    bench.at(0, &bytes, 1_000_000);
    let reads: Vec<_> = bench
        .relay
        .accounts()
        .iter()
        .map(|it| (it.read, it.adds_up()))
        .collect();
    assert_eq!((bench.spans.len(), reads), (5, vec![(3, true), (2, true)]));
    assert!(
        bench.warnings[0].contains("same boot id"),
        "{:?}",
        bench.warnings
    );
}

#[test]
fn a_reconnection_and_a_second_line_keep_the_account() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"twice", 7));
    let first = [device.hello(), device.status(1), device.spans(&[1])].concat();
    bench.at(0, &first, 0);
    let Bench {
        relay,
        spans,
        text,
        warnings,
    } = &mut bench;
    relay.end_line(0, &mut collect(spans, text, warnings));
    bench.at(1, &first, 0);
    let rest = [device.spans(&[2]), device.status(3)].concat();
    bench.at(1, &rest, 1);
    let account = bench.account();
    assert_eq!((account.read, account.duplicates), (2, 1));
    assert!(account.adds_up());
}

#[test]
fn two_devices_with_one_seed_are_named_once() {
    let mut bench = Bench::default();
    let mut devices = [TestDevice::new(b"\x01", 1), TestDevice::new(b"\x02", 2)];
    devices[1].seed = devices[0].seed;
    for (line, device) in devices.iter_mut().enumerate() {
        let bytes = [device.hello(), device.status(1), device.spans(&[1, 2])].concat();
        bench.at(line, &bytes, 0);
    }
    assert_eq!(bench.warnings.len(), 1, "{:?}", bench.warnings);
    assert!(bench.warnings[0].contains("device 01 in boot 0x1 and device 02 in boot 0x2"));
    assert_eq!(bench.spans.len(), 4);
}

#[test]
fn a_frequency_of_zero_is_refused() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"zero", 7));
    device.frequency = 0;
    let bytes = [device.hello(), device.status(1), device.hello()].concat();
    bench.at(0, &bytes, 0);
    assert_eq!(bench.warnings.len(), 1);
    assert!(
        bench.warnings[0].contains("frequency of 0"),
        "{:?}",
        bench.warnings
    );
    assert!(bench.relay.accounts().is_empty());
}

#[test]
fn another_frequency_begins_another_time() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"fast", 7));
    let bytes = [
        device.hello(),
        device.status(5_000_000),
        device.spans(&[5_000_000]),
    ]
    .concat();
    bench.at(0, &bytes, 0);
    device.frequency = 2_000_000;
    let bytes = [
        device.hello(),
        device.status(7_000_000),
        device.spans(&[6_000_000]),
    ]
    .concat();
    bench.at(0, &bytes, 1_000_000);
    assert_eq!(bench.spans[1].1.start_time_us, NOW.cast_signed() + 500_000);
}

#[test]
fn tracers_of_one_device_have_their_own_numbers() {
    let mut bench = Bench::default();
    let mut tracers = [TestDevice::new(b"two", 7), TestDevice::new(b"two", 7)];
    tracers[1].producer = 1;
    tracers[1].seed += 1 << 16;
    for tracer in &mut tracers {
        let bytes = [
            tracer.hello(),
            tracer.status(1),
            tracer.spans(&[1]),
            tracer.status(2),
        ]
        .concat();
        bench.at(0, &bytes, 0);
    }
    assert_eq!(bench.spans.len(), 2);
    assert!(bench.relay.accounts().iter().all(DeviceAccount::adds_up));
}

#[test]
fn a_wrong_speed_is_told_once() {
    let mut bench = Bench::default();
    for _ in 0..10 {
        bench.at(0, &[[0x80, 0xff, 0xfe, 0].repeat(30), vec![0]].concat(), 0);
    }
    assert_eq!(bench.warnings.len(), 1);
    assert!(bench.warnings[0].contains("is the speed right?"));
}

#[test]
fn unknown_kinds_are_skipped_and_unreadable_fields_counted() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"next", 7));
    let bytes = [
        device.hello(),
        device.frame(99, b"later"),
        device.frame(3, b"\x01"),
        device.frame(2, b""),
    ]
    .concat();
    bench.at(0, &bytes, 0);
    let counts = bench.relay.counts();
    assert_eq!(
        (counts.frames, counts.unknown_frames, counts.malformed),
        (4, 1, 2)
    );
    assert_eq!(bench.account().malformed, 2);
}

#[test]
fn tracers_are_bounded_and_their_accounts_stay() {
    let mut bench = Bench::default();
    for boot in 0..1_100 {
        let mut device = TestDevice::new(b"loop", boot);
        let bytes = [device.hello(), device.spans(&[1]), device.status(2)].concat();
        bench.at(0, &bytes, boot.into());
    }
    let accounts = bench.relay.accounts();
    assert_eq!((accounts.len(), bench.spans.len()), (1_100, 1_100));
    assert!(
        accounts
            .iter()
            .all(|account| account.adds_up() && account.read == 1)
    );
}

#[test]
fn a_tracer_that_has_just_come_is_not_the_one_that_is_forgotten() {
    let mut bench = Bench::default();
    for boot in 0..1_024 {
        let mut device = TestDevice::new(b"loop", boot);
        let bytes = [device.hello(), device.status(2)].concat();
        bench.at(0, &bytes, boot.into());
    }
    let mut devices = [TestDevice::new(b"\x01", 1), TestDevice::new(b"\x02", 2)];
    for (line, device) in devices.iter_mut().enumerate() {
        let hello = device.hello();
        bench.at(line + 1, &hello, 0);
    }
    for (line, device) in devices.iter_mut().enumerate() {
        let bytes = [device.status(1), device.spans(&[1])].concat();
        bench.at(line + 1, &bytes, 0);
    }
    assert_eq!(bench.spans.len(), 2);
}

/// A line that repeats what it has carried: late, in part, and in whole.
#[test]
fn a_status_that_comes_again_changes_nothing() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"echo", 7));
    let first = [device.hello(), device.status(1_000)].concat();
    let spans = device.spans(&[2_000, 3_000]);
    // The same number of spans was sampled, and more have left since.
    device.full += 3;
    let second = device.status(5_000);
    let third = [device.spans(&[6_000]), device.status(7_000)].concat();
    let all = [first, spans, second.clone(), third].concat();
    bench.at(0, &all, 7_000);
    let account = bench.account();
    for again in [&second[..], &all, &all] {
        bench.at(0, again, 2_000_000);
        let found = bench.account();
        assert_eq!(
            (found.stats, found.read, found.lost_on_link),
            (account.stats, 3, 0)
        );
        assert_eq!(found.uncertainty_micros, account.uncertainty_micros);
    }
    assert!(bench.warnings.is_empty(), "{:?}", bench.warnings);
    assert_eq!((bench.spans.len(), bench.account().duplicates), (3, 6));
}

/// A fault's handler takes over: its counts of deliveries begin at 0, those of the tracer go on.
#[test]
fn another_reporter_of_the_tracer_keeps_the_account() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"fault", 7));
    let bytes = [
        device.hello(),
        device.status(1_000),
        device.spans(&[1, 2]),
        device.status(2_000),
        device.spans(&[3, 4]),
    ]
    .concat();
    bench.at(0, &bytes, 2_000);
    let mut handler = device.take_over();
    let bytes = [
        handler.hello(),
        handler.status(3_000),
        handler.spans(&[5, 6]),
        handler.status(4_000),
    ]
    .concat();
    bench.at(0, &bytes, 4_000);
    let account = bench.account();
    let stats = account.stats.unwrap();
    assert_eq!((account.read, account.lost_on_link), (6, 0));
    assert_eq!((stats.delivered, stats.queued), (6, 0), "{stats}");
    assert!(account.adds_up() && account.finished() == 6);
    assert!(bench.warnings.is_empty(), "{:?}", bench.warnings);
}

#[test]
fn hostile_counts_are_refused_or_wrap() {
    let status = |unsampled: u64| crate::relay::payload::Status {
        unsampled,
        unseeded: unsampled,
        decode_errors: unsampled,
        ..Default::default()
    };
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"many", 7));
    bench.at(0, &device.hello(), 0);
    for count in [u64::MAX, (1 << 48) - 1, 3, 2] {
        let payload = postcard::to_allocvec(&status(count)).unwrap();
        let bytes = device.frame(2, &payload);
        bench.at(0, &bytes, 0);
    }
    let account = bench.account();
    assert_eq!(account.malformed, 1);
    assert_eq!(account.stats.unwrap().unsampled as u32, 2);
}

#[test]
fn what_a_frame_leaves_in_memory_is_bounded() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"big", 7));
    let many = crate::relay::payload::Status {
        losses: vec![0; 60_000],
        ..Default::default()
    };
    let tags = vec![("k", crate::relay::payload::WireValue::Bool(true)); 2_000];
    let mut hello = device.hello_with(tags);
    hello.extend(device.hello());
    let status = postcard::to_allocvec(&many).unwrap();
    hello.extend(device.frame(2, &status));
    bench.at(0, &hello, 0);
    assert_eq!(bench.relay.counts().malformed, 2);
    assert!(bench.account().stats.is_none());
    // Frames of spans without a span, while there is no time.
    for _ in 0..10_000 {
        let bytes = device.spans(&[]);
        bench.at(0, &bytes, 0);
    }
    let id = bench.relay.tracers.keys().next().unwrap().clone();
    let held = bench.relay.tracers[&id].held_frames();
    assert!(held < 4_000, "{held}");
}

#[test]
fn frames_of_an_unknown_kind_are_not_missing() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"next", 7));
    let bytes = [
        device.hello(),
        device.frame(99, b"later"),
        device.frame(5, b""),
        device.status(1),
    ]
    .concat();
    bench.at(0, &bytes, 0);
    assert_eq!(
        (
            bench.account().missing_frames,
            bench.relay.counts().unknown_frames
        ),
        (0, 2)
    );
}

#[test]
fn a_wrong_speed_is_told_also_where_no_zero_comes() {
    let mut bench = Bench::default();
    for n in 0..40 {
        bench.at(0, &[0x80, 0xff, 0xfe, n | 0x80].repeat(5), 0);
        let Bench {
            relay,
            spans,
            text,
            warnings,
        } = &mut bench;
        relay.pause(0, &mut collect(spans, text, warnings));
    }
    assert_eq!(bench.warnings.len(), 1);
    assert!(bench.warnings[0].contains("is the speed right?"));
}

#[test]
fn each_kind_of_warning_is_told_once_a_line() {
    let (mut bench, mut device) = (Bench::default(), TestDevice::new(b"zero", 7));
    device.frequency = 0;
    let zero = [device.hello(), device.hello()].concat();
    bench.at(
        0,
        &[&zero[..], b"\0", &other_version(), &other_version()].concat(),
        0,
    );
    assert_eq!(bench.warnings.len(), 2, "{:?}", bench.warnings);
    assert!(bench.warnings[1].contains("version 2"));
}

/// A whole frame of version 2.
fn other_version() -> Vec<u8> {
    let mut body = b"\x02abc".to_vec();
    let sum = picojaeger_core::adapter::Crc::new().bytes(&body).finish();
    body.extend(sum.to_le_bytes());
    let mut frame = vec![0; cobs::max_encoding_length(body.len())];
    let length = cobs::encode(&body, &mut frame);
    frame.truncate(length);
    frame.push(0);
    frame
}
