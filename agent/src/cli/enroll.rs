//! The verb `enroll`.

use std::{path::PathBuf, process::ExitCode};

use super::complain;
use crate::{
    config::{DEFAULT_FILE, Hidden},
    enroll::{self, Offer},
    identity,
    trust::Fingerprint,
};

/// What was typed.
pub(super) struct Typed {
    pub(super) url: Option<String>,
    pub(super) code: Hidden,
    pub(super) ca_sha256: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) new_server: bool,
}

pub(super) async fn enroll(typed: Typed) -> ExitCode {
    let Some(url) = typed.url else {
        return complain(&"give the web address of the server with --url", 2);
    };
    let authority = match typed.ca_sha256.as_deref().map(Fingerprint::parse) {
        Some(None) => {
            return complain(
                &"--ca-sha256 takes the 64 hexadecimal digits of a fingerprint",
                2,
            );
        }
        given => given.flatten(),
    };
    let offer = Offer {
        url: url.trim_end_matches('/').to_owned(),
        code: typed.code.text().to_owned(),
        hostname: identity::hostname(),
        authority,
    };
    let enrolled = match enroll::enroll(&offer).await {
        Ok(enrolled) => enrolled,
        Err(error) => return complain(&error, 1),
    };
    let file = typed.file.unwrap_or_else(|| DEFAULT_FILE.into());
    let url = enroll::way(&enrolled, &offer.url).await;
    if let Err(error) = enroll::keep(&file, &enrolled, &url, typed.new_server) {
        return complain(&error, 1);
    }
    println!(
        "this host is the server {} now and sends to {url}; settings: {}; commands signed by: {}",
        enrolled.name,
        file.display(),
        enrolled.signing_key.id
    );
    ExitCode::SUCCESS
}
