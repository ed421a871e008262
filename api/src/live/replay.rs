//! What a client missed while it was away, read from the streams up to the place where the ring takes over.
//!
//! The client names the last position of the metrics stream that it has. Samples behind it are sent one by one, once. Of
//! the slower streams the moment of that position is the starting point, and only the last state of each server is told:
//! hearing "online" twice does no harm, missing it would.

use std::{collections::BTreeMap, time::Duration};

use chatops_bus::{Bus, From, ReadError, Recorded, StreamName};
use chatops_projections::{Store, StoreError};
use chatops_schemas::{clock::Timestamp, codec, ids::ServerId, subject};
use futures::StreamExt;

use super::{
    Hub,
    change::{self, Change},
    item::{self, Item},
    read,
    relay::items_of_sample,
    viewer::Topic,
};
use crate::{
    access::{self, Action, Resource, Subject},
    body,
};

/// Samples of one step: a step is sent before the next is read, so a slow client slows its own replay only.
const STEP: usize = 256;
/// Longest wait for an event that the stream says it has.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events of the slower streams are read from this much earlier: two streams are not ordered to each other
/// (microseconds).
const OVERLAP: i64 = 2_000_000;
/// Most events of the slower streams that are read; a client that missed more loads anew.
const MAX_CHANGES: u64 = 20_000;

/// Why there is no replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Too long ago, or another stream: the client has to load anew.
    #[error("what was missed cannot be given")]
    Gap,
    /// The streams cannot be read.
    #[error("read what was missed")]
    Bus(#[from] ReadError),
    /// The database cannot be read.
    #[error("read changed servers")]
    Store(#[from] StoreError),
}

/// Samples in `(from, to]`, in steps.
pub struct Samples {
    /// None: no topic has samples.
    reader: Option<chatops_bus::Reader>,
    to: u64,
    done: bool,
    topics: Vec<Topic>,
    /// When the last event that the client has was stored.
    pub since: Timestamp,
}

impl Samples {
    /// Opens the replay of these topics for a client that has everything up to `from`.
    pub async fn open(
        bus: &Bus,
        topics: Vec<Topic>,
        from: u64,
        to: u64,
        most: u64,
    ) -> Result<Self, ReplayError> {
        let stream = bus.stream_info(StreamName::Metrics).await?;
        if from > stream.last_seq || from + 1 < stream.first_seq {
            return Err(ReplayError::Gap);
        }
        let since = stored_at(bus, from, stream.first_seq).await?;
        let fleet = topics.contains(&Topic::Fleet);
        let filters = filters(&topics);
        if fleet && to.saturating_sub(from) > most {
            return Err(ReplayError::Gap);
        }
        let wanted = fleet || !filters.is_empty();
        let mut done = from >= to || !wanted;
        if !done && !filters.is_empty() {
            // Without this, reading would wait for an event of a server that has sent nothing since.
            let mut newest = 0;
            for filter in &filters {
                newest = newest.max(
                    bus.last(StreamName::Metrics, filter)
                        .await?
                        .map_or(0, |last| last.seq),
                );
            }
            done = newest <= from;
        }
        let reader = match done {
            true => None,
            false => Some(
                bus.read_many(StreamName::Metrics, &filters, From::Seq(from + 1))
                    .await?,
            ),
        };
        Ok(Self {
            reader,
            to,
            done,
            topics,
            since,
        })
    }

    /// The next step and the position that the client has with it; `None` at the end.
    pub async fn next(&mut self, hub: &Hub) -> Result<Option<(Vec<Item>, u64)>, ReplayError> {
        let mut items = Vec::new();
        let mut reached = self.to;
        let mut taken = 0;
        while !self.done && taken < STEP {
            let Some(reader) = &mut self.reader else {
                break;
            };
            let waiting = reader.next();
            let recorded = match tokio::time::timeout(PATIENCE, waiting).await {
                Ok(Some(recorded)) => recorded?,
                Ok(None) | Err(_) => return Err(ReplayError::Gap),
            };
            if recorded.seq > self.to {
                self.done = true;
                break;
            }
            self.done = recorded.seq == self.to || recorded.pending == 0;
            self.take(hub, &recorded, &mut items);
            reached = if self.done { self.to } else { recorded.seq };
            taken += 1;
        }
        Ok((taken > 0).then_some((items, reached)))
    }

    fn take(&self, hub: &Hub, recorded: &Recorded, items: &mut Vec<Item>) {
        let Some(server) = subject::server_of(&recorded.subject) else {
            return;
        };
        let owner = read(&hub.0.rights).owner(&server);
        let whole = self
            .topics
            .iter()
            .any(|topic| matches!(topic, Topic::Server(id) if *id == server));
        items.extend(items_of_sample(&server, owner, recorded, whole));
    }
}

/// Subjects to read, if it is not the whole fleet. Alerts are not replayed: whoever asks for them is told how many are open,
/// and loads what it shows.
fn filters(topics: &[Topic]) -> Vec<String> {
    if topics.contains(&Topic::Fleet) {
        return Vec::new();
    }
    let one = |topic: &Topic| match topic {
        Topic::Fleet | Topic::Alerts => None,
        Topic::Server(id) => Some(subject::metrics_stored(id)),
    };
    topics.iter().filter_map(one).collect()
}

async fn stored_at(bus: &Bus, seq: u64, first_seq: u64) -> Result<Timestamp, ReplayError> {
    let mut reader = bus
        .read_many(StreamName::Metrics, &[], From::Seq(seq.max(first_seq)))
        .await?;
    match tokio::time::timeout(PATIENCE, reader.next()).await {
        Ok(Some(recorded)) => Ok(recorded?.stored_at),
        Ok(None) | Err(_) => Err(ReplayError::Gap),
    }
}

/// The last state of every server that this person sees whose state changed at or after a moment.
pub async fn changes(
    bus: &Bus,
    store: &Store,
    hub: &Hub,
    subject: &Subject,
    since: Timestamp,
) -> Result<Vec<Item>, ReplayError> {
    let since = since.plus_micros(-OVERLAP);
    let mut presence: BTreeMap<ServerId, (bool, Timestamp, &'static str)> = BTreeMap::new();
    let mut servers: BTreeMap<ServerId, bool> = BTreeMap::new();
    for stream in [StreamName::Fact, StreamName::Ctl] {
        for (server, change) in latest(bus, stream, since).await? {
            match change {
                Change::Presence {
                    online,
                    at,
                    transport,
                    ..
                } => {
                    presence.insert(server, (online, at, transport));
                }
                Change::Added { .. } | Change::Updated { .. } => {
                    servers.entry(server).or_insert(false);
                }
                Change::Removed { .. } => {
                    servers.insert(server, true);
                }
                Change::Account { .. } | Change::Alert(_) => {}
            }
        }
    }
    let visible = |server: &ServerId| {
        let rights = read(&hub.0.rights);
        rights.last_owner(server).is_some_and(|owner| {
            let granted = rights.granted_on(subject.user, server);
            let resource = Resource::Server { owner, granted };
            access::decide(&rights.now(*subject), Action::SeeServer, resource).allow
        })
    };
    let mut items = Vec::new();
    for (server, removed) in servers.into_iter().filter(|(server, _)| visible(server)) {
        if removed {
            items.extend(item::deleted(
                &server,
                read(&hub.0.rights).last_owner(&server),
            ));
        } else if let Some(shape) = body::server::load(store, &server).await? {
            items.extend(item::changed(&shape, false));
        }
    }
    for (server, (online, at, transport)) in
        presence.into_iter().filter(|(server, _)| visible(server))
    {
        items.extend(item::presence(
            &server,
            read(&hub.0.rights).owner(&server),
            online,
            at,
            transport,
        ));
    }
    Ok(items)
}

/// Changes of a slower stream since a moment, in order.
async fn latest(
    bus: &Bus,
    stream: StreamName,
    since: Timestamp,
) -> Result<Vec<(ServerId, Change)>, ReplayError> {
    let mut changes = Vec::new();
    let newest = bus.last(stream, ">").await?;
    let Some(newest) = newest.filter(|newest| newest.stored_at >= since) else {
        return Ok(changes);
    };
    let mut reader = bus.read_many(stream, &[], From::Time(since)).await?;
    loop {
        let recorded = match tokio::time::timeout(PATIENCE, reader.next()).await {
            Ok(Some(recorded)) => recorded?,
            Ok(None) | Err(_) => return Err(ReplayError::Gap),
        };
        if recorded.pending > MAX_CHANGES {
            return Err(ReplayError::Gap);
        }
        let event = codec::decode_any(&recorded.payload).ok();
        if let Some(change) = event.and_then(|event| change::of(stream, &recorded, event)) {
            let server = match &change {
                Change::Presence { server, .. }
                | Change::Added { server }
                | Change::Updated { server }
                | Change::Removed { server } => server.clone(),
                Change::Account { .. } | Change::Alert(_) => continue,
            };
            changes.push((server, change));
        }
        if recorded.seq >= newest.seq || recorded.pending == 0 {
            return Ok(changes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_can_be_filtered_for() {
        let server = |id: &str| Topic::Server(ServerId::parse(id).unwrap());
        assert_eq!(
            filters(&[server("a"), server("b")]),
            ["ops.v1.metrics.*.a", "ops.v1.metrics.*.b"]
        );
        assert!(filters(&[server("a"), Topic::Fleet]).is_empty());
        assert_eq!(
            filters(&[Topic::Alerts, server("a")]),
            ["ops.v1.metrics.*.a"]
        );
    }
}
