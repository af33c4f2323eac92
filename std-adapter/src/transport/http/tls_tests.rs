//! Requests over TLS, to a server with certificates made for these tests.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::mock_server::{answer, read_request};
use crate::Tracer;
use crate::config::{Config, Sampler};
use crate::sys::sync::lock;

const SOON: Duration = Duration::from_secs(20);

/// A server that delivers each batch; the first may have to wait.
pub(crate) struct TlsServer {
    port: u16,
    shared: Arc<Shared>,
    arrivals: Receiver<()>,
    go_on: Sender<()>,
}

struct Shared {
    bodies: Mutex<Vec<Vec<u8>>>,
    connections: AtomicUsize,
    arrived: Mutex<Sender<()>>,
    /// What the first request waits for.
    wait: Mutex<Option<Receiver<()>>>,
}

/// Returns the path of a certificate or key.
fn path(name: &str) -> String {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/transport/http/test_certificates"
    );
    format!("{folder}/{name}")
}

fn server_config(wants_client: bool) -> Arc<ServerConfig> {
    let certificate = |name: &str| CertificateDer::from_pem_file(path(name)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("root.pem")).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(path("server.key")).unwrap();
    let config = builder.with_single_cert(vec![certificate("server.pem")], key);
    Arc::new(config.unwrap())
}

impl TlsServer {
    /// Starts a server, whose first request waits for [`TlsServer::go_on`] if it is to.
    pub(crate) fn new(wants_client: bool, waits: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ((arrived, arrivals), (go_on, wait)) = (channel(), channel());
        let shared = Arc::new(Shared {
            bodies: Mutex::default(),
            connections: AtomicUsize::new(0),
            arrived: Mutex::new(arrived),
            wait: Mutex::new(waits.then_some(wait)),
        });
        let server = TlsServer {
            port: listener.local_addr().unwrap().port(),
            shared: shared.clone(),
            arrivals,
            go_on,
        };
        let config = server_config(wants_client);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, config) = (shared.clone(), config.clone());
                shared.connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || serve(&shared, config, stream.unwrap()));
            }
        });
        server
    }

    /// Returns a configuration of tracers that trust and reach this server.
    pub(crate) fn config(&self) -> Config {
        self.config_of_system()
            .collector_certificate(path("root.pem"))
    }

    /// Returns a configuration of tracers that reach this server, with the roots of the feature.
    fn config_of_system(&self) -> Config {
        Config::new("tls")
            .sampler(Sampler::Const(true))
            .flush_interval(Duration::from_secs(3_600))
            .flush_at_exit(false)
            .collector(format!("https://localhost:{}", self.port))
    }

    /// Waits for the whole of a request.
    pub(crate) fn wait(&self) {
        self.arrivals.recv_timeout(SOON).unwrap();
    }

    /// Lets the first request be answered.
    pub(crate) fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Counts the spans of this operation in each request.
    pub(crate) fn spans(&self, operation: &str) -> Vec<usize> {
        let count = |body: &Vec<u8>| {
            let windows = body.windows(operation.len());
            windows
                .filter(|bytes| *bytes == operation.as_bytes())
                .count()
        };
        lock(&self.shared.bodies).iter().map(count).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

/// Serves requests until the connection ends; a handshake that fails ends it, too.
fn serve(shared: &Shared, config: Arc<ServerConfig>, stream: TcpStream) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    while let Some(request) = read_request(&mut stream, b"") {
        lock(&shared.bodies).push(request.body);
        let _gone = lock(&shared.arrived).send(());
        let wait = lock(&shared.wait).take();
        if let Some(wait) = wait {
            let _gone = wait.recv();
        }
        if stream.write_all(&answer("200 OK", "", b"")).is_err() {
            return;
        }
    }
}

fn send(config: Config) -> (Tracer, Result<(), String>) {
    let tracer = config.retry_time(Duration::ZERO).new_tracer().unwrap();
    tracer.start("encrypted").finish();
    let sent = tracer.flush(SOON).map_err(|error| error.to_string());
    assert!(tracer.stats().adds_up() && tracer.stats().queued == 0);
    (tracer, sent)
}

#[test]
fn spans_are_delivered_without_the_provider_of_the_process() {
    let server = TlsServer::new(false, false);
    let (tracer, sent) = send(server.config());
    assert_eq!((sent, tracer.stats().delivered), (Ok(()), 1));
    assert_eq!(server.spans("encrypted"), [1]);
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[test]
fn a_certificate_of_another_root_is_refused_and_named() {
    let server = TlsServer::new(false, false);
    let (tracer, sent) = send(
        server
            .config()
            .collector_certificate(path("other_root.pem")),
    );
    let error = sent.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(tracer.stats().lost.unreachable, 1);
    assert!(server.spans("encrypted").is_empty());
}

#[test]
fn a_server_that_wants_a_certificate_gets_it() {
    let server = TlsServer::new(true, false);
    let (tracer, sent) = send(server.config());
    assert!(sent.is_err());
    assert_eq!(tracer.stats().lost.unreachable, 1);
    let (pem, key) = (path("client.pem"), path("client.key"));
    let (_, sent) = send(server.config().collector_client_certificate(pem, key));
    assert_eq!(sent, Ok(()));
    assert_eq!(server.spans("encrypted"), [1]);
}

#[test]
fn files_that_cannot_be_read_are_configuration_errors() {
    let server = TlsServer::new(false, false);
    let error = |config: Config| config.resolve().unwrap_err().to_string();
    let text = error(server.config().collector_certificate("none.pem"));
    let expected = "Config::collector_certificate(\"none.pem\"): no certificate can be read there; use the path of a PEM file";
    assert_eq!(text, expected);
    let (pem, key) = (path("client.pem"), path("client.pem"));
    let text = error(server.config().collector_client_certificate(pem, key));
    assert!(text.contains("no private key can be read there"), "{text}");
}

/// In a process of its own, whose variable names the roots of the system.
#[cfg(all(feature = "tls-native-roots", target_os = "linux"))]
#[test]
fn native_roots_are_those_of_the_system() {
    const VARIABLE: &str = "SSL_CERT_FILE";
    const EXPECTED: &str = "PICOJAEGER_TEST_DELIVERED";
    if let Ok(delivered) = std::env::var(EXPECTED) {
        let server = TlsServer::new(false, false);
        let (tracer, sent) = send(server.config_of_system());
        let stats = tracer.stats();
        assert_eq!(stats.delivered.to_string(), delivered, "{stats}: {sent:?}");
        assert_eq!(stats.delivered + stats.lost.unreachable, 1, "{stats}");
        return;
    }
    let name = "transport::http::tls_tests::native_roots_are_those_of_the_system";
    for (roots, delivered) in [("root.pem", "1"), ("other_root.pem", "0")] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args([name, "--exact", "--nocapture"]);
        child.env(VARIABLE, path(roots)).env_remove("SSL_CERT_DIR");
        let output = child.env(EXPECTED, delivered).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let passed = output.status.success() && text.contains("1 passed");
        assert!(passed, "{roots}: {output:?}");
    }
}
