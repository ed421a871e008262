//! What happens when the supervisor is killed outright: a second, tiny process of ours sees its standard input close
//! and stops the children, so that none outlives the supervisor and the next start finds a tidy place.
//!
//! It does nothing when a new supervisor holds the lock already: that one looks for leftovers itself. The supervisor
//! needs no help from it to be correct; a guard that is killed too only means that the next start does the work.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::Context;

use super::{
    lock::Watched,
    place::Place,
    process::{self, Kind},
};

/// Name of the hidden subcommand.
pub(crate) const VERB: &str = "guard";

/// Starts the guard; it ends when this process does.
pub(crate) fn start(place: &Place) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("find our own program")?;
    let mut command = Command::new(program);
    command
        .arg(VERB)
        .arg(place.root())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Not in the terminal's group: the Ctrl-C that stops the supervisor must not stop its guard.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().context("start the guard")
}

/// The guard's own life.
pub(crate) async fn run(data: &Path) -> anyhow::Result<()> {
    let Some(place) = Place::existing(data) else {
        return Ok(());
    };
    let watched = Watched::open(place.lock())?;
    let mut nothing = Vec::new();
    // The supervisor writes nothing: this ends when it does, in whatever way. Nothing else runs here that could wait.
    let _ = std::io::stdin().read_to_end(&mut nothing);
    let Some(_lock) = watched.take()? else {
        return Ok(());
    };
    for kind in Kind::ALL {
        process::stop(&place, kind).await;
    }
    Ok(())
}
