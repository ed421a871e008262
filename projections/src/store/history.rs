//! Charts. The columns of these statements depend on the question; every name in them comes from the closed list in
//! [`series`](chatops_schemas::series), every value is a parameter.

use std::fmt::Write;

use chatops_schemas::{
    clock::Timestamp,
    ids::ServerId,
    series::{Family, Series, host},
};
use sqlx::{
    PgConnection, Row as _,
    postgres::{PgRow, types::PgInterval},
};

use super::{
    Store, Visible, datetime,
    settings::{RETENTION, retention_of},
    timestamp,
};
use crate::{
    error::{Doing, StoreError},
    history::{self, Plan, Point, Triple},
    retention::Retention,
    view::{History, HistoryQuery, HistorySeries, Resolution, SeriesInfo},
};

/// Milliseconds between samples of a host that was never told otherwise.
const INTERVAL_MS: i64 = 5000;

struct Subject {
    server_pk: i32,
    interval_ms: i64,
    retention: Retention,
}

impl Store {
    /// Lines over a stretch of time. `None`: no such server for this reader. At most [`HistoryQuery::MAX_SERIES`] lines;
    /// what is asked beyond is left out.
    pub async fn history(
        &self,
        visible: Visible,
        server: &ServerId,
        query: &HistoryQuery,
        now: Timestamp,
    ) -> Result<Option<History>, StoreError> {
        // One connection for all of it: each one taken from the pool is asked first whether it still lives.
        let mut connection = self.pool.acquire().await.doing("read a chart")?;
        let Some(subject) = history_subject(&mut connection, visible, server).await? else {
            return Ok(None);
        };
        let mut series = if query.series.is_empty() {
            Series::all_of_host()
        } else {
            query.series.clone()
        };
        series.truncate(HistoryQuery::MAX_SERIES);
        // Years that no calendar has would be refused by the database.
        let from = query.from.max(Timestamp::default());
        let to = query
            .to
            .max(from)
            .min(now.plus_millis(24 * 3_600_000))
            .max(from);
        let mut plan = history::plan(
            (from, to),
            query.max_points,
            subject.interval_ms,
            &subject.retention,
            now,
        );
        let mut points = tiered(
            &mut connection,
            &subject,
            &series,
            plan.resolution,
            plan.step_ms,
            from,
            to,
            query.max_points,
        )
        .await?;
        if points.is_none() {
            // Far more samples than the interval promised.
            plan.step_ms =
                history::nice((to.millis() - from.millis()) / i64::from(query.max_points.max(1)));
            points = tiered(
                &mut connection,
                &subject,
                &series,
                plan.resolution,
                plan.step_ms,
                from,
                to,
                query.max_points,
            )
            .await?;
        }
        let points = history::break_lines(
            points.unwrap_or_default(),
            plan.step_ms,
            subject.interval_ms,
        );
        Ok(Some(assemble(query, &series, plan, &points)))
    }

    /// Lines that exist for a server: numbers its newest sample has, and devices it had lately. `None`: no such server for
    /// this reader.
    pub async fn series(
        &self,
        visible: Visible,
        server: &ServerId,
    ) -> Result<Option<Vec<SeriesInfo>>, StoreError> {
        let Some(server_pk) = self.server_pk(visible, server).await? else {
            return Ok(None);
        };
        let newest = sqlx::query!(
            r#"
            SELECT ARRAY[r.cpu, r.cpu_user, r.cpu_system, r.cpu_iowait, r.cpu_steal, r.load1, r.load5, r.load15,
                         r.mem_total, r.mem_used, r.mem_available, r.mem_cached, r.mem_buffers, r.swap_total, r.swap_used,
                         r.psi_cpu, r.psi_mem, r.psi_io, r.uptime_s, r.processes, r.procs_running, r.procs_blocked, r.rx,
                         r.tx, r.disk_read, r.disk_write, r.disk_max, r.temp_max] AS "host!: Vec<Option<f32>>",
                   coalesce(cardinality(r.core), 0) AS "cores!"
            FROM metrics_raw r WHERE r.server_pk = $1 ORDER BY r.ts DESC LIMIT 1
            "#,
            server_pk,
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read the newest sample")?;
        let layouts = sqlx::query!(
            "
            SELECT fs, disk, net, temp, container FROM metric_layout WHERE server_pk = $1
            ORDER BY used_at DESC, layout_pk DESC LIMIT 32
            ",
            server_pk,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the layouts of a server")?;

        let mut series: Vec<Series> = Vec::new();
        if let Some(newest) = newest {
            let has = |column: usize| newest.host.get(column).copied().flatten().is_some();
            series.extend(
                host::SERIES
                    .iter()
                    .filter(|line| has(line.column))
                    .map(Series::Host),
            );
            series.extend(
                (0..newest.cores)
                    .filter_map(|core| u16::try_from(core).ok())
                    .map(Series::Core),
            );
        }
        let mut known = std::collections::HashSet::new();
        for (kind, family) in Family::NAMED.into_iter().enumerate() {
            for layout in &layouts {
                let names = [
                    &layout.fs,
                    &layout.disk,
                    &layout.net,
                    &layout.temp,
                    &layout.container,
                ][kind];
                for device in names
                    .iter()
                    .filter(|device| known.insert((family, (*device).clone())))
                {
                    let fields = 0..family.stride();
                    series.extend(fields.map(|field| Series::Device {
                        family,
                        device: device.clone(),
                        field,
                    }));
                }
            }
        }
        let info = |line: &Series| SeriesInfo {
            name: line.to_string(),
            unit: line.unit(),
            label: line.label(),
        };
        Ok(Some(series.iter().map(info).collect()))
    }
}

async fn history_subject(
    connection: &mut PgConnection,
    visible: Visible,
    server: &ServerId,
) -> Result<Option<Subject>, StoreError> {
    let row = sqlx::query!(
        r#"
        SELECT s.server_pk, coalesce(s.interval_ms, p.interval_ms) AS interval_ms,
               (SELECT value FROM settings WHERE name = $3) AS retention
        FROM servers s LEFT JOIN server_presence p USING (server_id)
        WHERE s.server_id = $1 AND s.deleted_at IS NULL
          AND ($2::uuid IS NULL OR s.owner = $2 OR s.server_id IN (SELECT g.server_id FROM granted_to($2, $4) g))
        "#,
        server.as_str(),
        visible.asker(),
        RETENTION,
        visible.least(),
    )
    .fetch_optional(connection)
    .await
    .doing("find a server for a chart")?;
    Ok(row.map(|row| Subject {
        server_pk: row.server_pk,
        interval_ms: row.interval_ms.map_or(INTERVAL_MS, i64::from).max(1000),
        retention: retention_of(row.retention),
    }))
}

/// The newest buckets are not summed up yet: they are made from the next finer level, whole steps at a time.
/// `None`: too many samples to be shown one by one.
#[expect(
    clippy::too_many_arguments,
    reason = "one question, spelled out; there is one caller"
)]
async fn tiered(
    connection: &mut PgConnection,
    subject: &Subject,
    series: &[Series],
    mut level: Resolution,
    step_ms: i64,
    mut from: Timestamp,
    to: Timestamp,
    max_points: u32,
) -> Result<Option<Vec<Point>>, StoreError> {
    let mut points = Vec::new();
    while from < to {
        let statement = Statement::new(series, level, step_ms, max_points);
        let part =
            read_points(connection, &statement, subject.server_pk, from, to, step_ms).await?;
        if statement
            .limit
            .is_some_and(|limit| part.len() as u64 >= limit)
        {
            return Ok(None);
        }
        let (finer, width) = match level {
            Resolution::Raw => {
                points.extend(part.into_iter().map(|(point, _)| point));
                break;
            }
            Resolution::Minute => (Resolution::Raw, 60_000),
            Resolution::Hour => (Resolution::Minute, 3_600_000),
        };
        if let Some((_, newest)) = part.last() {
            let end = (newest + width).div_euclid(step_ms) * step_ms;
            points.extend(
                part.into_iter()
                    .map(|(point, _)| point)
                    .filter(|point| point.t < end),
            );
            from = from.max(Timestamp::from_millis(end));
        }
        level = finer;
    }
    Ok(Some(points))
}

/// Points, each with the time of the newest row in it.
async fn read_points(
    connection: &mut PgConnection,
    statement: &Statement,
    server_pk: i32,
    from: Timestamp,
    to: Timestamp,
    step_ms: i64,
) -> Result<Vec<(Point, i64)>, StoreError> {
    let step = PgInterval {
        months: 0,
        days: 0,
        microseconds: step_ms.saturating_mul(1000),
    };
    let mut query = sqlx::query(&statement.sql)
        .bind(server_pk)
        .bind(datetime(from))
        .bind(datetime(to))
        .bind(step);
    for device in &statement.devices {
        query = query.bind(device);
    }
    let rows = query.fetch_all(connection).await.doing("read a chart")?;
    rows.iter()
        .map(|row| statement.point(row))
        .collect::<Result<_, _>>()
        .doing("decode a chart")
}

fn assemble(query: &HistoryQuery, series: &[Series], plan: Plan, points: &[Point]) -> History {
    let line = |index: usize, which: usize| {
        points
            .iter()
            .map(|point| point.values[index][which])
            .collect()
    };
    History {
        from: query.from,
        to: query.to,
        resolution: plan.resolution,
        step_ms: u64::try_from(plan.step_ms).unwrap_or(0),
        retention_from: plan.retention_from,
        t: points.iter().map(|point| point.t).collect(),
        series: series
            .iter()
            .enumerate()
            .map(|(index, series)| HistorySeries {
                name: series.to_string(),
                unit: series.unit(),
                min: line(index, 0),
                avg: line(index, 1),
                max: line(index, 2),
            })
            .collect(),
    }
}

/// A statement for one set of lines and one level. Parameters: server, from, to, step, device names.
struct Statement {
    sql: String,
    devices: Vec<String>,
    lines: usize,
    /// Values per line: 3, or 1 where a point is a single sample.
    per_line: usize,
    limit: Option<u64>,
}

impl Statement {
    fn new(series: &[Series], level: Resolution, step_ms: i64, max_points: u32) -> Self {
        let (table, at) = match level {
            Resolution::Raw => ("metrics_raw", "m.ts"),
            Resolution::Minute => ("metrics_1m", "m.bucket"),
            Resolution::Hour => ("metrics_1h", "m.bucket"),
        };
        let single = step_ms == 0;
        let mut devices: Vec<(Family, String)> = Vec::new();
        let mut columns = String::new();
        for line in series {
            // Fields of one device share its place.
            let place = match line {
                Series::Device { family, device, .. } => devices
                    .iter()
                    .position(|(f, d)| f == family && d == device)
                    .unwrap_or_else(|| {
                        devices.push((*family, device.clone()));
                        devices.len() - 1
                    }),
                Series::Host(_) | Series::Core(_) => 0,
            };
            let value = |kind: &str| match line {
                Series::Host(host) => host_value(host, kind),
                Series::Core(n) => format!("m.core{kind}[{}]", u32::from(*n) + 1),
                Series::Device { family, field, .. } => {
                    format!("m.{}{kind}[l.i{place} + {}]", family.name(), field + 1)
                }
            };
            let _ = match (level, single) {
                (Resolution::Raw, true) => write!(columns, ", {}", value("")),
                (Resolution::Raw, false) => {
                    let value = value("");
                    write!(columns, ", min({value}), avg({value})::real, max({value})")
                }
                (Resolution::Minute | Resolution::Hour, _) => {
                    let (avg, min, max) = (value("_avg"), value("_min"), value("_max"));
                    write!(
                        columns,
                        ", min({min}), (sum({avg}::float8 * m.n) / sum(m.n) FILTER (WHERE {avg} IS NOT NULL))::real, max({max})"
                    )
                }
            };
        }
        let mut sql = String::new();
        let mut join = "";
        if !devices.is_empty() {
            sql.push_str("WITH l AS MATERIALIZED (SELECT layout_pk");
            for (at, (family, _)) in devices.iter().enumerate() {
                let (name, stride) = (family.name(), family.stride());
                let _ = write!(
                    sql,
                    ", (array_position({name}, ${}) - 1) * {stride} AS i{at}",
                    at + 5
                );
            }
            sql.push_str(" FROM metric_layout WHERE server_pk = $1) ");
            join = " LEFT JOIN l ON l.layout_pk = m.layout";
        }
        let bounds =
            format!("FROM {table} m{join} WHERE m.server_pk = $1 AND {at} >= $2 AND {at} < $3");
        let limit = single.then(|| 4 * u64::from(max_points) + 1000);
        if let Some(limit) = limit {
            let _ = write!(
                sql,
                "SELECT {at}, {at}{columns} {bounds} AND $4::interval IS NOT NULL ORDER BY {at} LIMIT {limit}"
            );
        } else {
            let _ = write!(
                sql,
                "SELECT date_bin($4::interval, {at}, timestamptz '1970-01-01 00:00+00') AS t, \
                 max({at}){columns} {bounds} GROUP BY t ORDER BY t"
            );
        }
        Self {
            sql,
            devices: devices
                .into_iter()
                .map(|(_, device)| device.replace('\0', ""))
                .collect(),
            lines: series.len(),
            per_line: if single { 1 } else { 3 },
            limit,
        }
    }

    fn point(&self, row: &PgRow) -> Result<(Point, i64), sqlx::Error> {
        let mut values: Vec<Triple> = Vec::with_capacity(self.lines);
        for line in 0..self.lines {
            let value =
                |which: usize| row.try_get::<Option<f32>, _>(2 + line * self.per_line + which);
            values.push(if self.per_line == 1 {
                [value(0)?; 3]
            } else {
                [value(0)?, value(1)?, value(2)?]
            });
        }
        let t = timestamp(row.try_get(0)?).millis();
        let newest = timestamp(row.try_get(1)?).millis();
        Ok((Point { t, values }, newest))
    }
}

fn host_value(series: &host::HostSeries, kind: &str) -> String {
    let column = host::COLUMNS[series.column];
    match series.percent_of {
        None => format!("m.{column}{kind}"),
        // What it is a share of hardly ever changes within a bucket, so its mean stands for it.
        Some(of) => {
            let of_kind = if kind.is_empty() { "" } else { "_avg" };
            format!(
                "(100 * m.{column}{kind} / nullif(m.{}{of_kind}, 0))::real",
                host::COLUMNS[of]
            )
        }
    }
}
