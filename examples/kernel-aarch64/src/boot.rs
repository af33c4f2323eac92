//! From reset to `main`: stacks, zeroed memory, and the memory map, on each processor.

use core::arch::{asm, global_asm};

use crate::machine;

// The map is the identity: the first GiB is devices, the second RAM, which both processors share
// and cache. Exclusive loads and stores, and with them atomics, need memory of that kind.
global_asm!(
    r#"
    .section .text.boot, "ax"
    .global _start
_start:
    ldr     x0, =__stack_0
    mov     sp, x0
    ldr     x0, =__bss_start
    ldr     x1, =__bss_end
0:  cmp     x0, x1
    b.eq    1f
    str     xzr, [x0], #8
    b       0b
1:  bl      map_memory
    bl      main

    .global start_second
start_second:
    ldr     x0, =__stack_1
    mov     sp, x0
    bl      map_memory
    bl      second

map_memory:
    adr     x0, vectors
    msr     vbar_el1, x0
    ldr     x0, =0xff00             // type 0: device; type 1: memory, written back
    msr     mair_el1, x0
    ldr     x0, =0x803519           // 39 bits in pages of 4 KiB; walks are cached and shared
    msr     tcr_el1, x0
    ldr     x0, =table
    msr     ttbr0_el1, x0
    dsb     ish
    tlbi    vmalle1
    dsb     ish
    isb
    mrs     x0, sctlr_el1
    mov     x1, #0x1005             // map, data cache, instruction cache
    orr     x0, x0, x1
    msr     sctlr_el1, x0
    isb
    ret

    .balign 2048
vectors:
    .rept 16
    b       fault
    .balign 128
    .endr

    .section .data, "aw"
    .balign 4096
table:
    .quad   0x0060000000000401      // devices, never executed
    .quad   0x0000000040000705      // memory, of type 1, shared by all processors
    .fill   510, 8, 0
"#
);

/// Ends the kernel after an exception: none is expected.
#[unsafe(no_mangle)]
extern "C" fn fault() -> ! {
    let (cause, at): (u64, u64);
    // SAFETY: reading these registers has no side effect.
    unsafe { asm!("mrs {}, esr_el1", "mrs {}, elr_el1", out(reg) cause, out(reg) at) };
    machine::print(format_args!("exception {cause:#x} at {at:#x}\n"));
    machine::exit(2)
}

/// Starts the second processor in [`crate::second`]; the firmware's call is that of PSCI 0.2.
pub fn start_second_processor() {
    unsafe extern "C" {
        fn start_second();
    }
    const CPU_ON: u64 = 0xc400_0003;
    let result: u64;
    // SAFETY: the entry sets up a stack of its own, and then calls `second`.
    unsafe {
        asm!("hvc #0", inlateout("x0") CPU_ON => result, in("x1") 1,
             in("x2") start_second as *const () as usize, in("x3") 0, clobber_abi("C"));
    }
    assert_eq!(result, 0, "no second processor: start QEMU with -smp 2");
}
