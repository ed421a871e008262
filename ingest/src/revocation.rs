//! Follows what takes an agent's right away: revoked keys and deleted servers as the control stream tells of them, and keys
//! whose time passes. One per process that runs a gate or a gateway.
//!
//! It starts an hour back: a process that begins just after a revocation must not believe a database that has not
//! caught up with it. Ends that lie ahead come from the same events and, because those may be older than an hour, from the
//! directory, which is asked every minute; while it is away, an end that was heard of still holds.

use std::{sync::Arc, time::Duration};

use chatops_bus::{Bus, From, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Clock,
    codec,
    subject::{self, Entity},
};
use futures::StreamExt;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    keyring::{KeyRing, Revoked},
    metrics,
};

const LOOK_BACK_MILLIS: i64 = 3_600_000;
/// Time between questions to the directory, in microseconds.
const ASKED_EVERY: i64 = 60_000_000;
/// Longest time that an end heard of in between may wait to be noticed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The follower.
#[derive(Debug)]
pub struct RevocationService {
    ops: Bus,
    ring: KeyRing,
    clock: Arc<dyn Clock>,
}

impl RevocationService {
    /// Marks in `ring` what it reads through `ops`.
    pub fn new(ops: Bus, ring: KeyRing, clock: Arc<dyn Clock>) -> Self {
        Self { ops, ring, clock }
    }

    /// Follows until told to stop. A broken reader is replaced, from where it was.
    pub async fn run(self, stop: CancellationToken) {
        let filters = [
            subject::ctl_every(Entity::Key),
            subject::ctl_every(Entity::Server),
        ];
        let mut from = From::Time(self.clock.now().plus_millis(-LOOK_BACK_MILLIS));
        let mut ends = JoinSet::new();
        ends.spawn(watch_ends(self.ring.clone(), self.clock.clone()));
        loop {
            let follow = self.follow(&filters, &mut from);
            tokio::select! {
                () = stop.cancelled() => return,
                reason = follow => {
                    tracing::warn!(reason, "following the control stream was interrupted");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// Reads until something breaks; what broke.
    async fn follow(&self, filters: &[String], from: &mut From) -> String {
        let mut events = match self.ops.read_many(StreamName::Ctl, filters, *from).await {
            Ok(events) => events,
            Err(error) => return error.to_string(),
        };
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => return error.to_string(),
            };
            *from = From::Seq(event.seq + 1);
            match codec::decode_any(&event.payload).map(|event| event.data) {
                Ok(Payload::KeyRevoked(event)) => self.ring.revoke(Revoked::Key(event.key)),
                Ok(Payload::KeyRetired(event)) => self.ring.ends(&event.key, event.expires_at),
                Ok(Payload::KeyIssued(event)) => {
                    if let Some(at) = event.expires_at {
                        self.ring.ends(&event.key, at);
                    }
                }
                Ok(Payload::ServerDeleted(event)) => {
                    self.ring.revoke(Revoked::Server(event.server));
                }
                Ok(_) => {}
                Err(error) => {
                    metrics::unreadable("control_event");
                    tracing::warn!(seq = event.seq, error = %error, "a control event cannot be read");
                }
            }
        }
        "the reader ended".to_owned()
    }
}

/// Ends keys at their time, and learns of the ends to come.
async fn watch_ends(ring: KeyRing, clock: Arc<dyn Clock>) {
    let mut asked = None;
    loop {
        let now = clock.now();
        if asked.is_none_or(|at| now.micros_since(at) >= ASKED_EVERY) {
            // Also those just over: their connections may have been admitted before the key was retired.
            let (from, until) = (
                now.plus_millis(-LOOK_BACK_MILLIS),
                now.plus_micros(2 * ASKED_EVERY),
            );
            match ring.learn_ends(from, until).await {
                Ok(()) => asked = Some(now),
                Err(error) => {
                    tracing::warn!(error = %error, "which keys end soon cannot be read; asking again");
                }
            }
        }
        let next = ring.end_due().map_or(LOOK_EVERY, |at| {
            let left = at.micros_since(clock.now()).max(0);
            Duration::from_micros(left.unsigned_abs()).min(LOOK_EVERY)
        });
        sleep(next).await;
    }
}
