//! Marks for a QEMU plugin (`count.c`), which counts the instructions between them.

use core::hint::black_box;

use cortex_m_semihosting::hprintln;

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn picojaeger_count_from() {
    black_box(1);
}

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn picojaeger_count_to() {
    black_box(2);
}

/// Runs a case between the marks, and prints its name.
pub fn count(name: &str, case: impl FnOnce()) {
    picojaeger_count_from();
    case();
    picojaeger_count_to();
    hprintln!("case {} 0", name);
}
