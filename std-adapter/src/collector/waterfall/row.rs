//! The lines of one span: its columns, its tags and its logs.

use std::fmt;

use super::layout::{PlacedSpan, TimeLine};
use super::text::{Escaped, Micros, Tags};
use crate::model::{Log, Span};

/// Deepest indentation; deeper spans stand at this one.
pub(super) const MAX_INDENT: usize = 24;

/// One span's line, column by column.
pub(super) struct Row<'a> {
    span: &'a Span,
    indent: usize,
    name: String,
    start: String,
    duration: String,
    bar: String,
    note: String,
}

impl<'a> Row<'a> {
    pub(super) fn new(place: PlacedSpan<'a>, time: &TimeLine) -> Self {
        let span = &*place.collected.span;
        let start = i128::from(span.start_time_us) - time.start;
        let duration = i128::from(span.duration_us);
        let indent = 2 * place.depth.min(MAX_INDENT);
        Self {
            name: format!(
                "{:indent$}{}: {}",
                "",
                Escaped(place.collected.service_name()),
                Escaped(&span.operation_name)
            ),
            start: Micros(start).to_string(),
            duration: Micros(duration).to_string(),
            bar: time.bar(start, duration),
            note: place.note,
            span,
            indent: indent + 4,
        }
    }
}

/// Writes the tags and logs of a span, each line behind an indentation.
pub(super) fn write_details(f: &mut fmt::Formatter<'_>, span: &Span, indent: usize) -> fmt::Result {
    if !span.tags.is_empty() {
        writeln!(f, "{:indent$}{}", "", Tags(&span.tags))?;
    }
    let mut logs: Vec<&Log> = span.logs.iter().collect();
    logs.sort_by_key(|log| log.timestamp_us);
    for log in logs {
        let offset = i128::from(log.timestamp_us) - i128::from(span.start_time_us);
        let sign = if offset < 0 { "" } else { "+" };
        let (offset, fields) = (Micros(offset), Tags(&log.fields));
        writeln!(f, "{:indent$}{sign}{offset} {fields}", "")?;
    }
    Ok(())
}

/// Writes the rows with their columns aligned, and the details of each below it.
pub(super) fn write_rows(f: &mut fmt::Formatter<'_>, rows: &[Row<'_>]) -> fmt::Result {
    let name = widest(rows, |row| &row.name);
    let start = widest(rows, |row| &row.start);
    let duration = widest(rows, |row| &row.duration);
    for row in rows {
        writeln!(
            f,
            "{:name$}  {:>start$}  {:>duration$} |{}|{}",
            row.name, row.start, row.duration, row.bar, row.note
        )?;
        write_details(f, row.span, row.indent)?;
    }
    Ok(())
}

/// Width of a column, in characters.
fn widest(rows: &[Row<'_>], column: for<'r, 's> fn(&'r Row<'s>) -> &'r str) -> usize {
    let widths = rows.iter().map(|row| column(row).chars().count());
    widths.max().unwrap_or(0)
}
