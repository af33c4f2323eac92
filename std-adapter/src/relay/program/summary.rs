//! The status line, and the summary at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::relay::device::{DeviceAccount, RelayCounts};
use crate::relay::output::OutputCounts;

/// The sums of all accounts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Totals {
    pub(super) devices: usize,
    pub(super) read: u64,
    pub(super) on_link: u64,
    pub(super) on_device: u64,
    /// The greatest of any device.
    pub(super) uncertainty: Option<u64>,
}

impl Totals {
    pub(super) fn of(accounts: &[DeviceAccount]) -> Self {
        let devices: BTreeSet<_> = accounts.iter().map(|account| &account.device).collect();
        let lost = |account: &DeviceAccount| account.stats.map_or(0, |stats| stats.lost.total());
        Totals {
            devices: devices.len(),
            read: accounts.iter().map(|account| account.read).sum(),
            on_link: accounts.iter().map(|account| account.lost_on_link).sum(),
            on_device: accounts.iter().map(lost).sum(),
            uncertainty: accounts
                .iter()
                .filter_map(|account| account.uncertainty_micros)
                .max(),
        }
    }

    /// Returns the status line, with the spans of the last `period`.
    pub(super) fn status(&self, spans: u64, period: Duration, output: &OutputCounts) -> String {
        let rate = spans as f64 / period.as_secs_f64().max(0.001);
        let mut line = format!(
            "{}, {rate:.0} spans/s, {} read, lost: {} on devices, {} on links, {} in the relay",
            count(self.devices as u64, "device"),
            self.read,
            self.on_device,
            self.on_link,
            output.lost
        );
        if let Some(uncertainty) = self.uncertainty {
            push(
                &mut line,
                format_args!(", clocks within {} ms", uncertainty.div_ceil(1_000)),
            );
        }
        line
    }
}

/// Returns the summary: a line for each device, boot and tracer, and the relay's own counts.
pub(super) fn summary(
    accounts: &[DeviceAccount],
    counts: &RelayCounts,
    output: &OutputCounts,
) -> String {
    let mut text = String::new();
    for account in accounts {
        push(&mut text, format_args!("{}\n", of_device(account)));
    }
    push(
        &mut text,
        format_args!(
            "{} from {}: {} passed on, {} lost in the relay",
            count(counts.spans, "span"),
            count(Totals::of(accounts).devices as u64, "device"),
            output.delivered,
            output.lost + output.queued
        ),
    );
    let odd = [
        (counts.duplicates, "span that came again"),
        (counts.garbage_bytes, "byte of neither frames nor text"),
        (counts.malformed, "frame with unreadable fields"),
        (counts.other_versions, "frame of another version"),
        (counts.unknown_frames, "frame of an unknown kind"),
        (
            counts.dropped_frames,
            "frame dropped before its device had named itself",
        ),
    ];
    for (number, thing) in odd.into_iter().filter(|(number, _)| *number > 0) {
        push(&mut text, format_args!("; {}", count(number, thing)));
    }
    text
}

fn of_device(account: &DeviceAccount) -> String {
    let mut text = format!(
        "{} {} boot {:#x}",
        account.service, account.device, account.boot
    );
    if account.producer != 0 {
        push(&mut text, format_args!(" tracer {}", account.producer));
    }
    push(&mut text, format_args!(": {} read", account.read));
    match &account.stats {
        None => text.push_str(", no status came"),
        Some(stats) => push(
            &mut text,
            format_args!(
                " of {} finished, {} lost on the link, {} queued there, {} lost there{}",
                account.finished(),
                account.lost_on_link,
                stats.queued,
                stats.lost.total(),
                stats.lost
            ),
        ),
    }
    text
}

/// Returns a number and a noun, of which the first word gets the plural.
fn count(number: u64, thing: &str) -> String {
    let (noun, rest) = thing
        .split_once(' ')
        .map_or((thing, ""), |(noun, rest)| (noun, rest));
    let (plural, space) = (
        if number == 1 { "" } else { "s" },
        if rest.is_empty() { "" } else { " " },
    );
    format!("{number} {noun}{plural}{space}{rest}")
}

/// Appends text.
fn push(to: &mut String, text: std::fmt::Arguments<'_>) {
    to.push_str(&text.to_string());
}
