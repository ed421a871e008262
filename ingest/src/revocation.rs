//! Follows the control stream for what takes an agent's right away: revoked keys, deleted servers. One per process that
//! runs a gate or a gateway.
//!
//! It starts an hour back: a process that begins just after a revocation must not believe a database that has not
//! caught up with it.

use std::{sync::Arc, time::Duration};

use chatops_bus::{Bus, From, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Clock,
    codec,
    subject::{self, Entity},
};
use futures::StreamExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    keyring::{KeyRing, Revoked},
    metrics,
};

const LOOK_BACK_MILLIS: i64 = 3_600_000;

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
