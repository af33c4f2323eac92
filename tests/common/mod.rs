//! Helpers of several black-box tests.
#![allow(dead_code, reason = "each of them uses a part")]

pub mod draw;
pub mod encode;
pub mod relay;

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Command;

/// The quickstart example, to be run without any `JAEGER_…` or `OTEL_…` variable of this process.
///
/// Cargo puts it beside the tests: `target/PROFILE/examples/quickstart` and `target/PROFILE/deps/TEST`.
pub fn quickstart() -> Command {
    let binary = quickstart_binary();
    assert!(
        binary.exists(),
        "{} does not exist; build it with `cargo build --example quickstart`, in this test's profile",
        binary.display()
    );
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b"JAEGER_") || bytes.starts_with(b"OTEL_") {
            command.env_remove(name);
        }
    }
    command
}

/// A socket whose port on 127.0.0.1 refuses datagrams while the socket is open.
///
/// A connected socket accepts datagrams from its peer only, here from itself; and its port stays taken.
pub fn closed_port() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("some port is free");
    let address = socket.local_addr().expect("a bound socket has an address");
    socket
        .connect(address)
        .expect("a socket takes itself for a peer");
    (socket, address.port())
}

fn quickstart_binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test knows where it lies");
    path.pop();
    path.set_file_name("examples");
    path.push(format!("quickstart{}", std::env::consts::EXE_SUFFIX));
    path
}

/// Random numbers from a fixed seed, by the SplitMix64 generator.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
