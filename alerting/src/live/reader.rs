//! One reader of a stream: where it goes on, and when it saves. What it does with the events is its [`Work`].

use std::{sync::Arc, time::Duration};

use chatops_bus::{
    Chain, ReadError, Recorded,
    projector::{Batch, Halt, Outcome as Ended, Position, Sink, Spec},
};
use chatops_schemas::clock::Timestamp;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::CancellationToken;

use super::{
    force::InForce,
    keep::StateStore,
    snapshot::{self, Unfit},
    writer::{WriteError, Writer},
};

/// A snapshot that is larger than so many bytes is saved less often.
const BYTES_A_PERIOD: usize = 2 << 20;
/// Longest time between two savings, in periods.
const MOST_PERIODS: u32 = 3;

/// What a reader does.
pub(super) trait Work: Send + 'static {
    /// Begins with what was known at the position where reading goes on; with nothing, where that is unknown.
    fn begin(&mut self, state: Option<&[u8]>) -> Result<(), Unfit>;

    /// What is known now, for [`Self::begin`].
    fn known(&self) -> Result<Vec<u8>, snapshot::Encode>;

    /// Where to begin when the reader has never run: behind this event.
    fn first(
        &mut self,
        writer: &Writer,
        spec: &Spec,
    ) -> impl Future<Output = Result<u64, ReadError>> + Send;

    /// Takes a batch; everything up to `to` is in it. When this returns, what follows is written.
    fn take(
        &mut self,
        writer: &Writer,
        rules: &InForce,
        events: &[Recorded],
    ) -> impl Future<Output = Result<Option<Halt>, WriteError>> + Send;
}

/// Why a batch could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError<E: std::error::Error + 'static> {
    #[error("take over the position")]
    Claim(#[source] E),
    #[error("look where to begin")]
    Begin(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// For the runner of projectors, and for whoever lets it save.
pub(super) struct Reader<S, W>(Arc<Mutex<Inner<S, W>>>);

impl<S, W> Clone for Reader<S, W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(super) struct Inner<S, W> {
    store: S,
    rules: watch::Receiver<Arc<InForce>>,
    writer: Arc<Writer>,
    pub(super) work: W,
    /// As it is in the database; none before the first claim, and once somebody else has claimed.
    stored: Option<(Spec, Position)>,
    /// Everything up to here was taken, and what followed from it written.
    pub(super) through: u64,
    /// Whether `work` is what `through` says: not in the middle of a batch.
    whole: bool,
}

impl<S: StateStore, W: Work> Reader<S, W> {
    pub(super) fn new(
        store: S,
        rules: watch::Receiver<Arc<InForce>>,
        writer: Arc<Writer>,
        work: W,
    ) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            store,
            rules,
            writer,
            work,
            stored: None,
            through: 0,
            whole: false,
        })))
    }

    /// Saves what is known, between two batches, now and then until told to stop.
    pub(super) async fn keep(&self, every: Duration, stop: CancellationToken) {
        // Soon for the first time, so that whoever looks sees where it begins.
        let mut pause = every / 10;
        while stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
        {
            pause = every * self.save().await;
        }
    }

    /// Saves what is known, unless a batch was left in the middle. In how many periods to do so again.
    pub(super) async fn save(&self) -> u32 {
        self.0.lock().await.save().await
    }

    /// What is known between two batches; no further one is taken meanwhile. None: this reader is not at work.
    pub(super) async fn between(&self) -> Option<MutexGuard<'_, Inner<S, W>>> {
        let inner = self.0.lock().await;
        (inner.whole && inner.stored.is_some()).then_some(inner)
    }
}

impl<S: StateStore, W: Work> Sink for Reader<S, W> {
    type Error = SinkError<S::Error>;

    async fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> Result<Position, Self::Error> {
        self.0.lock().await.claim(spec, stream_created).await
    }

    async fn commit(
        &mut self,
        _: &Spec,
        _: &Position,
        batch: &Batch,
    ) -> Result<Ended, Self::Error> {
        self.0.lock().await.commit(batch).await
    }
}

impl<S: StateStore, W: Work> Inner<S, W> {
    async fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> Result<Position, SinkError<S::Error>> {
        self.whole = false;
        self.stored = None;
        // Without rules and alerts nothing could be said of an event.
        self.writer.board.complete().await;
        // The sender lives as long as this reader.
        let _ = self.rules.wait_for(|rules| rules.generation > 0).await;
        let (position, state) = self
            .store
            .claim(spec, stream_created)
            .await
            .map_err(SinkError::Claim)?;
        if let Err(error) = self.work.begin(state.as_deref()) {
            metrics::counter!("chatops_alerting_snapshots_dropped_total").increment(1);
            tracing::warn!(reader = spec.consumer(), error = %Chain(&error), "what the alert rules knew is dropped; open alerts go on");
        }
        self.stored = Some((spec.clone(), position.clone()));
        let seq = self.go_on(spec, &position).await?;
        self.through = seq;
        self.whole = true;
        Ok(Position { seq, ..position })
    }

    /// Where to go on. What was removed before it was read is passed over: an alert that nobody could raise in time helps
    /// nobody any more.
    async fn go_on(&mut self, spec: &Spec, position: &Position) -> Result<u64, ReadError> {
        let Some(created) = position.stream_created else {
            return self.work.first(&self.writer, spec).await;
        };
        let info = self.writer.bus.stream_info(spec.stream).await?;
        let missed = info.first_seq.saturating_sub(position.seq + 1);
        if created != info.created || missed == 0 {
            return Ok(position.seq);
        }
        tracing::warn!(
            reader = spec.consumer(),
            from = position.seq + 1,
            to = info.first_seq - 1,
            "events were removed before any rule could look at them"
        );
        metrics::counter!("chatops_alerting_missed_total").increment(missed);
        Ok(info.first_seq - 1)
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Ended, SinkError<S::Error>> {
        if self.stored.is_none() {
            return Ok(Ended::Fenced);
        }
        self.whole = false;
        let rules = Arc::clone(&self.rules.borrow());
        let taken = self.work.take(&self.writer, &rules, &batch.events).await?;
        if let Some(halt) = taken {
            return Ok(Ended::Halt(halt));
        }
        if let Some(last) = batch.events.last() {
            let lag = self.writer.clock.now().micros_since(last.stored_at).max(0);
            #[expect(clippy::cast_precision_loss, reason = "a histogram")]
            metrics::histogram!("chatops_alerting_lag_seconds").record(lag as f64 / 1e6);
        }
        self.through = batch.to;
        self.whole = true;
        Ok(Ended::Applied)
    }

    /// See [`Reader::save`]. A database that does not answer is asked again later: evaluating goes on. When somebody else
    /// has claimed this reader, the next batch is not taken.
    async fn save(&mut self) -> u32 {
        let Some((spec, position)) = self.stored.as_mut().filter(|_| self.whole) else {
            return 1;
        };
        if self.through == position.seq {
            return 1;
        }
        let bytes = match self.work.known() {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "what the alert rules know cannot be written");
                return 1;
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("chatops_alerting_snapshot_bytes", "reader" => spec.consumer())
            .set(bytes.len() as f64);
        match self.store.save(spec, position, self.through, &bytes).await {
            Ok(true) => position.seq = self.through,
            Ok(false) => self.stored = None,
            Err(error) => {
                tracing::warn!(reader = spec.consumer(), error = %Chain(&error), "what the alert rules know could not be saved; trying again");
            }
        }
        let periods = bytes.len().div_ceil(BYTES_A_PERIOD);
        u32::try_from(periods).map_or(MOST_PERIODS, |periods| periods.clamp(1, MOST_PERIODS))
    }
}
