//! Tests that change their process: each case runs in one of its own, which an alarm ends if it
//! hangs.

use std::process::Command;

/// Seconds after which a case, or a child in it, has hung.
pub(super) const HUNG: u32 = 30;

/// The variable with the name of the case that a process runs.
const CASE: &str = "PICOJAEGER_OWN_PROCESS_CASE";

/// Runs a case in a process of its own: the test of this path below `tracer` again, alone and with
/// the case's name.
pub(super) fn in_own_process(test: &str, case: &str, run: impl FnOnce()) {
    match std::env::var(CASE) {
        Ok(name) if name == case => {
            hang_at_most(HUNG);
            return run();
        }
        // Another case of the same test has this process.
        Ok(_) => return,
        Err(_) => {}
    }
    let test = format!("tracer::{test}");
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args([test.as_str(), "--exact", "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{case}: {} (signal 14: hung)\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(super) fn hang_at_most(seconds: u32) {
    // SAFETY: takes a number; the signal's default action ends the process.
    unsafe { libc::alarm(seconds) };
}
