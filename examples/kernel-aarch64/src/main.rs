//! A kernel without an OS for QEMU's machine `virt`: two processors that both record spans, and a
//! network card that sends them to the agent. See README.md.
#![no_std]
#![no_main]

mod boot;
mod lock;
mod machine;
mod net;
#[cfg(not(feature = "baseline"))]
mod traced;

use machine::print;
use static_cell::ConstStaticCell;

/// The port of the agent; QEMU's option `-device loader,addr=0x47fffffc,data=PORT,data-len=4`
/// sets another one.
const AGENT_PORT: u16 = 6831;
const PORT_WORD: *const u32 = 0x47ff_fffc as *const u32;

/// The first processor, once it has a stack and memory.
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    static MEMORY: ConstStaticCell<net::Memory> = ConstStaticCell::new(net::Memory::new());
    // SAFETY: the word is the last of the machine's memory, and nothing else lies there.
    let port = match unsafe { PORT_WORD.read_volatile() } {
        0 => AGENT_PORT,
        port => port as u16,
    };
    let Some(network) = net::Network::new(MEMORY.take(), port) else {
        print(format_args!(
            "no network card: start QEMU with -device virtio-net-device\n"
        ));
        machine::exit(1)
    };
    machine::exit(u64::from(!work(network)))
}

#[cfg(not(feature = "baseline"))]
use traced::work;

/// The same devices without a span; true if all went well.
#[cfg(feature = "baseline")]
fn work(mut network: net::Network) -> bool {
    use picojaeger_core::Transport;

    boot::start_second_processor();
    let (micros, [before, after]) = machine::next_second();
    network.send(&[
        micros as u8,
        before as u8,
        after as u8,
        machine::random() as u8,
    ]);
    while !network.is_idle() {
        network.poll();
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
