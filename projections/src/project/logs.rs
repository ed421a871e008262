//! `OPS_LOG` → `log_lines`, `log_counts`, `log_drops`. A batch that comes twice is written once: its rows are named by the
//! event and by nothing that this projector decides.

use std::collections::HashMap;

use chatops_bus::{Recorded, projector::Halt};
use chatops_schemas::{
    clock::Timestamp,
    codec::{self, DecodeError},
    envelope::Envelope,
    event::log::LogBatch,
    subject,
};
use sqlx::PgConnection;

use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::logs::{self as write, Rows},
};

/// Batches that waited longer than this in a host's spool are parked.
const OLDEST_MICROS: i64 = 8 * 24 * 3600 * 1_000_000;
/// Batches further ahead than this of the moment they were stored are parked.
const NEWEST_MICROS: i64 = 120 * 1_000_000;
/// Sources remembered; beyond it they are looked up again.
const REMEMBERED: usize = 100_000;

/// The read model.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    sources: HashMap<(String, String), i32>,
}

struct Read<'a> {
    server: String,
    source: &'a str,
    event: Envelope<LogBatch>,
}

/// A batch, or why it is parked.
fn read<'a>(recorded: &'a Recorded, parking: &mut Parking) -> Result<Option<Read<'a>>, Refusal> {
    let (Some(server), Some(source)) = (
        subject::server_of(&recorded.subject),
        recorded.subject.rsplit('.').next(),
    ) else {
        let error = "no server or source in the subject";
        parking.park(recorded, None, Reason::WrongSubject, error);
        return Ok(None);
    };
    let token = Some(server.as_str());
    let event = match codec::decode::<LogBatch>(&recorded.payload) {
        Ok(event) => event,
        Err(error @ DecodeError::NewerVersion { .. }) => {
            return Err(Refusal::Halt(Halt::NeedsUpgrade(error.to_string())));
        }
        Err(error) => {
            parking.park(recorded, token, Reason::of(&error), error);
            return Ok(None);
        }
    };
    if event.server.as_ref() != Some(&server) {
        let error = "the body names another server";
        parking.park(recorded, token, Reason::WrongServer, error);
        return Ok(None);
    }
    if event.data.source != source {
        let error = "the body names another source";
        parking.park(recorded, token, Reason::WrongSubject, error);
        return Ok(None);
    }
    let ahead = event.time.micros_since(recorded.stored_at);
    if !(-OLDEST_MICROS..=NEWEST_MICROS).contains(&ahead) {
        let error = format!("its time is {} s ahead of the stream's", ahead / 1_000_000);
        parking.park(recorded, token, Reason::Clock, error);
        return Ok(None);
    }
    Ok(Some(Read {
        server: server.as_str().to_owned(),
        source,
        event,
    }))
}

impl Projection for Logs {
    type Work = Rows;

    const ANNOUNCED: bool = false;

    async fn start(&mut self, _connection: &mut PgConnection) -> Result<(), StoreError> {
        self.sources.clear();
        Ok(())
    }

    async fn prepare(
        &mut self,
        connection: &mut PgConnection,
        events: &[Recorded],
        parking: &mut Parking,
    ) -> Result<Self::Work, Refusal> {
        let mut rows = Rows::default();
        if self.sources.len() > REMEMBERED {
            self.sources.clear();
        }
        for recorded in events {
            let Some(Read {
                server,
                source,
                event,
            }) = read(recorded, parking)?
            else {
                continue;
            };
            let key = (server, source.to_owned());
            let source_pk = match self.sources.get(&key) {
                Some(known) => *known,
                None => {
                    let (server, source) = (key.0.as_str(), key.1.as_str());
                    let kind = event.data.kind.as_str();
                    let number = write::source(connection, server, source, kind).await?;
                    self.sources.insert(key, number);
                    number
                }
            };
            rows.add(source_pk, event);
        }
        Ok(rows)
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        work: &Self::Work,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        write::rows(tx, work).await
    }

    fn committed(&mut self, work: Self::Work) {
        metrics::counter!("chatops_projections_log_lines_total").increment(work.len() as u64);
    }
}
