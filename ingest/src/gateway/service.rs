//! What runs beside the routes: writing presence facts, and answering presence's question about the open sockets.

use std::{fmt, time::Duration};

use chatops_bus::RequestError;
use chatops_schemas::subject;
use futures::StreamExt;
use tokio::{task::JoinSet, time::timeout};

use super::{Gateway, GatewayParts};
use crate::announce::{Announcer, Announcing};

/// How long sockets may take to end when the process does.
const FAREWELL: Duration = Duration::from_secs(5);

/// The gateway's own loop.
pub struct GatewayService {
    gateway: Gateway,
    announcing: Announcing,
}

/// Why a gateway ended without being told to.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The connection cannot subscribe.
    #[error("listen for questions about open sockets")]
    Listen(#[source] RequestError),
    /// The connection was closed under it.
    #[error("the gateway's bus connection was closed")]
    Closed,
}

impl GatewayService {
    /// Ready to run; [`Self::gateway`] is the state for [`router`](super::router).
    pub fn new(parts: GatewayParts) -> Self {
        let (announcer, announcing) = Announcer::new();
        Self {
            gateway: Gateway::new(parts, announcer),
            announcing,
        }
    }

    /// State of the routes.
    pub fn gateway(&self) -> Gateway {
        self.gateway.clone()
    }

    /// Runs until the `stop` of its [`GatewayParts`]; then waits for the sockets to end and writes their facts.
    pub async fn run(self) -> Result<(), GatewayError> {
        let inner = self.gateway.inner.clone();
        let (ops, stop) = (&inner.parts.ops, &inner.parts.stop);
        let mut questions = ops
            .subscribe(subject::GATEWAYS)
            .await
            .map_err(GatewayError::Listen)?;
        // The facts of the last sockets come after `stop`.
        let written = tokio_util::sync::CancellationToken::new();
        let mut writing = JoinSet::new();
        writing.spawn(self.announcing.run(ops.clone(), written.clone()));
        let ended = loop {
            let question = tokio::select! {
                () = stop.cancelled() => break Ok(()),
                question = questions.next() => question,
            };
            let Some(question) = question else {
                break Err(GatewayError::Closed);
            };
            // Only services of this account can publish here; agents have no permission.
            let (Some(reply), Ok(answer)) =
                (question.reply, serde_json::to_vec(&inner.open.holding()))
            else {
                continue;
            };
            if let Err(error) = ops.publish_core(&reply, None, &[], answer.into()).await {
                tracing::warn!(error = %error, "could not say which sockets are open");
            }
        };
        stop.cancel();
        if timeout(FAREWELL, inner.open.empty()).await.is_err() {
            tracing::warn!("agents' sockets were still open at the end");
        }
        written.cancel();
        while writing.join_next().await.is_some() {}
        ended
    }
}

impl fmt::Debug for GatewayService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayService")
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}
