//! Certificates and keys in files.

use std::fmt;
use std::fs;
use std::sync::Arc;

use crate::config::settings::setting::{Violation, require};

/// Content of a PEM file: certificates, or a private key. `Debug` shows only its path.
///
/// ```no_run
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true));
/// let config = config.collector("https://jaeger:14268").collector_certificate("/etc/jaeger/ca.pem");
/// let collector = config.resolve()?.collector.expect("it was set");
/// assert_eq!(collector.certificate.expect("it was read").path(), "/etc/jaeger/ca.pem");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    path: Arc<str>,
    bytes: Arc<[u8]>,
}

/// Largest file that is read, in bytes: 1 MiB.
const MOST: u64 = 1 << 20;

impl Pem {
    /// Reads a file; `None` if it cannot be read, or is too large.
    pub(super) fn read(path: &str) -> Option<Self> {
        let is_small = fs::metadata(path).ok()?.len() <= MOST;
        let bytes = fs::read(path).ok().filter(|_| is_small)?;
        Some(Pem {
            path: path.into(),
            bytes: bytes.into(),
        })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns its content.
    #[cfg(feature = "tls")]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn has_certificate(&self) -> bool {
        #[cfg(feature = "tls")]
        return ureq::tls::Certificate::from_pem(&self.bytes).is_ok();
        #[cfg(not(feature = "tls"))]
        false
    }

    fn has_key(&self) -> bool {
        #[cfg(feature = "tls")]
        return ureq::tls::PrivateKey::from_pem(&self.bytes).is_ok();
        #[cfg(not(feature = "tls"))]
        false
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pem").field(&self.path).finish()
    }
}

/// The path of a file with certificates.
pub(super) fn certificate(path: &str) -> Result<(), Violation> {
    readable(
        path,
        Pem::has_certificate,
        "no certificate can be read there",
    )
}

/// The path of a file with a private key.
pub(super) fn key(path: &str) -> Result<(), Violation> {
    readable(path, Pem::has_key, "no private key can be read there")
}

fn readable(path: &str, holds: fn(&Pem) -> bool, problem: &'static str) -> Result<(), Violation> {
    require(
        cfg!(feature = "tls"),
        "this build has no TLS",
        "the feature `tls` of picojaeger-std",
    )?;
    let good = Pem::read(path).is_some_and(|pem| holds(&pem));
    require(good, problem, "the path of a PEM file")
}
