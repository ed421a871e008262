//! Writes facts about servers into the stream. Used by the gate (refusals), presence and the gateway.
//!
//! Facts of one server are written one after the other, so that a connect is never stored behind its disconnect;
//! different servers do not wait for each other. A fact is repeated, under the same id, until the stream has it or the
//! process ends; what is lost then is found again by [`presence`](crate::presence) when it compares.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
    time::Duration,
};

use bytes::Bytes;
use chatops_bus::{Bus, PublishError};
use chatops_schemas::{
    codec::{self, EncodeError},
    envelope::Envelope,
    event::Event,
    ids::{EventId, ServerId},
    subject,
};
use tokio::{sync::mpsc, task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// Facts written at the same time.
const LANES: usize = 32;
/// Facts waiting per lane before more are dropped: tens of thousands of agents in all.
const WAITING: usize = 2048;
/// Longest pause between repetitions.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Time to write what is waiting when the process ends.
const DRAIN: Duration = Duration::from_secs(5);

struct Fact {
    subject: String,
    id: EventId,
    kind: &'static str,
    ver: u16,
    payload: Bytes,
}

/// Takes facts; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Announcer {
    lanes: std::sync::Arc<[mpsc::Sender<Fact>]>,
}

/// Writes what the [`Announcer`] took.
pub(crate) struct Announcing {
    lanes: Mutex<Vec<mpsc::Receiver<Fact>>>,
}

impl Announcer {
    /// A handle and the part that must run for anything to be written.
    pub(crate) fn new() -> (Self, Announcing) {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..LANES).map(|_| mpsc::channel(WAITING)).unzip();
        let lanes = Mutex::new(receivers);
        (
            Self {
                lanes: senders.into(),
            },
            Announcing { lanes },
        )
    }

    /// Queues a fact of a server under `ops.v1.fact.<server>.<kind>`. Never waits: callers serve sockets.
    pub(crate) fn announce<T: Event>(
        &self,
        server: &ServerId,
        kind: &str,
        event: &Envelope<T>,
    ) -> Result<(), EncodeError> {
        let fact = Fact {
            subject: subject::fact(server, kind),
            id: event.id,
            kind: T::TYPE,
            ver: T::VERSION,
            payload: codec::encode(event)?.into(),
        };
        let mut hasher = DefaultHasher::new();
        server.hash(&mut hasher);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the remainder is below LANES"
        )]
        let lane = (hasher.finish() % LANES as u64) as usize;
        if self.lanes[lane].try_send(fact).is_err() {
            metrics::announced("dropped");
            tracing::warn!(server.id = %server, "a fact was dropped: the bus has been away for too long");
        }
        Ok(())
    }
}

impl Announcing {
    /// Writes until told to stop, then what is still waiting, for a few seconds.
    pub(crate) async fn run(self, bus: Bus, stop: CancellationToken) {
        let mut lanes = JoinSet::new();
        let receivers = self
            .lanes
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for receiver in receivers {
            lanes.spawn(write(receiver, bus.clone(), stop.clone()));
        }
        while lanes.join_next().await.is_some() {}
    }
}

async fn write(mut lane: mpsc::Receiver<Fact>, bus: Bus, stop: CancellationToken) {
    loop {
        let fact = tokio::select! {
            () = stop.cancelled() => break,
            fact = lane.recv() => fact,
        };
        let Some(fact) = fact else { return };
        // Told to stop while repeating: one last attempt belongs to the draining below.
        if let Some(fact) = stop
            .run_until_cancelled(store(&bus, &fact))
            .await
            .map_or(Some(fact), |()| None)
        {
            let _ = time::timeout(DRAIN, store(&bus, &fact)).await;
            break;
        }
    }
    lane.close();
    let drain = async {
        while let Some(fact) = lane.recv().await {
            store(&bus, &fact).await;
        }
    };
    if time::timeout(DRAIN, drain).await.is_err() {
        tracing::warn!("facts were still waiting for the bus at the end");
    }
}

async fn store(bus: &Bus, fact: &Fact) {
    let mut pause = Duration::from_millis(50);
    loop {
        let pending = bus
            .enqueue(
                &fact.subject,
                fact.id,
                fact.kind,
                fact.ver,
                fact.payload.clone(),
            )
            .await;
        let stored = match pending {
            Ok(pending) => pending.await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) => {
                return metrics::announced(if stored.duplicate {
                    "duplicate"
                } else {
                    "stored"
                });
            }
            Err(error @ (PublishError::Refused(_) | PublishError::Encode(_))) => {
                metrics::announced("refused");
                return tracing::error!(fact.subject, error = %error, "the stream refused a fact");
            }
            // Without the stream nothing works yet: `chatops topology` may still be running.
            Err(PublishError::Unknown(_) | PublishError::NoStream(_)) => {
                metrics::announced("retried");
                time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
