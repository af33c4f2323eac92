//! With the feature `enable`, which the program has on, its libraries have spans.

use std::process::Command;

#[test]
fn the_library_has_spans() {
    let output = Command::new(env!("CARGO_BIN_EXE_example-shop"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    for part in [
        "Err(Missing(12))",
        "shop: request",
        "shop: order",
        "shop: take",
        "shop: count",
        "no item 12",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

/// The control of the library's own test.
#[cfg(target_os = "linux")]
#[test]
fn the_program_has_code_of_the_tracer() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_example-shop")).unwrap();
    let name = b"picojaeger_std";
    assert!(program.windows(name.len()).any(|it| it == name));
}
