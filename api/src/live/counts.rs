//! How many alerts are open on the servers that a person sees, told to a socket that subscribed to `alerts`. Called by
//! [`super::socket`].
//!
//! Told when the topic begins and whenever the number may have changed, at most once in [`EVERY`]: a storm costs each socket
//! one question to the database in that time. What happened to each alert is told apart, by items.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{
    frame::ServerFrame,
    viewer::TOPICS,
    wire::{End, Wire},
};
use crate::{
    access::{self, Level, Subject},
    body::alert::AlertCounts,
    problem::Chain,
    state::Api,
};

/// Least time between two answers.
const EVERY: Duration = Duration::from_millis(500);

/// What one socket knows.
#[derive(Debug, Default)]
pub struct Counts {
    told: Option<(AlertCounts, Instant)>,
    due: Option<Instant>,
}

impl Counts {
    /// Tells it, whatever was told before.
    pub fn begin(&mut self) {
        self.told = None;
        self.due = Some(Instant::now());
    }

    /// Not wanted any more.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// It may have changed.
    pub fn stale(&mut self) {
        let now = Instant::now();
        let next = self.told.map_or(now, |(_, at)| (at + EVERY).max(now));
        self.due.get_or_insert(next);
    }

    /// When something is to be told. Cancel-safe.
    pub async fn due(&self) {
        match self.due {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Asks, and tells it if it is news.
    pub async fn tell(&mut self, wire: &mut Wire, api: &Api, who: &Subject) -> Result<(), End> {
        self.due = None;
        let counts = match access::visible(who, Level::View) {
            None => AlertCounts::default(),
            Some(visible) => match api.store().alert_counts(visible).await {
                Ok(counts) => counts.into(),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "cannot count alerts for a live client, tries again");
                    self.due = Some(Instant::now() + EVERY);
                    return Ok(());
                }
            },
        };
        let before = self.told.replace((counts, Instant::now()));
        if before.is_some_and(|(before, _)| before == counts) {
            return Ok(());
        }
        let topic = TOPICS[2];
        wire.send(ServerFrame::Alerts { topic, counts }.text())
            .await
    }
}
