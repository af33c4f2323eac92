//! Machine and date of the figures, without which they mean nothing.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The lock file that this program was built with.
const LOCK: &str = include_str!("../Cargo.lock");

/// One line with the processor, the date and the compiler.
pub(crate) fn describe() -> String {
    format!("{}, {}, {}", processor(), today(), env!("COMPILER"))
}

/// The locked version of `package`.
pub(crate) fn version(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// Restricts this thread, and those that it starts, to the first `count` of its processors.
pub(crate) fn keep_processors(count: usize) -> Result<(), String> {
    let allowed = sched_getaffinity(None).map_err(|error| error.to_string())?;
    let mut kept = CpuSet::new();
    let processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    processors
        .take(count)
        .for_each(|processor| kept.set(processor));
    if (kept.count() as usize) < count {
        return Err(format!("there are no {count} processors"));
    }
    sched_setaffinity(None, &kept).map_err(|error| error.to_string())
}

fn processor() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    format!("{threads} × {model}")
}

/// Today in UTC, as year, month and day.
fn today() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut day = since_epoch.map_or(0, |time| time.as_secs() / 86_400);
    let mut year = 1970;
    while day >= days_of_year(year) {
        day -= days_of_year(year);
        year += 1;
    }
    let february = days_of_year(year) - 337;
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, day + 1)
}

fn days_of_year(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_keeps_some_of_its_processors() {
        let kept = thread::spawn(|| {
            keep_processors(1)?;
            assert!(keep_processors(2).is_err());
            let kept = sched_getaffinity(None).map_err(|error| error.to_string())?;
            Ok::<_, String>(kept.count())
        });
        assert_eq!(kept.join().expect("it does not panic"), Ok(1));
    }
}
