//! Rules about what is not a number: a host that is down or silent, a container in trouble. Reads OPS_FACT, folds it into how
//! things are ([`standing`](super::standing)), and looks about every second at which rules that makes true.
//!
//! Unlike a reading, how things are can be looked at any number of times, so nothing is raised from a single event: an alert
//! begins when something is so, the rule has waited long enough, and there is none; it ends when it is no longer so. A death
//! in between repeats the look.
//!
//! # What never raises anything
//! * A hub that lags: nothing is looked at before everything stored a moment ago was read. Whether a host is silent is asked of
//!   the stream itself, whatever the readers of samples have got to.
//! * A hub or a stream that was away: waiting for a host begins anew when the hub is back, so that hosts can come back, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chatops_bus::{
    Chain, ReadError, Recorded, StreamName,
    projector::{Halt, Spec},
};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec::{self, DecodeError},
    event::alert::Cause,
    ids::ServerId,
    rule::Fact,
    subject,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    board::State,
    force::{InForce, Known},
    keep::StateStore,
    reader::{Reader, Work},
    snapshot::{self, Unfit},
    standing::{Host, Truth},
    writer::{Basis, Begins, Outcome, Turn, WriteError, Writer},
};

/// Readings that have to be missing.
const QUIET_READINGS: i64 = 3;
/// Hosts of which the stream is asked in one look whether they are silent; the others wait for the next.
const ASKED_AT_ONCE: usize = 256;

/// When the newest reading of each host was stored, and milliseconds between two; told by the readers of samples.
#[derive(Debug, Default)]
pub(super) struct LastReadings(Mutex<HashMap<ServerId, (Timestamp, u32)>>);

impl LastReadings {
    pub(super) fn came(&self, readings: impl Iterator<Item = (ServerId, Timestamp, u32)>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (server, at, interval_ms) in readings {
            let known = last.entry(server).or_insert((at, interval_ms));
            *known = (known.0.max(at), interval_ms);
        }
    }

    fn of(&self, server: &ServerId) -> (Timestamp, u32) {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(server).copied().unwrap_or_default()
    }
}

/// How things are on every host.
#[derive(Debug, Default)]
pub(super) struct Facts(HashMap<ServerId, Host>);

impl Work for Facts {
    fn begin(&mut self, state: Option<&[u8]>) -> Result<(), Unfit> {
        self.0.clear();
        if let Some(state) = state {
            let hosts: Vec<(ServerId, Host)> = snapshot::decode(state)?;
            self.0 = hosts.into_iter().collect();
        }
        Ok(())
    }

    fn known(&self) -> Result<Vec<u8>, snapshot::Encode> {
        snapshot::encode(&self.0.iter().collect::<Vec<_>>())
    }

    /// How things are follows from all that is kept.
    async fn first(&mut self, _: &Writer, _: &Spec) -> Result<u64, ReadError> {
        Ok(0)
    }

    async fn take(
        &mut self,
        _: &Writer,
        _: &InForce,
        events: &[Recorded],
    ) -> Result<Option<Halt>, WriteError> {
        for recorded in events {
            let Some(server) = subject::server_of(&recorded.subject) else {
                continue;
            };
            let event = match codec::decode_any(&recorded.payload) {
                Ok(event) if event.server.as_ref() == Some(&server) => event,
                Err(error) if error.needs_upgrade() => {
                    return Ok(Some(Halt::NeedsUpgrade(error.to_string())));
                }
                Err(DecodeError::UnknownType(_)) => continue,
                Ok(_) | Err(_) => {
                    metrics::counter!("chatops_alerting_unreadable_total", "what" => "fact")
                        .increment(1);
                    continue;
                }
            };
            let presence = recorded.subject == subject::fact(&server, subject::PRESENCE);
            match event.data {
                Payload::AgentConnected(told) if presence => {
                    self.0.entry(server).or_default().connected(recorded, told);
                }
                Payload::AgentDisconnected(told) if presence => {
                    let host = self.0.entry(server).or_default();
                    host.disconnected(recorded, event.time, &told);
                }
                Payload::AgentHello(told) => {
                    let host = self.0.entry(server).or_default();
                    host.hello(recorded, told.version);
                }
                Payload::ContainerChanged(told) => {
                    let host = self.0.entry(server).or_default();
                    host.container(recorded, event.time, told);
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Looks until told to stop.
pub(super) async fn look<S: StateStore>(
    reader: Reader<S, Facts>,
    rules: watch::Receiver<Arc<InForce>>,
    writer: Arc<Writer>,
    readings: Arc<LastReadings>,
    settings: Settings,
    stop: CancellationToken,
) {
    let mut looker = Looker {
        writer,
        readings,
        quiet_ms: i64::try_from(settings.quiet.as_millis()).unwrap_or(i64::MAX / 1000),
        end: None,
        well_since: None,
    };
    while stop
        .run_until_cancelled(tokio::time::sleep(settings.look_every))
        .await
        .is_some()
    {
        let rules = Arc::clone(&rules.borrow());
        let looked = stop.run_until_cancelled(looker.look(&reader, &rules)).await;
        if let Some(Err(error)) = looked {
            tracing::debug!(error = %Chain(&error), "what is so could not be looked at; trying again");
            looker.well_since = None;
        }
    }
}

struct Looker {
    writer: Arc<Writer>,
    readings: Arc<LastReadings>,
    quiet_ms: i64,
    /// Last sequence of the facts at the look before.
    end: Option<u64>,
    /// Since when every look succeeded.
    well_since: Option<Timestamp>,
}

impl Looker {
    async fn look<S: StateStore>(
        &mut self,
        reader: &Reader<S, Facts>,
        rules: &InForce,
    ) -> Result<(), WriteError> {
        let info = self.writer.bus.stream_info(StreamName::Fact).await?;
        let before = self.end.replace(info.last_seq);
        let now = self.writer.clock.now();
        let since = *self.well_since.get_or_insert(now);
        let Some(inner) = reader.between().await else {
            self.well_since = None;
            return Ok(());
        };
        // What was stored since the look before may still be on its way.
        if before.is_none_or(|before| inner.through < before) {
            return Ok(());
        }
        let facts = &inner.work;
        let outcomes = self.outcomes(facts, rules, now, since).await?;
        drop(inner);
        self.writer.write_all(outcomes).await
    }

    async fn outcomes(
        &self,
        facts: &Facts,
        rules: &InForce,
        now: Timestamp,
        well_since: Timestamp,
    ) -> Result<Vec<Outcome>, WriteError> {
        let (mut outcomes, mut asked) = (Vec::new(), 0);
        let nothing = Host::default();
        for (server, all) in &rules.of {
            let host = facts.0.get(server).unwrap_or(&nothing);
            let mut entries = None;
            for known in all {
                let Some(fact) = known.rule().fact() else {
                    continue;
                };
                let entries = entries.get_or_insert_with(|| self.writer.board.of_server(server));
                let truths = self.truths(server, host, known, fact, now, well_since);
                for entry in entries.iter().filter(|entry| entry.rule == known.id) {
                    let over = !truths.iter().any(|(device, _)| *device == entry.device);
                    if over && !matches!(entry.state, State::Ok) {
                        let cause = if host.is_gone(&entry.device) {
                            Cause::DeviceGone
                        } else {
                            Cause::Condition
                        };
                        let values = vec![None];
                        let turn = Turn::Ends { cause, values };
                        outcomes.push(outcome(server, known, &entry.device, now, host.seq, turn));
                    }
                }
                for (device, truth) in truths {
                    let there = entries.iter().any(|entry| {
                        entry.rule == known.id
                            && entry.device == device
                            && !matches!(entry.state, State::Ok)
                    });
                    let waited = now.micros_since(truth.from) >= self.wait(known) * 1000;
                    if there || !waited {
                        continue;
                    }
                    if *fact == Fact::Silent {
                        asked += 1;
                        if asked > ASKED_AT_ONCE || !self.is_silent(server, known, now).await? {
                            continue;
                        }
                    }
                    let begins = Begins {
                        since: truth.since,
                        values: vec![None],
                        evidence: Vec::new(),
                        processes: Vec::new(),
                        lines: truth.lines,
                    };
                    let turn = Turn::Begins(Box::new(begins));
                    outcomes.push(outcome(server, known, &device, now, truth.seq, turn));
                }
            }
        }
        Ok(outcomes)
    }

    /// The devices of which this is so (the host: empty).
    fn truths(
        &self,
        server: &ServerId,
        host: &Host,
        known: &Known,
        fact: &Fact,
        now: Timestamp,
        well_since: Timestamp,
    ) -> Vec<(String, Truth)> {
        match fact {
            Fact::Down => host
                .down(well_since)
                .map(|truth| (String::new(), truth))
                .into_iter()
                .collect(),
            Fact::Silent => {
                let (came, interval_ms) = self.readings.of(server);
                let truth = host.connected_since().map(|since| Truth {
                    from: came.max(since).max(well_since),
                    since: came.max(since),
                    seq: host.seq,
                    lines: Vec::new(),
                });
                let quiet = |truth: &Truth| {
                    let least = self
                        .wait(known)
                        .max(i64::from(interval_ms) * QUIET_READINGS);
                    now.micros_since(truth.since) >= least * 1000
                };
                truth
                    .filter(quiet)
                    .map(|truth| (String::new(), truth))
                    .into_iter()
                    .collect()
            }
            Fact::Container { name, trouble } => host.containers(name, *trouble),
            Fact::CrashLoop {
                name,
                deaths,
                within_ms,
            } => host.crash_loops(name, *deaths, *within_ms, now),
            Fact::AgentOutdated => host.agent_outdated().into_iter().collect(),
        }
    }

    /// Asks the stream.
    async fn is_silent(
        &self,
        server: &ServerId,
        known: &Known,
        now: Timestamp,
    ) -> Result<bool, WriteError> {
        let stored = subject::metrics_stored(server);
        let Some(newest) = self.writer.bus.last(StreamName::Metrics, &stored).await? else {
            return Ok(true);
        };
        let (_, interval_ms) = self.readings.of(server);
        let came = (server.clone(), newest.stored_at, interval_ms);
        self.readings.came(std::iter::once(came));
        let least = self
            .wait(known)
            .max(i64::from(interval_ms) * QUIET_READINGS);
        Ok(now.micros_since(newest.stored_at) >= least * 1000)
    }

    /// How long it has to be so, in milliseconds.
    fn wait(&self, known: &Known) -> i64 {
        let rule = known.rule();
        let wait = i64::try_from(rule.for_ms).unwrap_or(i64::MAX / 1000);
        match rule.fact() {
            Some(Fact::Silent) => wait.max(self.quiet_ms),
            _ => wait,
        }
    }
}

fn outcome(
    server: &ServerId,
    known: &Arc<Known>,
    device: &str,
    at: Timestamp,
    seq: u64,
    turn: Turn,
) -> Outcome {
    Outcome {
        server: server.clone(),
        known: Arc::clone(known),
        device: device.to_owned(),
        at,
        basis: Basis::Fact { seq },
        cause: None,
        turn,
    }
}
