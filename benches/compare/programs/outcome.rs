//! Output of a child process: one line of `name=number` words.

/// Result of one round of one program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Spans that were made.
    pub(crate) made: u64,
    /// Of these, spans that the library reported as delivered.
    pub(crate) exported: u64,
    /// Of these, spans that the library reported as lost.
    pub(crate) lost: u64,
    /// Processor time of all threads, without pauses between bursts.
    pub(crate) cpu_ns: u64,
    /// From the first span to the last.
    pub(crate) making_ns: u64,
    /// From the first span until everything was delivered.
    pub(crate) all_ns: u64,
    /// Spans made while allocations were counted, and the allocations.
    pub(crate) counted: u64,
    pub(crate) allocations: u64,
    /// Peak of the resident memory before the first span, and at the end.
    pub(crate) rss_before: u64,
    pub(crate) rss_peak: u64,
}

impl Outcome {
    /// Spans that are neither delivered nor counted as lost.
    pub(crate) fn missing(&self) -> i64 {
        self.made as i64 - (self.exported + self.lost) as i64
    }

    pub(crate) fn to_line(mut self) -> String {
        let words = self.fields().map(|(name, value)| format!("{name}={value}"));
        words.join(" ")
    }

    pub(crate) fn from_line(line: &str) -> Result<Self, String> {
        let mut outcome = Self::default();
        let mut words = line.split_whitespace();
        for (name, field) in outcome.fields() {
            let value = words
                .next()
                .and_then(|word| word.strip_prefix(name)?.strip_prefix('='))
                .and_then(|value| value.parse().ok());
            *field = value.ok_or_else(|| format!("no {name} in \"{line}\""))?;
        }
        Ok(outcome)
    }

    /// The words of the line, in order.
    fn fields(&mut self) -> [(&'static str, &mut u64); 10] {
        [
            ("made", &mut self.made),
            ("exported", &mut self.exported),
            ("lost", &mut self.lost),
            ("cpu_ns", &mut self.cpu_ns),
            ("making_ns", &mut self.making_ns),
            ("all_ns", &mut self.all_ns),
            ("counted", &mut self.counted),
            ("allocations", &mut self.allocations),
            ("rss_before", &mut self.rss_before),
            ("rss_peak", &mut self.rss_peak),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_an_outcome() {
        let mut outcome = Outcome::default();
        for (value, (_, field)) in (1..).zip(outcome.fields()) {
            *field = value;
        }
        assert_eq!(Outcome::from_line(&outcome.to_line()), Ok(outcome));
    }

    #[test]
    fn what_a_line_lacks_is_named() {
        let error = Outcome::from_line("made=1 exported=one").expect_err("not a number");
        assert!(error.starts_with("no exported in"), "{error}");
    }

    #[test]
    fn spans_that_nobody_counted_are_missing() {
        let outcome = Outcome {
            made: 10,
            exported: 7,
            lost: 2,
            ..Outcome::default()
        };
        assert_eq!(outcome.missing(), 1);
    }
}
