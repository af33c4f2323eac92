//! What the kernel tells about a process and its sockets.

use std::fs;
use std::time::Duration;

use crate::Result;

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Of all threads, in the program and in the kernel.
    pub(crate) processor: Duration,
    /// Resident memory now and at most, in KiB.
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

pub(crate) fn usage(process: u32) -> Result<Usage> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    let status = read(&format!("/proc/{process}/status"))?;
    let ticks = ticks(&stat).ok_or("the kernel tells no processor time")?;
    let memory = |key| memory(&status, key).ok_or("the kernel tells no memory");
    let millis = ticks * 1_000 / rustix::param::clock_ticks_per_second();
    Ok(Usage {
        processor: Duration::from_millis(millis),
        resident: memory("VmRSS:")?,
        peak: memory("VmHWM:")?,
    })
}

/// Returns the datagrams that were dropped before the socket of this port.
pub(crate) fn dropped(port: u16) -> Result<u64> {
    let table = read("/proc/net/udp")?;
    let found = drops(&table, port);
    found.ok_or_else(|| format!("/proc/net/udp has no socket of port {port}").into())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

/// Reads `utime` and `stime`; the name before them is in parentheses, and may have spaces.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn memory(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Reads the last column of a socket's row; the second one is its address and port in hexadecimal.
fn drops(table: &str, port: u16) -> Option<u64> {
    let ending = format!(":{port:04X}");
    let row = table.lines().find(|line| {
        let local = line.split_whitespace().nth(1);
        local.is_some_and(|local| local.ends_with(&ending))
    })?;
    row.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn times_stand_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 90 0 0 0 30 12 0 0 20 0 3 0 100";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7"), None);
    }

    #[test]
    fn memory_is_in_kibibytes() {
        assert_eq!(
            memory("Name:\tx\nVmHWM:\t    1204 kB\n", "VmHWM:"),
            Some(1_204)
        );
        assert_eq!(memory("Name:\tx\n", "VmHWM:"), None);
    }

    #[test]
    fn this_process_has_used_memory() {
        let usage = usage(std::process::id()).expect("the kernel tells it");
        assert!(usage.resident > 0 && usage.peak >= usage.resident);
    }

    #[test]
    fn drops_are_those_of_the_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1: 0100007F:1AAF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 17\n\
            2: 0100007F:1AB0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0\n";
        assert_eq!(drops(table, 6_831), Some(17));
        assert_eq!(drops(table, 6_832), Some(0));
        assert_eq!(drops(table, 1), None);
    }

    #[test]
    fn a_socket_that_nobody_reads_drops_what_has_no_room() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it is bound");
        assert_eq!(dropped(address.port()).ok(), Some(0));
        for _ in 0..2_000 {
            socket
                .send_to(&[0; 60_000], address)
                .expect("loopback takes it");
        }
        assert!(dropped(address.port()).is_ok_and(|drops| drops > 0));
    }
}
