//! Which certificates this agent believes: those of public authorities, or those of the one authority that it was given
//! when it was enrolled. Used by [`transport`](crate::transport) and [`enroll`](crate::enroll).
//!
//! A pinned authority is the only one believed: whoever has a certificate of the same name from any other one is refused.

use std::{io, path::Path, sync::Arc};

use data_encoding::HEXLOWER;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};

/// SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// 64 hexadecimal digits; colons and blanks between them are forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let bytes = HEXLOWER.decode(digits.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Of the first certificate in PEM text.
    pub fn of_pem(pem: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        Some(Self::of(&certificate))
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// Believes the public authorities.
pub fn public() -> Result<ClientConfig, Error> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(builder()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Believes the authorities in this file and no others.
pub fn only(path: &Path) -> io::Result<ClientConfig> {
    let invalid = |error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, error.to_string())
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| invalid(&error))? {
        roots
            .add(certificate.map_err(|error| invalid(&error))?)
            .map_err(|error| invalid(&error))?;
    }
    if roots.is_empty() {
        return Err(invalid(&"it holds no certificate"));
    }
    Ok(builder()
        .map_err(|error| invalid(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Believes the authority with this fingerprint, which the server has to show, and no other.
pub fn pinned(fingerprint: Fingerprint) -> Result<ClientConfig, Error> {
    let verifier = Pinned {
        fingerprint,
        provider: Arc::new(ring::default_provider()),
    };
    Ok(builder()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// What a failure to believe a certificate means, in a sentence; other failures as they are.
pub fn explain(error: &str, pinned: bool) -> String {
    if !error.contains("invalid peer certificate") {
        return error.to_owned();
    }
    if pinned {
        return format!(
            "the server's certificate is not from the authority this host was enrolled with ({error}): somebody may stand in between; if the server got a new authority, enrol this host again"
        );
    }
    format!(
        "the server's certificate is not from a public authority ({error}): if the server has one of its own, give its fingerprint with --ca-sha256, or its certificate with --ca-file"
    )
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
}

/// Checks as usual, with the pinned certificate out of the server's own chain as the only root.
#[derive(Debug)]
struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let authority = others
            .iter()
            .find(|certificate| Fingerprint::of(certificate) == self.fingerprint)
            .ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(leaf, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_people_write_them() {
        let print = Fingerprint::of(b"certificate");
        let text = print.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(Fingerprint::parse(&text), Some(print));
        let pairs: Vec<_> = text.as_bytes().chunks(2).collect();
        let colons = pairs
            .iter()
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect::<Vec<_>>()
            .join(":");
        assert_eq!(Fingerprint::parse(&colons), Some(print));
        for wrong in [
            "",
            "00",
            &text[1..],
            &format!("{text}0"),
            &text.replace('a', "g"),
        ] {
            if wrong != text {
                assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_refused_certificate_is_explained() {
        let refused = "invalid peer certificate: UnknownIssuer";
        assert!(explain(refused, true).contains("enrolled with"));
        assert!(explain(refused, false).contains("--ca-sha256"));
        assert_eq!(explain("connection refused", true), "connection refused");
    }
}
