//! A span's name stays with it for good, so that nothing is copied.

use picojaeger_std::traced;

#[traced(name = format!("order {id}"))]
fn order(id: u64) {}

fn main() {}
