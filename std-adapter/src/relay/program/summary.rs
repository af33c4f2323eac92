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
    // A name of several lines would look like other messages.
    let service = account.service.replace(char::is_control, " ");
    let mut text = format!("{service} {} boot {:#x}", account.device, account.boot);
    if account.producer != 0 {
        push(&mut text, format_args!(" tracer {}", account.producer));
    }
    push(&mut text, format_args!(": {} read", account.read));
    match &account.stats {
        None => text.push_str(", no status came"),
        Some(stats) => push(
            &mut text,
            format_args!(
                " of {} finished by its last status, {} lost on the link, {} queued there, {} lost there{}",
                account.finished(),
                account.lost_on_link,
                stats.queued.saturating_sub(account.since_status),
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

#[cfg(test)]
mod tests {
    use picojaeger_core::{LossCause, Lost, Stats};

    use super::*;

    fn account() -> DeviceAccount {
        let mut stats = Stats::default();
        (stats.sampled, stats.queued, stats.delivered) = (12, 3, 7);
        stats.lost = Lost::default().with(LossCause::Full, 2);
        let mut account = DeviceAccount::default();
        (account.device, account.service, account.boot) = ("01fe".into(), "pump".into(), 9);
        (account.read, account.lost_on_link, account.since_status) = (8, 1, 2);
        account.uncertainty_micros = Some(20_400);
        account.stats = Some(stats);
        account
    }

    #[test]
    fn a_service_s_name_makes_no_line_of_its_own() {
        let mut account = account();
        account.service = "pump\nerror: all is lost\r".into();
        let text = summary(
            &[account],
            &RelayCounts::default(),
            &OutputCounts::default(),
        );
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(
            text.starts_with("pump error: all is lost  01fe boot"),
            "{text}"
        );
    }

    #[test]
    fn the_summary_has_a_line_for_each_account_and_odd_counts() {
        let counts = RelayCounts {
            spans: 8,
            duplicates: 1,
            garbage_bytes: 40,
            ..RelayCounts::default()
        };
        let output = OutputCounts {
            delivered: 6,
            lost: 1,
            queued: 1,
        };
        assert_eq!(
            summary(&[account()], &counts, &output),
            "pump 01fe boot 0x9: 8 read of 12 finished by its last status, 1 lost on the link, \
             1 queued there, 2 lost there (2 full)\n\
             8 spans from 1 device: 6 passed on, 2 lost in the relay; 1 span that came again; \
             40 bytes of neither frames nor text"
        );
    }

    #[test]
    fn the_status_has_rate_losses_and_uncertainty() {
        let totals = Totals::of(&[account(), account()]);
        let line = totals.status(30, Duration::from_secs(2), &OutputCounts::default());
        assert_eq!(
            line,
            "1 device, 15 spans/s, 16 read, lost: 4 on devices, 2 on links, 0 in the relay, \
             clocks within 21 ms"
        );
    }
}
