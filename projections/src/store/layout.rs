//! `metric_layout`.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::Store;
use crate::{
    error::{Doing, StoreError},
    layout::Layout,
};

/// Newest layouts of a server that a projector keeps at hand.
const KEPT: i64 = 16;

/// A layout as it is stored.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) layout_pk: i32,
    pub(crate) server_pk: i32,
    pub(crate) layout: Layout,
}

macro_rules! known {
    ($row:ident) => {
        Known {
            layout_pk: $row.layout_pk,
            server_pk: $row.server_pk,
            layout: Layout {
                names: [$row.fs, $row.disk, $row.net, $row.temp, $row.container],
            },
        }
    };
}

/// The newest layouts of some servers, newest first.
pub(crate) async fn of_servers(
    connection: &mut PgConnection,
    servers: &[i32],
) -> Result<Vec<Known>, StoreError> {
    let rows = sqlx::query!(
        "
        SELECT l.layout_pk, l.server_pk, l.fs, l.disk, l.net, l.temp, l.container FROM unnest($1::integer[]) AS s (server_pk)
        CROSS JOIN LATERAL (
            SELECT * FROM metric_layout m WHERE m.server_pk = s.server_pk ORDER BY m.used_at DESC, m.layout_pk DESC LIMIT $2
        ) l
        ",
        servers,
        KEPT,
    )
    .fetch_all(connection)
    .await
    .doing("read the layouts of servers")?;
    Ok(rows.into_iter().map(|row| known!(row)).collect())
}

/// Numbers of layouts, in the order asked; makes those that are new. Harmless if nothing ever uses them.
pub(crate) async fn numbers(
    connection: &mut PgConnection,
    layouts: &[(i32, &Layout)],
) -> Result<Vec<i32>, StoreError> {
    let rows: Vec<Value> = layouts
        .iter()
        .enumerate()
        .map(|(n, (server_pk, layout))| {
            let [fs, disk, net, temp, container] = &layout.names;
            json!({
                "n": n, "server_pk": server_pk, "digest": layout.digest(),
                "fs": fs, "disk": disk, "net": net, "temp": temp, "container": container,
            })
        })
        .collect();
    let rows = sqlx::query!(
        r#"
        WITH wanted AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset($1) AS w (
                n integer, server_pk integer, digest uuid, fs text[], disk text[], net text[], temp text[], container text[]
            )
        ), made AS (
            INSERT INTO metric_layout (server_pk, digest, fs, disk, net, temp, container)
            SELECT DISTINCT ON (server_pk, digest) server_pk, digest, fs, disk, net, temp, container
            FROM wanted ORDER BY server_pk, digest
            ON CONFLICT (server_pk, digest) DO UPDATE SET used_at = now()
            RETURNING layout_pk, server_pk, digest
        )
        SELECT made.layout_pk AS "layout_pk!" FROM wanted JOIN made USING (server_pk, digest) ORDER BY wanted.n
        "#,
        Value::Array(rows),
    )
    .fetch_all(connection)
    .await
    .doing("number layouts")?;
    Ok(rows.into_iter().map(|row| row.layout_pk).collect())
}

/// Notes that layouts are still in use.
pub(crate) async fn used(connection: &mut PgConnection, layouts: &[i32]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE metric_layout SET used_at = now() WHERE layout_pk = ANY($1)",
        layouts
    )
    .execute(connection)
    .await
    .doing("note the use of layouts")?;
    Ok(())
}

impl Store {
    /// Layouts by number.
    pub(crate) async fn layouts(&self, numbers: &[i32]) -> Result<Vec<Known>, StoreError> {
        let rows = sqlx::query!(
            "SELECT layout_pk, server_pk, fs, disk, net, temp, container FROM metric_layout WHERE layout_pk = ANY($1)",
            numbers,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read layouts")?;
        Ok(rows.into_iter().map(|row| known!(row)).collect())
    }
}
