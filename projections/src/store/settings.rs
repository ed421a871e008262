//! `settings`.

use super::Store;
use crate::{
    error::{Doing, StoreError},
    retention::{Retention, RetentionError},
};

pub(super) const RETENTION: &str = "retention";

/// Why a setting was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// It makes no sense.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// For how long things are kept.
    pub async fn retention(&self) -> Result<Retention, StoreError> {
        let value = sqlx::query_scalar!("SELECT value FROM settings WHERE name = $1", RETENTION)
            .fetch_optional(&self.pool)
            .await
            .doing("read the retention")?;
        Ok(retention_of(value))
    }

    /// Changes it; the next round obeys.
    pub async fn set_retention(&self, retention: &Retention) -> Result<(), SettingError> {
        retention.check()?;
        let value = serde_json::json!(retention);
        sqlx::query!(
            "
            INSERT INTO settings (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = now()
            ",
            RETENTION,
            value,
        )
        .execute(&self.pool)
        .await
        .doing("store the retention")?;
        Ok(())
    }
}

/// A stored setting that makes no sense counts as absent.
pub(super) fn retention_of(value: Option<serde_json::Value>) -> Retention {
    value
        .and_then(|value| serde_json::from_value::<Retention>(value).ok())
        .filter(|retention| retention.check().is_ok())
        .unwrap_or_default()
}
