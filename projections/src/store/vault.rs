//! Secrets: passwords, digests of API keys, refresh tokens, keys of the system itself. Written directly, not by events.

use std::time::Duration;

use chatops_schemas::{
    clock::Timestamp,
    ids::{KeyId, UserId},
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use uuid::Uuid;

use super::{Store, datetime, timestamp};
use crate::{
    error::{Doing, StoreError},
    text::{clean, optional},
    view::{Refresh, Rotation, Session},
};

const CLIENT: usize = 300;

impl Store {
    /// A password's digest in PHC form.
    pub async fn password(&self, user: UserId) -> Result<Option<SecretString>, StoreError> {
        let phc = sqlx::query_scalar!("SELECT phc FROM vault_password WHERE user_id = $1", user.0)
            .fetch_optional(&self.pool)
            .await
            .doing("read a password's digest")?;
        Ok(phc.map(SecretString::from))
    }

    /// Stores a password's digest in PHC form, over a former one.
    pub async fn set_password(
        &self,
        user: UserId,
        phc: &SecretString,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            INSERT INTO vault_password (user_id, phc, changed_at) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at
            ",
            user.0,
            phc.expose_secret(),
            datetime(now),
        )
        .execute(&self.pool)
        .await
        .doing("store a password's digest")?;
        Ok(())
    }

    /// Replaces a password's digest by another one of the same password, unless the password was changed meanwhile.
    pub async fn refresh_password(
        &self,
        user: UserId,
        old_phc: &SecretString,
        phc: &SecretString,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE vault_password SET phc = $3 WHERE user_id = $1 AND phc = $2",
            user.0,
            old_phc.expose_secret(),
            phc.expose_secret(),
        )
        .execute(&self.pool)
        .await
        .doing("renew a password's digest")?;
        Ok(())
    }

    /// Whether a person has been signed in from this address since a moment.
    pub async fn was_here(
        &self,
        user: UserId,
        address: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"
            SELECT EXISTS (SELECT 1 FROM vault_refresh WHERE user_id = $1 AND address = $2 AND issued_at > $3) AS "here!"
            "#,
            user.0,
            address,
            datetime(since),
        )
        .fetch_one(&self.pool)
        .await
        .doing("ask whether somebody was here before")
    }

    /// Forgets a password, for a registration that was not completed.
    pub async fn forget_password(&self, user: UserId) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM vault_password WHERE user_id = $1", user.0)
            .execute(&self.pool)
            .await
            .doing("forget a password's digest")?;
        Ok(())
    }

    /// Stores the SHA-256 of an API key's secret. Before the event that issues the key, so that no key is ever shown that
    /// cannot work.
    pub async fn put_key_digest(
        &self,
        key: &KeyId,
        secret_sha256: [u8; 32],
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO vault_api_key (key_id, secret_sha256) VALUES ($1, $2)",
            key.as_str(),
            &secret_sha256[..]
        )
        .execute(&self.pool)
        .await
        .doing("store an API key's digest")?;
        Ok(())
    }

    /// Erases the digest of a key, after it was revoked or when it was never issued.
    pub async fn forget_key_digest(&self, key: &KeyId) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM vault_api_key WHERE key_id = $1", key.as_str())
            .execute(&self.pool)
            .await
            .doing("erase an API key's digest")?;
        Ok(())
    }

    /// Remembers the first refresh token of a sign-in.
    pub async fn put_refresh(&self, token: &Refresh) -> Result<(), StoreError> {
        sqlx::query!(
            "
            INSERT INTO vault_refresh (token_sha256, family, user_id, issued_at, expires_at, user_agent, address, method)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ",
            &token.token_sha256[..],
            token.family,
            token.user.0,
            datetime(token.issued_at),
            datetime(token.expires_at),
            optional(token.user_agent.as_deref(), CLIENT),
            optional(token.address.as_deref(), CLIENT),
            &*clean(&token.method, CLIENT),
        )
        .execute(&self.pool)
        .await
        .doing("store a refresh token's digest")?;
        Ok(())
    }

    /// Exchanges a refresh token for a new one of the same family; `new` gives the new digest, times and client, its
    /// family, user and method are taken from the old one.
    ///
    /// A token that was exchanged already ends its family, unless that was less than `grace` ago: two tabs of a browser may
    /// ask at the same time with the same cookie.
    pub async fn rotate_refresh(
        &self,
        old_sha256: [u8; 32],
        new: &Refresh,
        grace: Duration,
    ) -> Result<Rotation, StoreError> {
        let now = new.issued_at;
        let mut tx = self.pool.begin().await.doing("begin a rotation")?;
        let old = sqlx::query!(
            "
            SELECT family, user_id, expires_at, rotated_at, ended_at, method FROM vault_refresh WHERE token_sha256 = $1 FOR UPDATE
            ",
            &old_sha256[..],
        )
        .fetch_optional(&mut *tx)
        .await
        .doing("read a refresh token")?;
        let Some(old) = old.filter(|old| old.ended_at.is_none() && timestamp(old.expires_at) > now)
        else {
            return Ok(Rotation::Refused);
        };
        let (user, family) = (UserId(old.user_id), old.family);
        let grace_micros = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        // A request that waited for the row may carry a time before that of the exchange it waited for.
        if old
            .rotated_at
            .is_some_and(|at| now.micros_since(timestamp(at)).max(0) >= grace_micros)
        {
            sqlx::query!(
                "UPDATE vault_refresh SET ended_at = $2 WHERE family = $1 AND ended_at IS NULL",
                family,
                datetime(now)
            )
            .execute(&mut *tx)
            .await
            .doing("end a stolen sign-in")?;
            tx.commit()
                .await
                .doing("commit the end of a stolen sign-in")?;
            return Ok(Rotation::Reused { user, family });
        }
        sqlx::query!(
            "UPDATE vault_refresh SET rotated_at = coalesce(rotated_at, $2) WHERE token_sha256 = $1",
            &old_sha256[..],
            datetime(now),
        )
        .execute(&mut *tx)
        .await
        .doing("use a refresh token up")?;
        sqlx::query!(
            "
            INSERT INTO vault_refresh (token_sha256, family, user_id, issued_at, expires_at, user_agent, address, method)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ",
            &new.token_sha256[..],
            family,
            user.0,
            datetime(now),
            datetime(new.expires_at),
            optional(new.user_agent.as_deref(), CLIENT),
            optional(new.address.as_deref(), CLIENT),
            old.method,
        )
        .execute(&mut *tx)
        .await
        .doing("store the next refresh token's digest")?;
        tx.commit().await.doing("commit a rotation")?;
        Ok(Rotation::Rotated { user, family })
    }

    /// Ends the sign-in that a refresh token belongs to: logout. Whose and which, if it was going on.
    pub async fn end_session_of(
        &self,
        token_sha256: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(UserId, Uuid)>, StoreError> {
        let ended = sqlx::query!(
            "
            UPDATE vault_refresh SET ended_at = $2
            WHERE ended_at IS NULL AND expires_at > $2
            AND family = (SELECT family FROM vault_refresh WHERE token_sha256 = $1)
            RETURNING user_id, family
            ",
            &token_sha256[..],
            datetime(now),
        )
        .fetch_all(&self.pool)
        .await
        .doing("end a sign-in")?;
        Ok(ended
            .first()
            .map(|ended| (UserId(ended.user_id), ended.family)))
    }

    /// Ends one sign-in of a user, or all (`family` is `None`), but not `except`; which ones that were going on.
    pub async fn end_sessions(
        &self,
        user: UserId,
        family: Option<Uuid>,
        except: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError> {
        let mut ended = sqlx::query_scalar!(
            "
            UPDATE vault_refresh SET ended_at = $4 WHERE user_id = $1 AND ended_at IS NULL
            AND expires_at > $4 AND ($2::uuid IS NULL OR family = $2) AND ($3::uuid IS NULL OR family <> $3)
            RETURNING family
            ",
            user.0,
            family,
            except,
            datetime(now),
        )
        .fetch_all(&self.pool)
        .await
        .doing("end sign-ins")?;
        ended.sort_unstable();
        ended.dedup();
        Ok(ended)
    }

    /// Whether a sign-in is still good: access tokens carry its family, and may be refused before they expire.
    pub async fn session_alive(&self, family: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"
            SELECT EXISTS (SELECT 1 FROM vault_refresh WHERE family = $1 AND ended_at IS NULL AND expires_at > $2) AS "alive!"
            "#,
            family,
            datetime(now),
        )
        .fetch_one(&self.pool)
        .await
        .doing("look a sign-in up")
    }

    /// Sign-ins of a user that are still good, newest first.
    pub async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT DISTINCT ON (family) family, issued_at, expires_at, user_agent, address, method,
                   min(issued_at) OVER (PARTITION BY family) AS "since!"
            FROM vault_refresh WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
            ORDER BY family, issued_at DESC
            "#,
            user.0,
            datetime(now),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list sign-ins")?;
        let mut sessions: Vec<Session> = rows
            .into_iter()
            .map(|row| Session {
                family: row.family,
                since: timestamp(row.since),
                refreshed_at: timestamp(row.issued_at),
                expires_at: timestamp(row.expires_at),
                user_agent: row.user_agent,
                address: row.address,
                method: row.method,
            })
            .collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.refreshed_at));
        Ok(sessions)
    }

    /// A secret of the system.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretSlice<u8>>, StoreError> {
        let bytes = sqlx::query_scalar!("SELECT bytes FROM vault_secret WHERE name = $1", name)
            .fetch_optional(&self.pool)
            .await
            .doing("read a secret")?;
        Ok(bytes.map(SecretSlice::from))
    }

    /// Stores a secret unless there is one under this name; returns the one that holds. Processes that start together agree.
    pub async fn secret_or_put(
        &self,
        name: &str,
        bytes: &SecretSlice<u8>,
    ) -> Result<SecretSlice<u8>, StoreError> {
        let bytes = sqlx::query_scalar!(
            "
            INSERT INTO vault_secret AS s (name, bytes) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET bytes = s.bytes RETURNING bytes
            ",
            name,
            bytes.expose_secret(),
        )
        .fetch_one(&self.pool)
        .await
        .doing("make sure of a secret")?;
        Ok(SecretSlice::from(bytes))
    }

    /// Stores a secret over a former one.
    pub async fn put_secret(&self, name: &str, bytes: &SecretSlice<u8>) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO vault_secret (name, bytes) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
            name,
            bytes.expose_secret(),
        )
        .execute(&self.pool)
        .await
        .doing("store a secret")?;
        Ok(())
    }

    /// Erases a secret; whether there was one. Of several callers one gets `true`.
    pub async fn forget_secret(&self, name: &str) -> Result<bool, StoreError> {
        let erased = sqlx::query!("DELETE FROM vault_secret WHERE name = $1", name)
            .execute(&self.pool)
            .await
            .doing("erase a secret")?;
        Ok(erased.rows_affected() == 1)
    }
}
