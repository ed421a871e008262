//! HTTPS: whom we talk to, and whom we do not.

use std::sync::Arc;

use chatops_alerting::notify::{message::Kind, outcome::Retry, sender::Options};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    process::Command,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{message, sender, webhook};

/// A server that answers 202 to one request. Ends with whether there was one.
async fn serve(name: &str) -> (u16, String, JoinHandle<bool>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (line, _) = listener.accept().await.unwrap();
        let accepted = TlsAcceptor::from(Arc::new(config)).accept(line).await;
        let Ok(mut line) = accepted.map(BufReader::new) else {
            return false;
        };
        let mut first = String::new();
        if line.read_line(&mut first).await.is_err() || first.is_empty() {
            return false;
        }
        assert_eq!(first, "POST /hook HTTP/1.1\r\n");
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        line.write_all(answer).await.unwrap();
        line.flush().await.unwrap();
        true
    });
    (port, certificate, served)
}

fn options(roots: Vec<String>) -> Options {
    Options {
        internal: true,
        roots,
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_trusted_gets_the_message() {
    let (port, certificate, served) = serve("localhost").await;
    let answer = sender(&options(vec![certificate]))
        .send(
            &webhook(format!("https://localhost:{port}/hook")),
            None,
            &message(Kind::Raised),
        )
        .await
        .unwrap();
    assert_eq!(answer.status, 202);
    assert!(served.await.unwrap());
}

#[tokio::test]
async fn nobody_else_gets_a_byte_of_it() {
    // Unknown, and known under another name.
    let (port, _, served) = serve("localhost").await;
    let (elsewhere, certificate, served_elsewhere) = serve("hooks.example.org").await;
    for (port, roots) in [(port, Vec::new()), (elsewhere, vec![certificate])] {
        let error = sender(&options(roots))
            .send(
                &webhook(format!("https://localhost:{port}/hook")),
                None,
                &message(Kind::Raised),
            )
            .await
            .unwrap_err();
        assert_eq!((error.status, error.retry), (None, Retry::Later));
        assert!(error.text.starts_with("no connection"), "{error}");
        assert!(error.text.contains("certificate"), "{error}");
    }
    assert!(!served.await.unwrap());
    assert!(!served_elsewhere.await.unwrap());
}

#[tokio::test]
async fn a_machine_without_certificates_can_send_and_trusts_nobody_new() {
    // The machine's certificates are found by the environment, which only a process of its own can change.
    let tests = [
        "notify::encrypted::nobody_else_gets_a_byte_of_it",
        "notify::encrypted::a_server_whose_certificate_is_trusted_gets_the_message",
        "notify::webhook::without_a_key_nothing_is_signed_and_the_id_stays_the_same",
    ];
    let run = Command::new(std::env::current_exe().unwrap())
        .arg("--exact")
        .args(tests)
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("3 passed"), "{said}");
}
