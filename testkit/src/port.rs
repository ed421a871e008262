//! Free TCP ports on loopback.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::bail;

/// Below the ports that Linux gives to outgoing connections (32768 and up), any of which may take a port between the look
/// and the start of a server, and below those of the browser tests.
const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;
/// A process begins at a place of its own: tests run as processes at the same time, with numbers close to each other.
const APART: u32 = 32;

/// A port nobody listened on a moment ago, and none that this process was given before. Another process may still take
/// it, so starters retry with a new one when their server reports the address in use.
pub fn free_port() -> anyhow::Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let start = process::id().wrapping_mul(APART);
    for _ in 0..COUNT {
        let place = start.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + place)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port of 127.0.0.1 is free from {FIRST} on");
}
