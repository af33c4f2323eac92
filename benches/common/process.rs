//! What the kernel tells about a process: for programs of both workspaces of benches.

use std::fs;
use std::time::Duration;

use crate::Result;

/// Resident memory at most so far, in the status of a process.
pub(crate) const PEAK: &str = "VmHWM:";

/// Returns the processor time of all threads of a process so far, in the program and in the kernel.
pub(crate) fn processor_time(process: u32) -> Result<Duration> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    let ticks = ticks(&stat).ok_or("the kernel tells no processor time")?;
    let millis = ticks * 1_000 / rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(millis))
}

/// Returns a size in the status of a process, in KiB.
pub(crate) fn memory(process: u32, key: &str) -> Result<u64> {
    let status = read(&format!("/proc/{process}/status"))?;
    size(&status, key).ok_or_else(|| format!("the kernel tells no {key}").into())
}

pub(crate) fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

/// Reads `utime` and `stime`; the name before them is in parentheses, and may have spaces.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn size(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 90 0 0 0 30 12 0 0 20 0 3 0 100";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7"), None);
    }

    #[test]
    fn sizes_are_in_kibibytes() {
        assert_eq!(size("Name:\tx\nVmHWM:\t    1204 kB\n", PEAK), Some(1_204));
        assert_eq!(size("Name:\tx\n", PEAK), None);
    }

    #[test]
    fn this_process_has_used_memory() {
        let process = std::process::id();
        let peak = memory(process, PEAK).expect("the kernel tells it");
        assert!(peak > 0);
        assert!(processor_time(process).is_ok());
        assert!(memory(process, "None:").is_err());
    }
}
