//! The table of all services.

use std::fmt::Write as _;
use std::time::Duration;

use crate::round::Round;

/// A line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) median: Round,
    pub(crate) lines: usize,
    pub(crate) packages: usize,
    pub(crate) build: Option<Duration>,
}

/// Renders the table in Markdown.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut table = String::from(
        "| | processor time a request, µs | requests/s | peak of memory, MiB | spans received a request | lines added | packages | clean build, s |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let build = match row.build {
            Some(time) => format!("{:.0}", time.as_secs_f64()),
            None => "–".into(),
        };
        let _ = writeln!(
            table,
            "| {} | {:.2} | {:.0} | {:.1} | {:.4} | {} | {} | {build} |",
            row.name,
            row.median.processor_us,
            row.median.requests_per_second,
            row.median.memory / 1024.0,
            row.median.spans,
            row.lines,
            row.packages,
        );
    }
    table
}
