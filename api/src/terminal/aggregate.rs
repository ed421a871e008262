//! The events of a session. Every decision is made on what the stream itself says; tables are for looking.

use chatops_bus::{AppendError, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::terminal::{TerminalClosed, TerminalEnd, TerminalOpened},
    ids::{CommandId, ServerId},
    subject,
};

use crate::{
    order::words,
    problem::{Chain, Problem},
    state::Api,
    written::{self, By},
};

/// How a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: TerminalEnd,
    /// Exit code of the shell.
    pub exit_code: Option<i32>,
    /// In words.
    pub message: Option<String>,
    /// Bytes that it wrote.
    pub output_bytes: u64,
}

impl End {
    /// Without more to say.
    pub const fn of(reason: TerminalEnd) -> Self {
        Self {
            reason,
            exit_code: None,
            message: None,
            output_bytes: 0,
        }
    }
}

/// An open session, as its newest event says.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Who opened it: `user:<id>`.
    pub actor: String,
    /// How.
    pub event: TerminalOpened,
    /// Position of the event: what the end must expect.
    pub seq: u64,
}

/// Stores that somebody opens a session; its position. Before the host is asked.
pub async fn open(
    api: &Api,
    by: &By,
    server: &ServerId,
    opened: TerminalOpened,
) -> Result<u64, Problem> {
    let subject = subject::command(server, opened.session);
    let event = written::event_about(api, by, server, opened);
    api.bus()
        .append(StreamName::Cmd, &subject, 0, &event)
        .await
        .map_err(|error| written::refused(&error))
}

/// The session, if it is open.
pub async fn find(
    api: &Api,
    server: &ServerId,
    session: CommandId,
) -> Result<Option<Opened>, Problem> {
    let subject = subject::command(server, session);
    let last = api.bus().last(StreamName::Cmd, &subject).await;
    let Some(last) = last.map_err(|error| written::unread(&error))? else {
        return Ok(None);
    };
    // A command, or a session that is over, or something of a later version: nothing to come back to.
    let Ok(event) = codec::decode_any(&last.payload) else {
        return Ok(None);
    };
    let Payload::TerminalOpened(opened) = event.data else {
        return Ok(None);
    };
    Ok(Some(Opened {
        actor: event.actor.unwrap_or_default(),
        event: opened,
        seq: last.seq,
    }))
}

/// Stores that a session is over; its position, or `None` when somebody else has said so already.
pub async fn close(
    api: &Api,
    by: &By,
    server: &ServerId,
    session: CommandId,
    opened_seq: u64,
    end: &End,
) -> Result<Option<u64>, Problem> {
    let closed = TerminalClosed {
        session,
        reason: end.reason,
        exit_code: end.exit_code,
        message: end.message.as_deref().map(words),
        output_bytes: end.output_bytes,
    };
    let subject = subject::command(server, session);
    let event = written::event_about(api, by, server, closed);
    match api
        .bus()
        .append(StreamName::Cmd, &subject, opened_seq, &event)
        .await
    {
        Ok(seq) => Ok(Some(seq)),
        Err(AppendError::Conflict { .. }) => Ok(None),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the end of a terminal could not be stored; it is tried again when it counts as left");
            Err(written::refused(&error))
        }
    }
}
