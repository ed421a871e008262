//! `chatops config`: the settings in force, and the documented defaults.

use std::io::Write;

use crate::config::{self, Settings};

pub(super) fn show(settings: &Settings) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", config::show(settings)?)?;
    Ok(())
}

pub(super) fn example() -> anyhow::Result<()> {
    std::io::stdout().write_all(config::DEFAULTS.as_bytes())?;
    Ok(())
}
