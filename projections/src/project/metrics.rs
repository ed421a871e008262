//! `OPS_METRICS` → `metrics_raw`, `metrics_top`, `metric_layout`, `rollup_dirty`. One per partition.
//!
//! The hot path: a sample is decoded in one pass and encoded straight into the bytes of one `COPY` per batch. A sample
//! newer than everything known of its server cannot be in the table, so it is copied there directly; the others (sent
//! twice, late, out of order) take the longer way that leaves existing rows alone. Only one copy of the projector can
//! commit, and all samples of a server are in one partition, so what it knows of a server after its claim stays true.

mod directory;
mod marks;

use std::time::{Duration, Instant};

use bytes::Bytes;
use chatops_bus::{Bus, Recorded, StreamName, projector::Halt};
use chatops_schemas::{
    clock::Timestamp,
    codec::{self, DecodeError},
    envelope::Envelope,
    event::metric::{Process, Sample},
    series::{
        Family,
        family::{devices, numbers},
        host,
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;

use self::{directory::Directory, marks::Marks};
use super::MetricsSettings;
use crate::{
    copy::Rows,
    error::StoreError,
    layout,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::samples::{self, COLUMNS, Statements, Top},
    text::clean,
};

/// Deleted servers are noticed after this long.
const REFRESH: Duration = Duration::from_secs(5);
const MINUTE_MICROS: i64 = 60_000_000;

/// The read model of one partition.
#[derive(Debug)]
pub(crate) struct Metrics {
    bus: Bus,
    oldest_micros: i64,
    newest_micros: i64,
    statements: Statements,
    directory: Directory,
    refreshed: Option<Instant>,
    marks: Marks,
    /// Rows merged by the last `write` that were there already.
    duplicates: u64,
}

/// Rows ready to be written.
#[derive(Debug)]
pub(crate) struct Work {
    fresh: Option<Bytes>,
    fresh_rows: usize,
    aside: Option<Bytes>,
    aside_rows: usize,
    tops: Vec<Top>,
}

/// A decoded sample and its subject's server.
type Read<'a> = (&'a Recorded, &'a str, Envelope<Sample>);

/// A decoded sample of a known server.
struct Accepted<'a> {
    recorded: &'a Recorded,
    event: Envelope<Sample>,
    /// Index in the directory.
    server: usize,
    layout: i32,
}

impl Metrics {
    pub(crate) fn new(bus: Bus, settings: &MetricsSettings) -> Self {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self {
            bus,
            oldest_micros: micros(settings.oldest),
            newest_micros: micros(settings.newest),
            statements: Statements::default(),
            directory: Directory::default(),
            refreshed: None,
            marks: Marks::default(),
            duplicates: 0,
        }
    }

    /// Decodes and checks what can be checked without knowing the server.
    fn read<'a>(
        &self,
        events: &'a [Recorded],
        parking: &mut Parking,
    ) -> Result<Vec<Read<'a>>, Refusal> {
        let mut read = Vec::with_capacity(events.len());
        for recorded in events {
            let token = recorded.subject.rsplit('.').next().unwrap_or_default();
            let event = match codec::decode::<Sample>(&recorded.payload) {
                Ok(event) => event,
                Err(error @ DecodeError::NewerVersion { .. }) => {
                    return Err(Refusal::Halt(Halt::NeedsUpgrade(error.to_string())));
                }
                Err(error) => {
                    parking.park(recorded, Some(token), Reason::of(&error), error);
                    continue;
                }
            };
            if event
                .server
                .as_ref()
                .is_none_or(|server| server.as_str() != token)
            {
                parking.park(
                    recorded,
                    Some(token),
                    Reason::WrongServer,
                    "the body names another server or none",
                );
                continue;
            }
            let ahead = event.time.micros_since(recorded.stored_at);
            if ahead > self.newest_micros || ahead < -self.oldest_micros {
                let error = format!(
                    "the host's clock said {}, the stream's {}",
                    event.time, recorded.stored_at
                );
                parking.park(recorded, Some(token), Reason::Clock, error);
                continue;
            }
            read.push((recorded, token, event));
        }
        Ok(read)
    }

    /// Learns of servers it does not know. A server is unknown for good only if the inventory is up to date.
    async fn learn(
        &mut self,
        connection: &mut PgConnection,
        tokens: &[&str],
    ) -> Result<(), StoreError> {
        let mut missing = self.directory.missing(tokens);
        if missing.is_empty() {
            return Ok(());
        }
        self.directory.load(connection, &missing).await?;
        missing = self.directory.missing(&missing);
        let Some(server) = missing.first().map(|server| (*server).to_owned()) else {
            return Ok(());
        };
        let end = self
            .bus
            .stream_info(StreamName::Ctl)
            .await
            .map_err(StoreError::Bus)?
            .last_seq;
        let position = samples::inventory_position(connection).await?;
        if position < end {
            return Err(StoreError::InventoryBehind {
                position,
                end,
                server,
            });
        }
        self.directory.load(connection, &missing).await
    }

    async fn refresh(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        if self.refreshed.is_some_and(|at| at.elapsed() < REFRESH) {
            return Ok(());
        }
        self.directory.note_deleted(connection).await?;
        self.directory.note_used_layouts(connection).await?;
        self.refreshed = Some(Instant::now());
        Ok(())
    }

    fn encode(&mut self, accepted: &[Accepted<'_>]) -> Work {
        let (mut fresh, mut aside) = (Rows::new(COLUMNS), Rows::new(COLUMNS));
        let mut tops = Vec::new();
        self.marks.begin();
        for Accepted {
            recorded,
            event,
            server,
            layout,
        } in accepted
        {
            let server = self.directory.server(*server);
            let rows = if event.time > server.newest {
                server.newest = event.time;
                &mut fresh
            } else {
                &mut aside
            };
            row(rows, recorded.seq, server.server_pk, *layout, event);
            let minute = event.time.micros().div_euclid(MINUTE_MICROS);
            self.marks.touch(minute, server.server_pk);
            if !(event.data.top_cpu.is_empty() && event.data.top_mem.is_empty())
                && server.top_minute != minute
            {
                server.top_minute = minute;
                tops.push(Top {
                    server_pk: server.server_pk,
                    minute: Timestamp::from_micros(minute * MINUTE_MICROS),
                    cpu: processes(&event.data.top_cpu),
                    mem: processes(&event.data.top_mem),
                });
            }
        }
        let (fresh_rows, aside_rows) = (fresh.len(), aside.len());
        let bytes = |rows: Rows| (!rows.is_empty()).then(|| rows.finish());
        Work {
            fresh: bytes(fresh),
            fresh_rows,
            aside: bytes(aside),
            aside_rows,
            tops,
        }
    }
}

impl Projection for Metrics {
    type Work = Work;

    const ANNOUNCED: bool = false;

    async fn start(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.directory = Directory::default();
        self.refreshed = None;
        self.marks = Marks::default();
        Statements::prepare(connection).await
    }

    async fn prepare(
        &mut self,
        connection: &mut PgConnection,
        events: &[Recorded],
        parking: &mut Parking,
    ) -> Result<Work, Refusal> {
        let read = self.read(events, parking)?;
        let tokens: Vec<&str> = read.iter().map(|(_, token, _)| *token).collect();
        self.learn(connection, &tokens).await?;
        self.refresh(connection).await?;

        let mut accepted = Vec::with_capacity(read.len());
        for (recorded, token, event) in read {
            match self.directory.find(token) {
                None => parking.park(
                    recorded,
                    Some(token),
                    Reason::UnknownServer,
                    "unknown server",
                ),
                Some((_, true)) => {
                    parking.park(
                        recorded,
                        Some(token),
                        Reason::DeletedServer,
                        "the server has left the fleet",
                    );
                }
                Some((server, false)) => {
                    let layout = self.directory.layout(server, &event.data);
                    accepted.push(Accepted {
                        recorded,
                        event,
                        server,
                        layout,
                    });
                }
            }
        }
        if self.directory.has_new_layouts() {
            self.directory.number_layouts(connection).await?;
            for accepted in accepted
                .iter_mut()
                .filter(|accepted| accepted.layout == directory::UNNUMBERED)
            {
                accepted.layout = self.directory.layout(accepted.server, &accepted.event.data);
            }
        }
        Ok(self.encode(&accepted))
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        work: &Work,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(rows) = &work.fresh {
            self.statements.insert(tx, rows.clone()).await?;
        }
        self.duplicates = 0;
        if let Some(rows) = &work.aside {
            let merged = self.statements.merge(tx, rows.clone()).await?;
            self.duplicates = (work.aside_rows as u64).saturating_sub(merged);
        }
        samples::top(tx, &work.tops).await?;
        samples::mark(tx, &self.marks.needed(now)).await
    }

    fn committed(&mut self, work: Work) {
        self.directory.trim();
        self.marks.committed();
        let rows = (work.fresh_rows + work.aside_rows) as u64;
        metrics::counter!("chatops_projections_samples_total").increment(rows - self.duplicates);
        metrics::counter!("chatops_projections_duplicates_total").increment(self.duplicates);
    }
}

fn row(rows: &mut Rows, seq: u64, server_pk: i32, layout: i32, event: &Envelope<Sample>) {
    rows.begin();
    rows.timestamp(event.time);
    rows.bigint(crate::store::to_i64(seq));
    rows.integer(server_pk);
    rows.integer(layout);
    for value in host::values(&event.data) {
        rows.real(value);
    }
    for family in Family::ALL {
        let len = devices(&event.data, family) * family.stride();
        rows.reals(len, |rows| {
            numbers(&event.data, family, |value| rows.real(value))
        });
    }
}

/// Names may hold anything a process can be called, users anything a host can say.
fn processes(list: &[Process]) -> Value {
    list.iter()
        .map(|process| {
            json!({
                "pid": process.pid,
                "name": clean(&process.name, 64),
                "user": process.user.as_deref().map(|user| clean(user, 64)),
                "cpu": process.cpu,
                "mem": process.mem,
            })
        })
        .collect()
}

const _: () = assert!(layout::NONE != directory::UNNUMBERED);
