//! `OPS_AUDIT` → `audit_logs`. Does not check the chain: that is done by those who have the heads.

use chatops_bus::{Recorded, projector::Halt};
use chatops_schemas::{
    audit::{Entry, Hash, entry::EntryError},
    clock::Timestamp,
};
use sqlx::PgConnection;

use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::audit as write,
};

/// The read model.
#[derive(Debug, Default)]
pub(crate) struct Audit;

impl Projection for Audit {
    type Work = Vec<(Entry, Hash)>;

    const ANNOUNCED: bool = false;

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
            match Entry::decode(&event.payload) {
                Ok(entry) if entry.seq == event.seq => {
                    work.push((entry, Hash::leaf(&event.payload)));
                }
                Ok(entry) => {
                    let error = format!("it calls itself entry {}", entry.seq);
                    parking.park(event, None, Reason::Refused, error);
                }
                Err(error @ EntryError::Version(_)) => {
                    return Err(Refusal::Halt(Halt::NeedsUpgrade(error.to_string())));
                }
                Err(error) => parking.park(event, None, Reason::Undecodable, error),
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
        for (entry, leaf) in work {
            write::entry(tx, entry, leaf).await?;
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}
