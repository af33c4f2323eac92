//! What the kernel tells about a process and its sockets.

use std::time::Duration;

use crate::Result;

#[path = "../../common/process.rs"]
mod common;
use common::{PEAK, memory, processor_time, read};

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
    Ok(Usage {
        processor: processor_time(process)?,
        resident: memory(process, "VmRSS:")?,
        peak: memory(process, PEAK)?,
    })
}

/// Returns the datagrams that were dropped before the socket of this port.
pub(crate) fn dropped(port: u16) -> Result<u64> {
    let table = read("/proc/net/udp")?;
    let found = drops(&table, port);
    found.ok_or_else(|| format!("/proc/net/udp has no socket of port {port}").into())
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
