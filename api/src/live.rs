//! Live views: what arrives in the streams goes to browsers within a millisecond.
//!
//! ```text
//! OPS_METRICS ─┐                        ┌─ socket: viewer (topics, rights) ─ frames ─► browser
//! OPS_FACT   ──┤ relay ─ ticks ─► ring ─┼─ socket
//! OPS_CTL    ──┤ (one task)             └─ socket
//! OPS_ALERT  ──┤
//! OPS_ACCESS ──┘ (ends of sessions)
//! ```
//!
//! | module | answers |
//! |---|---|
//! | [`relay`] | the one reader of each stream; runs only while somebody looks |
//! | [`item`] | one thing that happened, as JSON made once for all sockets |
//! | [`ring`] | the newest items; a slow socket costs only its own place in it |
//! | [`viewer`] | what one person may and wants to see, asked at every delivery |
//! | [`frame`] | how items become batches, and what is left out for clients that are behind |
//! | [`pace`] | how long items are collected |
//! | [`rights`], [`change`] | who may see what, and what the slower streams say |
//! | [`replay`] | what a client missed, from the streams, up to the place where the ring takes over |
//! | [`counts`] | how many alerts are open, for each socket that wants to know |
//! | [`socket`], [`one_server`] | the conversations with browsers |
//! | [`tail`] | lines of logs, each socket for itself |
//! | [`watched`], [`command`], [`job`] | what a socket watches closely, each with a reader of its own |
//! | [`container_logs`], [`shared`], [`follow`] | the log of a container: one socket, all that watch the same, the host |
//! | [`wire`], [`close`] | a WebSocket with limits, and why it is closed |
//!
//! # Guarantees
//! A client that names the last position it has (`resume`) gets every later sample once, in stream order, or is told that
//! there is a gap. A socket whose session, token or account ends is closed, whichever process took the request: the ends are
//! events, and every relay reads them. Nobody gets an item of a server that they may not see at the moment of delivery. A socket that takes no
//! bytes is closed and delays nobody. The process dying loses nothing: all state is in the streams.

pub mod change;
pub mod close;
pub mod command;
pub mod container_logs;
pub mod counts;
pub mod follow;
pub mod frame;
pub mod item;
pub mod job;
pub mod one_server;
pub mod pace;
pub mod relay;
pub mod replay;
pub mod rights;
pub mod ring;
pub mod shared;
pub mod socket;
pub mod tail;
pub mod viewer;
pub mod watched;
pub mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use chatops_schemas::ids::{ServerId, UserId};
use tokio::sync::{broadcast, watch};

use self::{
    rights::Rights,
    ring::{Ring, Unseen},
    viewer::Topic,
};
use crate::config;

/// How long a new socket waits for the relay to read.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// What the sockets and the relay share.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: config::Live,
    ring: RwLock<Ring>,
    desk: Mutex<Desk>,
    rights: RwLock<Rights>,
    /// Moves when somebody may see more or less than before.
    rights_version: watch::Sender<u64>,
    /// Number of the newest tick.
    head: watch::Sender<u64>,
    listeners: watch::Sender<usize>,
    reading: watch::Sender<bool>,
    /// People whose sessions or accounts changed.
    recheck: broadcast::Sender<UserId>,
}

/// What is wanted, and how far the relay is. Under one lock, so that "from here on I want this" is exact.
#[derive(Debug, Default)]
struct Desk {
    /// Position in the metrics stream up to which everything was turned into items, as far as it was wanted.
    processed: u64,
    fleet: usize,
    servers: HashMap<ServerId, usize>,
}

/// What somebody wants of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) row: bool,
    pub(crate) sample: bool,
}

/// Why a socket cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnterError {
    /// As many as allowed are open.
    #[error("too many live sockets are open")]
    Full,
    /// The streams cannot be read.
    #[error("the streams cannot be read at the moment")]
    NotReading,
}

impl Hub {
    /// Nothing runs yet: see [`relay::Relay::run`].
    pub fn new(config: config::Live) -> Self {
        Self(Arc::new(Shared {
            ring: RwLock::new(Ring::new(config.ring_items)),
            config,
            desk: Mutex::default(),
            rights: RwLock::default(),
            rights_version: watch::Sender::new(0),
            head: watch::Sender::new(0),
            listeners: watch::Sender::new(0),
            reading: watch::Sender::new(false),
            recheck: broadcast::Sender::new(1024),
        }))
    }

    /// Lets a socket in: waits until the streams are read.
    pub async fn enter(&self) -> Result<Place, EnterError> {
        let mut full = false;
        self.0.listeners.send_if_modified(|n| {
            full = *n >= self.0.config.max_sockets;
            *n += usize::from(!full);
            !full
        });
        if full {
            return Err(EnterError::Full);
        }
        metrics::gauge!("chatops_api_live_sockets").increment(1.0);
        let mut place = Place {
            hub: self.clone(),
            next: 0,
            head: self.0.head.subscribe(),
            rights: self.0.rights_version.subscribe(),
            wants: Vec::new(),
        };
        let mut reading = self.0.reading.subscribe();
        match tokio::time::timeout(START_PATIENCE, reading.wait_for(|reading| *reading)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return Err(EnterError::NotReading),
        }
        place.next = read(&self.0.ring).next();
        Ok(place)
    }

    /// Sockets of this person look again whether they may stay.
    pub fn recheck(&self, user: UserId) {
        // Nobody listening is fine.
        let _ = self.0.recheck.send(user);
    }

    /// Follows [`Self::recheck`].
    pub fn rechecks(&self) -> broadcast::Receiver<UserId> {
        self.0.recheck.subscribe()
    }

    /// Who may see what, as the relay knows it.
    pub fn rights(&self) -> std::sync::RwLockReadGuard<'_, Rights> {
        read(&self.0.rights)
    }

    /// The relay learnt that somebody may see more or less than before.
    fn rights_moved(&self) {
        self.0.rights_version.send_modify(|version| *version += 1);
    }

    /// Settings.
    pub fn config(&self) -> &config::Live {
        &self.0.config
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// A socket's place at the ring. Leaving happens on drop.
#[derive(Debug)]
pub struct Place {
    hub: Hub,
    next: u64,
    head: watch::Receiver<u64>,
    rights: watch::Receiver<u64>,
    wants: Vec<Topic>,
}

impl Place {
    /// Position of the metrics stream that live items follow.
    pub fn position(&self) -> u64 {
        self.hub.desk().processed
    }

    /// Announces interest in a topic; every later sample becomes an item. Returns the position behind which that holds.
    pub fn want(&mut self, topic: Topic) -> u64 {
        let mut desk = self.hub.desk();
        match &topic {
            Topic::Fleet => desk.fleet += 1,
            Topic::Server(id) => *desk.servers.entry(id.clone()).or_default() += 1,
            // Always read while anybody looks: there are few.
            Topic::Alerts => {}
        }
        let processed = desk.processed;
        drop(desk);
        self.wants.push(topic);
        processed
    }

    /// Withdraws interest.
    pub fn unwant(&mut self, topic: &Topic) {
        if let Some(at) = self.wants.iter().position(|wanted| wanted == topic) {
            let topic = self.wants.swap_remove(at);
            self.hub.desk().release(&topic);
        }
    }

    /// Waits until there is something unseen. Cancel-safe.
    pub async fn changed(&mut self) {
        let next = self.next;
        // The sender lives in the hub that this place holds: it cannot be gone.
        let _ = self.head.wait_for(|head| *head >= next).await;
    }

    /// Changes when somebody may see more or less than when this place was taken.
    pub fn rights_moved(&self) -> watch::Receiver<u64> {
        self.rights.clone()
    }

    /// Takes what is unseen, at most so many ticks.
    pub fn take(&mut self, most: usize) -> Unseen {
        let unseen = read(&self.hub.0.ring).since(self.next, most);
        match &unseen {
            Unseen::Ticks(ticks) => self.next += ticks.len() as u64,
            Unseen::TooOld => {}
        }
        unseen
    }

    /// Gives up what was missed: goes on with the next tick.
    pub fn jump(&mut self) {
        self.next = read(&self.hub.0.ring).next();
    }

    /// The hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut desk = self.hub.desk();
        for topic in &self.wants {
            desk.release(topic);
        }
        drop(desk);
        self.hub
            .0
            .listeners
            .send_modify(|n| *n = n.saturating_sub(1));
        metrics::gauge!("chatops_api_live_sockets").decrement(1.0);
    }
}

impl Desk {
    fn release(&mut self, topic: &Topic) {
        match topic {
            Topic::Fleet => self.fleet = self.fleet.saturating_sub(1),
            Topic::Server(id) => {
                if let Some(n) = self.servers.get_mut(id) {
                    *n -= 1;
                    if *n == 0 {
                        self.servers.remove(id);
                    }
                }
            }
            Topic::Alerts => {}
        }
    }

    /// Notes that the relay is at `seq` with a sample of this server, and says what is wanted of it.
    fn reach(&mut self, seq: u64, server: &ServerId) -> Wanted {
        self.processed = seq;
        let sample = self.servers.contains_key(server);
        Wanted {
            row: sample || self.fleet > 0,
            sample,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub() -> Hub {
        let hub = Hub::new(config::Live {
            max_sockets: 2,
            ..config::Live::default()
        });
        hub.0.reading.send_replace(true);
        hub
    }

    #[tokio::test]
    async fn interest_is_counted_and_ends_with_the_place() {
        let hub = hub();
        let server = ServerId::parse("a").unwrap();
        let (mut first, mut second) = (hub.enter().await.unwrap(), hub.enter().await.unwrap());
        assert_eq!(
            hub.desk().reach(5, &server),
            Wanted {
                row: false,
                sample: false
            }
        );
        assert_eq!(first.want(Topic::Server(server.clone())), 5);
        assert_eq!(second.want(Topic::Server(server.clone())), 5);
        assert_eq!(
            hub.desk().reach(6, &server),
            Wanted {
                row: true,
                sample: true
            }
        );
        first.unwant(&Topic::Server(server.clone()));
        first.want(Topic::Fleet);
        drop(second);
        assert_eq!(
            hub.desk().reach(7, &server),
            Wanted {
                row: true,
                sample: false
            }
        );
        drop(first);
        assert_eq!(
            hub.desk().reach(8, &server),
            Wanted {
                row: false,
                sample: false
            }
        );
        assert!(hub.desk().servers.is_empty());
    }

    #[tokio::test]
    async fn the_number_of_sockets_is_limited_and_places_come_back() {
        let hub = hub();
        let first = hub.enter().await.unwrap();
        let _second = hub.enter().await.unwrap();
        assert_eq!(hub.enter().await.unwrap_err(), EnterError::Full);
        drop(first);
        hub.enter().await.unwrap();
    }

    #[tokio::test]
    async fn a_place_sees_each_tick_once() {
        let hub = hub();
        let mut place = hub.enter().await.unwrap();
        let number = write(&hub.0.ring).push(vec![], 9, None);
        hub.0.head.send_replace(number);
        place.changed().await;
        let Unseen::Ticks(ticks) = place.take(10) else {
            panic!("the ring is large enough")
        };
        assert_eq!(ticks.iter().map(|tick| tick.seq).collect::<Vec<_>>(), [9]);
        let Unseen::Ticks(ticks) = place.take(10) else {
            panic!("the ring is large enough")
        };
        assert!(ticks.is_empty());
    }
}
