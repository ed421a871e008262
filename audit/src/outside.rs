//! Heads leave this system. Without a copy that whoever rules the streams cannot reach, a chain proves nothing: it could
//! be cut or rewritten and signed again.
//!
//! The file is only ever appended to, one head per line, and synced before it counts as written; put it on another mount,
//! best one that this machine can append to but not rewrite. The webhook gets the newest head by POST. Both get every head
//! or a later one, which covers the earlier; what cannot be delivered is tried again with the next look.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use chatops_schemas::audit::Head;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::state::Teller;

/// Pause before a place that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a head is not outside.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The file.
    #[error("write heads to {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// The webhook could not be reached. Its address may hold a secret and is not told.
    #[error("the webhook for heads cannot be reached")]
    Webhook(#[source] reqwest::Error),
    /// The webhook said no.
    #[error("the webhook for heads answered {0}")]
    Refused(u16),
}

/// Where heads go.
#[derive(Debug, Default)]
pub struct Outside {
    file: Option<PathBuf>,
    webhook: Option<(reqwest::Client, reqwest::Url)>,
}

/// The newest head in each place. Not its size: after a restore a newer head may cover fewer entries.
#[derive(Debug, Default)]
struct Delivered {
    in_file: Option<Head>,
    at_webhook: Option<Head>,
}

impl Outside {
    /// To these places, if any. An address that is none is a mistake of whoever wrote the settings.
    pub fn new(file: Option<PathBuf>, webhook: Option<&str>) -> Result<Self, String> {
        let webhook = match webhook {
            None => None,
            Some(address) => {
                // Fails when another part has chosen already, and they choose the same.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let url = reqwest::Url::parse(address).map_err(|error| error.to_string())?;
                let client = reqwest::Client::builder()
                    .timeout(PATIENCE)
                    .redirect(reqwest::redirect::Policy::none())
                    .build()
                    .map_err(|error| error.to_string())?;
                Some((client, url))
            }
        };
        Ok(Self { file, webhook })
    }

    /// The heads in the file.
    pub async fn heads(&self) -> Result<Vec<(String, Head)>, OutsideError> {
        match &self.file {
            Some(path) if path.exists() => {
                let text =
                    tokio::fs::read_to_string(path)
                        .await
                        .map_err(|error| OutsideError::File {
                            path: path.clone(),
                            error,
                        })?;
                Ok(parse(path, &text).0)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Carries every newest head out until `done`, then tries once more.
    pub(crate) async fn carry(
        &self,
        mut newest: watch::Receiver<Option<Head>>,
        teller: &Teller,
        done: CancellationToken,
    ) {
        let mut delivered = Delivered::default();
        loop {
            let last = done.is_cancelled();
            let head = newest.borrow_and_update().clone();
            let mut failed = None;
            if let Some(head) = head {
                failed = self.deliver(&head, &mut delivered).await.err();
            }
            if let Some(error) = &failed {
                metrics::counter!("chatops_audit_outside_failures_total").increment(1);
                tracing::warn!(%error, "a signed head is not outside yet");
            }
            let retry = failed.is_some();
            let told = failed.map(|error| error.to_string());
            teller.update(|state| state.outside = told);
            if last {
                return;
            }
            tokio::select! {
                () = done.cancelled() => {}
                changed = newest.changed() => if changed.is_err() { done.cancelled().await },
                () = tokio::time::sleep(RETRY), if retry => {}
            }
        }
    }

    /// Brings a head to every place that does not have it. Every place is tried; the first failure is told.
    async fn deliver(&self, head: &Head, delivered: &mut Delivered) -> Result<(), OutsideError> {
        let filed = match &self.file {
            Some(path) if delivered.in_file.as_ref() != Some(head) => to_file(path, head).await,
            _ => Ok(()),
        };
        if filed.is_ok() {
            delivered.in_file = Some(head.clone());
        }
        let posted = match &self.webhook {
            Some((client, url)) if delivered.at_webhook.as_ref() != Some(head) => {
                to_webhook(client, url, head).await
            }
            _ => Ok(()),
        };
        if posted.is_ok() {
            delivered.at_webhook = Some(head.clone());
        }
        filed.and(posted)
    }
}

async fn to_file(path: &Path, head: &Head) -> Result<(), OutsideError> {
    let line = serde_json::to_string(head).unwrap_or_default();
    let to = path.to_owned();
    let written = tokio::task::spawn_blocking(move || append(&to, &line)).await;
    written
        .unwrap_or_else(|_| Err(std::io::Error::other("the writer died")))
        .map_err(|error| OutsideError::File {
            path: path.to_owned(),
            error,
        })
}

async fn to_webhook(
    client: &reqwest::Client,
    url: &reqwest::Url,
    head: &Head,
) -> Result<(), OutsideError> {
    let answer = client.post(url.clone()).json(head).send().await;
    let status = answer
        .map_err(|error| OutsideError::Webhook(error.without_url()))?
        .status();
    if status.is_success() {
        Ok(())
    } else {
        Err(OutsideError::Refused(status.as_u16()))
    }
}

/// Appends a line and waits until it is on the disk. A line that a crash cut short is ended first; one that is the last
/// already is not repeated.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)?;
    let length = file.metadata()?.len();
    let tail = i64::try_from(line.len() + 1).unwrap_or(i64::MAX);
    file.seek(SeekFrom::Start(length.saturating_add_signed(-tail)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    if end.strip_suffix(b"\n") == Some(line.as_bytes()) {
        return Ok(());
    }
    let cut = if end.is_empty() || end.ends_with(b"\n") {
        ""
    } else {
        "\n"
    };
    file.write_all(format!("{cut}{line}\n").as_bytes())?;
    file.sync_all()
}

/// The heads of a file, and the numbers of lines that are none (a crash can cut one short).
pub fn parse(path: &Path, text: &str) -> (Vec<(String, Head)>, Vec<usize>) {
    let (mut heads, mut others) = (Vec::new(), Vec::new());
    for (line, number) in text.lines().zip(1..) {
        match serde_json::from_str::<Head>(line) {
            Ok(head) => heads.push((format!("in {} line {number}", path.display()), head)),
            Err(_) if line.trim().is_empty() => {}
            Err(_) => others.push(number),
        }
    }
    (heads, others)
}
