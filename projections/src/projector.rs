//! The database end of every projector: what [`chatops_bus::projector::run`] calls.
//!
//! A batch becomes rows, parked events and the new position in one transaction. The transaction begins by moving the
//! position, and only whoever holds the newest epoch and the right old position can: a copy that lost its place, however
//! late it wakes up, writes nothing.
//!
//! Commits are asynchronous. A crash of the database may lose the last ones, but always a whole suffix, rows and position
//! together, and the stream still has the events: the next claim reads the older position and repeats them. Only a
//! claim itself is made durable, because an epoch must never be given out twice.

use std::{fmt, sync::Arc, time::Duration};

use chatops_bus::{
    Recorded,
    projector::{Batch, Halt, Outcome, Position, Sink, Spec},
};
use chatops_schemas::clock::{Clock, Timestamp};
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    breaker::{self, Breaker},
    error::{Doing, StoreError},
    park::Parking,
    store::{Store, parked, position},
};

/// Longest life of a projector's transaction. [`rollup`](crate::rollup) builds on it: see `rollup::SETTLE`.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a batch cannot be turned into rows.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Try again from the position.
    Store(StoreError),
    /// Stop.
    Halt(Halt),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One read model: how events become rows. Everything about positions, fences and parking is done around it.
pub(crate) trait Projection: Send {
    /// A batch, decoded and resolved, ready to be written.
    type Work: Send;

    /// Whether commits are announced to those who wait to read their own writes.
    const ANNOUNCED: bool;

    /// After each claim: forget what another copy may have changed.
    fn start(
        &mut self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Decodes, parks what cannot be read, looks up what is needed. Outside the transaction, which must stay short;
    /// what is written here must be harmless if the batch is never committed.
    fn prepare(
        &mut self,
        connection: &mut PgConnection,
        events: &[Recorded],
        parking: &mut Parking,
    ) -> impl Future<Output = Result<Self::Work, Refusal>> + Send;

    /// Writes the rows. `now` is the transaction's time by the database's clock.
    fn write(
        &mut self,
        transaction: &mut PgConnection,
        work: &Self::Work,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The transaction has been committed.
    fn committed(&mut self, work: Self::Work);
}

/// How a [`TableSink`] behaves.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// When to stop instead of parking.
    pub breaker: breaker::Settings,
    /// Whether to wait until no other living copy of the projector exists. Off, two copies take turns throwing each other
    /// out: safe, but slow; for drills.
    pub exclusive: bool,
}

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            breaker: breaker::Settings::default(),
            exclusive: true,
        }
    }
}

/// A [`Sink`] into the tables of one read model.
pub(crate) struct TableSink<P> {
    store: Store,
    settings: SinkSettings,
    clock: Arc<dyn Clock>,
    parking: Parking,
    projection: P,
    /// Made by each claim. Holds the session lock, so that it falls when this sink does.
    connection: Option<PgConnection>,
}

impl<P> fmt::Debug for TableSink<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSink")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<P> TableSink<P> {
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        settings: SinkSettings,
        projection: P,
    ) -> Self {
        let parking = Parking::new(Breaker::new(settings.breaker.clone()));
        Self {
            store,
            settings,
            clock,
            parking,
            projection,
            connection: None,
        }
    }
}

/// Who holds a projector, for people.
pub(crate) fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}

async fn open(store: &Store, exclusive: bool, spec: &Spec) -> Result<PgConnection, StoreError> {
    let mut connection = store.dedicated(&spec.consumer()).await?;
    if exclusive {
        position::lock(&mut connection, position::row(spec)).await?;
    }
    let limits = format!(
        "SET synchronous_commit = off; SET transaction_timeout = {}",
        TRANSACTION_TIMEOUT.as_millis()
    );
    connection
        .execute(limits.as_str())
        .await
        .doing("prepare the projector's connection")?;
    Ok(connection)
}

impl<P: Projection> TableSink<P> {
    async fn store_batch(
        &mut self,
        connection: &mut PgConnection,
        spec: &Spec,
        position: &Position,
        batch: &Batch,
    ) -> Result<Outcome, Refusal> {
        self.parking.begin(self.clock.now(), batch.events.len());
        let work = self
            .projection
            .prepare(connection, &batch.events, &mut self.parking)
            .await?;
        if let Some(reason) = self.parking.breaker.tripped() {
            return Err(Refusal::Halt(Halt::TooManyParked(reason)));
        }
        let mut transaction = connection
            .begin()
            .await
            .doing("begin the projector's transaction")?;
        let Some(now) =
            position::advance(&mut transaction, position::row(spec), position, batch.to).await?
        else {
            transaction
                .rollback()
                .await
                .doing("roll the fenced transaction back")?;
            return Ok(Outcome::Fenced);
        };
        self.projection.write(&mut transaction, &work, now).await?;
        parked::park(
            &mut transaction,
            &spec.consumer(),
            spec.stream.as_str(),
            self.parking.events(),
        )
        .await?;
        if P::ANNOUNCED {
            position::announce(&mut transaction, spec.name, batch.to).await?;
        }
        transaction
            .commit()
            .await
            .doing("commit the projector's transaction")?;
        self.projection.committed(work);
        for parked in self.parking.events() {
            metrics::counter!(
                "chatops_projections_parked_total", "projector" => spec.name, "reason" => parked.reason.as_str()
            )
            .increment(1);
        }
        Ok(Outcome::Applied)
    }
}

impl<P: Projection> Sink for TableSink<P> {
    type Error = StoreError;

    async fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> Result<Position, StoreError> {
        // Also after an error in the middle of a transaction: a new session has no past.
        self.connection = None;
        let mut connection = open(&self.store, self.settings.exclusive, spec).await?;
        let position = position::claim(
            &mut connection,
            position::row(spec),
            spec.stream.as_str(),
            stream_created,
            &owner(),
        )
        .await?;
        self.projection.start(&mut connection).await?;
        self.parking.breaker.reset();
        self.connection = Some(connection);
        Ok(position)
    }

    async fn commit(
        &mut self,
        spec: &Spec,
        position: &Position,
        batch: &Batch,
    ) -> Result<Outcome, StoreError> {
        let started = std::time::Instant::now();
        // Taken out, so that a cancelled or failed attempt leaves none behind and the next step is a claim.
        let Some(mut connection) = self.connection.take() else {
            return Ok(Outcome::Fenced);
        };
        let outcome = match self
            .store_batch(&mut connection, spec, position, batch)
            .await
        {
            Ok(outcome) => outcome,
            Err(Refusal::Halt(halt)) => return Ok(Outcome::Halt(halt)),
            Err(Refusal::Store(error)) => return Err(error),
        };
        self.connection = Some(connection);
        metrics::histogram!("chatops_projections_commit_seconds", "projector" => spec.name)
            .record(started.elapsed().as_secs_f64());
        Ok(outcome)
    }
}
