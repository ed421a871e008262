//! Spool and uplink together: what is waiting, what is on its way, for one of the [`Lane`]s. Driven by
//! [`service`](crate::service).
//!
//! Keeps the promises of [`spool`](crate::spool) and [`uplink`](crate::uplink) towards each other: a record leaves the
//! disk only when it is acknowledged or given up, and whatever is given up is counted.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chatops_schemas::clock::Timestamp;
use tokio::sync::mpsc;

use crate::{
    outbox::Lane,
    record::Record,
    spool::{Lost, Spool},
    transport::{Order, Outcome},
    uplink::{Action, Input, Pace, Uplink},
};

/// Samples that the server would refuse as too old are not sent: a little less than its 24 hours, for the way.
const TOO_OLD: Duration = Duration::from_secs(24 * 3600 - 10 * 60);
/// How long the newest record may wait for its acknowledgement in memory only.
const FLUSH_AFTER: Duration = Duration::from_secs(2);

/// Records waiting and on their way.
#[derive(Debug)]
pub struct Queue {
    lane: Lane,
    spool: Spool,
    /// The newest record: mostly it is sent at once, and must not be read back from the disk for that.
    newest: Option<(u64, Bytes)>,
    uplink: Uplink,
    orders: mpsc::Sender<Order>,
    actions: Vec<Action>,
    flush_at: Option<Instant>,
    given_up: u64,
    /// What records held that were dropped for want of room and are not stored, by whose it was.
    lost: BTreeMap<String, u64>,
    /// The same of records that were on their way when they were dropped: most of them arrive.
    doubtful: HashMap<u64, (String, u64)>,
    told: Option<String>,
}

impl Queue {
    /// What the spool holds is sent as soon as there is a connection.
    pub fn new(lane: Lane, spool: Spool, orders: mpsc::Sender<Order>) -> Self {
        let pace = match lane {
            Lane::Samples => Pace::SAMPLES,
            Lane::Events => Pace::RESULTS,
            Lane::Logs => Pace::LOGS,
        };
        let uplink = Uplink::new(pace, spool.front(), spool.end());
        Self {
            lane,
            spool,
            newest: None,
            uplink,
            orders,
            actions: Vec::new(),
            flush_at: None,
            given_up: 0,
            lost: BTreeMap::new(),
            doubtful: HashMap::new(),
            told: None,
        }
    }

    /// Takes a new record, sends it if possible, and gives its number.
    pub fn push(&mut self, record: Bytes, now: Instant, time: Timestamp) -> u64 {
        let number = self.spool.end();
        self.newest = Some((number, record.clone()));
        self.spool.append(record);
        self.count_lost();
        self.flush_at.get_or_insert(now + FLUSH_AFTER);
        self.handle(Input::Dropped(self.spool.front()), now, time);
        self.handle(Input::Grown(self.spool.end()), now, time);
        self.newest = None;
        // Nobody takes it now, and what it tells happened once: unlike a sample it is worth a write.
        if self.lane == Lane::Events && !self.uplink.connected() {
            self.flush();
        }
        number
    }

    /// The connection is up.
    pub fn connected(&mut self, now: Instant, time: Timestamp) {
        self.handle(Input::Connected, now, time);
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, now: Instant, time: Timestamp) {
        // Of what was dropped on its way nothing is heard any more.
        for (_, (whose, many)) in self.doubtful.drain() {
            *self.lost.entry(whose).or_default() += many;
        }
        self.handle(Input::Disconnected, now, time);
    }

    /// Something became of a record.
    pub fn settled(&mut self, number: u64, outcome: Outcome, now: Instant, time: Timestamp) {
        if let Some((whose, many)) = self.doubtful.remove(&number)
            && outcome != Outcome::Stored
        {
            *self.lost.entry(whose).or_default() += many;
        }
        match outcome {
            Outcome::Stored => {
                self.told = None;
                self.handle(Input::Acknowledged(number), now, time);
            }
            Outcome::Unknown(reason) => {
                // Said once, not for each of the hundreds that fail for one reason.
                if self.told.as_ref() != Some(&reason) {
                    tracing::warn!(
                        "{} is not known to be stored and will be sent again: {reason}",
                        self.thing()
                    );
                    self.told = Some(reason);
                }
                self.handle(Input::Unknown(number), now, time);
            }
            Outcome::Refused(reason) => {
                tracing::warn!(
                    "the server refuses {}, which is given up: {reason}",
                    self.thing()
                );
                self.given_up += 1;
                self.handle(Input::Unsendable(number), now, time);
            }
        }
    }

    /// Time has passed; see [`Queue::wake_at`].
    pub fn tick(&mut self, now: Instant, time: Timestamp) {
        if self.flush_at.is_some_and(|at| now >= at) {
            self.flush();
        }
        self.handle(Input::Tick, now, time);
    }

    fn flush(&mut self) {
        self.flush_at = None;
        let flushed = self.spool.flush();
        self.count_lost();
        if let Err(error) = flushed {
            tracing::warn!(
                "{} cannot be kept on disk and waits in memory: {error}",
                self.thing()
            );
        }
    }

    /// When to call [`Queue::tick`].
    pub fn wake_at(&self) -> Option<Instant> {
        [self.uplink.wake_at(), self.flush_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Records waiting or on their way.
    pub const fn waiting(&self) -> u64 {
        self.spool.len()
    }

    /// Bytes waiting on disk.
    pub fn bytes_on_disk(&self) -> u64 {
        self.spool.bytes_on_disk()
    }

    /// Records on their way.
    pub fn in_flight(&self) -> usize {
        self.uplink.in_flight()
    }

    /// Records lost since the start: no room, unreadable, too old, or refused.
    pub const fn lost(&self) -> u64 {
        self.spool.dropped() + self.given_up
    }

    /// Looks at what was dropped for want of room, before the uplink forgets what is on its way.
    fn count_lost(&mut self) {
        for Lost {
            number,
            whose,
            many,
        } in self.spool.take_lost()
        {
            if self.uplink.is_in_flight(number) {
                self.doubtful.insert(number, (whose, many));
            } else if !self.uplink.is_settled(number) {
                *self.lost.entry(whose).or_default() += many;
            }
        }
    }

    /// What records held that were dropped for want of room since the last call, by whose it was.
    pub fn take_lost(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.lost)
    }

    /// Puts what is left on disk.
    pub fn close(&mut self) -> std::io::Result<()> {
        self.spool.close()
    }

    const fn thing(&self) -> &'static str {
        match self.lane {
            Lane::Samples => "a sample",
            Lane::Events => "a result",
            Lane::Logs => "a batch of log lines",
        }
    }

    fn handle(&mut self, input: Input, now: Instant, time: Timestamp) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.uplink.handle(now, input, &mut self.actions);
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Done(front) => {
                        self.spool.remove_before(front);
                        if self.spool.is_empty() {
                            self.flush_at = None;
                        }
                    }
                    Action::Send(number) => inputs.extend(self.send(number, time)),
                }
            }
        }
    }

    /// Orders a record to be sent; gives what the uplink must hear at once when that is not possible.
    fn send(&mut self, number: u64, time: Timestamp) -> Option<Input> {
        let record = match &self.newest {
            Some((newest, record)) if *newest == number => Some(record.clone()),
            _ => self.spool.read(number),
        };
        let parsed = record
            .as_ref()
            .and_then(|record| Record::parse(self.lane, record).ok());
        let (Some(record), Some(parsed)) = (record, parsed) else {
            tracing::warn!("{} on disk cannot be read and is given up", self.thing());
            self.given_up += 1;
            return Some(Input::Unsendable(number));
        };
        let too_old = time.micros_since(parsed.time) > TOO_OLD.as_micros() as i64;
        if self.lane == Lane::Samples && too_old {
            self.given_up += 1;
            return Some(Input::Unsendable(number));
        }
        // The channel holds more than may be in flight; full or closed means that the transport is on its way out.
        let lane = self.lane;
        let ordered = self.orders.try_send(Order::Send {
            lane,
            number,
            record,
        });
        ordered.is_err().then_some(Input::Unknown(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record, spool::Options};
    use chatops_schemas::{envelope::Envelope, event::metric::Sample, ids::EventId};
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn record(n: u64, age: Duration) -> Bytes {
        let time = NOW.plus_micros(-(age.as_micros() as i64));
        let mut event = Envelope::new(EventId(Uuid::from_u128(n.into())), time, Sample::default());
        record::encode(&mut event).unwrap()
    }

    fn ordered(orders: &mut mpsc::Receiver<Order>) -> Vec<u64> {
        std::iter::from_fn(|| orders.try_recv().ok())
            .filter_map(|order| match order {
                Order::Send { number, .. } => Some(number),
                Order::Hello(_) => None,
            })
            .collect()
    }

    #[test]
    fn what_is_too_old_for_the_server_is_given_up_and_counted() {
        let (orders, mut given) = mpsc::channel(512);
        let mut queue = Queue::new(
            Lane::Samples,
            Spool::open(Options::in_memory()).unwrap(),
            orders,
        );
        let now = Instant::now();
        for (n, hours) in [(0, 30), (1, 24), (2, 23), (3, 0)] {
            queue.push(record(n, Duration::from_secs(hours * 3600)), now, NOW);
        }
        queue.connected(now, NOW);
        assert_eq!(ordered(&mut given), [2, 3]);
        assert_eq!((queue.lost(), queue.waiting()), (2, 2));
        queue.settled(2, Outcome::Stored, now, NOW);
        queue.settled(3, Outcome::Refused("no".into()), now, NOW);
        assert_eq!((queue.lost(), queue.waiting()), (3, 0));
    }

    #[test]
    fn a_late_acknowledgement_reaches_the_disk_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let (orders, _given) = mpsc::channel(512);
        let spool = Spool::open(Options::in_folder(dir.path().into())).unwrap();
        let mut queue = Queue::new(Lane::Samples, spool, orders);
        let now = Instant::now();
        queue.connected(now, NOW);
        queue.push(record(1, Duration::ZERO), now, NOW);
        let wake = queue.wake_at().unwrap();
        assert!(wake <= now + FLUSH_AFTER);
        queue.tick(wake, NOW);
        drop(queue);
        assert_eq!(
            Spool::open(Options::in_folder(dir.path().into()))
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn what_is_dropped_on_its_way_counts_only_when_it_does_not_arrive() {
        let (orders, mut given) = mpsc::channel(512);
        let spool = Spool::open(Options {
            max_in_memory: 4,
            contents: Some(|_| Some(("app".to_owned(), 10))),
            ..Options::in_memory()
        })
        .unwrap();
        let mut queue = Queue::new(Lane::Samples, spool, orders);
        let now = Instant::now();
        queue.connected(now, NOW);
        // All are sent at once; the first three have to go before their outcome is known.
        for n in 0..7 {
            queue.push(record(n, Duration::ZERO), now, NOW);
        }
        assert_eq!(ordered(&mut given).len(), 7);
        assert!(queue.take_lost().is_empty());
        queue.settled(0, Outcome::Stored, now, NOW);
        assert!(queue.take_lost().is_empty());
        queue.settled(1, Outcome::Unknown("no answer".into()), now, NOW);
        assert_eq!(queue.take_lost()["app"], 10);
        queue.disconnected(now, NOW);
        assert_eq!(queue.take_lost()["app"], 10);
        // Nobody is there: what goes now was never sent again, and is lost.
        queue.push(record(7, Duration::ZERO), now, NOW);
        assert_eq!(queue.take_lost()["app"], 10);
        assert!(queue.take_lost().is_empty());
    }
}
