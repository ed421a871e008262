//! `alert_state` and the positions of the evaluator's readers; what decides where alert rules are in force.

use std::collections::HashMap;

use chatops_bus::projector::{Position, Spec};
use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::ctl::Role,
    ids::{ServerId, UserId},
};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{Store, position, to_i64};
use crate::{
    error::{Doing, StoreError},
    projector::owner,
    view::{AlertGround, GroundServer},
};

/// The place of one reader of the evaluator: position and knowledge, saved together. Whoever claims holds the reader's lock
/// as long as this lives; whoever saves needs only the newest epoch, so that a database that was away for a moment is no
/// reason to evaluate anything again.
#[derive(Debug)]
pub struct AlertPlace {
    store: Store,
    lock: Option<PgConnection>,
}

impl AlertPlace {
    /// Not claimed yet.
    pub fn new(store: Store) -> Self {
        Self { store, lock: None }
    }

    /// Waits until no other living copy holds the reader, raises its epoch, and returns its position with what was saved
    /// there.
    pub async fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> Result<(Position, Option<Vec<u8>>), StoreError> {
        self.lock = None;
        let row = position::row(spec);
        let mut connection = self.store.dedicated(&spec.consumer()).await?;
        position::lock(&mut connection, row).await?;
        let stream = spec.stream.as_str();
        let claimed =
            position::claim(&mut connection, row, stream, stream_created, &owner()).await?;
        let state = sqlx::query_scalar!(
            "SELECT state FROM alert_state WHERE name = $1 AND ver = $2 AND part = $3 AND seq = $4",
            row.name,
            row.ver,
            row.part,
            to_i64(claimed.seq),
        )
        .fetch_optional(&mut connection)
        .await
        .doing("read what alert rules knew")?;
        self.lock = Some(connection);
        Ok((claimed, state))
    }

    /// Moves the position and replaces what is known, in one transaction. False: somebody else has claimed the reader.
    pub async fn save(
        &mut self,
        spec: &Spec,
        from: &Position,
        to: u64,
        state: &[u8],
    ) -> Result<bool, StoreError> {
        let row = position::row(spec);
        let doing = "save what alert rules know";
        let mut connection = self.store.pool.acquire().await.doing(doing)?;
        let mut transaction = connection.begin().await.doing(doing)?;
        if position::advance(&mut transaction, row, from, to)
            .await?
            .is_none()
        {
            transaction.rollback().await.doing(doing)?;
            return Ok(false);
        }
        sqlx::query!(
            "
            INSERT INTO alert_state (name, ver, part, seq, state) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (name, ver, part) DO UPDATE SET seq = excluded.seq, state = excluded.state, saved_at = now()
            ",
            row.name,
            row.ver,
            row.part,
            to_i64(to),
            state,
        )
        .execute(&mut *transaction)
        .await
        .doing(doing)?;
        transaction.commit().await.doing(doing)?;
        Ok(true)
    }
}

impl Store {
    /// Every server, and what these people may do where: what decides on which servers their alert rules are in force.
    pub async fn alert_ground(&self, authors: &[UserId]) -> Result<AlertGround, StoreError> {
        let authors: Vec<Uuid> = authors.iter().map(|author| author.0).collect();
        let servers =
            sqlx::query!("SELECT server_id, owner, tags FROM servers WHERE deleted_at IS NULL")
                .fetch_all(&self.pool)
                .await
                .doing("read the servers that alert rules can watch")?;
        let people = sqlx::query!(
            "SELECT user_id, role, active FROM users WHERE user_id = ANY($1)",
            &authors
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the authors of alert rules")?;
        let granted = sqlx::query!(
            r#"
            SELECT a.author AS "author!", g.server_id AS "server_id!", max(g.level) AS "level!"
            FROM unnest($1::uuid[]) AS a(author), granted_to(a.author, 1::smallint) g GROUP BY 1, 2
            "#,
            &authors
        )
        .fetch_all(&self.pool)
        .await
        .doing("read what is shared with the authors of alert rules")?;
        let mut shared: HashMap<UserId, HashMap<ServerId, Level>> = HashMap::new();
        for row in granted {
            if let (Ok(server), Some(level)) =
                (ServerId::parse(row.server_id), Level::of_rank(row.level))
            {
                let of = shared.entry(UserId(row.author)).or_default();
                of.insert(server, level);
            }
        }
        Ok(AlertGround {
            servers: servers
                .into_iter()
                .filter_map(|row| {
                    Some(GroundServer {
                        id: ServerId::parse(row.server_id).ok()?,
                        owner: UserId(row.owner),
                        tags: row.tags,
                    })
                })
                .collect(),
            people: people
                .into_iter()
                .map(|row| (UserId(row.user_id), (Role::parse(&row.role), row.active)))
                .collect(),
            shared,
        })
    }
}
