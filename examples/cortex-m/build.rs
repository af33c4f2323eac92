//! Puts the linker's scripts where it looks, and gives programs with a retained ring their build id.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for script in ["memory.x", "build-id.x"] {
        fs::copy(script, out.join(script))?;
        println!("cargo:rerun-if-changed={script}");
    }
    println!("cargo:rustc-link-search={}", out.display());
    for program in ["retained", "dump"] {
        for argument in ["--build-id", "-Tbuild-id.x"] {
            println!("cargo:rustc-link-arg-bin={program}={argument}");
        }
    }
    Ok(())
}
