//! What this server proves itself with: certificates from files, or of an authority of its own that is made at the first
//! start and kept in the data directory. Used for HTTPS, for the bus that `up` runs, and by our own clients.
//!
//! The authority's key never leaves `tls/`, and only its certificate, by fingerprint, is what agents pin. Certificates that
//! it signs are made anew at every start and live in memory; nothing has to be renewed by hand.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use anyhow::Context as _;
use chatops_schemas::clock::{Clock as _, System};
use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::{
    config::{Config, TlsMode},
    trouble::{Code, Trouble},
    up::write_private,
};

/// How long the authority lasts.
const AUTHORITY_DAYS: i64 = 20 * 365;
/// How long what it signs lasts; clients refuse more.
const LEAF_DAYS: i64 = 825;
/// Clocks of hosts may be behind ours.
const BEFORE: Duration = Duration::days(1);

/// Certificates and their key, PEM.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: SecretString,
}

/// Our own authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    pub(crate) sha256: String,
    key: KeyPair,
}

/// Where the certificate of our own authority is kept.
pub(crate) fn authority_file(config: &Config) -> PathBuf {
    folder(config).join("ca.pem")
}

fn folder(config: &Config) -> PathBuf {
    config.data.join("tls")
}

/// Our own authority, made if there is none yet; `None` in the other modes.
pub(crate) fn authority(config: &Config) -> anyhow::Result<Option<Authority>> {
    if config.tls.mode != TlsMode::Private {
        return Ok(None);
    }
    let (certificate, key) = (authority_file(config), folder(config).join("ca.key"));
    if let Ok(text) = fs::read_to_string(&key) {
        let pem =
            fs::read_to_string(&certificate).map_err(|error| unreadable(&certificate, &error))?;
        let key = KeyPair::from_pem(&text).map_err(|error| unreadable(&key, &error))?;
        return Ok(Some(Authority {
            sha256: fingerprint(&pem)?,
            pem,
            key,
        }));
    }
    let made = KeyPair::generate().context("make a key")?;
    let pem = authority_parameters()
        .self_signed(&made)
        .context("make a certificate authority")?
        .pem();
    make_folder(&folder(config))?;
    // The key last: with it the authority exists.
    write_private(&certificate, &pem)?;
    write_private(&key, &made.serialize_pem())?;
    Ok(Some(Authority {
        sha256: fingerprint(&pem)?,
        pem,
        key: made,
    }))
}

fn make_folder(path: &Path) -> Result<(), Trouble> {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder
        .create(path)
        .map_err(|error| Trouble::writing(path, &error))
}

fn authority_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
        .distinguished_name
        .push(DnType::CommonName, "ChatOps certificate authority");
    last(&mut parameters, AUTHORITY_DAYS);
    parameters
}

fn last(parameters: &mut CertificateParams, days: i64) {
    let now = System
        .now()
        .to_datetime()
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    parameters.not_before = now - BEFORE;
    parameters.not_after = now + Duration::days(days);
}

/// What this server shows; `None` when TLS is off.
pub(crate) fn identity(config: &Config) -> anyhow::Result<Option<Identity>> {
    match config.tls.mode {
        TlsMode::Off => Ok(None),
        TlsMode::Files => {
            let (chain, key) = files(config)?;
            Ok(Some(Identity {
                chain: fs::read_to_string(&chain).map_err(|error| unreadable(&chain, &error))?,
                key: fs::read_to_string(&key)
                    .map_err(|error| unreadable(&key, &error))?
                    .into(),
            }))
        }
        TlsMode::Private => {
            let Some(authority) = authority(config)? else {
                return Ok(None);
            };
            authority.sign(names(config)).map(Some)
        }
    }
}

impl Authority {
    fn sign(&self, names: BTreeSet<String>) -> anyhow::Result<Identity> {
        let key = KeyPair::generate().context("make a key")?;
        let names: Vec<String> = names.into_iter().collect();
        let mut parameters = CertificateParams::new(names).context("name this server")?;
        parameters.use_authority_key_identifier_extension = true;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters
            .distinguished_name
            .push(DnType::CommonName, "ChatOps");
        last(&mut parameters, LEAF_DAYS);
        // Name and key are all that a signature takes from it.
        let issuer = Issuer::new(authority_parameters(), &self.key);
        let leaf = parameters
            .signed_by(&key, &issuer)
            .context("sign a certificate")?;
        Ok(Identity {
            // With the authority, so that an agent can recognise it by its fingerprint.
            chain: format!("{}{}", leaf.pem(), self.pem),
            key: key.serialize_pem().into(),
        })
    }
}

/// The two files of the settings.
pub(crate) fn files(config: &Config) -> Result<(PathBuf, PathBuf), Trouble> {
    match (&config.tls.certificate, &config.tls.private_key) {
        (Some(chain), Some(key)) => Ok((chain.into(), key.into())),
        _ => Err(Trouble::new(
            Code::Settings,
            "tls.mode is \"files\", but the files are not named",
            "set tls.certificate and tls.private_key, or tls.mode = \"private\" for certificates of our own",
        )),
    }
}

/// Looks at the files of the settings before anything is made that needs them.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    let Some(identity) = identity(config)? else {
        return Ok(());
    };
    identity.certified().map(drop).map_err(|error| {
        Trouble::new(
            Code::Settings,
            format!("tls.certificate and tls.private_key cannot be used: {error:#}"),
            "name a certificate with its chain and the key that belongs to it, both in PEM",
        )
        .into()
    })
}

/// When the two files were written last.
pub(crate) fn changed(files: &[PathBuf; 2]) -> [Option<SystemTime>; 2] {
    [&files[0], &files[1]].map(|file| file.metadata().and_then(|found| found.modified()).ok())
}

/// Every name and address under which this server may be reached.
fn names(config: &Config) -> BTreeSet<String> {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    names.insert(host);
    let listening = [
        config.listen,
        config.nats.listen,
        config.nats.websocket_listen,
    ];
    names.extend(
        listening
            .map(|listen: SocketAddr| listen.ip())
            .into_iter()
            .filter(|address: &IpAddr| !address.is_unspecified())
            .map(|address| address.to_string()),
    );
    let urls = [&config.public_url, &config.nats.public_url];
    names.extend(
        urls.into_iter()
            .flatten()
            .flat_map(|urls| urls.split(',').filter_map(host_of).collect::<Vec<_>>()),
    );
    let wished = config.tls.names.as_deref().unwrap_or_default();
    names.extend(wished.split(',').map(|name| name.trim().to_owned()));
    names.retain(|name| !name.is_empty() && name.is_ascii());
    names
}

/// Host of a URL, without port and brackets.
fn host_of(url: &str) -> Option<String> {
    let rest = url.trim().split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.split(':').next()?,
    };
    Some(host.to_owned()).filter(|host| !host.is_empty())
}

/// SHA-256 of the first certificate.
pub(crate) fn fingerprint(pem: &str) -> anyhow::Result<String> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| anyhow::anyhow!("read a certificate: {error}"))?;
    Ok(HEXLOWER.encode(&Sha256::digest(&certificate)))
}

impl Identity {
    /// For a listener.
    pub(crate) fn certified(&self) -> anyhow::Result<CertifiedKey> {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| anyhow::anyhow!("read the certificate: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret().as_bytes())
            .map_err(|_| anyhow::anyhow!("read the private key of the certificate"))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .context("the certificate and its private key do not belong together")
    }
}

/// TLS for a listener, with the certificate that `resolver` names.
pub(crate) fn server(
    resolver: Arc<dyn rustls::server::ResolvesServerCert>,
) -> anyhow::Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choose the versions of TLS")?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(
        Code::Settings,
        format!("cannot use {}: {error}", path.display()),
        "make it readable for the user that runs this, or restore it from a backup: agents trust what is in it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_out_of_addresses() {
        for (url, host) in [
            ("https://ops.example.org", Some("ops.example.org")),
            ("nats://192.0.2.1:4222", Some("192.0.2.1")),
            ("tls://[2001:db8::1]:4222/x", Some("2001:db8::1")),
            ("https://", None),
            ("ops", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
