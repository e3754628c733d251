//! A collector that requires TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::fixture::{SHORT_INTERVALS, telemetry_section};
use super::receiver::Receiver;
use crate::support::redis::TestCertificate;
use crate::support::{Replica, busy_world, config, simulator};

/// Terminates TLS in front of a collector; returns the address to connect to.
async fn tls_terminator(tls: &TestCertificate, protocol: &[u8], target: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(tls.cert.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(tls.key.as_bytes()).expect("a key");
    let mut server = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    server.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate disconnects.
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(target).await.expect("the collector");
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

async fn both_signals_arrive(receiver: Receiver, protocol: &str, alpn: &[u8]) {
    let (simulator, tls) = (simulator(busy_world("acme")), TestCertificate::new());
    let folder = TempDir::new().expect("a folder");
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, &tls.ca).expect("a file");
    let address = tls_terminator(&tls, alpn, receiver.address()).await;
    let text = config(&simulator, "acme") + &telemetry_section(&format!("https://{address}"), "sampled");
    let trusted = ("SSL_CERT_FILE", roots.to_str().expect("a path"));
    let variables = [&SHORT_INTERVALS[..], &[("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), trusted]].concat();
    let _replica = Replica::serve_as(folder.path(), &text, &variables).await;
    let both = |received: &super::receiver::Received| {
        (!received.spans.is_empty() && !received.metrics.is_empty()).then_some(())
    };
    receiver.wait_for("both signals arrive", both).await;
}

#[tokio::test]
async fn the_systems_certificates_are_trusted_over_grpc() {
    both_signals_arrive(Receiver::grpc().await, "grpc", b"h2").await;
}

#[tokio::test]
async fn the_systems_certificates_are_trusted_over_http() {
    both_signals_arrive(Receiver::http().await, "http/protobuf", b"http/1.1").await;
}
