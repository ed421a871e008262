//! A renewed certificate of mode `files` reaches the nats-server that `up` runs without a restart: its copy is written
//! again and the server told to read it. Connections that are open stay as they are. What cannot be used is told, and the
//! former certificate stays; so it does when this task dies, until the next start.

use std::{path::PathBuf, time::Duration};

use rustix::process::{Signal, kill_process};
use secrecy::ExposeSecret as _;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::super::{
    identity::{Identity, give},
    place::Place,
    process::{self, Kind},
};
use crate::{
    config::{Config, TlsMode},
    output::Output,
    tls,
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Follows the files until it is dropped; nothing to follow in the other modes.
pub(in crate::up) fn follow(
    config: &Config,
    place: &Place,
    identity: Option<Identity>,
    output: &Output,
) -> Option<AbortOnDropHandle<()>> {
    if config.tls.mode != TlsMode::Files {
        return None;
    }
    let (certificate, key) = tls::files(config).ok()?;
    let files = [certificate, key];
    let (config, place, output) = (config.clone(), place.clone(), output.clone());
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        let mut seen = tls::changed(&files);
        loop {
            sleep(LOOK_EVERY).await;
            let now = tls::changed(&files);
            if now == seen {
                continue;
            }
            seen = now;
            match renew(&config, &place, identity) {
                Ok(()) => output.note("nats-server was given the renewed certificate"),
                Err(error) => output.warn(format_args!(
                    "the new certificate cannot be used by nats-server, which keeps the former: {error:#}"
                )),
            }
        }
    })))
}

fn renew(config: &Config, place: &Place, identity: Option<Identity>) -> anyhow::Result<()> {
    let Some(shown) = tls::identity(config)? else {
        return Ok(());
    };
    // Half of a renewal is no pair: the server would not start with it.
    shown.certified()?;
    let directory: PathBuf = super::directory(place);
    give(
        &directory.join("server.key"),
        shown.key.expose_secret(),
        identity,
    )?;
    give(&directory.join("server.pem"), &shown.chain, identity)?;
    for pid in process::ours(place, Kind::Nats) {
        kill_process(pid, Signal::HUP)?;
    }
    Ok(())
}
