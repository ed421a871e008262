//! Reads one partition of OPS_METRICS and evaluates each sample under the rules of its server. Called by its
//! [`Reader`](super::reader); see [`super`] for what happens when it dies.
//!
//! A sample that cannot be read, names another server, or comes from a clock that is far off is passed over and counted:
//! the read model parks it, where people see it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chatops_bus::{
    From, ReadError, Recorded, StreamName,
    projector::{Halt, Spec},
};
use chatops_schemas::{
    clock::Timestamp,
    codec,
    event::{
        alert::MAX_PROCESSES,
        metric::{Process, Sample},
    },
    ids::{RuleId, ServerId},
    subject,
};

use super::{
    board::{Board, State},
    facts::LastReadings,
    force::{InForce, Known},
    reader::Work,
    snapshot::{self, Unfit},
    writer::{Basis, Outcome, Turn, WriteError, Writer},
};
use crate::{
    phase::Phase,
    watch::{Saved, Watch},
};

/// How far back a reader begins that has never run, in milliseconds.
const FIRST_LOOK_MS: i64 = 3_600_000;
/// A sample may be this much older than its storing, in microseconds; older ones are parked by the read model.
const OLDEST: i64 = 24 * 3_600_000_000;
/// A sample may be this much newer than its storing, in microseconds.
const NEWEST: i64 = 120_000_000;
/// What the rules know of the servers of one partition.
pub(super) struct Partition {
    index: usize,
    board: Arc<Board>,
    last: Arc<LastReadings>,
    hosts: HashMap<ServerId, Host>,
    /// Rules under which servers that are gone were forgotten last.
    swept: u64,
}

#[derive(Default)]
struct Host {
    /// Rules that the watches stand for.
    generation: u64,
    watches: Vec<Standing>,
    /// What was known before the start, until the rules are looked at.
    saved: HashMap<RuleId, (u32, Saved)>,
    newest: Option<Timestamp>,
    came: Timestamp,
    interval_ms: u32,
}

struct Standing {
    known: Arc<Known>,
    watch: Watch,
}

impl Partition {
    pub(super) fn new(index: usize, board: Arc<Board>, last: Arc<LastReadings>) -> Self {
        Self {
            index,
            board,
            last,
            hosts: HashMap::new(),
            swept: 0,
        }
    }
}

impl Work for Partition {
    fn begin(&mut self, state: Option<&[u8]>) -> Result<(), Unfit> {
        self.hosts.clear();
        self.board.suspect_all(self.index);
        let Some(state) = state else { return Ok(()) };
        let hosts: Vec<snapshot::Host> = snapshot::decode(state)?;
        let came = hosts
            .iter()
            .map(|host| (host.server.clone(), host.came, host.interval_ms));
        self.last.came(came);
        self.hosts = hosts.into_iter().map(Host::restored).collect();
        Ok(())
    }

    fn known(&self) -> Result<Vec<u8>, snapshot::Encode> {
        let hosts = self.hosts.iter().map(|(server, host)| host.save(server));
        snapshot::encode(&hosts.collect::<Vec<_>>())
    }

    /// An hour back.
    async fn first(&mut self, writer: &Writer, spec: &Spec) -> Result<u64, ReadError> {
        let bus = &writer.bus;
        let end = bus.stream_info(spec.stream).await?.last_seq;
        let from = writer.clock.now().plus_millis(-FIRST_LOOK_MS);
        let last = bus.last(spec.stream, &spec.filter).await?;
        let Some(last) = last.filter(|last| last.stored_at >= from) else {
            return Ok(end);
        };
        let mut events = bus
            .read(spec.stream, &spec.filter, From::Time(from))
            .await?;
        let first = futures::StreamExt::next(&mut events).await.transpose()?;
        Ok(first.map_or(last.seq, |first| first.seq) - 1)
    }

    async fn take(
        &mut self,
        writer: &Writer,
        rules: &InForce,
        events: &[Recorded],
    ) -> Result<Option<Halt>, WriteError> {
        if rules.generation != self.swept {
            self.swept = rules.generation;
            self.hosts
                .retain(|server, _| rules.servers.contains(server));
        }
        let mut suspects = self.board.take_suspects(self.index);
        let mut later = HashSet::new();
        let (mut outcomes, mut came, mut evaluations) = (Vec::new(), Vec::new(), 0);
        for recorded in events {
            let Some(server) = subject::server_of(&recorded.subject) else {
                continue;
            };
            let standing = rules.rules(&server);
            if standing.is_empty() {
                continue;
            }
            let event = match codec::decode::<Sample>(&recorded.payload) {
                Ok(event) => event,
                Err(error) if error.needs_upgrade() => {
                    return Ok(Some(Halt::NeedsUpgrade(error.to_string())));
                }
                Err(_) => {
                    unreadable();
                    continue;
                }
            };
            let ahead = event.time.micros_since(recorded.stored_at);
            if event.server.as_ref() != Some(&server) || !(-OLDEST..=NEWEST).contains(&ahead) {
                unreadable();
                continue;
            }
            let host = self.hosts.entry(server.clone()).or_default();
            let anew = host.take_up(rules, standing);
            if (suspects.remove(&server) || anew)
                && !host.agree(writer, &server, recorded.seq, event.time)
            {
                later.insert(server.clone());
            }
            evaluations += host.watches.len() as u64;
            host.see(recorded, event.time, &event.data, |known, device, turn| {
                outcomes.push(Outcome {
                    server: server.clone(),
                    known: Arc::clone(known),
                    device,
                    at: event.time,
                    basis: Basis::Reading { seq: recorded.seq },
                    cause: Some(event.id),
                    turn,
                });
            });
            came.push((server, recorded.stored_at, host.interval_ms));
        }
        metrics::counter!("chatops_alerting_evaluations_total").increment(evaluations);
        self.last.came(came.into_iter());
        // What could not be looked at yet, here or because nothing came from it, waits for the next batch.
        later.extend(suspects);
        self.board.put_suspects(self.index, later);
        writer.write_all(outcomes).await?;
        Ok(None)
    }
}

impl Host {
    /// Brings the watches in line with the rules of the server. True: some begin anew, and may have an open alert.
    fn take_up(&mut self, rules: &InForce, standing: &[Arc<Known>]) -> bool {
        if self.generation == rules.generation {
            return false;
        }
        let mut anew = false;
        self.generation = rules.generation;
        let mut before: HashMap<_, _> = std::mem::take(&mut self.watches)
            .into_iter()
            .map(|standing| ((standing.known.id, standing.known.version), standing.watch))
            .collect();
        let mut saved = std::mem::take(&mut self.saved);
        for known in standing
            .iter()
            .filter(|known| known.rule().fact().is_none())
        {
            let plan = Arc::clone(&known.plan);
            let going_on = before.remove(&(known.id, known.version)).or_else(|| {
                let (version, saved) = saved.remove(&known.id)?;
                (version == known.version).then(|| Watch::restore(Arc::clone(&plan), saved))?
            });
            let watch = going_on.unwrap_or_else(|| {
                anew = true;
                Watch::of(plan, self.newest)
            });
            self.watches.push(Standing {
                known: Arc::clone(known),
                watch,
            });
        }
        anew
    }

    /// Puts the watches where the alerts are. False: some alert was evaluated further than this reading, so it is too soon.
    fn agree(&mut self, writer: &Writer, server: &ServerId, seq: u64, at: Timestamp) -> bool {
        let mut all = true;
        for entry in writer.board.of_server(server) {
            let same = |standing: &&mut Standing| standing.known.id == entry.rule;
            let Some(standing) = self.watches.iter_mut().find(same) else {
                continue;
            };
            if !standing.known.may_be_about(&entry.device) {
                continue;
            }
            if entry.has_seen(StreamName::Metrics, seq) {
                all = false;
                continue;
            }
            let is = standing.watch.phase(&entry.device);
            let should = match (&entry.state, is) {
                (State::Open(_), Phase::Firing { .. })
                | (State::Settled(_), Phase::Settled)
                | (State::Ok, Phase::Ok | Phase::Pending { .. }) => continue,
                (State::Open(head), _) => Phase::Firing {
                    since: head.since,
                    held: at,
                },
                (State::Settled(_), _) => Phase::Settled,
                (State::Ok, _) => Phase::Ok,
            };
            standing.watch.resume(&entry.device, should, at);
        }
        all
    }

    fn see(
        &mut self,
        recorded: &Recorded,
        at: Timestamp,
        sample: &Sample,
        mut outcome: impl FnMut(&Arc<Known>, String, Turn),
    ) {
        self.newest = self.newest.max(Some(at));
        self.came = self.came.max(recorded.stored_at);
        self.interval_ms = sample.interval_ms.unwrap_or_default();
        for Standing { known, watch } in &mut self.watches {
            for mut change in watch.see(at, sample) {
                if let Some(turn) = Turn::of(&mut change, || busiest(sample)) {
                    outcome(known, change.device, turn);
                }
            }
        }
    }

    /// As it was saved.
    fn restored(saved: snapshot::Host) -> (ServerId, Self) {
        let watches = saved.watches.into_iter();
        let host = Self {
            saved: watches
                .map(|(rule, version, saved)| (rule, (version, saved)))
                .collect(),
            newest: saved.newest,
            came: saved.came,
            interval_ms: saved.interval_ms,
            ..Self::default()
        };
        (saved.server, host)
    }

    fn save(&self, server: &ServerId) -> snapshot::Host {
        let watches = self.watches.iter().filter_map(|Standing { known, watch }| {
            let saved = watch.save()?;
            Some((known.id, known.version, saved))
        });
        // A host that has sent nothing since the start is kept as it was.
        let waiting = self
            .saved
            .iter()
            .map(|(rule, (version, saved))| (*rule, *version, saved.clone()));
        snapshot::Host {
            server: server.clone(),
            newest: self.newest,
            came: self.came,
            interval_ms: self.interval_ms,
            watches: watches.chain(waiting).collect(),
        }
    }
}

/// The processes that a person would look at first: half by processor time, half by memory.
fn busiest(sample: &Sample) -> Vec<Process> {
    let half = MAX_PROCESSES / 2;
    let mut found: Vec<Process> = sample.top_cpu.iter().take(half).cloned().collect();
    for process in &sample.top_mem {
        if found.len() < MAX_PROCESSES && !found.iter().any(|other| other.pid == process.pid) {
            found.push(process.clone());
        }
    }
    found
}

fn unreadable() {
    metrics::counter!("chatops_alerting_unreadable_total", "what" => "sample").increment(1);
}
