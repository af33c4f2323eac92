//! Child processes: each measures one library alone, with memory of its own.

use std::env;
use std::fs;
use std::process::{self, Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

/// Runs this program again with `mark`, which says what child it is, and `args`; returns its output.
pub(crate) fn run(mark: &str, args: &[String]) -> Result<String, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .arg(mark)
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the child ended with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Ends this process after some time: no child outlives its purpose.
pub(crate) fn end_at_last(after: Duration) {
    thread::spawn(move || {
        thread::sleep(after);
        eprintln!("compare: a child took longer than {after:?}");
        process::exit(1);
    });
}

/// Parses a word that one process gave to another.
pub(crate) fn parse<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is no number or address of a child"))
}

/// The process's peak of resident memory so far, in bytes.
pub(crate) fn rss_peak() -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    high_water(&status).ok_or_else(|| "the system tells no peak of memory".into())
}

fn high_water(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_in_bytes() {
        assert_eq!(
            high_water("Name:\tx\nVmHWM:\t    1204 kB\n"),
            Some(1204 * 1024)
        );
        assert_eq!(high_water("Name:\tx\n"), None);
    }
}
