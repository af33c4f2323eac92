//! Each file in `slips/` must fail to compile with the message beside it, and each in `examples/` gets the one of Clippy.
//!
//! `TRYBUILD=overwrite cargo test` writes the messages anew; `.ci/toolchains` has the compiler.

use std::process::Command;

#[test]
fn slips_have_messages_that_help() {
    trybuild::TestCases::new().compile_fail("slips/*.rs");
}

#[test]
fn clippy_finds_a_scope_across_an_await_by_the_configuration_of_the_examples() {
    let root = env!("CARGO_MANIFEST_DIR");
    let clippy = |configuration: &str| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["clippy", "--locked", "--quiet", "--example"]);
        command.args(["scope_across_an_await", "--", "-D", "warnings"]);
        command.current_dir(root);
        command.env("CLIPPY_CONF_DIR", format!("{root}/{configuration}"));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    };
    let (passes, text) = clippy("../../examples/servers");
    let expected = "holding a disallowed type across an await point `picojaeger_std::Scope`";
    assert!(!passes && text.contains(expected), "{text}");
    assert!(text.contains("use `in_span` or `in_scope`"), "{text}");
    let (passes, text) = clippy(".");
    assert!(passes, "without the configuration: {text}");
}
