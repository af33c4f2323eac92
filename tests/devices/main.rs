//! Programs for emulated machines against the real Jaeger: every span that they say to have made is read
//! back and compared.
//!
//! Run by `.ci/run devices`, which builds Jaeger and the programs and names them in variables. Without these this
//! target prints a note and succeeds, since the workspace's tests need no emulator.

mod answer;
mod dump;
#[path = "../jaeger/http.rs"]
mod http;
mod kernel;
mod machine;
#[path = "../firmware/pump.rs"]
mod made;
#[path = "../jaeger/model.rs"]
#[expect(dead_code, reason = "the ways to Jaeger are used, and no expectations")]
mod model;
mod pump;
mod readme;
#[path = "../jaeger/server.rs"]
#[expect(dead_code, reason = "sampling and restarts are not looked at here")]
mod server;
mod valve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use server::Jaeger;

/// Variables with the path of Jaeger's binary, and of the folder with the programs.
const JAEGER: &str = "PICOJAEGER_JAEGER_BIN";
const PROGRAMS: &str = "PICOJAEGER_DEVICES";

fn main() -> ExitCode {
    let [Some(jaeger), Some(programs)] = [JAEGER, PROGRAMS].map(std::env::var_os) else {
        println!(
            "not run: {JAEGER} or {PROGRAMS} is not set; `.ci/run devices` builds them and runs this"
        );
        return ExitCode::SUCCESS;
    };
    match run(&PathBuf::from(jaeger), &PathBuf::from(programs)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(jaeger: &Path, programs: &Path) -> Result<(), String> {
    let relay = &programs.join("picojaeger-relay");
    type Run<'r> = &'r dyn Fn(&Jaeger, &Path) -> Result<String, String>;
    let (udp, otlp, riscv): (Run<'_>, Run<'_>, Run<'_>) = (
        &kernel::run,
        &|jaeger, program| kernel::run_behind_relay(jaeger, relay, program),
        &|jaeger, program| pump::run_riscv(jaeger, relay, program),
    );
    let cortex_m: Run<'_> = &|jaeger, program| pump::run_cortex_m(jaeger, relay, program);
    let readme: Run<'_> = &|jaeger, program| readme::run(jaeger, relay, program);
    let server = &programs.join("valve-server");
    let valve: Run<'_> = &|jaeger, program| valve::run(jaeger, relay, server, program);
    let dump = |other| {
        move |jaeger: &Jaeger, program: &Path| {
            dump::run(jaeger, relay, program, &programs.join(other))
        }
    };
    let dumps = [dump("dump-thumbv6m"), dump("dump-thumbv7em")];
    for (program, run) in [
        ("kernel", udp),
        ("kernel-shared", udp),
        ("kernel-relay", otlp),
        ("pump-riscv32", riscv),
        ("pump-thumbv7em", cortex_m),
        ("pump-thumbv6m", cortex_m),
        ("tight-thumbv6m", cortex_m),
        ("readme-thumbv6m", readme),
        ("valve-thumbv7em", valve),
        ("valve-thumbv6m", valve),
        ("dump-thumbv7em", &dumps[0]),
        ("dump-thumbv6m", &dumps[1]),
    ] {
        // Each has a Jaeger of its own: programs of one service may make the same ids.
        let jaeger = Jaeger::start(jaeger)?;
        println!("{program}: {}", run(&jaeger, &programs.join(program))?);
    }
    Ok(())
}
