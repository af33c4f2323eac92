//! Requests that a backend got.

use crate::transport::mock_server::{Request, header};

/// A request over HTTP, as it was read.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use picojaeger_std::testing::MockBackend;
///
/// let backend = MockBackend::start()?;
/// let mut client = TcpStream::connect(backend.http_addr())?;
/// client.write_all(b"GET /sampling?service=shop HTTP/1.1\r\nhost: jaeger\r\n\r\n")?;
/// client.read_exact(&mut [0; 12])?;
/// let request = &backend.requests()[0];
/// assert_eq!((request.method(), request.target()), ("GET", "/sampling?service=shop"));
/// assert_eq!(request.header("Host"), Some("jaeger"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MockRequest(pub(super) Request);

impl MockRequest {
    /// Returns the method, as `POST`.
    pub fn method(&self) -> &str {
        self.word(0)
    }

    /// Returns the path and the query.
    pub fn target(&self) -> &str {
        self.word(1)
    }

    /// Returns the value of the first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.0.head, name)
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    fn word(&self, at: usize) -> &str {
        let line = self.0.head.lines().next().unwrap_or_default();
        line.split(' ').nth(at).unwrap_or_default()
    }
}
