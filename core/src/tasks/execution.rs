//! What runs: a thread, a task of a preemptive kernel, or an interrupt.

#[cfg(all(target_arch = "arm", target_os = "none"))]
use crate::arch;

/// Tells apart what can interrupt each other: threads, tasks of a preemptive kernel, interrupts.
///
/// Tasks of a cooperative executor, such as embassy's, are one thread: they never interrupt each
/// other. Arm's Cortex-M has a register with the answer, which `CortexM` of this crate reads. With a preemptive
/// kernel it is the handle of the running task, unless an interrupt is active; on several cores the
/// core's number is part of it; on RISC-V the trap handler keeps count.
///
/// ```
/// use core::sync::atomic::{AtomicUsize, Ordering};
/// use picojaeger_core::Execution;
///
/// /// How many trap handlers run, one inside the other.
/// static DEPTH: AtomicUsize = AtomicUsize::new(0);
///
/// struct Hart;
/// impl Execution for Hart {
///     fn id() -> usize {
///         DEPTH.load(Ordering::Relaxed)
///     }
/// }
/// assert_eq!(Hart::id(), 0);
/// ```
pub trait Execution {
    /// Returns a number that stays the same within a thread, a task or an interrupt, and that nothing
    /// which interrupts it has.
    fn id() -> usize;
}

/// One Cortex-M core without a preemptive kernel: 0 in thread mode, else the number of the exception.
///
/// Costs one instruction.
#[cfg(all(target_arch = "arm", target_os = "none"))]
#[derive(Clone, Copy, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it needs no state")]
pub struct CortexM;

#[cfg(all(target_arch = "arm", target_os = "none"))]
impl Execution for CortexM {
    #[inline(always)]
    fn id() -> usize {
        arch::exception_number()
    }
}
