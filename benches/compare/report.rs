//! The printed tables.

use picojaeger_workloads::Workload;

use crate::burst;
use crate::machine;
use crate::programs::Load;
use crate::results::Record;

/// A figure's heading, name, and decimals; divided by its unit.
struct Column {
    head: &'static str,
    figure: &'static str,
    digits: usize,
    unit: f64,
}

impl Column {
    const fn new(head: &'static str, figure: &'static str, digits: usize) -> Self {
        Self {
            head,
            figure,
            digits,
            unit: 1.0,
        }
    }

    const fn in_units(self, unit: f64) -> Self {
        Self { unit, ..self }
    }

    fn width(&self) -> usize {
        self.head.chars().count().max(9)
    }

    fn text(&self, record: &Record) -> String {
        let figure = record.get(self.figure);
        figure.map_or("-".into(), |it| {
            format!("{:.*}", self.digits, it / self.unit)
        })
    }
}

const BURSTS: &[Column] = &[
    Column::new("min ns", "min_ns", 1),
    Column::new("median ns", "median_ns", 1),
    Column::new("× floor", "times_floor", 2),
    Column::new("allocs", "allocations_per_span", 3),
    Column::new("+ drain", "drain_allocations_per_span", 3),
    Column::new("exported", "exported", 0),
    Column::new("lost", "lost", 0),
    Column::new("missing", "missing", 0),
];

const PROPAGATION: &[Column] = &[
    Column::new("min ns", "min_ns", 1),
    Column::new("median ns", "median_ns", 1),
    Column::new("allocs", "allocations_per_span", 3),
];

const PIPELINE: &[Column] = &[
    Column::new("min ns", "min_ns", 1),
    Column::new("median ns", "median_ns", 1),
    Column::new("allocs", "allocations_per_span", 3),
    Column::new("made", "made", 0),
    Column::new("lost", "lost", 0),
    Column::new("missing", "missing", 0),
    Column::new("arrived", "arrived", 0),
    Column::new("packets", "packets", 0),
    Column::new("bytes", "bytes_per_packet", 0),
];

const FLAT_OUT: &[Column] = &[
    Column::new("made M/s", "made_per_s", 2).in_units(1e6),
    Column::new("delivered M/s", "delivered_per_s", 2).in_units(1e6),
    Column::new("allocs", "allocations_per_span", 3),
    Column::new("made", "made", 0),
    Column::new("lost", "lost", 0),
    Column::new("missing", "missing", 0),
    Column::new("peak MiB", "peak_rss_bytes", 1).in_units(MIB),
    Column::new("growth MiB", "rss_growth_bytes", 1).in_units(MIB),
];

const BURST: &[Column] = &[
    Column::new("% lost", "lost_percent_median", 2),
    Column::new("worst", "lost_percent_worst", 2),
    Column::new("% pinned", "pinned_lost_percent_median", 2),
    Column::new("worst", "pinned_lost_percent_worst", 2),
    Column::new("lost", "lost", 0),
    Column::new("missing", "missing", 0),
    Column::new("exported", "exported", 0),
    Column::new("arrived", "arrived", 0),
];

const LARGEST: &[Column] = &[
    Column::new("spans", "largest", 0),
    Column::new("growth MiB", "rss_growth_bytes", 1).in_units(MIB),
    Column::new("pinned", "pinned_largest", 0),
    Column::new("growth MiB", "pinned_rss_growth_bytes", 1).in_units(MIB),
];

const MIB: f64 = (1 << 20) as f64;

/// Prints the header and a table for each kind of workload.
pub(crate) fn print(records: &[Record]) {
    println!("{}", machine::describe());
    let propagation = Workload::PROPAGATION.map(Workload::name);
    let bursts = Workload::ALL.map(Workload::name);
    let bursts = bursts
        .into_iter()
        .filter(|name| !propagation.contains(name));
    let bursts: Vec<_> = bursts.collect();
    let title = "per span, application thread; drained outside of the timing";
    print_table(title, BURSTS, records, &bursts);
    let title = "per context, as headers";
    print_table(title, PROPAGATION, records, &propagation);
    let title = "per span, processor time of all threads until it is sent";
    print_table(
        title,
        PIPELINE,
        records,
        &[Load::Pipeline.name(), Load::Inline.name()],
    );
    let title = "two threads flat out, nothing sent; \"missing\" was lost silently";
    print_table(title, FLAT_OUT, records, &[Load::FlatOut.name()]);
    let title =
        "bursts by MiB, threads and spans of each; lost on two processors, and pinned to one";
    print_table(title, BURST, records, &burst::given());
    let title = "largest burst of one thread of which nothing is lost";
    print_table(title, LARGEST, records, &burst::largest());
}

fn print_table(title: &str, columns: &[Column], records: &[Record], workloads: &[&str]) {
    let rows = records
        .iter()
        .filter(|record| workloads.contains(&record.workload));
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let heads: String = columns
        .iter()
        .map(|column| format!(" {:>1$}", column.head, column.width()))
        .collect();
    println!(
        "\n{title}\n\n{:<17} {:<23} {:<8}{heads}",
        "workload", "library", "version"
    );
    for row in rows {
        let cells: String = columns
            .iter()
            .map(|column| format!(" {:>1$}", column.text(row), column.width()))
            .collect();
        println!(
            "{:<17} {:<23} {:<8}{cells}",
            row.workload, row.library, row.version
        );
    }
}
