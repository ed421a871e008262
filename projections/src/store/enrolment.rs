//! One-time codes with which a host becomes a server: digests in the vault, each taken once.

use chatops_schemas::{
    clock::Timestamp,
    ids::{KeyId, ServerId},
};

use super::{Store, datetime};
use crate::error::{Doing, StoreError};

impl Store {
    /// Remembers a code; forgets those that are over.
    pub async fn put_enrolment(
        &self,
        code_sha256: [u8; 32],
        enrolment: &KeyId,
        server: &ServerId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            WITH over AS (DELETE FROM vault_enrolment WHERE expires_at < $5)
            INSERT INTO vault_enrolment (code_sha256, enrolment, server_id, expires_at) VALUES ($1, $2, $3, $4)
            ",
            &code_sha256[..],
            enrolment.as_str(),
            server.as_str(),
            datetime(expires_at),
            datetime(now),
        )
        .execute(&self.pool)
        .await
        .doing("store an enrolment code")?;
        Ok(())
    }

    /// Uses a code up. `None`: nobody made it, it is over, or somebody else was first.
    pub async fn take_enrolment(
        &self,
        code_sha256: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(KeyId, ServerId)>, StoreError> {
        let row = sqlx::query!(
            "
            UPDATE vault_enrolment SET used_at = $2 WHERE code_sha256 = $1 AND used_at IS NULL AND expires_at > $2
            RETURNING enrolment, server_id
            ",
            &code_sha256[..],
            datetime(now),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("use an enrolment code")?;
        Ok(row.and_then(|row| {
            Some((
                KeyId::parse(row.enrolment).ok()?,
                ServerId::parse(row.server_id).ok()?,
            ))
        }))
    }

    /// Gives a code back whose use came to nothing through our own fault.
    pub async fn return_enrolment(&self, code_sha256: [u8; 32]) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE vault_enrolment SET used_at = NULL WHERE code_sha256 = $1",
            &code_sha256[..]
        )
        .execute(&self.pool)
        .await
        .doing("give an enrolment code back")?;
        Ok(())
    }
}
