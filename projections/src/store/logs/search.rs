//! Searches over lines. Bounded whatever is asked: a search goes back in time slice by slice, each slice has a time limit,
//! and what was not reached within the budget is the next page.

use std::time::{Duration, Instant};

use chatops_schemas::{
    clock::Timestamp,
    event::log::{LineId, LogLevel},
    ids::EventId,
};
use sqlx::PgConnection;

use super::super::{Store, Visible, datetime, timestamp, to_u64};
use crate::{
    error::{Doing, StoreError},
    view::{LogBar, LogContext, LogPage, LogPlace, LogQuery, LogRow, LogSearchError, LogSource},
};

/// Time after which a search answers with what it has.
const BUDGET: Duration = Duration::from_secs(3);
/// The first slice, and the shortest.
const FIRST_SLICE: i64 = 15 * 60 * 1_000_000;
const SHORTEST_SLICE: i64 = 1_000_000;
/// A slice that took less than this is followed by a longer one.
const QUICK: Duration = Duration::from_millis(250);

struct Source {
    source_pk: i32,
    server_id: String,
    source: String,
    kind: String,
}

struct Row {
    at: time::OffsetDateTime,
    batch: uuid::Uuid,
    source_pk: i32,
    n: i16,
    level: i16,
    message: String,
    origin: Option<String>,
    fields: Option<serde_json::Value>,
    cut: Option<i32>,
}

fn code(error: &StoreError) -> Option<String> {
    match error {
        StoreError::Query {
            source: sqlx::Error::Database(error),
            ..
        } => error.code().map(|code| code.into_owned()),
        _ => None,
    }
}

/// A statement was ended by its time limit.
fn timed_out(error: &StoreError) -> bool {
    code(error).as_deref() == Some("57014")
}

/// `text` anywhere, as a pattern of LIKE.
fn anywhere(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{text}%")
}

/// How a query is asked, prepared once.
struct Asked {
    sources: Vec<Source>,
    numbers: Vec<i32>,
    levels: Option<Vec<i16>>,
    like: Option<String>,
    pattern: Option<String>,
}

impl Asked {
    fn row(&self, row: Row) -> LogRow {
        let source = self
            .sources
            .iter()
            .find(|source| source.source_pk == row.source_pk);
        let fields = match row.fields {
            Some(serde_json::Value::Object(fields)) => fields
                .into_iter()
                .map(|(name, value)| match value {
                    serde_json::Value::String(value) => (name, value),
                    other => (name, other.to_string()),
                })
                .collect(),
            _ => std::collections::BTreeMap::new(),
        };
        LogRow {
            id: LineId {
                at: timestamp(row.at),
                batch: EventId(row.batch),
                n: u16::try_from(row.n).unwrap_or(0),
            },
            server: source.map_or_else(String::new, |source| source.server_id.clone()),
            source: source.map_or_else(String::new, |source| source.source.clone()),
            kind: source.map_or_else(String::new, |source| source.kind.clone()),
            level: LogLevel::of_rank(row.level),
            message: row.message,
            origin: row.origin,
            fields,
            cut: row.cut.and_then(|cut| u64::try_from(cut).ok()),
        }
    }
}

/// The newest `limit` lines in `[from, place)`.
async fn slice(
    connection: &mut PgConnection,
    asked: &Asked,
    from: Timestamp,
    place: LogPlace,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let LogPlace(LineId { at, batch, n }) = place;
    sqlx::query_as!(
        Row,
        r#"
        SELECT at, batch, source_pk, n, level, message, origin, fields, cut FROM log_lines
        WHERE at >= $1 AND at <= $2 AND (at, batch, n) < ($2, $3, $4) AND source_pk = ANY($5)
          AND ($6::smallint[] IS NULL OR level = ANY($6))
          AND ($7::text IS NULL OR message ILIKE $7 OR (fields IS NOT NULL
               AND EXISTS (SELECT 1 FROM jsonb_each_text(fields) f WHERE f.value ILIKE $7)))
          AND ($8::text IS NULL OR message ~ $8)
        ORDER BY at DESC, batch DESC, n DESC LIMIT $9
        "#,
        datetime(from),
        datetime(at),
        batch.0,
        i16::try_from(n).unwrap_or(i16::MAX),
        &asked.numbers,
        asked.levels.as_deref(),
        asked.like,
        asked.pattern,
        limit,
    )
    .fetch_all(connection)
    .await
    .doing("search lines")
}

impl Store {
    /// Sources whose lines this reader may see.
    async fn sources_seen(
        &self,
        visible: Visible,
        servers: &[String],
        sources: &[String],
    ) -> Result<Vec<Source>, StoreError> {
        sqlx::query_as!(
            Source,
            "
            SELECT l.source_pk, l.server_id, l.source, l.kind FROM log_sources l JOIN servers s USING (server_id)
            WHERE s.deleted_at IS NULL
              AND ($1::uuid IS NULL OR s.owner = $1 OR s.server_id IN (SELECT g.server_id FROM granted_to($1, $2) g))
              AND (cardinality($3::text[]) = 0 OR l.server_id = ANY($3))
              AND (cardinality($4::text[]) = 0 OR l.source = ANY($4))
            ORDER BY l.server_id, l.source
            ",
            visible.asker(),
            visible.least(),
            servers,
            sources,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list sources of lines")
    }

    /// Sources whose lines this reader may see, of these servers or of all.
    pub async fn log_sources(
        &self,
        visible: Visible,
        servers: &[chatops_schemas::ids::ServerId],
    ) -> Result<Vec<LogSource>, StoreError> {
        let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let sources = self.sources_seen(visible, &servers, &[]).await?;
        Ok(sources
            .into_iter()
            .map(|source| LogSource {
                server: source.server_id,
                source: source.source,
                kind: source.kind,
            })
            .collect())
    }

    async fn asked(&self, visible: Visible, query: &LogQuery) -> Result<Asked, StoreError> {
        let servers: Vec<String> = query.servers.iter().map(ToString::to_string).collect();
        let sources = self.sources_seen(visible, &servers, &query.sources).await?;
        let levels: Vec<i16> = query.levels.iter().map(|level| level.rank()).collect();
        Ok(Asked {
            numbers: sources.iter().map(|source| source.source_pk).collect(),
            sources,
            levels: (!levels.is_empty()).then_some(levels),
            like: query.text.as_deref().map(anywhere),
            pattern: query.pattern.clone(),
        })
    }

    /// Whether the database can use a regular expression; the error says why not.
    async fn check_pattern(&self, pattern: Option<&str>) -> Result<(), LogSearchError> {
        let Some(pattern) = pattern else {
            return Ok(());
        };
        let tried = sqlx::query_scalar!("SELECT 'a' ~ $1", pattern)
            .fetch_one(&self.pool)
            .await
            .doing("try a pattern");
        match tried {
            Ok(_) => Ok(()),
            Err(StoreError::Query {
                source: sqlx::Error::Database(error),
                ..
            }) if error.code().as_deref() == Some("2201B") => {
                Err(LogSearchError::Pattern(error.message().to_owned()))
            }
            Err(error) if timed_out(&error) => Err(LogSearchError::TooSlow),
            Err(error) => Err(error.into()),
        }
    }

    /// The newest lines before a place, newest first. Ends early when it takes long: then `next` says where to go on,
    /// even when nothing was found.
    pub async fn logs(
        &self,
        visible: Visible,
        query: &LogQuery,
        before: Option<LogPlace>,
        limit: u32,
    ) -> Result<LogPage, LogSearchError> {
        self.check_pattern(query.pattern.as_deref()).await?;
        let asked = self.asked(visible, query).await?;
        let mut place = before.unwrap_or(LogPlace::before(query.to));
        let mut items: Vec<LogRow> = Vec::new();
        let (started, mut length) = (Instant::now(), FIRST_SLICE);
        if asked.numbers.is_empty() {
            return Ok(LogPage {
                items,
                next: None,
                searched_to: query.from,
            });
        }
        let mut connection = self.pool.acquire().await.doing("take a connection")?;
        loop {
            let from = place.0.at.plus_micros(-length).max(query.from);
            let wanted = i64::from(limit) + 1 - i64::try_from(items.len()).unwrap_or(0);
            let begun = Instant::now();
            let rows = {
                let mut tx = sqlx::Connection::begin(&mut *connection)
                    .await
                    .doing("begin a search")?;
                sqlx::query!("SELECT set_config('statement_timeout', '3000', true)")
                    .fetch_one(&mut *tx)
                    .await
                    .doing("limit a search")?;
                slice(&mut tx, &asked, from, place, wanted).await
            };
            let rows = match rows {
                Ok(rows) => rows,
                Err(error) if timed_out(&error) && length > SHORTEST_SLICE => {
                    if !items.is_empty() {
                        return Ok(page(items, Some(place), place.0.at));
                    }
                    length = (length / 30).max(SHORTEST_SLICE);
                    if started.elapsed() > BUDGET * 3 {
                        return Err(LogSearchError::TooSlow);
                    }
                    continue;
                }
                Err(error) if timed_out(&error) => return Err(LogSearchError::TooSlow),
                Err(error) => return Err(error.into()),
            };
            items.extend(rows.into_iter().map(|row| asked.row(row)));
            if items.len() > limit as usize {
                items.truncate(limit as usize);
                let last = items.last().map_or(place, |row| LogPlace(row.id));
                return Ok(page(items, Some(last), last.0.at));
            }
            if from <= query.from {
                return Ok(page(items, None, query.from));
            }
            place = LogPlace::before(from);
            if started.elapsed() >= BUDGET {
                return Ok(page(items, Some(place), from));
            }
            if begun.elapsed() < QUICK {
                length = length.saturating_mul(8);
            }
        }
    }

    /// A line with its neighbours; `None`: there is none, or none that this reader may see.
    pub async fn log_line(
        &self,
        visible: Visible,
        id: LineId,
        neighbours: u32,
    ) -> Result<Option<LogContext>, StoreError> {
        let Some(row) = sqlx::query_as!(
            Row,
            "
            SELECT at, batch, source_pk, n, level, message, origin, fields, cut FROM log_lines
            WHERE at = $1 AND batch = $2 AND n = $3 LIMIT 1
            ",
            datetime(id.at),
            id.batch.0,
            i16::try_from(id.n).unwrap_or(i16::MAX),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a line")?
        else {
            return Ok(None);
        };
        let mut sources = self.sources_seen(visible, &[], &[]).await?;
        sources.retain(|source| source.source_pk == row.source_pk);
        if sources.is_empty() {
            return Ok(None);
        }
        let asked = Asked {
            numbers: vec![row.source_pk],
            sources,
            levels: None,
            like: None,
            pattern: None,
        };
        let mut connection = self.pool.acquire().await.doing("take a connection")?;
        let from = id.at.plus_micros(-24 * 3600 * 1_000_000);
        let before = slice(
            &mut connection,
            &asked,
            from,
            LogPlace(id),
            i64::from(neighbours),
        )
        .await?;
        let after = sqlx::query_as!(
            Row,
            "
            SELECT at, batch, source_pk, n, level, message, origin, fields, cut FROM log_lines
            WHERE at >= $1 AND at < $1 + interval '1 day' AND (at, batch, n) > ($1, $2, $3) AND source_pk = $4
            ORDER BY at, batch, n LIMIT $5
            ",
            datetime(id.at),
            id.batch.0,
            i16::try_from(id.n).unwrap_or(i16::MAX),
            row.source_pk,
            i64::from(neighbours),
        )
        .fetch_all(&mut *connection)
        .await
        .doing("read what follows a line")?;
        Ok(Some(LogContext {
            before: before.into_iter().rev().map(|row| asked.row(row)).collect(),
            after: after.into_iter().map(|row| asked.row(row)).collect(),
            line: asked.row(row),
        }))
    }

    /// Lines per span, oldest first, and what was dropped; spans with nothing are left out. Texts and patterns are not
    /// looked at: it is drawn from counts. `width` in seconds, a multiple of 60.
    pub async fn log_histogram(
        &self,
        visible: Visible,
        query: &LogQuery,
        width: u32,
    ) -> Result<Vec<LogBar>, StoreError> {
        let asked = self.asked(visible, query).await?;
        let rows = sqlx::query!(
            r#"
            SELECT date_bin(make_interval(secs => $1), minute, 'epoch') AS "at!", level, sum(lines)::bigint AS "lines!"
            FROM log_counts WHERE minute >= date_trunc('minute', $2::timestamptz) AND minute < $3 AND source_pk = ANY($4)
              AND ($5::smallint[] IS NULL OR level = ANY($5))
            GROUP BY 1, 2 ORDER BY 1, 2
            "#,
            f64::from(width),
            datetime(query.from),
            datetime(query.to),
            &asked.numbers,
            asked.levels.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .doing("count lines")?;
        let drops = sqlx::query!(
            r#"
            SELECT date_bin(make_interval(secs => $1), at, 'epoch') AS "at!", reason, sum(lines)::bigint AS "lines!"
            FROM log_drops WHERE at >= $2 AND at < $3 AND source_pk = ANY($4) GROUP BY 1, 2 ORDER BY 1, 2
            "#,
            f64::from(width),
            datetime(query.from),
            datetime(query.to),
            &asked.numbers,
        )
        .fetch_all(&self.pool)
        .await
        .doing("count what was dropped")?;
        let mut bars: std::collections::BTreeMap<_, LogBar> = std::collections::BTreeMap::new();
        let empty = |at| LogBar {
            at,
            lines: std::collections::BTreeMap::new(),
            dropped: std::collections::BTreeMap::new(),
        };
        for row in rows {
            let at = timestamp(row.at);
            let bar = bars.entry(at).or_insert_with(|| empty(at));
            bar.lines
                .insert(LogLevel::of_rank(row.level), to_u64(row.lines));
        }
        for row in drops {
            let at = timestamp(row.at);
            let bar = bars.entry(at).or_insert_with(|| empty(at));
            bar.dropped.insert(row.reason, to_u64(row.lines));
        }
        Ok(bars.into_values().collect())
    }
}

fn page(items: Vec<LogRow>, next: Option<LogPlace>, searched_to: Timestamp) -> LogPage {
    LogPage {
        items,
        next,
        searched_to,
    }
}

#[cfg(test)]
mod tests {
    use super::anywhere;

    #[test]
    fn nothing_in_a_text_is_special() {
        assert_eq!(anywhere("100%_\\"), "%100\\%\\_\\\\%");
    }
}
