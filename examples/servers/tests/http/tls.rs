//! Requests over TLS, whose version of HTTP is agreed on by ALPN.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get as on_get;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use picojaeger_std::tower;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::harness::*;

const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Returns the path of a certificate or key that was made for tests.
fn path(name: &str) -> String {
    let folder = "../../std-adapter/src/transport/http/test_certificates";
    format!("{}/{folder}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path(name)).unwrap()
}

fn server_config() -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(default_provider().into());
    let builder = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let key = PrivateKeyDer::from_pem_file(path("server.key")).unwrap();
    let mut config = builder
        .with_single_cert(vec![certificate("server.pem")], key)
        .unwrap();
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    config.into()
}

fn client_config(version: Http) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("root.pem")).unwrap();
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    let protocol = match version {
        Http::Two => PROTOCOLS[0],
        Http::One => PROTOCOLS[1],
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    config.into()
}

/// Serves one connection.
async fn serve_tls(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(server_config())
            .accept(socket)
            .await
            .unwrap();
        let service = TowerToHyperService::new(app);
        let server = auto::Builder::new(TokioExecutor::new());
        // Its end is the client's.
        let _ended = server.serve_connection(TokioIo::new(stream), service).await;
    });
    address
}

#[test]
fn requests_over_tls() {
    run(async {
        for version in VERSIONS {
            let traced = Traced::new("shop");
            let layer = tower::server()
                .tracer(traced.tracer.clone())
                .scheme("https");
            let app = Router::new().route("/text", on_get(|| async { "text" }));
            let address = serve_tls(app.layer(layer)).await;
            let socket = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let stream = TlsConnector::from(client_config(version)).connect(name, socket);
            let mut connection = Connection::over(version, stream.await.unwrap()).await;
            let mut request = request(version, address, "GET", "/text");
            if version == Http::Two {
                *request.uri_mut() = format!("https://localhost:{}/text", address.port())
                    .parse()
                    .unwrap();
            }
            let response = connection.send(request).await.unwrap();
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                "text"
            );
            let span = traced.only().await;
            assert_eq!(span.operation_name, "GET /text");
            assert_eq!(text(&span, "url.scheme"), Some("https"));
            assert!(!is(&span, "cancelled") && !is(&span, "error"));
        }
    });
}
