//! The name of an open span, read while spans start and end in its slot, in every interleaving that loom
//! explores.
//!
//! The model also has to fail where versions are ignored, which proves that it would find such a fault. The
//! code under test is the adapter's own.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p picojaeger-std --test loom_open_name -- --nocapture
//! ```
#![cfg(loom)]

#[allow(dead_code, unused_imports, reason = "a name needs parts of it")]
mod loom_model;
#[path = "../src/memory/open_name.rs"]
#[allow(dead_code, reason = "no model reads details")]
mod open_name;

use std::sync::Arc;

use loom::thread;
use picojaeger_core::Key;

use loom_model::{Model, Weakness, sys};
use open_name::{DETAILS, OpenName};

/// Parts of one text, so that the start of one with the length of another is wrong and not undefined.
/// Two are of one length.
const NAMES: &str = "aaaabbcccc";

fn names() -> [&'static str; 3] {
    [&NAMES[..4], &NAMES[4..6], &NAMES[6..]]
}

/// Three spans, one after the other, in one slot.
fn spans() -> usize {
    let name = Arc::new(OpenName::new());
    let read = {
        let name = name.clone();
        thread::spawn(move || name.read().map(|read| read.as_str().to_owned()))
    };
    for span in names() {
        name.set(Key::Static(span), || [0; DETAILS]);
        name.close();
    }
    let read = read.join().unwrap();
    let is_whole = |read: &String| names().contains(&read.as_str());
    assert!(
        read.as_ref().is_none_or(is_whole),
        "part of a name: {read:?}"
    );
    usize::from(read.is_some())
}

#[test]
fn a_reader_gets_whole_names_only() {
    Model {
        name: "names of three spans",
        run: spans,
        preemptions: Some(3),
        executions: 3_000,
        fails_under: &[(Weakness::NoVersion, "part of a name")],
    }
    .check();
}
