//! `OPS_CMD` → `command_history`, and `OPS_RESULT` → `command_start`, `command_output`.
//!
//! Two projectors, because a projector has one stream. Neither waits for the other: what a host tells of a command is kept
//! under that host's id, and only meets the command when it is read.

use chatops_bus::Recorded;
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    envelope::Envelope,
    ids::{CommandId, ServerId},
    subject,
};
use sqlx::PgConnection;

use super::{COMMANDS, told_of};
use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::{commands as write, inventory::Stored},
};

/// The read model of what was asked.
#[derive(Debug, Default)]
pub(crate) struct Commands;

/// The read model of what hosts told.
#[derive(Debug, Default)]
pub(crate) struct CommandOutput;

/// A decoded event.
#[derive(Debug)]
pub(crate) struct Told {
    stored: Stored,
    server: ServerId,
    event: Envelope<Payload>,
}

/// The command that an event of these streams is about.
fn command(data: &Payload) -> Option<CommandId> {
    Some(match data {
        Payload::CommandRequested(data) => data.command,
        Payload::CommandApproved(data) => data.command,
        Payload::CommandDelivered(data) => data.command,
        Payload::CommandCancelRequested(data) => data.command,
        Payload::CommandEnded(data) => data.command,
        Payload::ResultStarted(data) => data.command,
        Payload::ResultOutput(data) => data.command,
        Payload::ResultFinished(data) => data.command,
        _ => return None,
    })
}

fn decode(events: &[Recorded], parking: &mut Parking) -> Result<Vec<Told>, Refusal> {
    let mut work = Vec::with_capacity(events.len());
    for event in events {
        let Some((server, id)) = subject::command_of(&event.subject) else {
            let error = "no server and command in the subject";
            parking.park(event, None, Reason::WrongSubject, error);
            continue;
        };
        let Some(told) = told_of(event, &server, parking, COMMANDS)? else {
            continue;
        };
        match command(&told.data) {
            Some(command) if command == id => work.push(Told {
                stored: Stored {
                    seq: event.seq,
                    at: event.stored_at,
                },
                server,
                event: told,
            }),
            Some(_) => {
                let error = "the body names another command";
                parking.park(event, Some(server.as_str()), Reason::WrongSubject, error);
            }
            // Terminals live beside commands; their rows are somebody else's.
            None => {}
        }
    }
    Ok(work)
}

impl Projection for Commands {
    type Work = Vec<Told>;

    const ANNOUNCED: bool = true;

    async fn start(&mut self, _connection: &mut PgConnection) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prepare(
        &mut self,
        _connection: &mut PgConnection,
        events: &[Recorded],
        parking: &mut Parking,
    ) -> Result<Self::Work, Refusal> {
        decode(events, parking)
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        work: &Self::Work,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        for Told {
            stored,
            server,
            event,
        } in work
        {
            let actor = event.actor.as_deref().unwrap_or_default();
            match &event.data {
                Payload::CommandRequested(data) => {
                    let by = (actor, event.address.as_deref());
                    write::requested(tx, *stored, server, by, data).await?;
                }
                Payload::CommandApproved(data) => {
                    write::approved(tx, *stored, data.command, actor).await?;
                }
                Payload::CommandDelivered(data) => write::delivered(tx, *stored, data).await?,
                Payload::CommandCancelRequested(data) => {
                    write::cancel_requested(tx, *stored, data.command, actor).await?;
                }
                Payload::CommandEnded(data) => write::ended(tx, *stored, actor, data).await?,
                // `decode` lets nothing else through that belongs here.
                _ => {}
            }
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}

impl Projection for CommandOutput {
    type Work = Vec<Told>;

    const ANNOUNCED: bool = true;

    async fn start(&mut self, _connection: &mut PgConnection) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prepare(
        &mut self,
        _connection: &mut PgConnection,
        events: &[Recorded],
        parking: &mut Parking,
    ) -> Result<Self::Work, Refusal> {
        decode(events, parking)
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        work: &Self::Work,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        for Told {
            stored,
            server,
            event,
        } in work
        {
            match &event.data {
                Payload::ResultStarted(data) => {
                    write::started(tx, *stored, server, data.command, data.pid).await?;
                }
                Payload::ResultOutput(data) => write::output(tx, *stored, server, data).await?,
                // How it ended is decided in the command's own events.
                _ => {}
            }
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}
