//! Tells an agent which server it is: request on `ops.v1.whoami.<key>`, which only the holder of that key may publish.

use std::sync::Arc;

use chatops_bus::{Bus, Message, RequestError, Subscription};
use chatops_schemas::{clock::Clock, ids::KeyId, subject, wire::WhoAmI};
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{keyring::KeyRing, metrics};

const GROUP: &str = "gate";
const MOST_WAITING: usize = 1024;

pub(super) async fn listen(ops: &Bus) -> Result<Subscription, RequestError> {
    ops.queue_subscribe(subject::WHOAMI, GROUP).await
}

pub(super) async fn answer_all(
    mut requests: Subscription,
    ops: Bus,
    ring: KeyRing,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut answers = JoinSet::new();
    loop {
        let request = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = answers.join_next(), if !answers.is_empty() => continue,
            request = requests.next() => request,
        };
        let Some(request) = request else { break };
        // An agent that is not answered asks again.
        if answers.len() < MOST_WAITING {
            answers.spawn(answer(request, ops.clone(), ring.clone(), clock.clone()));
        }
    }
    while answers.join_next().await.is_some() {}
}

async fn answer(request: Message, ops: Bus, ring: KeyRing, clock: Arc<dyn Clock>) {
    let Some((key, reply)) = asker(&request) else {
        return metrics::unreadable("whoami");
    };
    let record = match ring.find(&key).await {
        Ok(Some(record)) if record.works(clock.now()) => record,
        // It asks again; by then the directory may be back, or the connection gone: that of a key that does not count any
        // more is about to be ended.
        Ok(_) | Err(_) => return,
    };
    let identity = WhoAmI {
        server_id: record.server,
        name: record.server_name,
        interval_ms: record.interval_ms,
        server_time: clock.now(),
    };
    let Ok(payload) = serde_json::to_vec(&identity) else {
        return;
    };
    if let Err(error) = ops.publish_core(reply, None, &[], payload.into()).await {
        tracing::warn!(key = %key, error = %error, "could not tell an agent which server it is");
    }
}

/// Who asks, and where the answer goes. NATS does not check a reply subject against the sender's permissions: an agent
/// could have us publish on another server's subject. Only the asker's own inbox is answered.
fn asker(request: &Message) -> Option<(KeyId, &str)> {
    let key = subject::key_of_whoami(&request.subject)?;
    let reply = request.reply.as_deref()?;
    let inbox = subject::agent_inbox(&key);
    let rest = reply.strip_prefix(inbox.as_str())?;
    rest.starts_with('.').then_some((key, reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(subject: &str, reply: Option<&str>) -> Message {
        Message {
            subject: subject.into(),
            reply: reply.map(Into::into),
            headers: Vec::new(),
            payload: bytes::Bytes::new(),
        }
    }

    #[test]
    fn only_the_askers_inbox_is_answered() {
        let good = request("ops.v1.whoami.k1", Some("_INBOX_k1.abc"));
        assert_eq!(
            asker(&good).map(|(key, reply)| (key.to_string(), reply)),
            Some(("k1".into(), "_INBOX_k1.abc"))
        );
        for (subject, reply) in [
            ("ops.v1.whoami.k1", None),
            ("ops.v1.whoami.k1", Some("ops.v1.metrics.h2")),
            ("ops.v1.whoami.k1", Some("_INBOX_k2.abc")),
            ("ops.v1.whoami.k1", Some("_INBOX_k12.abc")),
            ("ops.v1.whoami.k1", Some("_INBOX_k1")),
            ("ops.v1.whoami.a.b", Some("_INBOX_a.b.c")),
            ("ops.v1.metrics.k1", Some("_INBOX_k1.abc")),
        ] {
            assert!(
                asker(&request(subject, reply)).is_none(),
                "{subject} {reply:?}"
            );
        }
    }
}
