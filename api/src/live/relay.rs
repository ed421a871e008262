//! The one reader of the streams for all sockets of this process.
//!
//! Called by the composition as a service. It sleeps while nobody looks, reads while somebody does, and for a little while
//! after the last one left. When reading fails it goes on behind the last event that it turned into items; when that is no
//! longer possible, every socket is told that there is a gap. A crash loses nothing but the sockets.

mod alerts;

use std::time::Duration;

use chatops_bus::{Bus, From, ReadError, Reader, Recorded, StreamInfo, StreamName};
use chatops_projections::{INVENTORY, PRESENCE, Progress, Store, StoreError};
use chatops_schemas::{
    clock::Clock,
    codec,
    event::{
        access::{SessionEnded, SignedOut, Witnessed},
        metric::Sample,
    },
    ids::ServerId,
    subject,
};
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::alerts::{Known, Waiting};
use super::{
    Hub,
    change::{self, Change},
    item::{self, Item},
    pace::Pace,
    read,
    rights::Rights,
    write,
};
use crate::body;

/// Samples are taken in one go for so long before anything else gets its turn.
const BURST: Duration = Duration::from_millis(1);
/// Pause before reading is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Announcements that wait for their projection; more are dropped, and the page shows them at its next load.
const ANNOUNCEMENTS: usize = 1024;
/// How long an announcement waits for its row.
const ROW_PATIENCE: Duration = Duration::from_secs(10);
/// Samples dated outside of this, by the stream's clock, are parked by the projector and not shown either (microseconds).
const OLDEST: i64 = 24 * 3600 * 1_000_000;
const NEWEST: i64 = 120 * 1_000_000;

/// Reads the streams and fills the ring.
#[derive(Debug)]
pub struct Relay {
    hub: Hub,
    bus: Bus,
    store: Store,
    progress: Progress,
    clock: Arc<dyn Clock>,
}

/// Where reading stopped.
#[derive(Debug, Clone, Copy)]
struct Carried {
    metrics: u64,
    fact: u64,
    ctl: u64,
    access: u64,
    alert: u64,
}

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("read the streams")]
    Bus(#[from] ReadError),
    #[error("read who owns what")]
    Store(#[from] StoreError),
    #[error("a stream ended")]
    Ended,
}

enum Done {
    Idle,
    Stopped,
    Lost(Lost),
}

/// A server whose shape has to be fetched once its row is there.
struct Announcement {
    server: ServerId,
    added: bool,
    projection: &'static str,
    seq: u64,
}

impl Relay {
    /// Runs over these.
    pub fn new(
        hub: Hub,
        bus: Bus,
        store: Store,
        progress: Progress,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            hub,
            bus,
            store,
            progress,
            clock,
        }
    }

    /// Runs until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut listeners = self.hub.0.listeners.subscribe();
        let mut carried = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                waited = listeners.wait_for(|n| *n > 0) => if waited.is_err() { return },
            }
            match self.session(&stop, &mut carried).await {
                Done::Stopped => return,
                Done::Idle => carried = None,
                Done::Lost(lost) => {
                    tracing::warn!(error = %crate::problem::Chain(&lost), "the live relay lost the streams and tries again");
                    metrics::counter!("chatops_api_live_relay_lost_total").increment(1);
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
    }

    /// Reads until nobody looks any more, or until it cannot.
    async fn session(&self, stop: &CancellationToken, carried: &mut Option<Carried>) -> Done {
        let (mut reading, gap) = match self.open(*carried).await {
            Ok(opened) => opened,
            Err(lost) => return Done::Lost(lost),
        };
        if let Some(from) = gap {
            self.publish(Vec::new(), reading.at.metrics, Some(from));
        }
        self.hub.0.reading.send_replace(true);
        let (announce, waiting) = mpsc::channel(ANNOUNCEMENTS);
        let (fetched, mut announced) = mpsc::channel(ANNOUNCEMENTS);
        reading.announce = Some(announce);
        let (waiting_alerts, mut known_alerts, tell_alerts) =
            alerts::channel(&self.store, &self.progress);
        reading.alerts_waiting = Some(waiting_alerts);
        let done = tokio::select! {
            done = self.follow(&mut reading, &mut announced, &mut known_alerts, stop) => done,
            () = tell_alerts => Done::Lost(Lost::Ended),
            () = self.fetch_announced(waiting, fetched) => Done::Lost(Lost::Ended),
        };
        *carried = Some(reading.at);
        done
    }

    /// Opens the readers behind `carried`, or at the end. The second value is the first position that is lost.
    async fn open(&self, carried: Option<Carried>) -> Result<(Reading, Option<u64>), Lost> {
        let metrics = self.bus.stream_info(StreamName::Metrics).await?;
        let fact = self.bus.stream_info(StreamName::Fact).await?;
        let access = self.bus.stream_info(StreamName::Access).await?;
        let alert = self.bus.stream_info(StreamName::Alert).await?;
        // First the position, then the rows: what happens in between is read twice, not missed.
        let inventory = self.store.position_of(INVENTORY).await?;
        let facts = self.store.access_facts().await?;
        *write(&self.hub.0.rights) = Rights::load(facts);
        self.hub.rights_moved();
        let (start, gap) = resume_at(
            carried.map(|at| at.metrics),
            &metrics,
            self.hub.0.config.max_replay,
        );
        let at = Carried {
            metrics: start,
            fact: carried.map_or(fact.last_seq, |at| at.fact.min(fact.last_seq)),
            ctl: carried.map_or(inventory, |at| at.ctl.min(inventory)),
            access: carried.map_or(access.last_seq, |at| at.access.min(access.last_seq)),
            alert: carried.map_or(alert.last_seq, |at| at.alert.min(alert.last_seq)),
        };
        let reading = Reading {
            samples: self
                .bus
                .read_many(StreamName::Metrics, &[], From::Seq(at.metrics + 1))
                .await?,
            facts: self
                .bus
                .read_many(StreamName::Fact, &[], From::Seq(at.fact + 1))
                .await?,
            ctl: self
                .bus
                .read_many(StreamName::Ctl, &[], From::Seq(at.ctl + 1))
                .await?,
            ended: self
                .bus
                .read_many(
                    StreamName::Access,
                    &[SignedOut::KIND, SessionEnded::KIND].map(subject::access),
                    From::Seq(at.access + 1),
                )
                .await?,
            alerts: self
                .bus
                .read_many(StreamName::Alert, &[], From::Seq(at.alert + 1))
                .await?,
            at,
            pace: Pace::default(),
            pending: Vec::new(),
            announce: None,
            alerts_waiting: None,
        };
        self.hub.desk().processed = at.metrics;
        Ok((reading, gap))
    }

    async fn follow(
        &self,
        reading: &mut Reading,
        announced: &mut mpsc::Receiver<Item>,
        known_alerts: &mut mpsc::Receiver<Known>,
        stop: &CancellationToken,
    ) -> Done {
        let mut listeners = self.hub.0.listeners.subscribe();
        let mut due: Option<Instant> = None;
        let mut idle: Option<Instant> = None;
        loop {
            let sockets = *listeners.borrow_and_update();
            idle = match sockets {
                0 => idle.or_else(|| Some(Instant::now() + self.hub.0.config.linger)),
                _ => None,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Done::Stopped,
                () = at(due), if due.is_some() => {}
                _ = listeners.changed() => continue,
                () = at(idle), if idle.is_some() => {
                    if self.fall_asleep() {
                        return Done::Idle;
                    }
                    continue;
                }
                // Rights change here: before any sample that came later.
                event = reading.ctl.next() => match event {
                    Some(Ok(event)) => {
                        reading.at.ctl = event.seq;
                        self.take(reading, StreamName::Ctl, &event);
                    }
                    Some(Err(error)) => return Done::Lost(error.into()),
                    None => return Done::Lost(Lost::Ended),
                },
                // Sessions end here: another process may have taken the request.
                ended = reading.ended.next() => match ended {
                    Some(Ok(ended)) => {
                        reading.at.access = ended.seq;
                        self.take(reading, StreamName::Access, &ended);
                    }
                    Some(Err(error)) => return Done::Lost(error.into()),
                    None => return Done::Lost(Lost::Ended),
                },
                fact = reading.facts.next() => match fact {
                    Some(Ok(fact)) => {
                        reading.at.fact = fact.seq;
                        self.take(reading, StreamName::Fact, &fact);
                    }
                    Some(Err(error)) => return Done::Lost(error.into()),
                    None => return Done::Lost(Lost::Ended),
                },
                alert = reading.alerts.next() => match alert {
                    Some(Ok(alert)) => {
                        reading.at.alert = alert.seq;
                        self.take(reading, StreamName::Alert, &alert);
                    }
                    Some(Err(error)) => return Done::Lost(error.into()),
                    None => return Done::Lost(Lost::Ended),
                },
                Some(item) = announced.recv() => reading.pending.push(item),
                Some(known) = known_alerts.recv() => self.take_alerts(reading, known),
                sample = reading.samples.next() => match sample {
                    Some(Ok(sample)) => self.take_samples(reading, sample),
                    Some(Err(error)) => return Done::Lost(error.into()),
                    None => return Done::Lost(Lost::Ended),
                },
            }
            if reading.pending.is_empty() {
                due = None;
                continue;
            }
            let now = Instant::now();
            let at = *due.get_or_insert_with(|| now + reading.pace.interval(sockets));
            if at <= now {
                due = None;
                let items = std::mem::take(&mut reading.pending);
                self.publish(items, reading.at.metrics, None);
            }
        }
    }

    /// Stops reading if nobody looks. Sockets are counted under the same lock: one that comes now waits for the next
    /// session, and none can believe in this one.
    fn fall_asleep(&self) -> bool {
        let mut asleep = false;
        self.hub.0.listeners.send_if_modified(|n| {
            asleep = *n == 0;
            if asleep {
                self.hub.0.reading.send_replace(false);
            }
            false
        });
        asleep
    }

    fn publish(&self, items: Vec<Item>, seq: u64, gap_from: Option<u64>) {
        metrics::counter!("chatops_api_live_items_total").increment(items.len() as u64);
        let number = write(&self.hub.0.ring).push(items, seq, gap_from);
        self.hub.0.head.send_replace(number);
    }

    /// Takes a sample and those that have arrived with it.
    fn take_samples(&self, reading: &mut Reading, first: Recorded) {
        let before = reading.pending.len();
        let mut next = Some(first);
        let started = Instant::now();
        while let Some(recorded) = next.take() {
            reading.at.metrics = recorded.seq;
            self.take_sample(&mut reading.pending, &recorded);
            if started.elapsed() < BURST {
                // An error met here is met again at the next poll.
                next = reading
                    .samples
                    .next()
                    .now_or_never()
                    .flatten()
                    .and_then(Result::ok);
            }
        }
        reading
            .pace
            .note(reading.pending.len() - before, self.clock.now().micros());
    }

    fn take_sample(&self, pending: &mut Vec<Item>, recorded: &Recorded) {
        let Some(server) = subject::server_of(&recorded.subject) else {
            return;
        };
        let wanted = self.hub.desk().reach(recorded.seq, &server);
        if wanted.row {
            let owner = read(&self.hub.0.rights).owner(&server);
            pending.extend(items_of_sample(&server, owner, recorded, wanted.sample));
        }
    }

    /// Takes an event of the slower streams.
    fn take(&self, reading: &mut Reading, stream: StreamName, recorded: &Recorded) {
        let Ok(event) = codec::decode_any(&recorded.payload) else {
            // Its projector parks it.
            return;
        };
        // Before anything is told of it: whoever may no longer see something does not get this either.
        if stream == StreamName::Ctl && write(&self.hub.0.rights).apply(&event.data) {
            self.hub.rights_moved();
        }
        let Some(change) = change::of(stream, recorded, event) else {
            return;
        };
        let (projection, seq) = match stream {
            StreamName::Fact => (PRESENCE, recorded.seq),
            _ => (INVENTORY, recorded.seq),
        };
        match change {
            Change::Presence {
                server,
                online,
                at,
                transport,
            } => {
                let owner = read(&self.hub.0.rights).owner(&server);
                reading
                    .pending
                    .extend(item::presence(&server, owner, online, at, transport));
            }
            Change::Added { server } => reading.announce(Announcement {
                server,
                added: true,
                projection,
                seq,
            }),
            Change::Updated { server } => reading.announce(Announcement {
                server,
                added: false,
                projection,
                seq,
            }),
            Change::Removed { server } => {
                let owner = read(&self.hub.0.rights).last_owner(&server);
                reading.pending.extend(item::deleted(&server, owner));
            }
            Change::Account { user } => self.hub.recheck(user),
            Change::Alert(news) => {
                if let Some(waiting) = &reading.alerts_waiting {
                    waiting.push(news, recorded.seq);
                }
            }
        }
    }

    /// Takes what happened to alerts and can be read now.
    fn take_alerts(&self, reading: &mut Reading, known: Known) {
        for news in &known.news {
            let owner = read(&self.hub.0.rights).owner(&news.server);
            let open = known.open.get(&news.server).copied().unwrap_or_default();
            reading
                .pending
                .extend(item::alert(news, open.into(), owner));
        }
        if known.some_lost {
            let at = reading.at.metrics;
            self.publish(Vec::new(), at, Some(at));
        }
    }

    /// Fetches the shape of added and changed servers once their rows are there, so that a browser gets what a reload
    /// would show.
    async fn fetch_announced(
        &self,
        mut waiting: mpsc::Receiver<Announcement>,
        fetched: mpsc::Sender<Item>,
    ) {
        while let Some(next) = waiting.recv().await {
            match self.fetch(&next).await {
                Ok(Some(item)) => {
                    if fetched.send(item).await.is_err() {
                        return;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = %crate::problem::Chain(&error), "cannot show a changed server live");
                }
            }
        }
    }

    async fn fetch(&self, announcement: &Announcement) -> Result<Option<Item>, StoreError> {
        self.progress
            .wait_until(announcement.projection, announcement.seq, ROW_PATIENCE)
            .await?;
        let server = body::server::load(&self.store, &announcement.server).await?;
        Ok(server.and_then(|server| item::changed(&server, announcement.added)))
    }
}

/// The items of a recorded sample: its row, and the whole of it where somebody looks at that server. None when it is
/// not readable or not plausible: its projector parks it with the reason.
pub(super) fn items_of_sample(
    server: &ServerId,
    owner: Option<chatops_schemas::ids::UserId>,
    recorded: &Recorded,
    whole: bool,
) -> impl Iterator<Item = Item> + use<> {
    let event = codec::decode::<Sample>(&recorded.payload)
        .ok()
        .filter(|event| {
            let skew = event.time.micros_since(recorded.stored_at);
            event.server.as_ref().is_none_or(|about| about == server)
                && (-OLDEST..=NEWEST).contains(&skew)
        });
    let items = event.map(|event| {
        let row = item::row(server, owner, recorded.seq, event.time, &event.data);
        let sample = whole
            .then(|| item::sample(server, owner, recorded.seq, event.time, &event.data))
            .flatten();
        [row, sample]
    });
    items.into_iter().flatten().flatten()
}

struct Reading {
    samples: Reader,
    facts: Reader,
    ctl: Reader,
    ended: Reader,
    alerts: Reader,
    at: Carried,
    pace: Pace,
    pending: Vec<Item>,
    announce: Option<mpsc::Sender<Announcement>>,
    alerts_waiting: Option<Waiting>,
}

impl Reading {
    fn announce(&self, announcement: Announcement) {
        let sent = self
            .announce
            .as_ref()
            .is_some_and(|announce| announce.try_send(announcement).is_ok());
        if !sent {
            metrics::counter!("chatops_api_live_announcements_dropped_total").increment(1);
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Where to go on in a stream that is now like this: behind `carried` if that is possible and not too far, else at the
/// end. The second value is the first position that is lost.
fn resume_at(carried: Option<u64>, stream: &StreamInfo, max_replay: u64) -> (u64, Option<u64>) {
    match carried {
        None => (stream.last_seq, None),
        Some(at) if at > stream.last_seq => (stream.last_seq, Some(1)),
        Some(at) if at + 1 < stream.first_seq || stream.last_seq - at > max_replay => {
            (stream.last_seq, Some(at + 1))
        }
        Some(at) => (at, None),
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::clock::Timestamp;

    use super::*;

    #[test]
    fn reading_goes_on_where_it_stopped_unless_that_is_gone() {
        let stream = |first_seq, last_seq| StreamInfo {
            first_seq,
            last_seq,
            messages: last_seq + 1 - first_seq,
            bytes: 0,
            created: Timestamp::default(),
        };
        for (carried, first, last, expected) in [
            (None, 1, 0, (0, None)),
            (None, 5, 90, (90, None)),
            (Some(80), 5, 90, (80, None)),
            (Some(90), 5, 90, (90, None)),
            (Some(4), 5, 90, (4, None)),
            (Some(3), 5, 90, (90, Some(4))),
            (Some(80), 5, 1090, (1090, Some(81))),
            (Some(91), 5, 90, (90, Some(1))),
        ] {
            assert_eq!(
                resume_at(carried, &stream(first, last), 1000),
                expected,
                "{carried:?} {first}..={last}"
            );
        }
    }
}
