//! How a host becomes a server: it shows a one-time code over the web address and gets a key, the addresses to send to,
//! and whom to trust from now on. Called by [`cli`](crate::cli); what it learns goes into the settings file, which only its
//! owner can read.
//!
//! A code works once. If the answer is lost on its way the code is spent and nothing is written: make another. A host
//! that was enrolled keeps the signing key it was given; another one is refused unless the person says that it is meant.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    endpoint::{EndpointError, WebAddress},
    identity::VERSION,
    trust::{self, Fingerprint},
};

const WITHIN: Duration = Duration::from_secs(20);
/// How long a direct line to the bus may take to answer before the web address is used.
const BUS_WITHIN: Duration = Duration::from_secs(3);
/// No answer is longer.
const MOST_BYTES: usize = 64 * 1024;

/// What a person gave.
pub struct Offer {
    /// Web address of the server.
    pub url: String,
    /// The one-time code.
    pub code: String,
    /// This host's name.
    pub hostname: String,
    /// Fingerprint of the server's own authority.
    pub authority: Option<Fingerprint>,
}

/// What the server answered.
#[derive(Deserialize)]
pub struct Enrolled {
    /// The server this host has become.
    pub server_id: String,
    /// Its name.
    pub name: String,
    /// The key.
    pub key: String,
    /// Address of the bus.
    pub nats_url: String,
    /// Who signs what may be asked of this host.
    pub signing_key: SigningKey,
    /// Certificate of the server's own authority.
    pub ca_pem: Option<String>,
}

/// Public half of the server's signing key.
#[derive(Deserialize)]
pub struct SigningKey {
    /// Short name of it.
    pub id: String,
    /// The key.
    pub public_key: String,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
    code: String,
}

/// Why a host was not enrolled. Each says what to do; none holds the code or the key.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// Not an address.
    #[error(transparent)]
    Url(#[from] EndpointError),
    /// Nobody there, or nobody we believe.
    #[error("{0}: {1}")]
    Reach(String, String),
    /// It said no.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// Not what a ChatOps server says.
    #[error("the answer is not that of a ChatOps server: {0}; check the address")]
    Answer(String),
    /// The certificate in the answer is not the one that was vouched for.
    #[error(
        "the server names another certificate authority than the fingerprint that was given; fetch the command anew from the web application"
    )]
    Authority,
    /// The host belongs to somebody else already.
    #[error(
        "this host was enrolled with another server: the signing key it keeps in {0} differs; if this is meant, add --new-server"
    )]
    OtherServer(PathBuf),
    /// The settings file holds something else.
    #[error("cannot use the settings file {0}: it does not parse")]
    Settings(PathBuf),
    /// The settings could not be written.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
}

/// Shows the code.
pub async fn enroll(offer: &Offer) -> Result<Enrolled, EnrollError> {
    let web = WebAddress::parse(&offer.url)?;
    let body = serde_json::json!({ "code": offer.code, "hostname": offer.hostname });
    let unreachable = |reason: String| EnrollError::Reach(offer.url.clone(), reason);
    let (status, bytes) = timeout(WITHIN, exchange(&web, offer.authority, body.to_string()))
        .await
        .map_err(|_| unreachable("no answer".to_owned()))?
        .map_err(|error| unreachable(trust::explain(&error, offer.authority.is_some())))?;
    if status != 201 {
        let problem: Problem = serde_json::from_slice(&bytes)
            .map_err(|_| EnrollError::Answer(format!("status {status}")))?;
        let detail = problem.detail.map(|detail| format!(": {detail}"));
        return Err(EnrollError::Refused(format!(
            "{}{} ({})",
            problem.title,
            detail.unwrap_or_default(),
            problem.code
        )));
    }
    let enrolled: Enrolled = serde_json::from_slice(&bytes)
        .map_err(|error| EnrollError::Answer(format!("line {}", error.line())))?;
    let named = match &enrolled.ca_pem {
        Some(pem) => Some(
            Fingerprint::of_pem(pem.as_bytes())
                .ok_or_else(|| EnrollError::Answer("its certificate cannot be read".to_owned()))?,
        ),
        None => None,
    };
    match (offer.authority, named) {
        (Some(given), named) if Some(given) != named => Err(EnrollError::Authority),
        _ => Ok(enrolled),
    }
}

async fn exchange(
    web: &WebAddress,
    authority: Option<Fingerprint>,
    body: String,
) -> Result<(u16, Bytes), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect((web.host.as_str(), web.port))
        .await
        .map_err(|error| text(&error))?;
    if !web.tls {
        return post(web, stream, body).await;
    }
    let config: ClientConfig = match authority {
        Some(fingerprint) => trust::pinned(fingerprint),
        None => trust::public(),
    }
    .map_err(|error| text(&error))?;
    let name = ServerName::try_from(web.host.clone()).map_err(|error| text(&error))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| text(&error))?;
    post(web, stream, body).await
}

async fn post(
    web: &WebAddress,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    body: String,
) -> Result<(u16, Bytes), String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // Ends with this function.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let request = Request::post(format!("{}/api/v1/enroll", web.base))
        .header(header::HOST, &web.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, format!("chatops-agent/{VERSION}"))
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), MOST_BYTES)
        .collect()
        .await
        .map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes()))
}

/// The address to send to: the bus itself if it can be reached from here, else the web address that was used.
pub async fn way(enrolled: &Enrolled, web: &str) -> String {
    let reachable = enrolled
        .nats_url
        .split(',')
        .filter_map(|url| url.split_once("://"))
        .map(|(_, address)| address.to_owned());
    for address in reachable {
        if let Ok(Ok(_)) = timeout(BUS_WITHIN, TcpStream::connect(address)).await {
            return enrolled.nats_url.clone();
        }
    }
    web.to_owned()
}

/// Writes the settings: `path` for its owner alone, and the authority's certificate beside it. Other settings that are
/// there already stay.
pub fn keep(
    path: &Path,
    enrolled: &Enrolled,
    url: &str,
    new_server: bool,
) -> Result<(), EnrollError> {
    let failed = |error| EnrollError::Write(path.to_owned(), error);
    let mut settings: toml::Table = match fs::read_to_string(path) {
        Ok(text) => text
            .parse()
            .map_err(|_| EnrollError::Settings(path.to_owned()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => toml::Table::new(),
        Err(error) => return Err(failed(error)),
    };
    let known = settings.get("signing_key").and_then(toml::Value::as_str);
    if !new_server && known.is_some_and(|known| known != enrolled.signing_key.public_key) {
        return Err(EnrollError::OtherServer(path.to_owned()));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut set = |name: &str, value: &str| {
        settings.insert(name.to_owned(), value.into());
    };
    set("url", url);
    set("api_key", &enrolled.key);
    set("signing_key", &enrolled.signing_key.public_key);
    if let Some(pem) = &enrolled.ca_pem {
        let file = path.with_file_name("ca.pem");
        write(&file, pem.as_bytes(), 0o644)
            .map_err(|error| EnrollError::Write(file.clone(), error))?;
        let fingerprint = Fingerprint::of_pem(pem.as_bytes())
            .map(|fingerprint| fingerprint.to_string())
            .unwrap_or_default();
        set("ca_file", &file.to_string_lossy());
        set("ca_sha256", &fingerprint);
    } else {
        settings.remove("ca_file");
        settings.remove("ca_sha256");
    }
    // What is nearer wins; a key in a file of its own would be the old one.
    settings.remove("api_key_file");
    write(path, settings.to_string().as_bytes(), 0o600).map_err(failed)
}

/// Whole or not at all, with these permissions from the first moment.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolled(signing_key: &str) -> Enrolled {
        Enrolled {
            server_id: "s1".into(),
            name: "web-1".into(),
            key: "chatops_aaaaaaaaaaaaaaaa_secret".into(),
            nats_url: "nats://127.0.0.1:1".into(),
            signing_key: SigningKey {
                id: "x".into(),
                public_key: signing_key.into(),
            },
            ca_pem: None,
        }
    }

    #[test]
    fn the_settings_are_for_their_owner_alone_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etc/agent.toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "interval = 9\napi_key_file = \"/old\"\n").unwrap();
        keep(&path, &enrolled("a"), "https://ops", false).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let table: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        assert_eq!(table["interval"].as_integer(), Some(9));
        assert_eq!(table["url"].as_str(), Some("https://ops"));
        assert!(table.get("api_key_file").is_none());
    }

    #[test]
    fn a_host_does_not_change_hands_unless_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        keep(&path, &enrolled("a"), "https://ops", false).unwrap();
        keep(&path, &enrolled("a"), "https://ops", false).unwrap();
        let refused = keep(&path, &enrolled("b"), "https://evil", false).unwrap_err();
        assert!(matches!(refused, EnrollError::OtherServer(_)), "{refused}");
        assert!(fs::read_to_string(&path).unwrap().contains("https://ops"));
        keep(&path, &enrolled("b"), "https://new", true).unwrap();
    }

    #[tokio::test]
    async fn a_bus_out_of_reach_leaves_the_web_address() {
        let enrolled = enrolled("a");
        assert_eq!(way(&enrolled, "https://ops").await, "https://ops");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let near = Enrolled {
            nats_url: url.clone(),
            ..enrolled
        };
        assert_eq!(way(&near, "https://ops").await, url);
    }
}
