//! The way down: bytes of a local TCP port to a device.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, TcpListener};

use crate::relay::source::Uplink;
use crate::sys::threads;

/// Listens on a port of this machine, and passes what one client at a time sends to the device.
/// What comes while the device is not connected is dropped.
pub(super) fn listen(port: u16, to: Uplink) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| io::Error::new(error.kind(), format!("--downlink tcp:{port}: {error}")))?;
    threads::spawn("picojaeger-downlink", move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else {
                continue;
            };
            let mut buffer = [0; 1_024];
            while let Ok(read @ 1..) = client.read(&mut buffer) {
                to.write(buffer.get(..read).unwrap_or_default());
            }
        }
    })?;
    Ok(())
}
