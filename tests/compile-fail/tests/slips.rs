//! Each file in `slips/` must fail to compile with the message beside it.
//!
//! `TRYBUILD=overwrite cargo test` writes the messages anew; `.ci/toolchains` has the compiler.

#[test]
fn slips_have_messages_that_help() {
    trybuild::TestCases::new().compile_fail("slips/*.rs");
}
