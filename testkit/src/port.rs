//! Free TCP ports on loopback.

use std::net::TcpListener;

use anyhow::Context;

/// A port nobody listened on a moment ago. Another process may take it before the caller does,
/// so starters retry with a new one when their server reports the address in use.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("find a free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}
