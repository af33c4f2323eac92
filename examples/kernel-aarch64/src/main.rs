//! A kernel without an OS for QEMU's machine `virt`: two processors that both record spans, and a
//! network card that sends them to the agent. See README.md.
#![no_std]
#![no_main]

mod boot;
mod lock;
mod machine;
#[cfg(not(feature = "relay"))]
mod net;
#[cfg_attr(
    feature = "baseline",
    allow(dead_code, unused_imports, reason = "nothing is traced")
)]
mod output;
#[cfg(not(feature = "baseline"))]
mod traced;
#[cfg(not(feature = "baseline"))]
mod tracers;

use machine::print;

/// The first processor, once it has a stack and memory.
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let Some(output) = output::open() else {
        print(format_args!(
            "no network card: start QEMU with -device virtio-net-device\n"
        ));
        machine::exit(1)
    };
    machine::exit(u64::from(!work(output)))
}

#[cfg(not(feature = "baseline"))]
use traced::work;

/// The same devices, text and clocks without a span; true if all went well.
#[cfg(feature = "baseline")]
fn work(mut output: output::Output) -> bool {
    use picojaeger_core::{Clock, Transport};

    boot::start_second_processor();
    let (micros, [before, after]) = machine::next_second();
    let uncertainty = (after - before) * 1_000_000 / machine::Counter.frequency() + 1;
    let random = machine::random();
    print(format_args!(
        "{micros} {uncertainty}: {random}, {} of {before}\n",
        random as u32
    ));
    let mut buffer = [0; 1_400];
    buffer[..8].copy_from_slice(&random.to_le_bytes());
    output.send(core::hint::black_box(&buffer));
    while !output.is_idle() {
        output.poll();
    }
    true
}

#[cfg(feature = "baseline")]
#[unsafe(no_mangle)]
extern "C" fn second() -> ! {
    loop {
        machine::wait();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    print(format_args!("{info}\n"));
    machine::exit(3)
}
