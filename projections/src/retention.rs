//! Old rows go. Once an hour, by whichever process gets the lock; whole chunks at a time where there are chunks.
//!
//! Defaults: samples 14 days, minutes 90 days, hours 2 years. People change them in the table `settings`; the next round
//! obeys. Samples must outlive what the stream can still deliver late, or a roll-up would be recomputed from a part.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{error::StoreError, store::Store};

const EVERY: Duration = Duration::from_secs(3600);
const AFTER_ERROR: Duration = Duration::from_secs(60);

/// For how many days things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Samples and lists of processes. At least 3.
    pub raw_days: u32,
    /// Minutes. At least as long as samples.
    pub minute_days: u32,
    /// Hours. At least as long as minutes.
    pub hour_days: u32,
    /// Connection events, and what happened to containers.
    pub connection_days: u32,
    /// Parked events.
    pub parked_days: u32,
    /// Lines of logs.
    pub log_days: u32,
    /// Commands.
    pub command_days: u32,
    /// What commands wrote.
    pub output_days: u32,
    /// Recordings of terminals, after they began.
    pub recording_days: u32,
    /// Alerts and who was told of them, after they were over. An open one is kept however old it is.
    pub alert_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw_days: 14,
            minute_days: 90,
            hour_days: 730,
            connection_days: 90,
            parked_days: 30,
            log_days: 14,
            command_days: 400,
            output_days: 90,
            recording_days: 90,
            alert_days: 400,
        }
    }
}

/// Why a retention is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// Late samples (up to a day) would be added up without the others of their minute.
    #[error("samples must be kept for at least 3 days")]
    RawTooShort,
    /// A coarser level that ends before a finer one is never read.
    #[error(
        "hours must be kept at least as long as minutes, and minutes at least as long as samples"
    )]
    Order,
    /// More than a century.
    #[error("nothing can be kept for more than 36500 days")]
    TooLong,
    /// Nothing would ever be seen.
    #[error(
        "connection events, parked events, logs, commands, their output, recordings and alerts must be kept for at least a day"
    )]
    TooShort,
}

impl Retention {
    /// Checks that the levels fit together.
    pub fn check(&self) -> Result<(), RetentionError> {
        if self.raw_days < 3 {
            return Err(RetentionError::RawTooShort);
        }
        if self.hour_days < self.minute_days || self.minute_days < self.raw_days {
            return Err(RetentionError::Order);
        }
        let rows = [
            self.connection_days,
            self.parked_days,
            self.log_days,
            self.command_days,
            self.output_days,
            self.recording_days,
            self.alert_days,
        ];
        if rows.contains(&0) {
            return Err(RetentionError::TooShort);
        }
        if self.hour_days > 36_500 || rows.into_iter().any(|days| days > 36_500) {
            return Err(RetentionError::TooLong);
        }
        Ok(())
    }
}

/// Runs until `stop`.
pub async fn run(store: Store, stop: CancellationToken) {
    loop {
        let round = tokio::select! {
            () = stop.cancelled() => return,
            round = store.remove_old() => round,
        };
        let pause = match round {
            Ok(Some(removed)) => {
                tracing::debug!(?removed, "removed what is older than its retention");
                EVERY
            }
            // Somebody else is at it.
            Ok(None) => EVERY,
            Err(error) => {
                log_failure(&error);
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn log_failure(error: &StoreError) {
    metrics::counter!("chatops_projections_retention_failed_total").increment(1);
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "old rows could not be removed"
    );
}

/// What one round removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Chunks of samples, minutes, hours, lists of processes and log lines.
    pub chunks: u64,
    /// Connection events, parked events, ended sign-ins, layouts nobody uses, published outbox rows.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_must_fit_together() {
        let default = Retention::default();
        assert_eq!(default.check(), Ok(()));
        assert_eq!(
            Retention {
                raw_days: 2,
                ..default
            }
            .check(),
            Err(RetentionError::RawTooShort)
        );
        assert_eq!(
            Retention {
                minute_days: 7,
                ..default
            }
            .check(),
            Err(RetentionError::Order)
        );
        assert_eq!(
            Retention {
                hour_days: 30,
                ..default
            }
            .check(),
            Err(RetentionError::Order)
        );
        assert_eq!(
            Retention {
                parked_days: 0,
                ..default
            }
            .check(),
            Err(RetentionError::TooShort)
        );
        assert_eq!(
            Retention {
                hour_days: 40_000,
                ..default
            }
            .check(),
            Err(RetentionError::TooLong)
        );
    }

    #[test]
    fn a_setting_from_before_a_field_existed_still_reads() {
        assert_eq!(
            serde_json::from_str::<Retention>(r#"{"raw_days": 7}"#).unwrap(),
            Retention {
                raw_days: 7,
                ..Retention::default()
            }
        );
    }
}
