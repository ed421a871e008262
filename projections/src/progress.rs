//! Reading one's own writes: whoever appended an event waits here until its rows are there.
//!
//! Projectors announce their commits by `NOTIFY` in the same transaction, so an announcement is never early. It may get
//! lost with its connection: therefore every wait begins by asking the table, the listener asks it again after each
//! reconnect, and a slow poll backs both up.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Doing, StoreError},
    store::{Store, position::CHANNEL},
};

const PAUSE: Duration = Duration::from_millis(500);
/// How often a waiting caller asks the table although nothing was announced.
const POLL: Duration = Duration::from_millis(250);

/// Knows how far the announcing projectors are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    store: Store,
    seen: Arc<watch::Sender<HashMap<String, u64>>>,
}

impl Progress {
    /// Without [`Self::run`] it works too, only slower.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            seen: Arc::new(watch::channel(HashMap::new()).0),
        }
    }

    /// Listens until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.listen() => ended,
            };
            if let Err(error) = ended {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "listening for commits starts over"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn listen(&self) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(&self.store.pool)
            .await
            .doing("connect the listener")?;
        listener.listen(CHANNEL).await.doing("listen for commits")?;
        loop {
            // `None`: the connection broke and was made anew; announcements in between are lost.
            let Some(announced) = listener.try_recv().await.doing("hear of commits")? else {
                continue;
            };
            if let Some((name, seq)) = announced.payload().split_once(':')
                && let Ok(seq) = seq.parse()
            {
                self.note(name, seq);
            }
        }
    }

    fn note(&self, name: &str, seq: u64) {
        self.seen.send_if_modified(|seen| {
            let known = seen.entry(name.to_owned()).or_insert(0);
            let newer = seq > *known;
            *known = seq.max(*known);
            newer
        });
    }

    /// Waits until the projector `name` has applied everything up to `seq`. `false`: it did not within `timeout`.
    pub async fn wait_until(
        &self,
        name: &str,
        seq: u64,
        timeout: Duration,
    ) -> Result<bool, StoreError> {
        let mut seen = self.seen.subscribe();
        let reached = async {
            loop {
                if seen
                    .borrow_and_update()
                    .get(name)
                    .is_some_and(|known| *known >= seq)
                {
                    return Ok(());
                }
                // Also covers announcements made before this wait began.
                let position = self.store.position_of(name).await?;
                self.note(name, position);
                if position >= seq {
                    return Ok(());
                }
                let _ = tokio::time::timeout(POLL, seen.changed()).await;
            }
        };
        match tokio::time::timeout(timeout, reached).await {
            Ok(reached) => reached.map(|()| true),
            Err(_) => Ok(false),
        }
    }
}
