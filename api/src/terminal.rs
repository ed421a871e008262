//! Terminals: a shell of a host in a browser.
//!
//! ```text
//! browser ── keys ──► socket ── io.in ──► agent ── PTY ── shell
//! browser ◄─ output ─ socket ◄─ io.out ── agent (ring of 1 MiB, at most 256 KiB beyond what was acknowledged)
//! browser ── "shown up to here" ─► socket ── ack ─► agent
//! ```
//!
//! | module | answers |
//! |---|---|
//! | [`socket`], [`start`] | the conversation with one browser, and how it begins |
//! | [`frame`] | what is said in it |
//! | [`guard`] | when it must end at once, whatever it is doing |
//! | [`aggregate`] | the events of a session: who opened it, how it ended |
//! | [`recorder`], [`asciicast`] | what was shown, for later |
//! | [`reaper`] | sessions that nobody is at: left for good, or forbidden by now |
//!
//! # Guarantees
//! `terminal.opened` is stored before the host is asked: nobody gets a shell unseen. Only who opened a session can come
//! back to it, and only as long as they may open terminals there; that is asked again whenever rights change, and a
//! session whose opener may no longer use it is closed within a second or two. Nothing piles up here: the host sends no
//! more than a window beyond what the browser has shown (and, where it is recorded, what the recording holds).
//!
//! # When something dies
//! A session lives on its host. The socket, this process or the bus may go: the browser comes back within the lease, to
//! any process of the server, and gets every byte behind the last one that it has, from the ring of the host. A frame that
//! the bus has lost is a gap in the offsets, and is asked for again. What was typed while the line was down is not sent.

pub mod aggregate;
pub mod asciicast;
pub mod frame;
pub mod guard;
pub mod reaper;
pub mod recorder;
pub mod socket;
mod start;

use chatops_schemas::ids::ServerId;

use crate::{problem::Problem, state::Api};

/// Open terminals that one person may have.
pub const MOST_OPEN: usize = 32;

/// Whether terminals of this server are recorded: what was decided for it, else for all, else what the settings file says.
pub async fn is_recorded(api: &Api, server: &ServerId) -> Result<bool, Problem> {
    let own = api.store().terminal_policy(Some(server)).await?.recorded;
    let all = match own {
        Some(_) => None,
        None => api.store().terminal_policy(None).await?.recorded,
    };
    Ok(own.or(all).unwrap_or(api.config().terminal.recorded))
}
