//! The figures of a run, and what is wrong with them.

use std::fmt;
use std::time::Duration;

use crate::arguments::{Arguments, Protocol};
use crate::client::{Made, Sent};
use crate::collector::Status;
use crate::process::Usage;

/// A load that took this many percent longer than it should was not at its rate.
const LATE: u32 = 105;

pub(crate) struct Report<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) made: Made,
    pub(crate) sent: Sent,
    /// Datagrams that the kernel dropped.
    pub(crate) dropped: u64,
    pub(crate) status: Status,
    /// Processor time of the collector for the load.
    pub(crate) processor: Duration,
    /// Usage of the collector behind the load.
    pub(crate) usage: Usage,
}

impl Report<'_> {
    /// Returns what is wrong; nothing, if all that the kernel delivered was received.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.status.rejected > 0 {
            let why = self.status.rejection.as_deref().unwrap_or("no reason");
            let count = self.status.rejected;
            faults.push(format!("the collector refused {count} packets: {why}"));
        }
        let missing = self.missing_packets();
        if missing > 0 {
            faults.push(format!("{missing} packets that were delivered are missing"));
        }
        let missing = self.sent.spans.saturating_sub(self.status.spans);
        if self.dropped == 0 && missing > 0 {
            faults.push(format!("{missing} spans that were delivered are missing"));
        }
        if self.status.spans > self.sent.spans {
            faults.push("more spans were received than sent".to_owned());
        }
        if self.made.spans != self.sent.spans + self.sent.lost || self.sent.lost > 0 {
            let lost = self.made.spans.saturating_sub(self.sent.spans);
            faults.push(format!("the client did not send {lost} spans"));
        }
        if self.made.time > self.arguments.time * LATE / 100 {
            faults.push(format!(
                "the load took {:.1} s: this machine does not reach the rate",
                self.made.time.as_secs_f64()
            ));
        }
        faults
    }

    /// The packets that the kernel delivered and the collector did not count.
    fn missing_packets(&self) -> u64 {
        let delivered = self.sent.packets.saturating_sub(self.dropped);
        delivered.saturating_sub(self.status.batches + self.status.rejected)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arguments, status, sent) = (self.arguments, &self.status, self.sent);
        let seconds = self.made.time.as_secs_f64();
        let share = 100.0 * self.processor.as_secs_f64() / seconds;
        match arguments.protocol {
            Protocol::Udp { datagram } => {
                write!(f, "Thrift over UDP, datagrams of up to {datagram} bytes")?;
            }
            Protocol::Otlp => write!(f, "OTLP over HTTP")?,
        }
        writeln!(f, ", {} spans a second for {seconds:.1} s", arguments.rate)?;
        writeln!(
            f,
            "sent       {} spans in {} packets",
            sent.spans, sent.packets
        )?;
        writeln!(f, "dropped    {} packets, by the kernel", self.dropped)?;
        writeln!(
            f,
            "received   {} spans in {} packets, {} refused",
            status.spans, status.batches, status.rejected
        )?;
        writeln!(
            f,
            "held       {} spans in {} MiB, {} evicted",
            status.held.0,
            status.held.1 >> 20,
            status.evicted
        )?;
        writeln!(
            f,
            "collector  {:.2} s of processor time, {share:.1} % of a processor; {} MiB resident, {} at most",
            self.processor.as_secs_f64(),
            self.usage.resident >> 10,
            self.usage.peak >> 10,
        )?;
        writeln!(
            f,
            "missing    {} packets of those that were delivered",
            self.missing_packets()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Arguments {
        Arguments {
            program: "collector".into(),
            rate: 10,
            time: Duration::from_secs(10),
            protocol: Protocol::Udp { datagram: 1_400 },
            memory: "1M".to_owned(),
        }
    }

    fn report(arguments: &Arguments) -> Report<'_> {
        let sent = Sent {
            spans: 100,
            packets: 5,
            lost: 0,
        };
        Report {
            arguments,
            made: Made {
                spans: 100,
                time: Duration::from_secs(10),
            },
            sent,
            dropped: 0,
            status: Status {
                spans: 100,
                batches: 5,
                ..Status::default()
            },
            processor: Duration::from_secs(1),
            usage: Usage::default(),
        }
    }

    #[test]
    fn a_run_that_loses_nothing_has_no_fault() {
        let arguments = arguments();
        let report = report(&arguments);
        assert_eq!(report.faults(), [""; 0]);
        let text = report.to_string();
        assert!(text.contains("10.0 % of a processor"), "{text}");
    }

    #[test]
    fn what_the_kernel_dropped_is_no_fault_of_the_collector() {
        let arguments = arguments();
        let mut report = report(&arguments);
        (report.dropped, report.status.spans, report.status.batches) = (2, 60, 3);
        assert_eq!(report.faults(), [""; 0]);
        report.status.batches = 2;
        let faults = report.faults();
        assert_eq!(faults, ["1 packets that were delivered are missing"]);
    }

    #[test]
    fn each_loss_is_a_fault() {
        let arguments = arguments();
        type Change = fn(&mut Report<'_>);
        let changes: [(Change, &str); 6] = [
            (|it| it.status.spans = 99, "1 spans that were delivered"),
            (|it| it.status.spans = 101, "more spans"),
            (|it| it.status.batches = 4, "1 packets that were delivered"),
            (|it| it.status.rejected = 1, "refused 1 packets: no reason"),
            (|it| it.made.spans = 107, "did not send 7 spans"),
            (|it| it.made.time *= 2, "does not reach the rate"),
        ];
        for (change, text) in changes {
            let mut report = report(&arguments);
            change(&mut report);
            let faults = report.faults();
            assert!(faults.iter().any(|it| it.contains(text)), "{faults:?}");
        }
    }
}
