//! Ways to sign in and personal API tokens: writes of the projector `inventory-v1`, and reads.

use chatops_schemas::{
    clock::Timestamp,
    event::credential::{NAME, TokenIssued, TokenRevoked},
    ids::{TokenId, UserId},
    scope::Scope,
};
use sqlx::PgConnection;

use super::{Store, datetime, inventory::Stored, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::clean,
    view::{Token, TokenBearer, Way, WayKind},
};

/// How somebody proves who they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    Totp,
    /// Id and name.
    Passkey(&'a str, &'a str),
    /// Issuer and subject.
    Identity(&'a str, &'a str),
}

impl Proof<'_> {
    fn row(self) -> (WayKind, String, Option<String>) {
        match self {
            Self::Totp => (WayKind::Totp, String::new(), None),
            Self::Passkey(id, name) => (
                WayKind::Passkey,
                id.to_owned(),
                Some(clean(name, NAME).into_owned()),
            ),
            Self::Identity(issuer, subject) => (
                WayKind::Identity,
                identity(issuer, subject),
                Some(clean(issuer, 512).into_owned()),
            ),
        }
    }
}

/// An issuer is a URL and holds no space: two different pairs never make the same text.
fn identity(issuer: &str, subject: &str) -> String {
    format!("{} {}", clean(issuer, 512), clean(subject, 255))
}

/// The newest event of an account: what the next decision about it must expect.
pub(crate) async fn touched(
    tx: &mut PgConnection,
    stored: Stored,
    user: UserId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE users SET ctl_seq = $2 WHERE user_id = $1",
        user.0,
        to_i64(stored.seq)
    )
    .execute(tx)
    .await
    .doing("write an account's newest event")?;
    Ok(())
}

pub(crate) async fn added(
    tx: &mut PgConnection,
    stored: Stored,
    user: UserId,
    proof: Proof<'_>,
) -> Result<(), StoreError> {
    let (way, id, name) = proof.row();
    sqlx::query!(
        "
        INSERT INTO sign_in_ways (user_id, way, way_id, name, added_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, way, way_id) DO NOTHING
        ",
        user.0,
        way.as_str(),
        id,
        name,
        datetime(stored.at),
    )
    .execute(&mut *tx)
    .await
    .doing("write a way to sign in")?;
    touched(tx, stored, user).await
}

pub(crate) async fn removed(
    tx: &mut PgConnection,
    stored: Stored,
    user: UserId,
    proof: Proof<'_>,
) -> Result<(), StoreError> {
    let (way, id, _) = proof.row();
    sqlx::query!(
        "DELETE FROM sign_in_ways WHERE user_id = $1 AND way = $2 AND way_id = $3",
        user.0,
        way.as_str(),
        id
    )
    .execute(&mut *tx)
    .await
    .doing("remove a way to sign in")?;
    touched(tx, stored, user).await
}

pub(crate) async fn token_issued(
    tx: &mut PgConnection,
    stored: Stored,
    event: &TokenIssued,
) -> Result<(), StoreError> {
    let scopes: Vec<String> = event
        .scopes
        .iter()
        .map(|scope| scope.as_str().to_owned())
        .collect();
    sqlx::query!(
        "
        INSERT INTO api_tokens (token_id, user_id, name, scopes, created_at, expires_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (token_id) DO NOTHING
        ",
        event.token.as_str(),
        event.user.0,
        &*clean(&event.name, NAME),
        &scopes,
        datetime(stored.at),
        datetime(event.expires_at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write an API token")?;
    Ok(())
}

pub(crate) async fn token_revoked(
    tx: &mut PgConnection,
    stored: Stored,
    event: &TokenRevoked,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE api_tokens SET revoked_at = $3, ctl_seq = $4
        WHERE token_id = $1 AND user_id = $2 AND revoked_at IS NULL
        ",
        event.token.as_str(),
        event.user.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a revoked API token")?;
    Ok(())
}

fn scopes(names: &[String]) -> chatops_schemas::scope::ScopeSet {
    names.iter().filter_map(|name| Scope::parse(name)).collect()
}

impl Store {
    /// What a person can sign in with besides a password, oldest first.
    pub async fn sign_in_ways(&self, user: UserId) -> Result<Vec<Way>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT w.way, w.way_id, w.name, w.added_at, p.last_used_at AS "last_used_at?"
            FROM sign_in_ways w
            LEFT JOIN vault_passkey p ON w.way = 'passkey' AND p.user_id = w.user_id AND p.credential_id = w.way_id
            WHERE w.user_id = $1 ORDER BY w.added_at, w.way_id
            "#,
            user.0
        )
        .fetch_all(&self.pool)
        .await
        .doing("list ways to sign in")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(Way {
                    kind: WayKind::parse(&row.way)?,
                    id: row.way_id,
                    name: row.name,
                    added_at: timestamp(row.added_at),
                    last_used_at: row.last_used_at.map(timestamp),
                })
            })
            .collect())
    }

    /// Whose account at an identity provider this is.
    pub async fn user_by_identity(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<UserId>, StoreError> {
        let user = sqlx::query_scalar!(
            "SELECT user_id FROM sign_in_ways WHERE way = 'identity' AND way_id = $1 ORDER BY added_at LIMIT 1",
            identity(issuer, subject)
        )
        .fetch_optional(&self.pool)
        .await
        .doing("find a user by identity")?;
        Ok(user.map(UserId))
    }

    /// API tokens of a person that were not revoked, newest first.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<Token>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT t.token_id, t.user_id, t.name, t.scopes, t.created_at, t.expires_at, t.ctl_seq,
                   v.last_used_at AS "last_used_at?", v.last_used_from AS "last_used_from?"
            FROM api_tokens t LEFT JOIN vault_token v USING (token_id)
            WHERE t.user_id = $1 AND t.revoked_at IS NULL ORDER BY t.created_at DESC, t.token_id
            "#,
            user.0
        )
        .fetch_all(&self.pool)
        .await
        .doing("list API tokens")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(Token {
                    id: TokenId::parse(row.token_id).ok()?,
                    user: UserId(row.user_id),
                    name: row.name,
                    scopes: scopes(&row.scopes),
                    created_at: timestamp(row.created_at),
                    expires_at: timestamp(row.expires_at),
                    last_used_at: row.last_used_at.map(timestamp),
                    last_used_from: row.last_used_from,
                    ctl_seq: to_u64(row.ctl_seq),
                })
            })
            .collect())
    }

    /// Whom an API token speaks for, with its digest; `None` when there is none, or it was revoked or has ended.
    pub async fn token_bearer(
        &self,
        token: &TokenId,
        now: Timestamp,
    ) -> Result<Option<TokenBearer>, StoreError> {
        let row = sqlx::query!(
            "
            SELECT t.user_id, t.scopes, t.expires_at, v.secret_sha256, v.last_used_at
            FROM api_tokens t JOIN vault_token v USING (token_id)
            WHERE t.token_id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2
            ",
            token.as_str(),
            datetime(now),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("look an API token up")?;
        Ok(row.map(|row| TokenBearer {
            user: UserId(row.user_id),
            scopes: scopes(&row.scopes),
            expires_at: timestamp(row.expires_at),
            secret_sha256: row.secret_sha256.try_into().unwrap_or([0; 32]),
            last_used_at: row.last_used_at.map(timestamp),
        }))
    }
}
