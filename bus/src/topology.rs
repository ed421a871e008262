//! `nats/topology.toml` becomes streams.
//!
//! Applying creates what is missing and updates what differs. There is no call to delete a stream in this program, and
//! an update that would make the server throw stored events away is refused with the reason: a shorter age, a smaller
//! size or another partition count are decisions for a person, not for a start-up.

mod diff;
mod file;

use async_nats::jetstream::{self, context::GetStreamErrorKind, stream};

pub use diff::{Change, Diff, StreamDiff};
pub use file::{ParseError, Topology};

use crate::connect::Bus;

/// What to do with the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make it so.
    Apply,
    /// Only tell.
    DryRun,
}

/// Why the streams are not as written.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The server has no JetStream, or not for this account.
    #[error(
        "JetStream is not available on this server for this account: enable it in the server's configuration"
    )]
    NoJetStream,
    /// Stored events would be lost.
    #[error(
        "stream {stream}: {reason}; this would throw stored events away and is not done automatically"
    )]
    Destructive {
        /// Which.
        stream: String,
        /// What and why.
        reason: String,
    },
    /// The server said no.
    #[error("stream {stream}: {reason}")]
    Server {
        /// Which.
        stream: String,
        /// Its words.
        reason: String,
    },
}

/// The topology this build was made with.
pub fn embedded() -> Result<Topology, ParseError> {
    Topology::parse(include_str!("../../nats/topology.toml"))
}

/// Compares the streams on the server with the topology and, in [`Mode::Apply`], makes them equal.
///
/// `replicas` is 1, or 3 in a cluster. Destructive differences are refused before anything is changed. Idempotent; safe
/// to run from several processes at once.
pub async fn apply(
    bus: &Bus,
    topology: &Topology,
    replicas: usize,
    mode: Mode,
) -> Result<Diff, TopologyError> {
    let mut plan = Vec::new();
    for wanted in topology.configs(replicas, bus.server_at_least(2, 12)) {
        let current = current(bus, &wanted.name).await?;
        let changes = current
            .as_ref()
            .map(|current| diff::changes(current, &wanted));
        if let Some(destructive) = changes
            .iter()
            .flatten()
            .find_map(|change| change.destructive.clone())
        {
            return Err(TopologyError::Destructive {
                stream: wanted.name,
                reason: destructive,
            });
        }
        plan.push((wanted, changes));
    }
    let mut streams = Vec::new();
    for (wanted, changes) in plan {
        let name = wanted.name.clone();
        let server = |reason: String| TopologyError::Server {
            stream: name.clone(),
            reason,
        };
        if mode == Mode::Apply {
            match &changes {
                None => drop(
                    bus.js
                        .create_stream(wanted)
                        .await
                        .map_err(|error| server(error.to_string()))?,
                ),
                Some(changes) if !changes.is_empty() => {
                    bus.js
                        .update_stream(wanted)
                        .await
                        .map_err(|error| server(error.to_string()))?;
                }
                Some(_) => {}
            }
        }
        streams.push(StreamDiff { name, changes });
    }
    Ok(Diff { streams })
}

async fn current(bus: &Bus, name: &str) -> Result<Option<stream::Config>, TopologyError> {
    match bus.js.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == jetstream::ErrorCode::JETSTREAM_NOT_ENABLED
                    || error.error_code()
                        == jetstream::ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT =>
            {
                Err(TopologyError::NoJetStream)
            }
            _ => Err(TopologyError::Server {
                stream: name.to_owned(),
                reason: error.to_string(),
            }),
        },
    }
}
