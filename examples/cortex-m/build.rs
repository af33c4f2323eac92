//! Puts the linker's scripts where it looks, `memory.x` being that of a chip, gives programs with a retained ring their
//! build id, and `readme` the firmware that README.md shows.

use std::path::PathBuf;
use std::{env, fs, io};

const README: &str = "../../README.md";

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let memory = match env::var_os("CARGO_FEATURE_TIGHT") {
        Some(_) => "tight.x",
        None => "board.x",
    };
    for (script, name) in [(memory, "memory.x"), ("build-id.x", "build-id.x")] {
        fs::copy(script, out.join(name))?;
        println!("cargo:rerun-if-changed={script}");
    }
    println!("cargo:rustc-link-search={}", out.display());
    fs::write(out.join("readme.rs"), shown_firmware()?)?;
    println!("cargo:rerun-if-changed={README}");
    for program in ["retained", "recover", "dump"] {
        for argument in ["--build-id", "-Tbuild-id.x"] {
            println!("cargo:rustc-link-arg-bin={program}={argument}");
        }
    }
    Ok(())
}

/// Returns the first block of code below the heading.
fn shown_firmware() -> io::Result<String> {
    let readme = fs::read_to_string(README)?;
    let below = readme.split_once("\n## A firmware\n");
    let block = below.and_then(|(_, below)| below.split_once("```rust,no_run\n"));
    let code = block.and_then(|(_, block)| block.split_once("```\n"));
    let code = code.map(|(code, _)| code.to_owned());
    code.ok_or_else(|| io::Error::other("README.md shows no firmware"))
}
