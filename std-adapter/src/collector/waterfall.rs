//! A trace and its picture: the tree of spans with their times, tags and logs, as plain text.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Display, Write};

use super::store::CollectedSpan;
use crate::model::{Log, Tag, TagValue};

/// Width of a bar unless the format string gives one.
const DEFAULT_BAR: usize = 40;

/// Deepest indentation; deeper spans stand at this one.
const MAX_INDENT: usize = 24;

/// Longest value printed, in characters or bytes; a longer one is cut and says how long it is.
const MAX_VALUE: usize = 200;

/// The spans of one trace. Printing it gives a waterfall.
///
/// Each span takes a line: service and operation, indented under its parent; start, counted from
/// the start of the trace; duration; a bar on the time line. The width of the bar is the width in
/// the format string, 40 by default. Below stand tags and logs, these with their offset from the
/// start of the span. Siblings are sorted by start, then by span id. A span whose parent is not
/// there stands at the top with a note, and so does one of a cycle. Control characters are escaped
/// and long values cut.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use picojaeger_std::collector::{CollectedSpan, Trace};
/// use picojaeger_std::model::{Log, Process, Span, Tag, TagValue};
///
/// let event = Tag::new("event", TagValue::String("cache miss".into()));
/// let mut root = Span { duration_us: 2_000, ..Span::new(0x2a, 1, "GET /") };
/// root.tags.push(Tag::new("http.status_code", TagValue::Long(200)));
/// let mut child = Span { start_time_us: 500, duration_us: 750, ..Span::new(0x2a, 2, "query") };
/// child.parent_span_id = 1;
/// child.logs.push(Log { timestamp_us: 520, fields: vec![event] });
///
/// let process = Arc::new(Process::new("shop"));
/// let spans = [root, child].map(|span| CollectedSpan::new(Arc::clone(&process), span));
/// let trace = Trace::new(0x2a, spans.to_vec());
/// assert_eq!(format!("{trace:16}"), "\
/// trace 000000000000002a: 2 spans, 2ms
/// shop: GET /      0us    2ms |================|
///     http.status_code=200
///   shop: query  500us  750us |    ======      |
///       +20us event=\"cache miss\"
/// ");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    trace_id: u128,
    spans: Vec<CollectedSpan>,
}

impl Trace {
    /// The trace of these spans; whether they carry this id is not checked.
    pub fn new(trace_id: u128, spans: Vec<CollectedSpan>) -> Self {
        Self { trace_id, spans }
    }

    /// The trace id.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The spans, in the order of arrival.
    pub fn spans(&self) -> &[CollectedSpan] {
        &self.spans
    }

    /// The first span with this operation name.
    pub fn span(&self, operation_name: &str) -> Option<&CollectedSpan> {
        self.spans
            .iter()
            .find(|span| span.operation_name == operation_name)
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = TimeLine::of(&self.spans, f.width().unwrap_or(DEFAULT_BAR).max(1));
        let rows: Vec<Row> = tree(&self.spans)
            .into_iter()
            .map(|place| Row::new(place, &time))
            .collect();
        let name = widest(&rows, |row| &row.name);
        let start = widest(&rows, |row| &row.start);
        let duration = widest(&rows, |row| &row.duration);
        let plural = if self.spans.len() == 1 { "" } else { "s" };
        writeln!(
            f,
            "trace {}: {} span{plural}, {}",
            TraceId(self.trace_id),
            self.spans.len(),
            Micros(time.total)
        )?;
        for row in &rows {
            writeln!(
                f,
                "{:name$}  {:>start$}  {:>duration$} |{}|{}",
                row.name, row.start, row.duration, row.bar, row.note
            )?;
            row.write_details(f)?;
        }
        Ok(())
    }
}

/// A span's place in the picture.
struct Place<'a> {
    span: &'a CollectedSpan,
    depth: usize,
    note: String,
}

/// Puts parents before children, siblings in their order, and whatever hangs on nothing at the top.
fn tree(spans: &[CollectedSpan]) -> Vec<Place<'_>> {
    let mut sorted: Vec<&CollectedSpan> = spans.iter().collect();
    sorted.sort_by_key(|span| (span.start_time_us, span.span_id));
    let ids: BTreeSet<u64> = sorted.iter().map(|span| span.span_id).collect();
    let mut children: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut tops = Vec::new();
    for (at, span) in sorted.iter().enumerate() {
        match span.parent() {
            Some(parent) if parent == span.span_id => {}
            Some(parent) if ids.contains(&parent) => {
                children.entry(parent).or_default().push(at);
            }
            Some(parent) => tops.push((at, format!(" (parent {parent:016x} is missing)"))),
            None => tops.push((at, String::new())),
        }
    }
    let mut walk = Walk {
        placed: vec![false; sorted.len()],
        sorted,
        children,
        places: Vec::with_capacity(spans.len()),
    };
    for (at, note) in tops {
        walk.descend(at, note);
    }
    for at in 0..spans.len() {
        walk.descend(at, " (its parents form a cycle)".to_owned());
    }
    walk.places
}

/// Depth-first, on a stack of its own: a hostile trace may be as deep as it is long.
struct Walk<'a> {
    sorted: Vec<&'a CollectedSpan>,
    children: HashMap<u64, Vec<usize>>,
    placed: Vec<bool>,
    places: Vec<Place<'a>>,
}

impl Walk<'_> {
    fn descend(&mut self, top: usize, note: String) {
        let mut stack = vec![(top, 0, note)];
        while let Some((at, depth, note)) = stack.pop() {
            if std::mem::replace(&mut self.placed[at], true) {
                continue;
            }
            let span = self.sorted[at];
            self.places.push(Place { span, depth, note });
            // Of several spans with one id, the first takes the children.
            let children = self.children.remove(&span.span_id).unwrap_or_default();
            let children = children.into_iter().rev();
            stack.extend(children.map(|child| (child, depth + 1, String::new())));
        }
    }
}

/// Start and length of the whole trace, and the scale of its bars.
struct TimeLine {
    start: i128,
    total: i128,
    width: usize,
}

impl TimeLine {
    fn of(spans: &[CollectedSpan], width: usize) -> Self {
        let start = spans.iter().map(|s| i128::from(s.start_time_us)).min();
        let start = start.unwrap_or(0);
        let end = spans
            .iter()
            .map(|s| i128::from(s.start_time_us) + i128::from(s.duration_us).max(0))
            .max();
        Self {
            start,
            total: end.unwrap_or(start) - start,
            width,
        }
    }

    /// At least one character wide, and always within the width.
    fn bar(&self, start: i128, duration: i128) -> String {
        let column = |micros: i128| {
            let scaled = micros.saturating_mul(self.width as i128) / self.total.max(1);
            usize::try_from(scaled).unwrap_or(0)
        };
        let from = column(start).min(self.width - 1);
        let to = column(start + duration.max(0)).clamp(from + 1, self.width);
        let mut bar = " ".repeat(from);
        bar.push_str(&"=".repeat(to - from));
        bar.push_str(&" ".repeat(self.width - to));
        bar
    }
}

/// One span's line, column by column.
struct Row<'a> {
    span: &'a CollectedSpan,
    indent: usize,
    name: String,
    start: String,
    duration: String,
    bar: String,
    note: String,
}

impl<'a> Row<'a> {
    fn new(place: Place<'a>, time: &TimeLine) -> Self {
        let span = place.span;
        let start = i128::from(span.start_time_us) - time.start;
        let duration = i128::from(span.duration_us);
        let indent = 2 * place.depth.min(MAX_INDENT);
        Self {
            name: format!(
                "{:indent$}{}: {}",
                "",
                Escaped(span.service_name()),
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

    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = self.indent;
        if !self.span.tags.is_empty() {
            writeln!(f, "{:indent$}{}", "", Tags(&self.span.tags))?;
        }
        let mut logs: Vec<&Log> = self.span.logs.iter().collect();
        logs.sort_by_key(|log| log.timestamp_us);
        for log in logs {
            let offset = i128::from(log.timestamp_us) - i128::from(self.span.start_time_us);
            let sign = if offset < 0 { "" } else { "+" };
            let (offset, fields) = (Micros(offset), Tags(&log.fields));
            writeln!(f, "{:indent$}{sign}{offset} {fields}", "")?;
        }
        Ok(())
    }
}

/// Width of a column, in characters.
fn widest(rows: &[Row<'_>], column: for<'r, 's> fn(&'r Row<'s>) -> &'r str) -> usize {
    let widths = rows.iter().map(|row| column(row).chars().count());
    widths.max().unwrap_or(0)
}

/// 16 digits, or 32 if the high half is not 0, as Jaeger prints it.
struct TraceId(u128);

impl Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0 >> 64 == 0 { 16 } else { 32 };
        write!(f, "{:0digits$x}", self.0)
    }
}

/// A duration of microseconds in the unit that suits it, with at most three decimals, rounded down.
struct Micros(i128);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_char('-')?;
        }
        let micros = self.0.unsigned_abs();
        let (unit, name) = match micros {
            0..1_000 => return write!(f, "{micros}us"),
            1_000..1_000_000 => (1_000, "ms"),
            1_000_000..60_000_000 => (1_000_000, "s"),
            _ => {
                let seconds = micros / 1_000_000;
                return write!(f, "{}m{:02}s", seconds / 60, seconds % 60);
            }
        };
        let thousandths = format!("{:03}", micros % unit * 1_000 / unit);
        write!(f, "{}", micros / unit)?;
        match thousandths.trim_end_matches('0') {
            "" => {}
            digits => write!(f, ".{digits}")?,
        }
        f.write_str(name)
    }
}

struct Tags<'a>(&'a [Tag]);

impl Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, tag) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{}=", Escaped(&tag.key))?;
            match &tag.value {
                TagValue::String(text) => write_text(f, text)?,
                TagValue::Double(value) => write!(f, "{value:?}")?,
                TagValue::Bool(value) => write!(f, "{value}")?,
                TagValue::Long(value) => write!(f, "{value}")?,
                TagValue::Binary(bytes) => write_bytes(f, bytes)?,
            }
        }
        Ok(())
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    let cut = text.char_indices().nth(MAX_VALUE).map(|(at, _)| at);
    for c in text.chars().take(MAX_VALUE) {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            _ => write_char(f, c)?,
        }
    }
    f.write_char('"')?;
    match cut {
        Some(_) => write!(f, "... ({} bytes)", text.len()),
        None => Ok(()),
    }
}

fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    for byte in bytes.iter().take(MAX_VALUE) {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > MAX_VALUE {
        write!(f, "... ({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// A name on one line: at most [`MAX_VALUE`] characters, control characters escaped.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(MAX_VALUE) {
            write_char(f, c)?;
        }
        match self.0.chars().nth(MAX_VALUE) {
            Some(_) => f.write_str("..."),
            None => Ok(()),
        }
    }
}

/// Escapes what moves the cursor or turns the direction of writing.
fn write_char(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns {
        write!(f, "{}", c.escape_default())
    } else {
        f.write_char(c)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Process, RefKind, Span, SpanRef};

    fn trace(spans: impl IntoIterator<Item = Span>) -> Trace {
        let process = Arc::new(Process::new("svc"));
        let spans = spans.into_iter();
        Trace::new(
            0xa,
            spans
                .map(|span| CollectedSpan::new(Arc::clone(&process), span))
                .collect(),
        )
    }

    fn span(id: u64, parent: u64, start: i64, duration: i64) -> Span {
        Span {
            parent_span_id: parent,
            start_time_us: start,
            duration_us: duration,
            ..Span::new(0xa, id, format!("op{id}"))
        }
    }

    #[test]
    fn siblings_are_sorted_and_descendants_follow_their_parent() {
        let spans = [
            span(9, 4, 1_090, 10),
            span(4, 1, 1_050, 50),
            span(1, 0, 1_000, 1_500_000),
            span(2, 1, 1_050, 0),
            span(3, 1, 1_020, 750_000),
        ];
        assert_eq!(
            format!("{:10}", trace(spans)),
            "\
trace 000000000000000a: 5 spans, 1.5s
svc: op1       0us   1.5s |==========|
  svc: op3    20us  750ms |=====     |
  svc: op2    50us    0us |=         |
  svc: op4    50us   50us |=         |
    svc: op9  90us   10us |=         |
"
        );
    }

    #[test]
    fn orphans_and_cycles_stand_at_the_top_with_a_note() {
        let mut follower = span(5, 0, 4, 0);
        follower.references.push(SpanRef {
            kind: RefKind::FollowsFrom,
            trace_id: 0xa,
            span_id: 2,
        });
        let spans = [
            span(1, 0xbad, 0, 8),
            span(2, 3, 1, 1),
            span(3, 2, 2, 1),
            span(4, 4, 3, 1),
            follower,
        ];
        assert_eq!(
            format!("{:8}", trace(spans)),
            "\
trace 000000000000000a: 5 spans, 8us
svc: op1    0us  8us |========| (parent 0000000000000bad is missing)
svc: op2    1us  1us | =      | (its parents form a cycle)
  svc: op3  2us  1us |  =     |
  svc: op5  4us  0us |    =   |
svc: op4    3us  1us |   =    | (its parents form a cycle)
"
        );
    }

    #[test]
    fn values_of_every_type_and_hostile_text() {
        let mut span = span(1, 0, 100, 5);
        span.operation_name = "a\nb\u{1b}[2J\u{202e}".to_owned();
        for value in [
            TagValue::String("say \"\u{e9}\"\0".to_owned()),
            TagValue::Double(1.0),
            TagValue::Bool(false),
            TagValue::Long(i64::MIN),
            TagValue::Binary(Box::new([0, 255])),
            TagValue::String("x".repeat(MAX_VALUE + 1)),
        ] {
            span.tags.push(Tag::new("k", value));
        }
        for timestamp_us in [1_100_100, 99] {
            span.logs.push(Log {
                timestamp_us,
                fields: Vec::new(),
            });
        }
        let long = "x".repeat(MAX_VALUE);
        assert_eq!(
            format!("{:4}", trace([span])),
            format!(
                "\
trace 000000000000000a: 1 span, 5us
svc: a\\nb\\u{{1b}}[2J\\u{{202e}}  0us  5us |====|
    k=\"say \\\"\u{e9}\\\"\\u{{0}}\" k=1.0 k=false k=-9223372036854775808 k=0x00ff k=\"{long}\"... (201 bytes)
    -1us \n    +1.1s \n"
            )
        );
    }

    #[test]
    fn extreme_times_neither_panic_nor_leave_the_bar() {
        let spans = [
            span(1, 0, i64::MIN, i64::MAX),
            span(2, 1, i64::MAX, i64::MAX),
            span(3, 1, 0, i64::MIN),
        ];
        let text = format!("{:6}", trace(spans));
        for line in text.lines().skip(1) {
            let bar = line.split('|').nth(1).unwrap_or_default();
            assert_eq!(bar.len(), 6, "{line}");
        }
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn a_chain_as_deep_as_a_hostile_trace_does_not_overflow_the_stack() {
        let spans = (1..=50_000).map(|id| span(id, id - 1, 0, 1));
        assert_eq!(trace(spans).to_string().lines().count(), 50_001);
    }

    #[test]
    fn an_empty_trace_prints_its_head() {
        let empty = Trace::new(1 << 64, Vec::new());
        assert_eq!(
            empty.to_string(),
            "trace 00000000000000010000000000000000: 0 spans, 0us\n"
        );
    }

    #[test]
    fn durations_take_the_unit_that_suits_them() {
        let text = |micros| Micros(micros).to_string();
        assert_eq!(
            [0, 999, 1_000, 1_050, 999_999, 1_000_000, 59_999_999].map(text),
            [
                "0us",
                "999us",
                "1ms",
                "1.05ms",
                "999.999ms",
                "1s",
                "59.999s"
            ]
        );
        assert_eq!(
            [60_000_000, 3_725_000_000, -1_500].map(text),
            ["1m00s", "62m05s", "-1.5ms"]
        );
    }
}
