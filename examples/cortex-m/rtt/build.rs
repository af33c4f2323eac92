//! Adds defmt's linker script to the board's.

fn main() {
    println!("cargo:rustc-link-arg=-Tdefmt.x");
    println!("cargo:rerun-if-changed=build.rs");
}
