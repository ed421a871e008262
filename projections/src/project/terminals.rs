//! Terminal events of `OPS_CMD` → `terminal_session`. Commands lie in the same stream and are another projector's.

use chatops_bus::{Recorded, projector::Halt};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec::{self, DecodeError},
    envelope::Envelope,
    ids::{CommandId, ServerId},
    subject,
};
use sqlx::PgConnection;

use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::{inventory::Stored, terminal as write},
};

/// The read model.
#[derive(Debug, Default)]
pub(crate) struct Terminals;

/// A decoded event.
#[derive(Debug)]
pub(crate) struct Told {
    stored: Stored,
    server: ServerId,
    event: Envelope<Payload>,
}

impl Projection for Terminals {
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
        let mut work = Vec::new();
        for recorded in events {
            let event = match codec::decode_any(&recorded.payload) {
                Ok(event) => event,
                Err(error @ DecodeError::NewerVersion { .. }) => {
                    return Err(Refusal::Halt(Halt::NeedsUpgrade(error.to_string())));
                }
                // Whose it is cannot be said; the projector of commands parks it.
                Err(_) => continue,
            };
            let Some(session) = session_of(&event.data) else {
                continue;
            };
            match subject::command_of(&recorded.subject) {
                Some((server, id)) if id == session && event.server.as_ref() == Some(&server) => {
                    work.push(Told {
                        stored: Stored {
                            seq: recorded.seq,
                            at: recorded.stored_at,
                        },
                        server,
                        event,
                    });
                }
                about => parking.park(
                    recorded,
                    about.as_ref().map(|(server, _)| server.as_str()),
                    Reason::WrongSubject,
                    "the body names another session or server",
                ),
            }
        }
        Ok(work)
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
                Payload::TerminalOpened(data) => {
                    write::opened(tx, *stored, server, event.actor.as_deref(), data).await?;
                }
                Payload::TerminalClosed(data) => write::closed(tx, *stored, data).await?,
                Payload::TerminalRecordingErased(data) => {
                    write::erased(tx, *stored, data.session).await?;
                }
                // `session_of` lets nothing else through.
                _ => {}
            }
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}

fn session_of(data: &Payload) -> Option<CommandId> {
    match data {
        Payload::TerminalOpened(data) => Some(data.session),
        Payload::TerminalClosed(data) => Some(data.session),
        Payload::TerminalRecordingErased(data) => Some(data.session),
        _ => None,
    }
}
