//! TLS: roots, and the certificate that we show.

use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::config::{CollectorSettings, Pem};

/// Returns the TLS of these settings, with a provider of its own: the one of the process is for the
/// program to choose.
pub(super) fn config(settings: &CollectorSettings) -> TlsConfig {
    let roots = match &settings.certificate {
        Some(pem) => RootCerts::from(certificates(pem)),
        None if cfg!(feature = "tls-native-roots") => RootCerts::PlatformVerifier,
        None => RootCerts::WebPki,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder()
        .root_certs(roots)
        .client_cert(settings.client.as_ref().and_then(client))
        .unversioned_rustls_crypto_provider(provider)
        .build()
}

/// Returns the certificates of a file, which the configuration has read before.
fn certificates(pem: &Pem) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem.bytes()).filter_map(Result::ok);
    let certificates = items.filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    certificates.collect()
}

fn client((chain, key): &(Pem, Pem)) -> Option<ClientCert> {
    let key = PrivateKey::from_pem(key.bytes()).ok()?;
    Some(ClientCert::new_with_certs(&certificates(chain), key))
}
