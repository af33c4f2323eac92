//! The waterfall for a terminal with colours: errors, critical path and warnings are marked.

use std::fmt::{self, Display};

use super::colours::Colours;
use super::layout::TimeLine;
use super::row::{MAX_INDENT, write_details};
use super::text::{Escaped, Micros};
use super::{DEFAULT_BAR, Trace};
use crate::collector::CollectedSpan;
use crate::collector::analysis::{Analysis, Node, Sections};
use crate::collector::store::{is_error, is_open};

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";

impl Trace {
    /// The waterfall with escape sequences, for a terminal only: services in their colours, errors in red, the parts of
    /// bars on the critical path as `#`, a placeholder for each parent that is missing, and warnings.
    pub(crate) fn coloured(&self) -> Coloured<'_> {
        Coloured(self)
    }
}

/// A trace whose `Display` writes colours.
#[derive(Debug)]
pub(crate) struct Coloured<'a>(&'a Trace);

impl Display for Coloured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(trace) = self;
        let spans = trace.spans();
        let analysis = Analysis::of(spans);
        let time = TimeLine::of(spans, f.width().unwrap_or(DEFAULT_BAR).max(1));
        let rows = rows(spans, &analysis, &time);
        let plural = if spans.len() == 1 { "" } else { "s" };
        let (id, count, total) = (trace.trace_id(), spans.len(), Micros(time.total));
        writeln!(f, "{BOLD}trace {id}{RESET}: {count} span{plural}, {total}")?;
        for warning in &analysis.warnings.trace {
            writeln!(f, "{YELLOW}! {warning}{RESET}")?;
        }
        Columns::of(&rows).write(f, &rows)
    }
}

/// A line before its columns are aligned.
struct Row<'a> {
    span: Option<&'a CollectedSpan>,
    indent: usize,
    service: String,
    operation: String,
    start: String,
    duration: String,
    bar: Vec<u8>,
    colour: u8,
    note: &'static str,
    warnings: &'a [String],
}

fn rows<'a>(spans: &'a [CollectedSpan], analysis: &'a Analysis, time: &TimeLine) -> Vec<Row<'a>> {
    let colours = Colours::of_trace(spans.iter().map(CollectedSpan::service_name));
    let nodes = analysis.nodes.iter().zip(&analysis.critical);
    let mut rows = Vec::with_capacity(analysis.nodes.len());
    for ((node, critical), warnings) in nodes.zip(&analysis.warnings.nodes) {
        let span = node.span_of(spans);
        rows.push(Row {
            bar: bar(time, node, critical),
            colour: colours.of(span.map_or("", CollectedSpan::service_name)),
            warnings: if span.is_some() { warnings } else { &[] },
            ..Row::of(node, span, time)
        });
    }
    rows
}

/// A bar, with `#` where the node is on the critical path.
fn bar(time: &TimeLine, node: &Node, critical: &Sections) -> Vec<u8> {
    let columns = |from: i64, to: i64| {
        let start = i128::from(from) - time.start;
        time.columns(start, i128::from(to) - i128::from(from))
    };
    let mut bar = vec![b' '; time.width()];
    let mut fill = |(from, to): (usize, usize), mark| {
        for cell in bar.iter_mut().take(to).skip(from) {
            *cell = mark;
        }
    };
    fill(columns(node.start_us, node.end_us), b'=');
    for &(from, to) in critical {
        fill(columns(from, to), b'#');
    }
    bar
}

/// Widths of the columns, in characters.
struct Columns {
    name: usize,
    start: usize,
    duration: usize,
}

impl Columns {
    fn of(rows: &[Row<'_>]) -> Self {
        let mut columns = Self {
            name: 0,
            start: 0,
            duration: 0,
        };
        for row in rows {
            columns.name = columns.name.max(row.name_width());
            columns.start = columns.start.max(row.start.chars().count());
            columns.duration = columns.duration.max(row.duration.chars().count());
        }
        columns
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, rows: &[Row<'_>]) -> fmt::Result {
        rows.iter().try_for_each(|row| row.write(f, self))
    }
}

impl<'a> Row<'a> {
    /// A row without bar, colour and warnings.
    fn of(node: &Node, span: Option<&'a CollectedSpan>, time: &TimeLine) -> Self {
        let operation = match span {
            Some(it) => Escaped(&it.span.operation_name).to_string(),
            None => format!("(span {} did not arrive)", node.id),
        };
        let is_open = span.is_some_and(|it| is_open(&it.span));
        let start = i128::from(node.start_us) - time.start;
        let duration = i128::from(node.end_us) - i128::from(node.start_us);
        Self {
            span,
            indent: 2 * node.depth.min(MAX_INDENT),
            service: Escaped(span.map_or("", CollectedSpan::service_name)).to_string(),
            operation,
            start: Micros(start).to_string(),
            duration: Micros(duration).to_string(),
            bar: Vec::new(),
            colour: 0,
            note: if is_open { " unfinished" } else { "" },
            warnings: &[],
        }
    }

    fn name_width(&self) -> usize {
        let separator = if self.span.is_some() { 2 } else { 0 };
        self.indent + self.service.chars().count() + separator + self.operation.chars().count()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, columns: &Columns) -> fmt::Result {
        let Self {
            indent,
            start,
            duration,
            ..
        } = self;
        let (start_width, duration_width) = (columns.start, columns.duration);
        write!(f, "{:indent$}", "")?;
        self.write_name(f)?;
        let padding = columns.name.saturating_sub(self.name_width());
        write!(
            f,
            "{:padding$}  {start:>start_width$}  {duration:>duration_width$} |",
            ""
        )?;
        self.write_bar(f)?;
        writeln!(f, "|{}", self.note)?;
        let indent = indent + 4;
        for warning in self.warnings {
            writeln!(f, "{:indent$}{YELLOW}! {warning}{RESET}", "")?;
        }
        self.span
            .map_or(Ok(()), |it| write_details(f, &it.span, indent))
    }

    fn write_name(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            operation,
            colour,
            ..
        } = self;
        match self.span {
            None => write!(f, "{DIM}{operation}{RESET}"),
            Some(_) if self.is_error() => {
                write!(
                    f,
                    "\x1b[38;5;{colour}m{service}{RESET}: {RED}{operation}{RESET}"
                )
            }
            Some(_) => write!(f, "\x1b[38;5;{colour}m{service}{RESET}: {operation}"),
        }
    }

    fn write_bar(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span {
            None => f.write_str(DIM)?,
            Some(_) if self.is_error() => f.write_str(RED)?,
            Some(_) => write!(f, "\x1b[38;5;{}m", self.colour)?,
        }
        write!(f, "{}{RESET}", String::from_utf8_lossy(&self.bar))
    }

    fn is_error(&self) -> bool {
        self.span.is_some_and(|it| is_error(&it.span))
    }
}
