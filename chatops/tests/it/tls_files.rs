//! Certificates from files, of an authority that this installation does not own: over HTTPS and NATS both.

use std::{fs, path::Path, sync::Arc};

use chatops_testkit::{free_port, scratch_dir, until};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::StatusCode;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_rustls::TlsConnector;

use crate::{
    http::Client,
    installation::{Installation, PATIENCE},
};

/// An organisation's own authority.
struct Organisation {
    parameters: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Organisation {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            parameters,
            key,
            pem,
        }
    }

    /// Writes a certificate for the loopback address and its key; returns the certificate itself.
    fn certify(&self, folder: &Path) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let issuer = Issuer::new(self.parameters.clone(), &self.key);
        let leaf = parameters.signed_by(&key, &issuer).unwrap();
        fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        fs::write(folder.join("server.pem"), leaf.pem()).unwrap();
        leaf.der().to_vec()
    }
}

/// The certificate that is shown to a client that believes `authority`, or why it is not believed. NATS greets in clear
/// text before it speaks TLS.
async fn shown(address: &str, authority: &str, nats: bool) -> Result<Vec<u8>, String> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let mut stream = TcpStream::connect(address).await.unwrap();
    if nats {
        let mut greeting = vec![0; 4096];
        let length = stream.read(&mut greeting).await.unwrap();
        let greeting = String::from_utf8_lossy(&greeting[..length]).into_owned();
        assert!(greeting.contains(r#""tls_required":true"#), "{greeting}");
    }
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let mut stream = timeout(Duration::from_secs(10), shaken)
        .await
        .unwrap()
        .map_err(|error| error.to_string())?;
    let seen = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    // A goodbye is politeness; the other side may have gone first.
    let _ = stream.shutdown().await;
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_ones_own_serve_https_and_nats_and_are_read_again() {
    let scratch = scratch_dir().unwrap();
    let folder = scratch.join("");
    let organisation = Organisation::new("An organisation");
    let stranger = Organisation::new("Somebody else");
    let first = organisation.certify(&folder);
    let authority = folder.join("organisation.pem");
    fs::write(&authority, &organisation.pem).unwrap();
    let bus = format!("127.0.0.1:{}", free_port().unwrap());
    let installation = Installation::new()
        .with("tls.mode=files")
        .with(&format!(
            "tls.certificate={}",
            folder.join("server.pem").display()
        ))
        .with(&format!(
            "tls.private_key={}",
            folder.join("server.key").display()
        ))
        .with(&format!("nats.ca_file={}", authority.display()))
        .with(&format!("nats.listen={bus}"))
        .with(&format!("nats.public_url=tls://{bus}"));
    let mut supervisor = installation.start();
    supervisor.ready().await;

    let web = format!("127.0.0.1:{}", installation.port);
    for (address, nats) in [(&web, false), (&bus, true)] {
        assert_eq!(
            shown(address, &organisation.pem, nats).await.unwrap(),
            first
        );
        let refused = shown(address, &stranger.pem, nats).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
    }
    // Our own services and the local agent reach the bus through it.
    let mut client = Client::trusting(installation.port, organisation.pem.as_bytes());
    let token = supervisor.setup_token();
    assert_eq!(
        client.register("ada", token.as_deref()).await,
        StatusCode::CREATED
    );
    until("the local agent is online", PATIENCE, async || {
        let fleet = client.get("/api/v1/servers").await;
        (fleet["servers"][0]["status"] == "online").then_some(())
    })
    .await;

    // A renewed certificate is shown without a restart; one that cannot be used is not.
    fs::write(folder.join("server.pem"), "nonsense").unwrap();
    let renewed = organisation.certify(&folder);
    assert_ne!(renewed, first);
    for (address, nats) in [(&web, false), (&bus, true)] {
        until("the renewed certificate is shown", PATIENCE, async || {
            (shown(address, &organisation.pem, nats).await.unwrap() == renewed).then_some(())
        })
        .await;
    }
    let fleet = client.get("/api/v1/servers").await;
    assert_eq!(fleet["servers"][0]["status"], "online");
    supervisor.interrupt().await;
    installation.quiet().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_the_start_in_words() {
    let scratch = scratch_dir().unwrap();
    let folder = scratch.join("");
    Organisation::new("An organisation").certify(&folder);
    let other = scratch_dir().unwrap();
    Organisation::new("Another").certify(&other.join(""));
    let bus = "nats.public_url=tls://127.0.0.1:1";
    let certificate = format!("tls.certificate={}", folder.join("server.pem").display());
    let key = |folder: &Path| format!("tls.private_key={}", folder.join("server.key").display());
    for (settings, said) in [
        (
            vec![bus.to_owned()],
            "set tls.certificate and tls.private_key",
        ),
        (
            vec![certificate.clone(), key(&folder)],
            "set nats.public_url",
        ),
        (
            vec![
                bus.to_owned(),
                certificate.clone(),
                key(&folder.join("gone")),
            ],
            "make it readable",
        ),
        (
            vec![bus.to_owned(), certificate.clone(), key(&other.join(""))],
            "do not belong together",
        ),
    ] {
        let all = settings.iter().fold(
            Installation::new().with("tls.mode=files"),
            |installation, setting| installation.with(setting),
        );
        let (code, _, words) = all.output(&["up"]);
        assert_ne!(code, 0, "{words}");
        assert!(words.contains(said), "{said}: {words}");
        all.quiet().await;
    }
}
