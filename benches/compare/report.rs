//! The table for people and the file for programs.

use std::fs;
use std::io;
use std::path::Path;

use crate::machine;
use crate::measure::Row;

/// Where the results go: an array of objects, one a row.
pub(crate) const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench/compare.json");

/// What the others are compared with, one a workload.
const FLOORS: [&str; 2] = ["floor", "straight-line"];

/// Prints the header and a line for each row.
pub(crate) fn print(rows: &[Row]) {
    println!("{}", machine::describe());
    println!("per span, application thread; drained outside of the timing\n");
    println!(
        "{:<16} {:<23} {:<8} {:>8} {:>9} {:>8} {:>9} {:>9} {:>9} {:>6}",
        "workload",
        "library",
        "version",
        "min ns",
        "median ns",
        "× floor",
        "allocs",
        "+ drain",
        "exported",
        "lost"
    );
    for row in rows {
        print_row(row, floor_of(rows, row));
    }
    println!();
}

/// Writes the results, or removes old ones where `rows` is not to be trusted.
pub(crate) fn save(rows: Option<&[Row]>) -> io::Result<()> {
    match rows {
        Some(rows) => write(rows),
        None if Path::new(RESULTS).exists() => fs::remove_file(RESULTS),
        None => Ok(()),
    }
}

fn print_row(row: &Row, floor: Option<f64>) {
    let ratio = floor.map_or("-".into(), |floor| format!("{:.2}", row.min_ns() / floor));
    let missing = match row.missing() {
        0 => String::new(),
        count => format!("  {count} MISSING"),
    };
    println!(
        "{:<16} {:<23} {:<8} {:>8.1} {:>9.1} {ratio:>8} {:>9.3} {:>9.3} {:>9} {:>6}{missing}",
        row.workload.name(),
        row.library,
        version(row),
        row.min_ns(),
        row.median_ns(),
        row.allocations(),
        row.drain_allocations(),
        row.exported(),
        row.lost(),
    );
}

/// The floor's minimum in the same workload; of encoding, straight-line code's.
fn floor_of(rows: &[Row], row: &Row) -> Option<f64> {
    rows.iter()
        .find(|other| FLOORS.contains(&other.library) && other.workload == row.workload)
        .map(Row::min_ns)
}

fn write(rows: &[Row]) -> io::Result<()> {
    let objects: Vec<_> = rows.iter().map(object).collect();
    let text = format!("[\n{}\n]\n", objects.join(",\n"));
    if let Some(folder) = Path::new(RESULTS).parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(RESULTS, text)
}

/// Names and versions are plain ASCII, so nothing needs an escape.
fn object(row: &Row) -> String {
    format!(
        "  {{\"workload\": \"{}\", \"library\": \"{}\", \"version\": \"{}\", \
         \"min_ns\": {:.2}, \"median_ns\": {:.2}, \"allocations_per_span\": {:.4}}}",
        row.workload.name(),
        row.library,
        version(row),
        row.min_ns(),
        row.median_ns(),
        row.allocations(),
    )
}

fn version(row: &Row) -> &'static str {
    machine::version(row.package).unwrap_or("unknown")
}
