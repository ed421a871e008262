//! `OPS_FACT` → `connection_events`, `agent_session`, `server_presence`, `key_use`, `container_events`.
//!
//! Servers are known by id alone, so nothing here waits for the inventory.

use chatops_bus::Recorded;
use chatops_schemas::{catalogue::Payload, clock::Timestamp, ids::ServerId, subject};
use sqlx::PgConnection;

use super::{PRESENCE, told_of};
use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::{
        containers,
        inventory::Stored,
        presence::{self as write},
    },
};

/// The read model.
#[derive(Debug, Default)]
pub(crate) struct Presence;

/// A decoded fact.
#[derive(Debug)]
pub(crate) struct Fact {
    stored: Stored,
    server: ServerId,
    /// When it happened by the host's clock.
    at: Timestamp,
    data: Payload,
}

impl Projection for Presence {
    type Work = Vec<Fact>;

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
        let mut work = Vec::with_capacity(events.len());
        for event in events {
            let Some(server) = subject::server_of(&event.subject) else {
                parking.park(
                    event,
                    None,
                    Reason::WrongSubject,
                    "no server in the subject",
                );
                continue;
            };
            let Some(fact) = told_of(event, &server, parking, PRESENCE)? else {
                continue;
            };
            if !kind_fits(&event.subject, &fact.data) {
                let error = format!("{} does not belong on this subject", fact.kind);
                parking.park(event, Some(server.as_str()), Reason::WrongSubject, error);
                continue;
            }
            work.push(Fact {
                stored: Stored {
                    seq: event.seq,
                    at: event.stored_at,
                },
                server,
                at: fact.time,
                data: fact.data,
            });
        }
        Ok(work)
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        work: &Self::Work,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        for Fact {
            stored,
            server,
            at,
            data,
        } in work
        {
            match data {
                Payload::AgentHello(hello) => write::hello(tx, *stored, server, hello).await?,
                Payload::AgentConnected(connected) => {
                    write::connected(tx, *stored, server, connected).await?
                }
                Payload::AgentDisconnected(gone) => {
                    write::disconnected(tx, *stored, server, gone).await?
                }
                Payload::AgentRefused(refused) => {
                    write::refused(tx, *stored, server, refused).await?
                }
                Payload::ContainerChanged(change) => {
                    containers::changed(tx, *stored, server, *at, change).await?
                }
                // `kind_fits` lets nothing else through.
                _ => {}
            }
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}

/// An agent may publish on its fact subjects, except on `presence`: what it says there or elsewhere about connections
/// is not believed.
fn kind_fits(subject: &str, data: &Payload) -> bool {
    let kind = subject.rsplit('.').next();
    match data {
        Payload::AgentHello(_) => kind == Some(subject::HELLO),
        Payload::ContainerChanged(_) => kind == Some(subject::CONTAINER),
        Payload::AgentConnected(_) | Payload::AgentDisconnected(_) | Payload::AgentRefused(_) => {
            kind == Some(subject::PRESENCE)
        }
        _ => false,
    }
}
