//! Secrets by which people prove who they are: digests of API tokens, seeds of authenticator apps, recovery codes, public
//! keys of passkeys, and what is remembered between the requests of one sign-in. Part of the vault: written directly.

use chatops_schemas::{
    clock::Timestamp,
    ids::{TokenId, UserId},
};

use super::{Store, datetime, timestamp, to_i64};
use crate::{
    error::{Doing, StoreError},
    text::optional,
    view::{Ceremony, Passkey, Totp},
};

const ADDRESS: usize = 64;

impl Store {
    /// Stores the SHA-256 of a token's secret, before the event that issues it.
    pub async fn put_token_digest(
        &self,
        token: &TokenId,
        secret_sha256: [u8; 32],
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO vault_token (token_id, secret_sha256) VALUES ($1, $2)",
            token.as_str(),
            &secret_sha256[..]
        )
        .execute(&self.pool)
        .await
        .doing("store an API token's digest")?;
        Ok(())
    }

    /// Erases the digest of a token: it cannot work any more, whatever the read model says.
    pub async fn forget_token_digest(&self, token: &TokenId) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM vault_token WHERE token_id = $1",
            token.as_str()
        )
        .execute(&self.pool)
        .await
        .doing("erase an API token's digest")?;
        Ok(())
    }

    /// Remembers that a token was used.
    pub async fn token_used(
        &self,
        token: &TokenId,
        address: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE vault_token SET last_used_at = $2, last_used_from = $3 WHERE token_id = $1",
            token.as_str(),
            datetime(now),
            optional(Some(address), ADDRESS),
        )
        .execute(&self.pool)
        .await
        .doing("remember the use of an API token")?;
        Ok(())
    }

    /// The seed of a person's authenticator app.
    pub async fn totp(&self, user: UserId) -> Result<Option<Totp>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT sealed_seed, confirmed_at IS NOT NULL AS "confirmed!" FROM vault_totp WHERE user_id = $1"#,
            user.0
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read an authenticator's seed")?;
        Ok(row.map(|row| Totp {
            sealed_seed: row.sealed_seed,
            confirmed: row.confirmed,
        }))
    }

    /// Stores a fresh seed, unless a confirmed one is there. Whether it was stored.
    pub async fn put_totp(
        &self,
        user: UserId,
        sealed_seed: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let stored = sqlx::query!(
            "
            INSERT INTO vault_totp AS t (user_id, sealed_seed, made_at) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE SET sealed_seed = excluded.sealed_seed, made_at = excluded.made_at, last_step = 0
            WHERE t.confirmed_at IS NULL
            ",
            user.0,
            sealed_seed,
            datetime(now),
        )
        .execute(&self.pool)
        .await
        .doing("store an authenticator's seed")?;
        Ok(stored.rows_affected() == 1)
    }

    /// Uses a code up. False: this one or a later one was used before.
    pub async fn use_totp_step(&self, user: UserId, step: u64) -> Result<bool, StoreError> {
        let used = sqlx::query!(
            "UPDATE vault_totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
            user.0,
            to_i64(step)
        )
        .execute(&self.pool)
        .await
        .doing("use a code up")?;
        Ok(used.rows_affected() == 1)
    }

    /// The person has shown a first code: from now on it is asked for. With the codes that replace it, if they are fresh.
    pub async fn confirm_totp(
        &self,
        user: UserId,
        recovery_sha256: &[[u8; 32]],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await.doing("begin a second factor")?;
        sqlx::query!(
            "UPDATE vault_totp SET confirmed_at = coalesce(confirmed_at, $2) WHERE user_id = $1",
            user.0,
            datetime(now)
        )
        .execute(&mut *tx)
        .await
        .doing("confirm an authenticator")?;
        let codes: Vec<Vec<u8>> = recovery_sha256.iter().map(|code| code.to_vec()).collect();
        sqlx::query!("DELETE FROM vault_recovery WHERE user_id = $1", user.0)
            .execute(&mut *tx)
            .await
            .doing("erase former recovery codes")?;
        sqlx::query!(
            "INSERT INTO vault_recovery (user_id, code_sha256) SELECT $1, unnest($2::bytea[]) ON CONFLICT DO NOTHING",
            user.0,
            &codes
        )
        .execute(&mut *tx)
        .await
        .doing("store recovery codes")?;
        tx.commit().await.doing("commit a second factor")
    }

    /// Erases a person's seed and recovery codes; whether a confirmed seed was there.
    pub async fn forget_totp(&self, user: UserId) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin().await.doing("begin to erase a factor")?;
        sqlx::query!("DELETE FROM vault_recovery WHERE user_id = $1", user.0)
            .execute(&mut *tx)
            .await
            .doing("erase recovery codes")?;
        let confirmed = sqlx::query_scalar!(
            r#"DELETE FROM vault_totp WHERE user_id = $1 RETURNING confirmed_at IS NOT NULL AS "confirmed!""#,
            user.0
        )
        .fetch_optional(&mut *tx)
        .await
        .doing("erase an authenticator's seed")?;
        tx.commit().await.doing("commit an erased factor")?;
        Ok(confirmed.unwrap_or(false))
    }

    /// Uses a recovery code up. False: there is no such code.
    pub async fn use_recovery(
        &self,
        user: UserId,
        code_sha256: [u8; 32],
    ) -> Result<bool, StoreError> {
        let used = sqlx::query!(
            "DELETE FROM vault_recovery WHERE user_id = $1 AND code_sha256 = $2",
            user.0,
            &code_sha256[..]
        )
        .execute(&self.pool)
        .await
        .doing("use a recovery code up")?;
        Ok(used.rows_affected() == 1)
    }

    /// Recovery codes that are left.
    pub async fn recovery_left(&self, user: UserId) -> Result<u64, StoreError> {
        let left = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM vault_recovery WHERE user_id = $1"#,
            user.0
        )
        .fetch_one(&self.pool)
        .await
        .doing("count recovery codes")?;
        Ok(super::to_u64(left))
    }

    /// Stores the public key of a passkey. False: this credential is known already.
    pub async fn put_passkey(&self, passkey: &Passkey) -> Result<bool, StoreError> {
        let stored = sqlx::query!(
            "
            INSERT INTO vault_passkey (credential_id, user_id, fixed, moving) VALUES ($1, $2, $3, $4)
            ON CONFLICT (credential_id) DO NOTHING
            ",
            passkey.credential_id,
            passkey.user.0,
            passkey.fixed,
            passkey.moving,
        )
        .execute(&self.pool)
        .await
        .doing("store a passkey")?;
        Ok(stored.rows_affected() == 1)
    }

    /// The public key of a passkey.
    pub async fn passkey(&self, credential_id: &str) -> Result<Option<Passkey>, StoreError> {
        let row = sqlx::query!(
            "SELECT user_id, fixed, moving FROM vault_passkey WHERE credential_id = $1",
            credential_id
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a passkey")?;
        Ok(row.map(|row| Passkey {
            credential_id: credential_id.to_owned(),
            user: UserId(row.user_id),
            fixed: row.fixed,
            moving: row.moving,
        }))
    }

    /// Ids of a person's passkeys.
    pub async fn passkey_ids(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar!(
            "SELECT credential_id FROM vault_passkey WHERE user_id = $1",
            user.0
        )
        .fetch_all(&self.pool)
        .await
        .doing("list passkeys")
    }

    /// Remembers what a use changed.
    pub async fn passkey_used(
        &self,
        credential_id: &str,
        moving: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE vault_passkey SET moving = $2, last_used_at = $3 WHERE credential_id = $1",
            credential_id,
            moving,
            datetime(now)
        )
        .execute(&self.pool)
        .await
        .doing("remember the use of a passkey")?;
        Ok(())
    }

    /// Erases a passkey of a person; whether it was there.
    pub async fn forget_passkey(
        &self,
        user: UserId,
        credential_id: &str,
    ) -> Result<bool, StoreError> {
        let erased = sqlx::query!(
            "DELETE FROM vault_passkey WHERE credential_id = $1 AND user_id = $2",
            credential_id,
            user.0
        )
        .execute(&self.pool)
        .await
        .doing("erase a passkey")?;
        Ok(erased.rows_affected() == 1)
    }

    /// Remembers a sign-in that goes on with another request.
    pub async fn put_ceremony(
        &self,
        ticket_sha256: [u8; 32],
        ceremony: &Ceremony,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO vault_ceremony (ticket_sha256, kind, user_id, state, expires_at) VALUES ($1, $2, $3, $4, $5)",
            &ticket_sha256[..],
            ceremony.kind,
            ceremony.user.map(|user| user.0),
            ceremony.state,
            datetime(ceremony.expires_at),
        )
        .execute(&self.pool)
        .await
        .doing("remember a sign-in")?;
        Ok(())
    }

    /// Remembers until then that something happened. False: it had happened before.
    pub async fn once(
        &self,
        ticket_sha256: [u8; 32],
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let new = sqlx::query!(
            "
            INSERT INTO vault_ceremony (ticket_sha256, kind, state, expires_at) VALUES ($1, 'once', '', $2)
            ON CONFLICT (ticket_sha256) DO NOTHING
            ",
            &ticket_sha256[..],
            datetime(until),
        )
        .execute(&self.pool)
        .await
        .doing("remember what happened once")?;
        Ok(new.rows_affected() == 1)
    }

    /// What was remembered under a ticket, charging one attempt; `None` when it is unknown, of another kind, too late, or
    /// was tried `most` times.
    pub async fn try_ceremony(
        &self,
        ticket_sha256: [u8; 32],
        kind: &'static str,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        let row = sqlx::query!(
            "
            UPDATE vault_ceremony SET attempts = attempts + 1
            WHERE ticket_sha256 = $1 AND kind = $2 AND attempts < $3 AND expires_at > $4
            RETURNING user_id, state, expires_at
            ",
            &ticket_sha256[..],
            kind,
            i32::try_from(most).unwrap_or(i32::MAX),
            datetime(now),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("look a sign-in up")?;
        Ok(row.map(|row| Ceremony {
            kind,
            user: row.user_id.map(UserId),
            state: row.state,
            expires_at: timestamp(row.expires_at),
        }))
    }

    /// Forgets a sign-in. Of several callers one gets `true`.
    pub async fn end_ceremony(&self, ticket_sha256: [u8; 32]) -> Result<bool, StoreError> {
        let ended = sqlx::query!(
            "DELETE FROM vault_ceremony WHERE ticket_sha256 = $1",
            &ticket_sha256[..]
        )
        .execute(&self.pool)
        .await
        .doing("end a sign-in that was going on")?;
        Ok(ended.rows_affected() == 1)
    }
}
