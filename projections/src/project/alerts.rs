//! `OPS_ALERT` → `alerts`, `alert_log`.
//!
//! Each event of an alert says all that the row needs, so a parked one costs only what it alone told: what follows is written
//! all the same, and where an alert stands is always what its newest event says.

use chatops_bus::Recorded;
use chatops_schemas::{
    catalogue::Payload, clock::Timestamp, envelope::Envelope, event::alert::Head, ids::ServerId,
    subject,
};
use sqlx::PgConnection;

use super::{ALERTS, decoded, told_of};
use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::{alerts as write, inventory::Stored},
};

/// The read model.
#[derive(Debug, Default)]
pub(crate) struct Alerts;

/// A decoded event.
#[derive(Debug)]
pub(crate) struct Told {
    stored: Stored,
    event: Envelope<Payload>,
}

fn head(data: &Payload) -> Option<&Head> {
    Some(match data {
        Payload::AlertRaised(data) => &data.head,
        Payload::AlertAcknowledged(data) => &data.head,
        Payload::AlertUnacknowledged(data) => &data.head,
        Payload::AlertResolved(data) => &data.head,
        Payload::AlertCleared(data) => &data.head,
        _ => return None,
    })
}

/// The subject that this event belongs on; None: on none of this stream.
fn belongs(data: &Payload, server: Option<&ServerId>) -> Option<String> {
    match (data, server) {
        (Payload::ToldAlert(data), _) => Some(subject::told(data.channel, data.alert)),
        (data, Some(server)) => {
            head(data).map(|head| subject::alert(server, head.rule, &head.device))
        }
        _ => None,
    }
}

impl Projection for Alerts {
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
        let mut work = Vec::with_capacity(events.len());
        for event in events {
            let server = subject::server_of(&event.subject);
            let told = match &server {
                Some(server) => told_of(event, server, parking, ALERTS)?,
                None => decoded(event, None, parking, ALERTS)?,
            };
            let Some(told) = told else { continue };
            if belongs(&told.data, server.as_ref()).is_none_or(|subject| subject != event.subject) {
                let error = format!("{} does not belong on this subject", told.kind);
                let server = server.as_ref().map(ServerId::as_str);
                parking.park(event, server, Reason::WrongSubject, error);
                continue;
            }
            work.push(Told {
                stored: Stored {
                    seq: event.seq,
                    at: event.stored_at,
                },
                event: told,
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
        for Told { stored, event } in work {
            let stored = *stored;
            let actor = event.actor.as_deref();
            if let (Some(head), Some(server)) = (head(&event.data), &event.server) {
                write::known(tx, stored, server, head).await?;
            }
            match &event.data {
                Payload::AlertRaised(data) => write::raised(tx, stored, data).await?,
                Payload::AlertAcknowledged(data) => {
                    write::acknowledged(tx, stored, actor, data).await?
                }
                Payload::AlertUnacknowledged(data) => {
                    write::unacknowledged(tx, stored, data.head.alert).await?
                }
                Payload::AlertResolved(data) => write::resolved(tx, stored, actor, data).await?,
                Payload::AlertCleared(data) => write::cleared(tx, stored, data.head.alert).await?,
                // `prepare` lets nothing else through but what somebody was told, which is in the log alone.
                _ => {}
            }
            write::logged(tx, stored, actor, &event.data).await?;
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}
