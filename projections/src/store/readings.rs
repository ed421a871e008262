//! What was measured, in order of time and as it was, for those who judge it again: `metrics_raw`, and before that what is left
//! of it in `metrics_1m` and `metrics_1h`.
//!
//! Rows leave the database as `COPY` writes them and are handed on one at a time, so that a month of one server costs the
//! memory of one row. Whoever reads has a connection of its own: when it goes away in the middle, so does the connection.

use std::{collections::HashMap, fmt::Write, ops::ControlFlow, sync::Arc};

use chatops_schemas::{
    clock::Timestamp,
    ids::ServerId,
    rule::{Needs, Row},
    series::{Family, host},
};
use futures::StreamExt;
use sqlx::{ConnectOptions as _, PgConnection};

use super::{Store, datetime, timestamp};
use crate::{
    copy::Fields,
    error::{Doing, StoreError},
    layout::NONE,
    view::Resolution,
};

/// Milliseconds between samples of a host that was never told otherwise.
const INTERVAL_MS: i32 = 5000;
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
/// Most layouts at hand. Rows in order of time mostly have that of the row before.
const LAYOUTS: usize = 64;

/// Reads what was measured, one server after the other.
#[derive(Debug)]
pub struct PastReader {
    store: Store,
    /// None: it was left in the middle of an answer.
    connection: Option<PgConnection>,
}

/// Of what [`PastReader::read`] reads.
#[derive(Debug, Clone, Copy)]
pub struct PastQuery<'a> {
    /// Which server. Whoever asks has made sure that it may be asked about.
    pub server: &'a ServerId,
    /// From this moment.
    pub from: Timestamp,
    /// Up to this one; both are in.
    pub to: Timestamp,
    /// Which columns are filled.
    pub needs: &'a Needs,
}

/// How far a [`PastReader`] came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PastEnd {
    /// Newest sample: when it was taken, and its sequence in `OPS_METRICS`.
    pub newest: Option<(Timestamp, u64)>,
}

/// Takes what is read, and says whether to go on.
pub type Take<'a> = &'a mut (dyn FnMut(Resolution, Timestamp, &Row) -> ControlFlow<()> + Send);

impl Store {
    /// A reader of what was measured.
    pub fn past(&self) -> PastReader {
        PastReader {
            store: self.clone(),
            connection: None,
        }
    }
}

impl PastReader {
    /// Hands over the finest of what there is for each moment, in order of time: hours, then minutes, then samples.
    ///
    /// # Errors
    /// The database. What was handed over until then was right.
    pub async fn read(
        &mut self,
        query: PastQuery<'_>,
        take: Take<'_>,
    ) -> Result<PastEnd, StoreError> {
        let mut end = PastEnd::default();
        let Some(places) = self.places(&query).await? else {
            return Ok(end);
        };
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        for part in places.parts(&query) {
            if self
                .part(&mut connection, &query, &places, part, take, &mut end)
                .await?
                .is_break()
            {
                // Its answer is not read to the end, so nothing else can be asked.
                return Ok(end);
            }
        }
        self.connection = Some(connection);
        Ok(end)
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let options = self.store.options.clone();
        options
            .application_name("chatops past")
            .options([
                // One process of the database for one reader: others want to see charts meanwhile.
                ("max_parallel_workers_per_gather", "0"),
                ("jit", "off"),
                ("statement_timeout", "10min"),
                ("tcp_user_timeout", "25s"),
            ])
            .connect()
            .await
            .map_err(StoreError::Connect)
    }

    /// From when on there is what.
    async fn places(&self, query: &PastQuery<'_>) -> Result<Option<Places>, StoreError> {
        let row = sqlx::query!(
            r#"
            SELECT s.server_pk, coalesce(s.interval_ms, p.interval_ms, $4) AS "interval_ms!",
                   (SELECT ts FROM metrics_raw m WHERE m.server_pk = s.server_pk AND m.ts BETWEEN $2 AND $3
                    ORDER BY ts LIMIT 1) AS raw,
                   (SELECT bucket FROM metrics_1m m WHERE m.server_pk = s.server_pk AND m.bucket BETWEEN $2 AND $3
                    ORDER BY bucket LIMIT 1) AS minute
            FROM servers s LEFT JOIN server_presence p USING (server_id)
            WHERE s.server_id = $1 AND s.deleted_at IS NULL
            "#,
            query.server.as_str(),
            datetime(query.from),
            datetime(query.to),
            INTERVAL_MS,
        )
        .fetch_optional(&self.store.pool)
        .await
        .doing("look for what was measured")?;
        Ok(row.map(|row| Places {
            server_pk: row.server_pk,
            interval_ms: u32::try_from(row.interval_ms).unwrap_or_default(),
            raw: row.raw.map(timestamp),
            minute: row.minute.map(timestamp),
        }))
    }

    async fn part(
        &self,
        connection: &mut PgConnection,
        query: &PastQuery<'_>,
        places: &Places,
        part: Part,
        take: Take<'_>,
        end: &mut PastEnd,
    ) -> Result<ControlFlow<()>, StoreError> {
        let needs = query.needs;
        let named = needs.families.iter().any(|family| *family != Family::Core);
        let mut layouts: HashMap<i32, Names> = HashMap::new();
        let mut layout = NONE;
        let mut row = Row {
            interval_ms: Some(match part.level {
                Resolution::Raw => places.interval_ms,
                Resolution::Minute => 60_000,
                Resolution::Hour => 3_600_000,
            }),
            ..Row::default()
        };
        let statement = statement(needs, places.server_pk, part);
        let doing = "read what was measured";
        let mut rows = connection.copy_out_raw(&statement).await.doing(doing)?;
        while let Some(bytes) = rows.next().await {
            let bytes = bytes.doing(doing)?;
            let Some(mut fields) = Fields::of(&bytes) else {
                continue;
            };
            let (Some(at), Some(seq), Some(number)) =
                (fields.timestamp(), fields.bigint(), fields.integer())
            else {
                continue;
            };
            for column in &needs.host {
                row.host[*column] = fields.real();
            }
            for family in &needs.families {
                fields.reals(&mut row.devices[family.index()]);
            }
            if named && number != layout {
                row.names = self.names(&mut layouts, number).await?;
                layout = number;
            }
            if part.level == Resolution::Raw {
                end.newest = Some((at, super::to_u64(seq)));
            }
            if take(part.level, at, &row).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn names(
        &self,
        layouts: &mut HashMap<i32, Names>,
        number: i32,
    ) -> Result<Names, StoreError> {
        if let Some(known) = layouts.get(&number) {
            return Ok(Arc::clone(known));
        }
        let found = self.store.layouts(&[number]).await?;
        let names = found.into_iter().next().map(|known| known.layout.names);
        let names: Names = Arc::new(names.unwrap_or_default());
        if layouts.len() >= LAYOUTS {
            layouts.clear();
        }
        layouts.insert(number, Arc::clone(&names));
        Ok(names)
    }
}

type Names = Arc<[Vec<String>; Family::NAMED.len()]>;

struct Places {
    server_pk: i32,
    interval_ms: u32,
    raw: Option<Timestamp>,
    minute: Option<Timestamp>,
}

/// From here, and before there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    level: Resolution,
    from: Timestamp,
    before: Timestamp,
}

impl Places {
    /// No moment twice: a minute of which there are samples is read from them, an hour of which there are minutes likewise.
    fn parts(&self, query: &PastQuery<'_>) -> Vec<Part> {
        let after = query.to.plus_micros(1);
        let start =
            |at: Timestamp, of: i64| Timestamp::from_micros(at.micros().div_euclid(of) * of);
        let raw = self.raw.unwrap_or(after);
        let minutes = self.minute.unwrap_or(raw).min(raw);
        let part = |level, from: Timestamp, before: Timestamp| Part {
            level,
            from: from.max(query.from),
            before: before.min(after),
        };
        let all = [
            part(Resolution::Hour, query.from, start(minutes, HOUR)),
            part(Resolution::Minute, minutes, start(raw, MINUTE)),
            part(Resolution::Raw, raw, after),
        ];
        let some = all.into_iter();
        some.filter(|part| part.from < part.before).collect()
    }
}

/// `COPY` takes no parameters. All that is put in are numbers, and names from the closed list of columns.
fn statement(needs: &Needs, server_pk: i32, part: Part) -> String {
    let (table, at, seq, kind) = match part.level {
        Resolution::Raw => ("metrics_raw", "ts", "seq", ""),
        Resolution::Minute => ("metrics_1m", "bucket", "0::bigint", "_avg"),
        Resolution::Hour => ("metrics_1h", "bucket", "0::bigint", "_avg"),
    };
    let mut sql = format!("COPY (SELECT {at}, {seq}, layout");
    let columns = needs.host.iter().map(|column| host::COLUMNS[*column]);
    let arrays = needs.families.iter().map(|family| family.name());
    for column in columns.chain(arrays) {
        let _ = write!(sql, ", {column}{kind}");
    }
    let _ = write!(
        sql,
        " FROM {table} WHERE server_pk = {server_pk} AND {at} >= '{}'::timestamptz AND {at} < '{}'::timestamptz \
         ORDER BY {at}) TO STDOUT (FORMAT binary)",
        within(part.from),
        within(part.before),
    );
    sql
}

/// As text that the database reads as the same moment.
fn within(at: Timestamp) -> String {
    timestamp(datetime(at)).rfc3339()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR;

    fn parts(raw: Option<i64>, minute: Option<i64>) -> Vec<(Resolution, i64, i64)> {
        let places = Places {
            server_pk: 1,
            interval_ms: 5000,
            raw: raw.map(Timestamp::from_micros),
            minute: minute.map(Timestamp::from_micros),
        };
        let server = ServerId::parse("web-1").unwrap();
        let query = PastQuery {
            server: &server,
            from: Timestamp::from_micros(5 * DAY),
            to: Timestamp::from_micros(9 * DAY),
            needs: &Needs::default(),
        };
        let parts = places.parts(&query).into_iter();
        parts
            .map(|part| (part.level, part.from.micros(), part.before.micros()))
            .collect()
    }

    #[test]
    fn each_moment_is_read_once_and_from_the_finest() {
        let end = 9 * DAY + 1;
        assert_eq!(
            parts(Some(5 * DAY + 7), Some(5 * DAY)),
            [(Resolution::Raw, 5 * DAY + 7, end)]
        );
        let (raw, minute) = (7 * DAY + 2 * MINUTE + 7, 6 * DAY + 30 * MINUTE);
        assert_eq!(
            parts(Some(raw), Some(minute)),
            [
                (Resolution::Hour, 5 * DAY, 6 * DAY),
                (Resolution::Minute, minute, raw - 7),
                (Resolution::Raw, raw, end),
            ]
        );
        assert_eq!(
            parts(None, Some(6 * DAY)),
            [
                (Resolution::Hour, 5 * DAY, 6 * DAY),
                (Resolution::Minute, 6 * DAY, 9 * DAY),
            ]
        );
        assert_eq!(parts(None, None), [(Resolution::Hour, 5 * DAY, 9 * DAY)]);
    }
}
