//! The way down: bytes of a local TCP port to a device.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::relay::source::Uplink;
use crate::sys::threads;

/// Listens on a port of this machine, and passes what one client at a time sends to the device.
/// Bytes that come while the device is not connected are dropped. Returns the
/// address.
pub(super) fn listen(port: u16, to: Uplink) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| io::Error::new(error.kind(), format!("--downlink tcp:{port}: {error}")))?;
    let address = listener.local_addr()?;
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
    Ok(address)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A device that passes on what it gets.
    struct Device(Sender<u8>);

    impl Write for Device {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            bytes.iter().for_each(|byte| self.0.send(*byte).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn clients_write_to_the_device() {
        let (uplink, (to, device)) = (Uplink::default(), channel());
        uplink.connect(Device(to));
        let address = listen(0, uplink).unwrap();
        for text in ["one", "two"] {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(text.as_bytes()).unwrap();
            let got: Vec<u8> = device.iter().take(3).collect();
            assert_eq!(got, text.as_bytes());
        }
        let error = listen(address.port(), Uplink::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("--downlink tcp:{}: ", address.port())),
            "{error}"
        );
    }
}
