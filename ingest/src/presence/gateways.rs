//! Asks the WebSocket gateways which sessions they hold. The gateways' half is in
//! [`gateway`](crate::gateway); both agree on [`Holding`].

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{Bus, RequestError};
use chatops_schemas::subject;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

/// No gateway takes longer to answer.
const LONGEST: Duration = Duration::from_secs(1);
/// Silence after which no further gateway is expected.
const QUIET: Duration = Duration::from_millis(300);

/// A gateway's answer, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holding {
    /// Which gateway; a fresh name at each start.
    pub(crate) instance: String,
    /// Numbers of its open sessions.
    pub(crate) open: Vec<u64>,
}

pub(super) async fn ask(ops: &Bus) -> Result<Vec<Holding>, RequestError> {
    let inbox = ops.new_inbox();
    let mut answers = ops.subscribe(&inbox).await?;
    ops.publish_core(subject::GATEWAYS, Some(&inbox), &[], Bytes::new())
        .await?;
    let end = Instant::now() + LONGEST;
    let mut quiet = end;
    let mut holdings = Vec::new();
    while let Ok(Some(message)) = timeout_at(quiet.min(end), answers.next()).await {
        // An empty message is the server saying that no gateway listens.
        if message.payload.is_empty() {
            break;
        }
        if let Ok(holding) = serde_json::from_slice(&message.payload) {
            holdings.push(holding);
            quiet = Instant::now() + QUIET;
        }
    }
    Ok(holdings)
}
