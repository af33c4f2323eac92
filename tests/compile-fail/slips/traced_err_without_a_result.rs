//! `err` writes the error of a `Result`, whose text must exist.

use picojaeger_std::traced;

struct Failed;

#[traced(err)]
fn nothing() {}

#[traced(err)]
fn number() -> u32 {
    7
}

#[traced(err)]
async fn without_text() -> Result<u32, Failed> {
    Err(Failed)
}

#[traced(ret, fields(failed))]
fn returned(failed: Failed) -> Failed {
    failed
}

#[traced]
async fn mismatched() -> u32 {
    "seven"
}

#[traced(fields(total, part.id = &id))]
fn no_such_parameter(id: u64, part: Failed) {}

fn main() {}
