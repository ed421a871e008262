//! What happened to alerts, held back until it can be read: whoever is told of it asks for it at once. Called by
//! [`super::Relay`].
//!
//! At most [`MOST`] events wait. When more happen before the projector has written them, the others are left out, and every
//! socket is told that there is a gap once they can be read: it loads anew. When this ends, the relay opens it anew.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chatops_projections::{ALERTS, Progress, Store, StoreError, view::AlertCounts};
use chatops_schemas::ids::ServerId;
use tokio::sync::mpsc;

use super::ROW_PATIENCE;
use crate::{live::item::AlertNews, problem::Chain};

/// Most events that wait for their projection.
const MOST: usize = 1024;
/// Most that are told in one go.
const BATCH: usize = 256;

/// Where events go in.
#[derive(Debug)]
pub(super) struct Waiting {
    events: mpsc::Sender<(AlertNews, u64)>,
    /// Position of the newest event that was left out; 0: none was.
    lost: Arc<AtomicU64>,
}

/// What can be read now.
#[derive(Debug)]
pub(super) struct Known {
    /// In the order of the stream.
    pub(super) news: Vec<AlertNews>,
    /// How many are open on these servers; one without any is not in it.
    pub(super) open: HashMap<ServerId, AlertCounts>,
    /// There was more, which is not named.
    pub(super) some_lost: bool,
}

/// Both ends, and what runs between them until either is gone.
pub(super) fn channel(
    store: &Store,
    progress: &Progress,
) -> (
    Waiting,
    mpsc::Receiver<Known>,
    impl Future<Output = ()> + use<>,
) {
    let (events, waiting) = mpsc::channel(MOST);
    let (tell, known) = mpsc::channel(1);
    let lost = Arc::new(AtomicU64::new(0));
    let (store, progress) = (store.clone(), progress.clone());
    let wait = hold(store, progress, waiting, Arc::clone(&lost), tell);
    (Waiting { events, lost }, known, wait)
}

impl Waiting {
    pub(super) fn push(&self, news: AlertNews, seq: u64) {
        if self.events.try_send((news, seq)).is_err() {
            metrics::counter!("chatops_api_live_alerts_dropped_total").increment(1);
            self.lost.fetch_max(seq, Ordering::AcqRel);
        }
    }
}

async fn hold(
    store: Store,
    progress: Progress,
    mut waiting: mpsc::Receiver<(AlertNews, u64)>,
    lost: Arc<AtomicU64>,
    tell: mpsc::Sender<Known>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        // Something is only left out while others wait, so this is looked at again behind it.
        let left_out = lost.swap(0, Ordering::AcqRel);
        let newest = batch.iter().map(|(_, seq)| *seq).max().unwrap_or_default();
        let seq = newest.max(left_out);
        let news: Vec<AlertNews> = batch.drain(..).map(|(news, _)| news).collect();
        let (open, unread) = match readable(&store, &progress, seq, &news).await {
            Ok(open) => (open, false),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "what happened to alerts cannot be read, clients load anew");
                (HashMap::new(), true)
            }
        };
        let known = Known {
            news: if unread { Vec::new() } else { news },
            open,
            some_lost: left_out > 0 || unread,
        };
        if tell.send(known).await.is_err() {
            return;
        }
    }
}

/// Waits until it can be read, and counts. After [`ROW_PATIENCE`], an early word is better than none.
async fn readable(
    store: &Store,
    progress: &Progress,
    seq: u64,
    news: &[AlertNews],
) -> Result<HashMap<ServerId, AlertCounts>, StoreError> {
    progress.wait_until(ALERTS, seq, ROW_PATIENCE).await?;
    let mut servers: Vec<ServerId> = news.iter().map(|news| news.server.clone()).collect();
    servers.sort_unstable();
    servers.dedup();
    store.alert_counts_of(&servers).await
}
